"""Exclusions: which parts of which source no manifest holds, read from the ledger's events.

What each kind of event says in its payload:

- `data_excluded`: `source`, `place`, `first_day`, `last_day`, `parts`, and `tainted`, the versions
  by model that had been trained on them;
- `data_readmitted`: the same but for `tainted`, and `excluded`, the number of the event that it
  takes back.

They are of the source, so that they hold for every model that reads it, whatever model they were
ordered for. They count in the order in which they were written, each from the moment that it stands
for: a night of the past sees what it saw then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.nights import Exclusion, LeftOut
from tradewind.stores.events import DATA_EXCLUDED, DATA_READMITTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradewind.definition.sources import Source
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger

_PLACE = ("kind", "connection", "bucket", "table", "pattern")


def place_of(spec: Source) -> str:
    """Name a source by where it is alone: how it is read, its types say, may change."""
    told = (getattr(spec, name, None) for name in _PLACE)
    return ":".join(str(each) for each in told if each is not None)


def exclusions(ledger: Ledger, *, as_of: datetime | None = None) -> list[Exclusion]:
    """Everything that is left out at a moment, the oldest first.

    Args:
        ledger: What was ordered.
        as_of: The moment; what stands for a later one does not count. All that is known, where
            nothing is said.
    """
    found: dict[str, Exclusion] = {}
    for event in ledger.events(kind=(DATA_EXCLUDED, DATA_READMITTED), as_of=as_of):
        key = key_of(left_out_of(event.payload))
        if event.kind == DATA_READMITTED:
            found.pop(key, None)
        else:
            found.setdefault(key, exclusion_of(event))
    return list(found.values())


def exclusion_of(event: Event) -> Exclusion:
    """An exclusion as its event tells it."""
    return Exclusion(
        **left_out_of(event.payload).model_dump(),
        event_id=event.id,
        model=str(event.model),
        as_of=event.as_of,
        actor=event.actor,
        reason=event.reason,
        tainted=event.payload.get("tainted", {}),
    )


def key_of(left_out: LeftOut) -> str:
    """What two orders have in common that leave the same parts out."""
    return left_out.model_dump_json(include={"place", "first_day", "last_day", "parts"})


def tainted_versions(
    ledger: Ledger, model: str, *, as_of: datetime | None = None
) -> dict[int, Exclusion]:
    """A model's versions that were trained on what is left out, each with one exclusion.

    Those that were there when it was ordered: what is trained later does not see the parts.

    Args:
        ledger: What was ordered.
        model: Whose versions.
        as_of: As for `exclusions`.
    """
    return {
        version: found
        for found in exclusions(ledger, as_of=as_of)
        for version in found.tainted.get(model, [])
    }


def left_out_of(payload: Mapping[str, Any]) -> LeftOut:
    """What an event leaves out, or takes back in."""
    return LeftOut.model_validate({name: payload[name] for name in LeftOut.model_fields})
