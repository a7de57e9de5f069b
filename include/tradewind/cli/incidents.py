"""Commands about what is wrong: see it, take it on, silence it for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.nights import Incident

Key = Annotated[str, typer.Argument(help="Names the cause, as `tradewind incidents` shows it.")]
Reason = Annotated[str, typer.Option(help="Kept in the ledger; name nobody without need.")]

app = typer.Typer()


@app.command()
def incidents(
    model: Annotated[str | None, typer.Argument(help="A model; all where none is named.")] = None,
    *,
    closed: Annotated[bool, typer.Option("--all", help="Those too that are over.")] = False,
    as_json: plumbing.Json = False,
) -> None:
    """List what is wrong, the gravest first, with what to press; exit code 1 where something is."""
    from tradewind.overview import incidents_of

    stores = plumbing.open_stores()
    if model is not None:
        plumbing.require_model(model, stores.settings)
    found = incidents_of(stores.ledger, model, closed=closed)
    if as_json:
        plumbing.print_json([one.model_dump(mode="json") for one in found])
    elif found:
        typer.echo("\n".join(line for one in found for line in _lines(one)))
    else:
        typer.echo("no incident is open")
    raise typer.Exit(code=1 if any(one.state != "closed" for one in found) else 0)


@app.command()
def acknowledge(model: str, key: Key, *, reason: Reason) -> None:
    """Say that you look after an incident; it stays open until its cause is gone."""
    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    taken = stores.ledger.incidents.acknowledge(
        model, key, as_of=stores.ledger.now(), actor=plumbing.shell_name(), reason=reason
    )
    typer.echo(f"{model}: {taken.acknowledged_by} looks after {key}")


@app.command()
def silence(
    model: str,
    key: Key,
    *,
    until: Annotated[str, typer.Option(help="A date, or a moment with its offset from UTC.")],
    reason: Reason,
) -> None:
    """Tell nobody of an incident before a moment, for a maintenance window say."""
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment

    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    moment = parse_moment(until, current_definition(model, stores=stores))
    stores.ledger.incidents.silence(
        model,
        key,
        as_of=stores.ledger.now(),
        until=moment,
        actor=plumbing.shell_name(),
        reason=reason,
    )
    typer.echo(f"{model}: nobody is told of {key} before {_at(moment)}")


def _lines(incident: Incident) -> list[str]:
    state = {"acknowledged": f", {incident.acknowledged_by} looks after it"}.get(incident.state, "")
    if incident.silenced_until is not None and incident.is_silent:
        state += f", silenced until {_at(incident.silenced_until)}"
    head = f"{incident.model}  {incident.key}: {incident.title}"
    if incident.state == "closed":
        return [f"over      {head}, since {_at(incident.updated)}"]
    return [
        f"{incident.severity:<9} {head} ({incident.layer}{state})",
        *(f"          {line}" for line in incident.details),
        f"          open since {_at(incident.opened)}, owner {incident.owner}",
        f"          runbook: {incident.runbook}",
        f"          what to press: {incident.way_out}",
    ]


def _at(moment: datetime) -> str:
    return plumbing.shown(moment.isoformat())
