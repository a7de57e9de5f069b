"""Commands that trace: where a version came from, and what a part of the lake led to."""

from __future__ import annotations

from datetime import date
from pathlib import Path  # noqa: TC003 -- typer reads the annotations
from typing import Annotated

import typer

from tradewind.cli import plumbing

_ONE_OF = (
    "say which: a model and a version, or --part with a digest or an address, or --source and --day"
)

app = typer.Typer()


@app.command()
def lineage(
    model: Annotated[str | None, typer.Argument(help="Whose version.")] = None,
    version: Annotated[int | None, typer.Argument(help="MLflow's number of it.")] = None,
    *,
    part: Annotated[
        str | None, typer.Option(help="A part's digest or address: which versions saw it.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="With --day: a source, by its name or its id in the lake.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="With --source: a UTC day.")] = None,
    parts: Annotated[bool, typer.Option("--parts", help="List every part.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a version's path as a page.")
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Trace a version back to its parts, code, approval and nights; or a part to its versions."""
    asked = (model, version, part, source, day)
    given = tuple(one is not None for one in asked)
    if given == (True, True, False, False, False):
        assert model is not None  # noqa: S101 (as given)
        assert version is not None  # noqa: S101
        _version(model, version, parts=parts, output=output, as_json=as_json)
    elif given == (False, False, True, False, False):
        _parts(str(part), None, as_json=as_json)
    elif given == (False, False, False, True, True):
        _parts(str(source), _day(str(day)), as_json=as_json)
    else:
        raise plumbing.wrong_words(_ONE_OF)


def _version(model: str, version: int, *, parts: bool, output: Path | None, as_json: bool) -> None:
    from tradewind.errors import RequestError
    from tradewind.lineage import lineage_of
    from tradewind.reports.lineage import lineage_lines, lineage_page

    stores = plumbing.open_stores()
    try:
        found = lineage_of(model, version, stores)
    except RequestError as error:
        # The nearest name, where it is the model that is not there.
        plumbing.require_model(model, stores.settings)
        raise plumbing.wrong_words(str(error)) from error
    if as_json:
        plumbing.print_json(found.model_dump(mode="json"))
    elif output is None:
        typer.echo("\n".join(lineage_lines(found, parts=parts)))
    if output is not None:
        output.write_text(lineage_page(found), "utf-8")
        typer.echo(str(output), err=as_json)


def _parts(asked: str, day: date | None, *, as_json: bool) -> None:
    from tradewind.lineage import day_lineage, part_lineage
    from tradewind.reports.lineage import part_lines

    stores = plumbing.open_stores()
    found = part_lineage(asked, stores) if day is None else day_lineage(asked, day, stores)
    if not found.parts and not found.versions:
        raise plumbing.wrong_words("\n".join(part_lines(found)))
    if as_json:
        plumbing.print_json(found.model_dump(mode="json"))
    else:
        typer.echo("\n".join(part_lines(found)))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise plumbing.wrong_words(
            f"--day {text}: a UTC day such as 2013-07-01 is expected"
        ) from error
