"""Commands that look: models, history, health, reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer()


@app.command()
def models(*, as_json: plumbing.Json = False) -> None:
    """List the models, their versions and aliases."""
    from tradewind.overview import model_rows

    rows = model_rows(plumbing.open_stores())
    if as_json:
        plumbing.print_json(rows)
        return
    for row in rows:
        champion = f"version {row['champion']}" if row["champion"] else "no champion"
        typer.echo(f"{row['model']}: {champion}; owner {row['owner'] or 'unknown'}")
        for version in row["versions"]:
            words = list(version["aliases"])
            if version["version"] == row["champion"] and row["switched_off"]:
                words.append(f"switched off: {row['switched_off']}")
            aliases = f" ({', '.join(words)})" if words else ""
            waived = f"; gates switched off: {version['waived']}" if version["waived"] else ""
            shown = f"as of {plumbing.shown(version['as_of'])}{waived}"
            typer.echo(f"  {version['version']}{aliases}  {shown}")


@app.command()
def history(model: str, *, as_json: plumbing.Json = False, limit: int = 50) -> None:
    """Print the ledger of a model, newest first: who, what, when, why."""
    from tradewind.overview import event_rows

    stores = plumbing.open_stores()
    rows = event_rows(stores, model=model, limit=limit)
    if not rows:
        plumbing.require_model(model, stores.settings)
    if as_json:
        plumbing.print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{plumbing.shown(row['recorded_at'])}  as of {plumbing.shown(row['as_of'])}  "
            f"{row['kind']:<18} {row['actor']}: {row['reason']}{_particulars(row)}"
        )


@app.command()
def health(*, as_json: plumbing.Json = False) -> None:
    """Say whether the services answer and the nights happen; exit code 1 where not."""
    from tradewind.health import examine

    findings = examine(plumbing.open_stores())
    if as_json:
        plumbing.print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<8} {finding.subject}: {finding.sentence}")
    raise typer.Exit(code=1 if any(finding.ill for finding in findings) else 0)


def _particulars(row: Mapping[str, Any]) -> str:
    """Which version moved, or which data were left out, by which event they are readmitted."""
    from tradewind.stores.events import APPLIED, DATA_EXCLUDED, DATA_READMITTED, INTENDED
    from tradewind.stores.exclusions import left_out_of

    kind, payload = row["kind"], row["payload"]
    if kind in (INTENDED, APPLIED):
        return f" (version {payload['version']})"
    if kind not in (DATA_EXCLUDED, DATA_READMITTED):
        return ""
    left_out = left_out_of(payload)
    what = ", ".join([left_out.what, *left_out.parts])
    over = f"; event {payload['excluded']} is over" if kind == DATA_READMITTED else ""
    return f" (event {row['id']}: {what}{over})"


@app.command()
def report(
    model: str,
    stage: Annotated[str, typer.Argument(help="Any: validate, gate, predict, monitor, decide ...")],
    *,
    run_id: Annotated[str | None, typer.Option(help="Which run; the newest otherwise.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("report.html"),
) -> None:
    """Write a stage's report as one HTML page."""
    from tradewind.overview import report_page

    output.write_text(
        report_page(plumbing.open_stores(), model=model, stage=stage, run_id=run_id), "utf-8"
    )
    typer.echo(str(output))
