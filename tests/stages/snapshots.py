"""Snapshots for the tests of what comes after ingest: tables cut into daily parts, in a lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.definition.frozen import FrozenDefinition, digest_of_files
from tradewind.definition.schema import ModelDefinition
from tradewind.records import Admission, Part, RunRequest, Snapshot
from tradewind.stores.digests import json_digest, table_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stores.stores import Stores

DAY = timedelta(days=1)


def admitted(frozen: FrozenDefinition, as_of: datetime) -> Admission:
    """A run of this definition at this moment."""
    request = RunRequest(
        model=frozen.model.name, run_id="run", as_of=as_of, actor="tester", reason="a test"
    )
    return Admission(request=request, definition_digest=frozen.digest, fencing_token=1)


def frozen(body: Mapping[str, object]) -> FrozenDefinition:
    """A definition from what its YAML would say."""
    model = ModelDefinition.model_validate(body)
    files = {"model.yaml": json_digest(body)}
    return FrozenDefinition(model=model, files=files, digest=digest_of_files(files))


def snapshot_of(
    stores: Stores, tables: Mapping[str, pa.Table], *, times: Mapping[str, str], as_of: datetime
) -> Snapshot:
    """Cut tables into parts by the UTC day of their time column, and write a snapshot of them.

    Args:
        stores: Whose lake is written.
        tables: By source.
        times: The time column by source; a source without one is a single part.
        as_of: What the parts were observed at.
    """
    manifest = {
        name: [
            part(stores, name, rows, day=day, as_of=as_of, time_column=times.get(name))
            for day, rows in by_day(table, times.get(name), as_of=as_of)
        ]
        for name, table in tables.items()
    }
    told = {name: [p.model_dump(mode="json") for p in parts] for name, parts in manifest.items()}
    digest = json_digest(told)
    stores.lake.put_json(f"snapshots/{digest}.json", told)
    count = sum(map(len, manifest.values()))
    return Snapshot(
        digest=digest,
        uri=f"snapshots/{digest}.json",
        rows={name: sum(p.rows for p in parts) for name, parts in manifest.items()},
        parts=count,
        read=count,
    )


def by_day(
    table: pa.Table, time_column: str | None, *, as_of: datetime
) -> list[tuple[date, pa.Table]]:
    """The rows of each UTC day up to the as-of moment's."""
    if time_column is None:
        return [(as_of.date(), table)]
    days = pc.cast(pc.floor_temporal(table[time_column], unit="day"), pa.date32())
    wanted = sorted(day for day in pc.unique(days).to_pylist() if day and day <= as_of.date())
    return [(day, table.filter(pc.equal(days, day))) for day in wanted]


def part(
    stores: Stores,
    name: str,
    rows: pa.Table,
    *,
    day: date,
    as_of: datetime,
    time_column: str | None,
) -> Part:
    """Write one part."""
    digest = table_digest(rows)
    uri = f"parts/{name}/{day}/{digest}.parquet"
    stores.lake.write_parquet(uri, rows)
    times = pc.min_max(rows[time_column]).as_py() if time_column else {"min": None, "max": None}
    return Part(
        source_id=name,
        day=day,
        as_of=as_of,
        recorded_at=datetime(2020, 1, 1, tzinfo=UTC),
        change_token=digest,
        digest=digest,
        uri=uri,
        rows=rows.num_rows,
        min_event_time=times["min"],
        max_event_time=times["max"],
        columns={field.name: str(field.type) for field in rows.schema},
    )
