"""Which entity of which night a key means: of the night that is named, else of the newest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tradewind.errors import LedgerError
from tradewind.stages._explain_key import parse_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import ScoredNight
    from tradewind.stages._explain_key import AskedKey
    from tradewind.stores.stores import Stores


@dataclass(frozen=True)
class Served:
    """The entities of a night that a key means.

    Attributes:
        frozen: The definition whose key it is.
        entities: As the prediction log has them.
    """

    night: ScoredNight
    frozen: FrozenDefinition
    entities: list[str]


def served_as(stores: Stores, model: str, key: str, as_of: datetime | None) -> Served:
    """Find whom a key means.

    Raises:
        RequestError: The key is not one of this model's.
        LedgerError: There is no such night, or it did not serve this key; the sentence says which
            nights there are.
    """
    every = stores.ledger.nights(model)
    if not every:
        raise LedgerError(f"{model}: no night was scored: run `tradewind run {model} score`")
    nights = [one for one in every if as_of in (None, one.night)]
    if as_of is not None and not nights:
        near = _nearest(every, as_of)
        raise LedgerError(f"{model}: the night of {at(as_of)} was not scored; {near}")
    definitions: dict[str, FrozenDefinition] = {}
    asked = None
    for night in reversed(nights):
        digest = night.definition_digest
        if digest not in definitions:
            definitions[digest] = stores.ledger.definition(model, digest)
        asked = parse_key(key, definitions[digest].model)
        if found := _entities(stores, night, asked):
            return Served(night, definitions[digest], found)
    raise LedgerError(_nobody(model, key, asked, every, as_of))


def at(moment: datetime) -> str:
    """A moment for a person."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _entities(stores: Stores, night: ScoredNight, asked: AskedKey) -> list[str]:
    table = stores.lake.read_table(night.uri, ["entity", "source"])
    return asked.find(table.filter(pc.not_equal(table["source"], "shadow"))["entity"])


def _nobody(
    model: str,
    key: str,
    asked: AskedKey | None,
    every: Sequence[ScoredNight],
    as_of: datetime | None,
) -> str:
    if as_of is not None:
        others = "leave --as-of out to look in every night"
        return f"{model}: the night of {at(as_of)} served nobody with the key {key!r}; {others}"
    named = asked.moments if asked else []
    span = f"they are from {at(every[0].night)} to {at(every[-1].night)}"
    return (
        f"{model}: none of its {len(every):,} scored nights served anybody with the key {key!r}; "
        f"{_nearest(every, named[0]) if named else span}; `tradewind log {model}` shows keys that "
        "were served"
    )


def _nearest(every: Sequence[ScoredNight], moment: datetime) -> str:
    """The nights next to a moment, in words."""
    before = [one.night for one in every if one.night < moment]
    after = [one.night for one in every if one.night >= moment]
    told = [f"{at(before[-1])} before {at(moment)}"] if before else []
    told += [f"{at(after[0])} after {at(moment)}"] if after else []
    return f"the nearest that there is: {' and '.join(told)}"
