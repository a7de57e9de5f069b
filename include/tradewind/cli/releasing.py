"""Commands that change who decides, or who may change it."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from tradewind.nights import ReleaseAction, Released

Reason = Annotated[str, typer.Option(help="Kept in the ledger; name nobody without need.")]

app = typer.Typer()


@app.command()
def release(
    model: str,
    action: Annotated[
        str,
        typer.Argument(
            help="promote, roll_back, hold, start_canary, start_shadow, stop_arm, fall_back, "
            "resume, retire, segment, accept_contract, exclude or readmit."
        ),
    ],
    *,
    reason: Reason,
    version: Annotated[
        int | None,
        typer.Option(help="To promote, to roll back to, to start as an arm or to stop as one."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="End of a hold, of a segment's rule or of an accepted breach: a date or a moment."
        ),
    ] = None,
    share: Annotated[float | None, typer.Option(help="Of a canary; as declared.")] = None,
    feature: Annotated[str | None, typer.Option(help="Whose value makes the segment.")] = None,
    value: Annotated[str | None, typer.Option(help="The segment's value.")] = None,
    served_by: Annotated[
        str | None, typer.Option(help="A segment's: fallback, or an older version's number.")
    ] = None,
    breach: Annotated[
        str | None,
        typer.Option(
            help="detector:column, as the last look found it: accept_contract makes it the "
            "contract, resume makes it a breach again."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="exclude, readmit: whose data, in every model that reads it."),
    ] = None,
    first_day: Annotated[
        str | None, typer.Option(help="exclude, readmit: a UTC day; the source's first.")
    ] = None,
    last_day: Annotated[
        str | None,
        typer.Option(help="exclude, readmit: a UTC day, which is left out too; without an end."),
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(help="exclude, readmit: in the place of days, a part's digest or address."),
    ] = None,
    exclusion: Annotated[
        int | None, typer.Option(help="readmit: the event that left the data out.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Otherwise now, or the next night if that is earlier.")
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Change who decides, from the next night on; the ledger keeps who did it and why."""
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment
    from tradewind.live import order_moment
    from tradewind.nights import ReleaseOrder
    from tradewind.pipeline import release_order
    from tradewind.reports.brief import lines_of

    word = _action(action)
    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    definition = current_definition(model, stores=stores)
    order = ReleaseOrder(
        model=model,
        action=word,
        as_of=parse_moment(as_of, definition) if as_of else order_moment(stores.ledger, definition),
        actor=plumbing.shell_name(),
        by=plumbing.shell_user(),
        reason=reason,
        run_id=f"release/shell__{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        version=version,
        until=parse_moment(until, definition) if until else None,
        share=share,
        feature=feature,
        value=value,
        served_by=served_by,
        breach=breach,
        source=source,
        first_day=_day(first_day),
        last_day=_day(last_day),
        parts=part or [],
        exclusion=exclusion,
    )
    plumbing.print_once("release")
    released = release_order(order, stores=stores)
    if as_json:
        plumbing.print_json(released.model_dump(mode="json"))
    else:
        typer.echo("\n".join(lines_of(released)))
        if released.cutting and released.cutting.training:
            typer.echo(f"train now: {_training_of(released)}")


@app.command()
def unlock(model: str, *, reason: Reason) -> None:
    """Take the model's lease from a run that was killed and cannot give it back."""
    stores = plumbing.open_stores()
    broken = stores.ledger.break_lease(model, actor=plumbing.shell_name(), reason=reason)
    if broken is None:
        plumbing.require_model(model, stores.settings)
    said = f"the lease of {broken.holder} is broken" if broken else "nobody holds its lease"
    typer.echo(f"{model}: {said}")


def _day(text: str | None) -> date | None:
    """A day; ends with exit code 2 where it is none of the calendar."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise plumbing.wrong_words(f"{text!r} is no day: name it as 2013-07-01") from error


def _training_of(released: Released) -> str:
    """The command that an order from the form would have run by itself."""
    order, why = released.order, released.cutting and released.cutting.training
    said = shlex.join(["--override", "data was left out", "--reason", str(why)])
    return f"tradewind run {order.model} train --as-of {order.as_of.isoformat()} {said}"


def _action(word: str) -> ReleaseAction:
    """The action of this name; ends with exit code 2 where there is none."""
    from typing import get_args

    from tradewind.definition.problems import nearest
    from tradewind.nights import ReleaseAction

    known: tuple[ReleaseAction, ...] = get_args(ReleaseAction)
    found = next((name for name in known if name == word.replace("-", "_")), None)
    if found is None:
        raise plumbing.wrong_words(f"there is no action {word!r}{nearest(word, known)}")
    return found
