"""Commands that look at nights: who decides, what was decided, what was served."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.nights import LiveState
    from tradewind.overview import Decided
    from tradewind.stores.ledger import Event
    from tradewind.stores.stores import Stores

AsOf = Annotated[str | None, typer.Option(help="A date or a moment; the newest night otherwise.")]

app = typer.Typer()


@app.command()
def live(model: str, *, as_of: AsOf = None, as_json: plumbing.Json = False) -> None:
    """Say who decides, and why; and what was live when."""
    from tradewind.as_of import current_definition
    from tradewind.live import KINDS, live_state
    from tradewind.overview import tonight

    stores = plumbing.open_stores()
    moment = _moment(model, as_of, stores)
    definition = current_definition(model, stores=stores)
    state = (
        tonight(stores.ledger, model, definition)
        if moment is None
        else live_state(
            stores.ledger, model, as_of=moment, probation=definition.promotion.probation
        )
    )
    events = stores.ledger.events(model=model, kind=KINDS, as_of=state.as_of, newest_first=True)
    if as_json:
        plumbing.print_json(state.model_dump(mode="json"))
        return
    changes = [_change(event) for event in events] or ["  nothing yet"]
    typer.echo("\n".join([*_who(state), *changes]))


@app.command()
def decision(
    model: str,
    *,
    as_of: AsOf = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Decide again from the kept grounds; 1 if otherwise.")
    ] = False,
    as_json: plumbing.Json = False,
) -> None:
    """Print a night's decision: what it stands on, what else might have been, and why not."""
    from tradewind.overview import decided

    stores = plumbing.open_stores()
    found = decided(stores, model, _moment(model, as_of, stores))
    if as_json:
        plumbing.print_json(
            {
                "decision": found.decision.model_dump(mode="json"),
                "grounds": found.grounds.model_dump(mode="json"),
                **({"same": found.same, "differences": found.differences} if replay else {}),
            }
        )
    else:
        typer.echo("\n".join([*_told(found), *(_again(found) if replay else [])]))
    raise typer.Exit(code=1 if replay and not found.same else 0)


@app.command(name="log")
def print_log(
    model: str,
    *,
    as_of: AsOf = None,
    entity: Annotated[
        str | None, typer.Option(help="Of this entity: its key's value, or the JSON list of them.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 20,
    as_json: plumbing.Json = False,
) -> None:
    """Print what a night served: score, decision, who decided, and the reasons."""
    from tradewind.overview import served_rows

    stores = plumbing.open_stores()
    night = _moment(model, as_of, stores)
    rows, found = served_rows(stores, model, night=night, entity=entity, limit=limit)
    if as_json:
        plumbing.print_json(rows)
        return
    typer.echo("\n".join(line for row in rows for line in _served(row)))
    if found > len(rows):
        typer.echo(f"and {found - len(rows):,} more; see --limit and --entity")


def _moment(model: str, asked: str | None, stores: Stores) -> datetime | None:
    """The night that is asked for; None where nothing is said."""
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment

    plumbing.require_model(model, stores.settings)
    return parse_moment(asked, current_definition(model, stores=stores)) if asked else None


def _who(state: LiveState) -> list[str]:
    from tradewind.reports.released import words_of

    return [
        f"{state.model}, for the night of {_at(state.as_of)}",
        *(f"  {part}" for part in words_of(state).split("; ")),
        "what changed it, the newest first:",
    ]


def _change(event: Event) -> str:
    said = event.payload
    what = said.get("action", "promote") if event.kind == "intended" else event.kind
    version = f" version {said['version']}" if "version" in said else ""
    return f"  {_at(event.as_of)}  {what.replace('_', ' ')}{version}, {event.actor}: {event.reason}"


def _told(found: Decided) -> list[str]:
    from tradewind.reports.brief import lines_of
    from tradewind.reports.grounds import grounds_lines

    first, *others = lines_of(found.decision)
    said = found.decision
    return [
        f"{said.model}, the night of {_at(said.as_of)}: {first}",
        f"  cause: {said.cause}; layer: {said.layer}",
        *([f"  governor: {said.governor.sentence}"] if said.governor else []),
        *(f"  {line}" for line in others),
        "it stands on:",
        *(f"  {line}" for line in grounds_lines(found.grounds)),
    ]


def _again(found: Decided) -> list[str]:
    if found.same:
        return ["replayed from its kept grounds: the same decision"]
    changed = [f"  {name}: was {was}, is {now}" for name, (was, now) in found.differences.items()]
    damaged = [] if found.whole else ["  the kept grounds are not those that it was made on"]
    return ["replayed from its kept grounds: NOT the same decision", *damaged, *changed]


def _served(row: dict[str, Any]) -> list[str]:
    # A row of the fallback names the champion that did not decide.
    decides = row["source"] in ("champion", "canary")
    who = f"version {row['version']} ({row['alias']})" if decides else f"the {row['source']}"
    because = f": {row['fallback_reason']}" if row["fallback_reason"] else ""
    score = "no score" if row["score"] is None else f"score {row['score']:.4f}"
    said = "" if row["decision"] is None else f", decision {row['decision']}"
    key = ", ".join(map(str, json.loads(row["entity"]))) if row["entity"] else "unknown"
    return [
        f"{key}  {score}{said}, by {who}{because}",
        *(f"    {reason['words']}" for reason in row["reasons"] or []),
    ]


def _at(moment: datetime) -> str:
    return plumbing.shown(moment.isoformat())
