"""What a night served, row by row, out of its prediction log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradewind.errors import LedgerError

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.nights import ScoredNight
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.stores import Stores

_SHOWN = (
    *("entity", "event_time", "prediction_time", "version", "alias", "score", "decision"),
    *("source", "fallback_reason", "reasons"),
)


def served_rows(
    stores: Stores,
    model: str,
    *,
    night: datetime | None = None,
    entity: str | None = None,
    limit: int = 20,
) -> tuple[list[dict[str, Any]], int]:
    """What a night served, as plain values, and how many such rows there are.

    Args:
        stores: The ledger, and the lake with the log.
        model: Whose log.
        night: Which night; the newest that was scored where nothing is said.
        entity: Of this one only: its key's value, or the JSON list of its key's values.
        limit: At most so many rows.

    Raises:
        LedgerError: The night was not scored.
        LakeError: Its log is not there, or damaged.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from tradewind.stores.prediction_log import read_log

    log = read_log(stores.lake, [_scored(stores.ledger, model, night)], _SHOWN)
    rows = log.filter(pc.not_equal(log["source"], "shadow"))
    if entity is not None:
        rows = rows.filter(pc.is_in(rows["entity"], pa.array(_entity_texts(entity), pa.string())))
    return rows.slice(0, limit).to_pylist(), rows.num_rows


def _scored(ledger: Ledger, model: str, night: datetime | None) -> ScoredNight:
    found = ledger.nights(model, since=night, until=night, limit=1)
    if found:
        return found[0]
    said = f"the night of {night:%Y-%m-%d %H:%M} UTC was not" if night else "no night was"
    raise LedgerError(f"{model}: {said} scored: run `tradewind run {model} score`")


def _entity_texts(asked: str) -> list[str]:
    """What the log may call an entity: by the text of its one key, its value, or the whole list."""
    try:
        value = json.loads(asked)
    except ValueError:
        return [json.dumps([asked])]
    return [json.dumps(value if isinstance(value, list) else [value]), json.dumps([asked])]
