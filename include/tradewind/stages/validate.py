"""snapshot → validated: repair what is declared, hold it against what is expected.

The whole result is stored before anything is decided, so that a person can read it whatever comes
of it. Rows that an expectation of severity `quarantine` points at are set aside first, each with
its reasons; every other expectation looks at the rows that are left, and those go on.
"""

from __future__ import annotations

import logging
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tradewind.engine.arrivals import Check, arrivals, check_freshness, check_volume
from tradewind.engine.database import open_database
from tradewind.engine.delivered import deliver, going_on, prepare, quarantined
from tradewind.engine.expecting import hold
from tradewind.engine.validation_report import Findings, repairs_of, report_of
from tradewind.errors import (
    EmptyIntervalError,
    EvidenceError,
    SchemaChangedError,
    ValidationStoppedError,
)
from tradewind.records import Part, Reference, Validated
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Snapshot
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would give another result from the same inputs.
VERSION = 3
_NO_TYPE = "null"


def validate(
    admission: Admission, frozen: FrozenDefinition, snapshot: Snapshot, *, stores: Stores
) -> Validated:
    """Repair a snapshot's rows, hold them against the expectations, and write what goes on.

    Below `validated/<digest>/` lie `<source>.parquet` (what goes on, by time and key),
    `quarantine/<source>.parquet`, `report.json`, and last, when all is there, `validated.json` (the
    record) and `manifest.json` (`{source: path}`). What is there already is not made again.

    Raises:
        ValidationStoppedError: Something of severity `stop` failed; the report is stored.
        EvidenceError: An expectation could not be computed; the report is stored.
        DataError: The rows are not what the definition declares, or there are none.
        DefinitionError: A repair, an expectation or a `known_at` is not valid.
    """
    digest = _digest(frozen, snapshot, as_of=admission.as_of)
    folder = f"validated/{digest}"
    if stores.lake.exists(f"{folder}/manifest.json"):
        log.info("Validated %s is there already.", digest)
        return Validated.model_validate(stores.lake.read_json(f"{folder}/validated.json"))
    parts = _parts(snapshot, frozen, stores=stores)
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        prepare(connection, as_of=admission.as_of)
        _deliver_all(connection, frozen, parts, stores=stores)
        findings = _look(connection, frozen, parts, as_of=admission.as_of)
        heading = {"model": admission.model, "as_of": admission.as_of.isoformat(), "digest": digest}
        report = report_of(connection, findings, heading=heading)
        stores.lake.first_json(f"{folder}/report.json", report)
        _stop_if_need_be(findings, heading, report_uri=f"{folder}/report.json")
        _write_rows(connection, frozen, report, folder=folder, stores=stores)
    return _publish(report, snapshot, folder=folder, stores=stores)


def _digest(frozen: FrozenDefinition, snapshot: Snapshot, *, as_of: datetime) -> str:
    model = frozen.model
    told = model.model_dump(mode="json", by_alias=True, include={"sources", "repair", "validate_"})
    # Asked of their metadata: importing one of them takes seconds, and what is there needs neither.
    computed_by = [metadata.version(name) for name in ("duckdb", "great_expectations")]
    return json_digest([VERSION, computed_by, snapshot.digest, as_of, told])


def _parts(
    snapshot: Snapshot, frozen: FrozenDefinition, *, stores: Stores
) -> dict[str, list[Part]]:
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
        _refuse_lost_columns(name, parts)
    return found


def _refuse_lost_columns(name: str, parts: list[Part]) -> None:
    """A column may be new, and then is empty before; one that is gone was renamed or dropped."""
    newest = max(parts, key=lambda part: (part.day, part.as_of))
    for part in parts:
        for column, kind in sorted(part.columns.items()):
            now = newest.columns.get(column, "not there")
            # Where a file has no value in a column, its reader cannot tell the column's type.
            if kind != now and _NO_TYPE not in (kind, now):
                raise SchemaChangedError(
                    f"source {name}: column {column!r} is {kind} on {part.day} and {now} on "
                    f"{newest.day}; the source has {', '.join(sorted(newest.columns))} now. Put it "
                    f"back, or name the source's new table in model.yaml"
                )


def _deliver_all(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    parts: dict[str, list[Part]],
    *,
    stores: Stores,
) -> None:
    for name, source in frozen.model.sources.items():
        dataset = stores.lake.dataset([part.uri for part in parts[name]])
        repairs = repairs_of(frozen, name)
        deliver(connection, name, source, dataset=dataset, repairs=repairs)


def _look(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    parts: dict[str, list[Part]],
    *,
    as_of: datetime,
) -> Findings:
    declared = frozen.model.validate_
    volume, freshness = _look_at_arrivals(connection, frozen, as_of=as_of)
    return Findings(
        frozen=frozen,
        snapshot_rows={name: sum(part.rows for part in own) for name, own in parts.items()},
        volume=volume,
        freshness=freshness,
        answers=hold(connection, declared.expectations, sources=frozen.model.sources),
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


def _stop_if_need_be(findings: Findings, heading: dict[str, str], *, report_uri: str) -> None:
    if not findings.stopping:
        return
    kind = ValidationStoppedError if findings.is_computed else EvidenceError
    count = len(findings.stopping)
    raise kind(
        f"model {heading['model']} as of {heading['as_of']}: {count} "
        f"{'thing stops' if count == 1 else 'things stop'} the validation: "
        f"{'; '.join(findings.stopping)}. Examples of the rows are in the report, {report_uri}"
    )


def _write_rows(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    report: dict[str, Any],
    *,
    folder: str,
    stores: Stores,
) -> None:
    for name, source in frozen.model.sources.items():
        repairs = repairs_of(frozen, name)
        # Closed whether it was read or not: a file that is there already is not written again.
        with going_on(connection, name, source, repairs) as rows:
            stores.lake.write_parquet(f"{folder}/{name}.parquet", rows)
        if name in report["quarantine"]:
            with quarantined(connection, name, source, repairs) as rows:
                stores.lake.write_parquet(f"{folder}/quarantine/{name}.parquet", rows)


def _publish(
    report: dict[str, Any], snapshot: Snapshot, *, folder: str, stores: Stores
) -> Validated:
    repaired: Counter[str] = Counter()
    for each in report["repairs"]:
        repaired[f"{each['source']}.{each['column']}"] += each["cells"]
    validated = Validated(
        digest=report["digest"],
        uri=f"{folder}/manifest.json",
        snapshot=Reference(digest=snapshot.digest, uri=snapshot.uri),
        report_uri=f"{folder}/report.json",
        rows={name: each["rows"] for name, each in report["sources"].items()},
        repaired=dict(repaired),
        quarantined={name: each["rows"] for name, each in report["quarantine"].items()},
        warnings=report["warnings"],
    )
    stores.lake.first_json(f"{folder}/validated.json", validated.model_dump(mode="json"))
    files = {name: f"{folder}/{name}.parquet" for name in validated.rows}
    stores.lake.put_json(validated.uri, files)
    return validated
