"""The command that says how well a model is tested and watched."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003 -- typer reads the annotation
from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def scorecard(
    model: str,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page here.")
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Print the ML test score: 28 tests, each with its evidence and what would raise it."""
    from tradewind.as_of import current_definition
    from tradewind.reports.scorecard import lines_of, render
    from tradewind.scorecard import scorecard_of

    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    found = scorecard_of(current_definition(model, stores=stores), stores)
    plumbing.show_found(
        found,
        lines=lines_of(found),
        page=partial(render, found),
        output=output,
        as_json=as_json,
    )
