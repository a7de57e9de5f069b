"""A small model about parcels, with a definition that tests change in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import yaml

from tradewind.definition.loader import parse_definition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.frozen import FrozenDefinition

SQL = """
SELECT parcel, due, due - getvariable('horizon') AS prediction_time, weight, town, fragile
FROM parcels
"""
TYPES = {"weight": "numeric", "town": "categorical", "fragile": "boolean"}
BODY = {
    "name": "parcels",
    "owner": "the depot",
    "purpose": "whom to call",
    "problem": "binary",
    "entity_key": ["parcel"],
    "event_time": "due",
    "horizon": "1 hour",
    "sources": {
        "parcels": {
            "kind": "files",
            "pattern": "parcels.csv",
            "key": ["parcel"],
            "time_column": "due",
            "known_at": "due - INTERVAL 1 DAY",
            "late": {"delivery": {"columns": ["minutes", "delivered"], "known_at": "delivered"}},
        },
        "towns": {"kind": "files", "pattern": "towns.csv", "key": ["town"]},
    },
    "features": {"types": TYPES},
    "label": {"relation": "parcels_delivery", "expression": "minutes > 30"},
}
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
AS_OF = NOON + timedelta(days=1)


def definition(
    sql: str = SQL, *, module: str | None = None, **sections: object
) -> FrozenDefinition:
    """The definition with other SQL, other sections, or `extra.py` with this source."""
    body = {**BODY, **sections}
    files = {"features.sql": sql}
    if module is not None:
        body["features"] = {**body["features"], "python": "extra:add"}
        files["python:extra"] = module
    return parse_definition(
        {"model.yaml": yaml.safe_dump(body, sort_keys=False), **files}, where="parcels"
    )


def parcels(rows: Mapping[int, Mapping[str, object]] | int = 3) -> pa.Table:
    """Parcels due at noon and each an hour after the other; `rows` says what differs, by number."""
    changed = rows if not isinstance(rows, int) else {}
    count = rows if isinstance(rows, int) else 3
    made = [
        {
            "parcel": number,
            "due": NOON + timedelta(hours=number),
            "weight": 1.5 * number,
            "town": "Ulm",
            "fragile": number % 2 == 0,
            "minutes": 20 * number,
            "delivered": NOON + timedelta(hours=number, minutes=20 * number),
            **changed.get(number, {}),
        }
        for number in range(count)
    ]
    moment = pa.timestamp("us", "UTC")
    fields = {
        "parcel": pa.int64(),
        "due": moment,
        "weight": pa.float64(),
        "town": pa.string(),
        "fragile": pa.bool_(),
        "minutes": pa.int64(),
        "delivered": moment,
    }
    extra = {name: None for row in made for name in row if name not in fields}
    columns = {name: [row.get(name) for row in made] for name in {**fields, **extra}}
    return pa.table({n: pa.array(values, fields.get(n)) for n, values in columns.items()})


TOWNS = pa.table({"town": ["Ulm", "Bonn"], "people": [126_000, 340_000]})
