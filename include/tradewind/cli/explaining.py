"""The command that tells one decision's story."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- read when the command is made
from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def explain(
    model: str,
    key: Annotated[
        str | None,
        typer.Argument(
            help="The entity: `column=value,…`, or the key's values in its order with commas or "
            "slashes between. Part of it lists who is meant; without any it is the row with the "
            "night's highest score."
        ),
    ] = None,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(help="The night that served it; the newest that did otherwise."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page there.")
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Tell one decision's story: rows, features, reasons, who decided, and what became of it."""
    from tradewind.errors import RequestError
    from tradewind.explanation import Explained
    from tradewind.overview import decision_story
    from tradewind.reports import explained

    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    try:
        told = decision_story(stores, model, key, as_of=as_of)
    except RequestError as error:
        raise plumbing.wrong_words(str(error)) from error
    if as_json:
        plumbing.print_json(told.model_dump(mode="json"))
    elif not isinstance(told, Explained):
        typer.echo("\n".join(explained.lines_of_matches(told)))
    elif output is not None:
        output.write_text(explained.explained_page(told), "utf-8")
        typer.echo(str(output))
    else:
        typer.echo("\n".join(explained.lines_of_explained(told)))
