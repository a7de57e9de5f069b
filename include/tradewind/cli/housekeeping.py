"""The command that keeps house: what is older than declared is let go of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def housekeeping(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go, and why what is old stays.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="A date or moment from which every model's ages count; each model's own today "
            "where none is named."
        ),
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Let go of what is older than `retention` says and that nothing needs; code 1 where one fails.

    Erasures that were interrupted are finished first.
    """
    from tradewind.housekeeping_records import HouseRequest
    from tradewind.reports.housekeeping import house_lines
    from tradewind.stages.finish_erasures import finish_interrupted
    from tradewind.stages.keep_house import keep_house

    stores = plumbing.open_stores()
    if not dry_run:
        _, still_open = finish_interrupted(stores)
        for sentence in still_open:
            typer.echo(f"warning: {sentence}", err=True)
    request = HouseRequest(
        run_id=f"housekeeping/shell__{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        actor=plumbing.shell_name(),
        as_of=as_of,
        dry_run=dry_run,
    )
    kept = keep_house(request, stores=stores)
    if as_json:
        plumbing.print_json(kept.model_dump(mode="json"))
    else:
        typer.echo("\n".join(house_lines(kept)))
    raise typer.Exit(code=1 if kept.errors else 0)
