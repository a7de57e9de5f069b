"""snapshot → night's inputs: as for a training, but whatever is found, the night goes on.

What would stop a training is written down as a breach of the data's contract, and the fallback
decides that night. Where the rows cannot even be validated, they go on as they came.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.engine.database import open_database
from tradewind.engine.delivered import prepare
from tradewind.engine.validation_report import line_of, report_of
from tradewind.errors import DataError, DefinitionError, EvidenceError
from tradewind.nights import Breach, NightInputs
from tradewind.records import Part
from tradewind.stages._validation import deliver_all, digest_of, look, parts_of, write_rows
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.engine.arrivals import Check
    from tradewind.engine.expecting import Answer
    from tradewind.engine.validation_report import Findings
    from tradewind.records import Admission, Snapshot
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would give another result from the same inputs.
VERSION = 1
STALE, UNVALIDATED = "stale_source", "validation"
"""Detectors of this stage, beside `volume`, `freshness` and `expectation`."""


def validate_night(
    admission: Admission, frozen: FrozenDefinition, snapshot: Snapshot, *, stores: Stores
) -> NightInputs:
    """Repair a night's rows, hold them against the expectations, and let them go on.

    Below `validated/<digest>/` lie the rows by source, those set aside under `quarantine/`,
    `report.json`, `manifest.json`, and last, when all is there, `night.json` (the record); rows
    that could not be validated lie under `unvalidated/`. What is there already is not made again:
    monitoring finds what scoring made.

    Raises:
        LakeError: The lake does not answer, or a part of the snapshot is gone.
    """
    base = digest_of(frozen, snapshot, as_of=admission.as_of)
    folder = f"validated/{json_digest(['night', VERSION, base, snapshot.stale])}"
    if stores.lake.exists(f"{folder}/night.json"):
        log.info("The night's inputs %s are there already.", folder)
        return NightInputs.model_validate(stores.lake.read_json(f"{folder}/night.json"))
    try:
        inputs = _validated(admission, frozen, snapshot, folder=folder, stores=stores)
    except (DataError, EvidenceError, DefinitionError) as error:
        log.warning("the rows cannot be validated, and go on as they came: %s", error)
        inputs = _as_they_came(error, frozen, snapshot, folder=folder, stores=stores)
    told = _with_stale(inputs, frozen).model_dump(mode="json")
    recorded = stores.lake.first_json(f"{folder}/night.json", told)
    return NightInputs.model_validate(recorded)


def _validated(
    admission: Admission,
    frozen: FrozenDefinition,
    snapshot: Snapshot,
    *,
    folder: str,
    stores: Stores,
) -> NightInputs:
    parts = parts_of(snapshot, frozen, stores=stores)
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        prepare(connection, as_of=admission.as_of)
        deliver_all(connection, frozen, parts, stores=stores)
        findings = look(connection, frozen, parts, as_of=admission.as_of)
        heading = {
            "model": admission.model,
            "as_of": admission.as_of.isoformat(),
            "digest": folder.rpartition("/")[2],
        }
        report = report_of(connection, findings, heading=heading)
        stores.lake.first_json(f"{folder}/report.json", report)
        write_rows(connection, frozen, report, folder=folder, stores=stores)
    files = {name: f"{folder}/{name}.parquet" for name in parts}
    stores.lake.put_json(f"{folder}/manifest.json", files)
    return NightInputs(
        digest=folder.rpartition("/")[2],
        uri=f"{folder}/manifest.json",
        quarantine={name: f"{folder}/quarantine/{name}.parquet" for name in report["quarantine"]},
        snapshot_digest=snapshot.digest,
        rows={name: int(each["rows"]) for name, each in report["sources"].items()},
        stale=snapshot.stale,
        broken=_breaches(findings),
        warnings=report["warnings"],
        report_uri=f"{folder}/report.json",
    )


def _as_they_came(
    error: Exception,
    frozen: FrozenDefinition,
    snapshot: Snapshot,
    *,
    folder: str,
    stores: Stores,
) -> NightInputs:
    """The parts' rows without repair and unlooked at, with what kept them from being validated."""
    manifest = stores.lake.read_json(snapshot.uri)
    files, rows = {}, {}
    for name in frozen.model.sources:
        parts = [Part.model_validate(part) for part in manifest[name]]
        files[name] = f"{folder}/unvalidated/{name}.parquet"
        rows[name] = sum(part.rows for part in parts)
        dataset = stores.lake.dataset([part.uri for part in parts])
        with dataset.scanner().to_reader() as reader:
            stores.lake.write_parquet(files[name], reader)
    stores.lake.put_json(f"{folder}/unvalidated/manifest.json", files)
    return NightInputs(
        digest=folder.rpartition("/")[2],
        uri=f"{folder}/unvalidated/manifest.json",
        quarantine={},
        snapshot_digest=snapshot.digest,
        rows=rows,
        stale=snapshot.stale,
        broken=[Breach(detector=UNVALIDATED, cause="not to be validated", sentence=str(error))],
        warnings=[],
    )


def _with_stale(inputs: NightInputs, frozen: FrozenDefinition) -> NightInputs:
    """A source that is seen as it was is a breach, unless it is declared that it may be late."""
    freshness = frozen.model.validate_.freshness
    broken, warnings = [], []
    for name, why in inputs.stale.items():
        if freshness.severity == "warn" or name in freshness.warn_only:
            warnings.append(f"{name} is seen as it was: {why}")
        else:
            cause = "source late or changed"
            broken.append(Breach(detector=STALE, cause=cause, source=name, sentence=why))
    changes = {"broken": broken + inputs.broken, "warnings": warnings + inputs.warnings}
    return inputs.model_copy(update=changes)


def _breaches(findings: Findings) -> list[Breach]:
    """One for each thing that would stop a training."""
    arriving = {"volume": findings.volume, "freshness": findings.freshness}
    found = [
        _of_check(detector, check)
        for detector, checks in arriving.items()
        for check in checks
        if check.outcome == "failed" and check.severity == "stop"
    ]
    return found + [_of_answer(each) for each in findings.answers if each.consequence == "stop"]


def _of_check(detector: str, check: Check) -> Breach:
    return Breach(
        detector=detector,
        cause=_cause(detector, check),
        source=check.source,
        sentence=f"{check.source}: {detector}: {check.sentence}",
    )


def _cause(detector: str, check: Check) -> str:
    if detector == "freshness":
        return "source late"
    if not check.figure:
        return "missing day"
    return "too few rows" if check.figure < (check.low or 0) else "too many rows"


def _of_answer(answer: Answer) -> Breach:
    column = answer.expectation.args.get("column")
    return Breach(
        detector="expectation",
        cause="not as expected" if answer.outcome == "not_met" else "not to be computed",
        source=answer.expectation.on,
        column=column if isinstance(column, str) else None,
        sentence=line_of(answer),
    )
