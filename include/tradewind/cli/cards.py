"""Commands that show model cards."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- typer reads it in the annotations
from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def card(
    model: str,
    version: Annotated[
        int | None,
        typer.Argument(help="Which; the champion otherwise, or the last candidate."),
    ] = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the whole card, as one HTML page.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown instead.")] = False,
    as_json: plumbing.Json = False,
) -> None:
    """Show what a version is: its purpose, data, figures, gates, limits, and how to stop it."""
    from tradewind.overview import card_heading, card_of
    from tradewind.reports.card import lines_of, to_html, to_markdown

    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    found = card_of(stores, model, version)
    if output is not None:
        output.write_text(to_markdown(found) if markdown else to_html(found), "utf-8")
        typer.echo(str(output))
    elif as_json:
        plumbing.print_json(found.model_dump(mode="json"))
    elif markdown:
        typer.echo(to_markdown(found))
    else:
        asked = f"{model} {version}" if version is not None else model
        whole = f"the whole card: tradewind card {asked} --output card.html"
        typer.echo("\n".join([card_heading(stores, found, version), *lines_of(found), whole]))


@app.command()
def cards(folder: Annotated[Path, typer.Argument(help="Where to; it is made.")]) -> None:
    """Write each model's card as Markdown, one file a model; exit code 1 where there is none."""
    from tradewind.definition.loader import model_folders
    from tradewind.errors import LedgerError
    from tradewind.overview import card_of
    from tradewind.reports.card import to_markdown

    stores, written = plumbing.open_stores(), 0
    folder.mkdir(parents=True, exist_ok=True)
    for model in model_folders(stores.settings.config_dir):
        try:
            found = card_of(stores, model)
        except LedgerError as error:
            typer.echo(f"no card: {error}", err=True)
            continue
        path = folder / f"{model}.md"
        path.write_text(to_markdown(found), "utf-8")
        typer.echo(str(path))
        written += 1
    raise typer.Exit(code=0 if written else 1)
