"""What every command needs: the settings, the stores, words for a person, and the way out."""

from __future__ import annotations

import json
import logging
import os
import pwd
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from tradewind.records import Identity
    from tradewind.settings import Settings
    from tradewind.stores.stores import Stores

_WRONG_WORDS = 2

Models = Annotated[list[str] | None, typer.Argument(help="Models; all where none is named.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def settings() -> Settings:
    """Those of this process."""
    from tradewind.settings import load_settings

    return load_settings()


def open_stores() -> Stores:
    """Everything that this process's settings name."""
    from tradewind.stores.stores import Stores

    return Stores.open(settings())


def shell_name() -> str:
    """Who runs this process, as the operating system knows them: no variable of theirs is asked."""
    user = os.geteuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def shell_user() -> Identity:
    """The same, as permissions go by."""
    from tradewind.records import Identity

    return Identity(kind="shell", name=shell_name())


def wrong_words(sentence: str) -> typer.Exit:
    """Say what was wrong with the words of a command; raise what comes back, to end with code 2."""
    typer.echo(sentence, err=True)
    return typer.Exit(code=_WRONG_WORDS)


def folders(models: Iterable[str] | None, known: Settings) -> Mapping[str, Path]:
    """The folders of some models, or of all where none is named; code 2 where one is not there."""
    from tradewind.definition.loader import model_folders

    if not models:
        return model_folders(known.config_dir)
    return {name: require_model(name, known) for name in models}


def require_model(name: str, known: Settings) -> Path:
    """A model's folder; ends with exit code 2, and the nearest name, where there is none."""
    from tradewind.definition.loader import model_folder

    try:
        return model_folder(known.config_dir, name)
    except DefinitionError as error:
        raise wrong_words(str(error)) from error


def print_json(value: Any) -> None:
    """For machines."""
    typer.echo(json.dumps(value, indent=2, default=str))


def show_found(
    found: BaseModel,
    *,
    lines: Iterable[str],
    page: Callable[[], str],
    output: Path | None,
    as_json: bool,
) -> None:
    """Show what was found: as lines, or for machines; and as a page in a file, where one is named.

    Args:
        found: What machines are told.
        lines: What people are.
        page: Renders the page.
        output: Where to; it is named after the lines.
        as_json: Whether a machine asks.
    """
    if output is not None:
        output.write_text(page(), "utf-8")
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    typer.echo("\n".join([*lines, *([str(output)] if output else [])]))


def shown(moment: str | None) -> str:
    """A moment for a person, in UTC."""
    if not moment:
        return "not said"
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def tell_progress(*, without: Iterable[str]) -> None:
    """Write to stderr what the stages do, but for the results of those named."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    for noisy in ("great_expectations", "mlflow", "botocore", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    print_once(*without)


def print_once(*stages: str) -> None:
    """Keep out of the log what some stages came to: the command prints it."""
    for stage in stages:
        logging.getLogger(f"tradewind.pipeline.{stage}").setLevel(logging.CRITICAL)
