"""What leaving data out, or taking them back in, came to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.counts import count

if TYPE_CHECKING:
    from tradewind.nights import Cutting, Exclusion, ReleaseOrder, TaintedVersion


def cutting_sentence(order: ReleaseOrder, cutting: Cutting) -> str:
    """Say what such an order came to."""
    what, event = cutting.exclusion.what, cutting.exclusion.event_id
    if order.action == "readmit":
        said = f"{what}: back in every later manifest (event {event} is over); nobody is promoted"
    elif cutting.already:
        said = f"{what}: left out already, since event {event}"
    else:
        said = f"{what}: left out of every later manifest of every model (event {event})"
    return f"{order.model}: {said} (by {order.actor}: {order.reason})"


def cutting_lines(cutting: Cutting) -> list[str]:
    """The figures, the versions and what was done, a line each."""
    if not cutting.parts:
        return []
    counted = f"{count(cutting.parts, 'part')} with {cutting.rows:,} rows"
    known = f"{counted}, each day as observed last"
    none = [] if cutting.tainted else ["no version was trained on them"]
    training = f"to be trained {cutting.training}" if cutting.training else None
    return [
        known,
        *none,
        *(f"tainted: {tainted_words(found)}" for found in cutting.tainted),
        *cutting.done,
        *([training] if training else []),
        *(f"warning: {other}: {what}" for other, what in cutting.others.items()),
    ]


def left_out_line(exclusion: Exclusion, model: str) -> str:
    """What is left out of a model's source, since when, and which of its versions saw it."""
    tainted = ", ".join(map(str, exclusion.tainted.get(model, [])))
    return (
        f"{exclusion.what}, from {exclusion.as_of:%Y-%m-%d %H:%M} UTC on (event "
        f"{exclusion.event_id}, by {exclusion.actor} for {exclusion.model}: {exclusion.reason})"
        + (f"; tainted: version {tainted}" if tainted else "; no version of this model saw it")
    )


def tainted_words(found: TaintedVersion) -> str:
    """A version, how much it may have learned from, and what it was."""
    rows = f"up to {found.rows:,} of the rows" if found.rows else "it cannot be told any more"
    more = "; not all that it was trained on can be told any more" * (
        bool(found.rows) and not found.whole
    )
    return f"{found.model} version {found.version}: {rows}{more}; {found.state}"
