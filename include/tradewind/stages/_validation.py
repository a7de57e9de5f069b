"""What validating for a training and for a night share: look at every source, keep its rows.

What is found is decided upon elsewhere: a training stops where a night goes on by its fallback.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from tradewind.engine.arrivals import Check, arrivals, check_freshness, check_volume
from tradewind.engine.delivered import deliver, delivered, going_on, quarantined
from tradewind.engine.expecting import hold
from tradewind.engine.sensitive import resemblances
from tradewind.engine.validation_report import Findings, repairs_of
from tradewind.errors import EmptyIntervalError
from tradewind.records import Part
from tradewind.stores.digests import json_digest
from tradewind.stores.sources.drift import require_kept

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Snapshot
    from tradewind.stores.stores import Stores

# Grows when validating would give another result from the same inputs.
VERSION = 4


def digest_of(frozen: FrozenDefinition, snapshot: Snapshot, *, as_of: datetime) -> str:
    """The digest of everything that decides what validation comes to."""
    model = frozen.model
    told = model.model_dump(mode="json", by_alias=True, include={"sources", "repair", "validate_"})
    # Asked of their metadata: importing one of them takes seconds, and what is there needs neither.
    computed_by = [metadata.version(name) for name in ("duckdb", "great_expectations")]
    return json_digest([VERSION, computed_by, snapshot.digest, as_of, told])


def parts_of(
    snapshot: Snapshot, frozen: FrozenDefinition, *, stores: Stores
) -> dict[str, list[Part]]:
    """The parts of a snapshot by source.

    Raises:
        EmptyIntervalError: A source has no row in them.
        SchemaChangedError: A column is gone from the newest of them.
    """
    manifest = stores.lake.read_json(snapshot.uri)
    found = {
        name: [Part.model_validate(each) for each in manifest.get(name, [])]
        for name in frozen.model.sources
    }
    for name, parts in found.items():
        if not sum(part.rows for part in parts):
            raise EmptyIntervalError(
                f"source {name}: the snapshot {snapshot.uri} holds no row of it; widen the "
                f"training window, or look whether the source has rows there"
            )
        require_kept(name, parts)
    return found


def deliver_all(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    parts: dict[str, list[Part]],
    *,
    stores: Stores,
) -> None:
    """Load every source as it stood at the as-of moment, repaired; see `engine.delivered`."""
    for name, source in frozen.model.sources.items():
        dataset = stores.lake.dataset([part.uri for part in parts[name]])
        repairs = repairs_of(frozen, name)
        deliver(connection, name, source, dataset=dataset, repairs=repairs)


def look(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    parts: dict[str, list[Part]],
    *,
    as_of: datetime,
) -> Findings:
    """Hold the delivered sources against all that is expected of them.

    Raises:
        EvidenceError: A query returns no row, and its expectation needs some.
        EmptyIntervalError: Every row of a source was set aside.
        SchemaChangedError: An expectation needs a column that is not there.
        DefinitionError: An expectation is not valid.
    """
    declared = frozen.model.validate_
    volume, freshness = _look_at_arrivals(connection, frozen, as_of=as_of)
    return Findings(
        frozen=frozen,
        snapshot_rows={name: sum(part.rows for part in own) for name, own in parts.items()},
        volume=volume,
        freshness=freshness,
        answers=hold(connection, declared.expectations, sources=frozen.model.sources),
        sensitive=[
            each
            for name, source in frozen.model.sources.items()
            for each in resemblances(connection, name, source, table=delivered(name))
        ],
    )


def _look_at_arrivals(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, *, as_of: datetime
) -> tuple[list[Check], list[Check]]:
    rules = frozen.model.validate_
    volume, freshness = [], []
    for name, source in frozen.model.sources.items():
        if source.time_column is None:
            continue
        found = arrivals(connection, name, source, as_of=as_of, days=rules.volume.days)
        volume.append(check_volume(name, found, rule=rules.volume, as_of=as_of))
        freshness.append(check_freshness(name, found, rule=rules.freshness, as_of=as_of))
    return volume, freshness


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    report: dict[str, Any],
    *,
    folder: str,
    stores: Stores,
) -> None:
    """Write `<source>.parquet` and `quarantine/<source>.parquet`; what is there stays.

    Args:
        connection: Where the sources were looked at.
        frozen: Names them.
        report: Of what was found.
        folder: In the lake.
        stores: The lake.
    """
    for name, source in frozen.model.sources.items():
        repairs = repairs_of(frozen, name)
        # Closed whether it was read or not: a file that is there already is not written again.
        with going_on(connection, name, source, repairs) as rows:
            stores.lake.write_parquet(f"{folder}/{name}.parquet", rows)
        if name in report["quarantine"]:
            with quarantined(connection, name, source, repairs) as rows:
                stores.lake.write_parquet(f"{folder}/quarantine/{name}.parquet", rows)
