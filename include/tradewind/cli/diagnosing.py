"""The command that asks why quality changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003 -- typer reads the annotation
from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def diagnose(
    model: str,
    *,
    as_of: Annotated[
        str | None, typer.Option(help="A date or a moment; the newest look otherwise.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page here.")
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Say why the champion's loss changed: other inputs, or another relation to the target."""
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment
    from tradewind.overview import diagnosed
    from tradewind.reports.diagnosed import lines_of, render

    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    definition = current_definition(model, stores=stores)
    found = diagnosed(stores, model, parse_moment(as_of, definition) if as_of else None)
    plumbing.show_found(
        found,
        lines=lines_of(found),
        page=partial(render, found),
        output=output,
        as_json=as_json,
    )
