"""snapshot → validated: repair what is declared, hold it against what is expected.

The whole result is stored before anything is decided, so that a person can read it whatever comes
of it. Rows that an expectation of severity `quarantine` points at are set aside first, each with
its reasons; every other expectation looks at the rows that are left, and those go on.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from tradewind.engine.database import open_database
from tradewind.engine.delivered import prepare
from tradewind.engine.validation_report import Findings, report_of
from tradewind.errors import EvidenceError, ValidationStoppedError
from tradewind.records import Reference, Validated
from tradewind.stages._validation import deliver_all, digest_of, look, parts_of, write_rows

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Snapshot
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)


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
    digest = digest_of(frozen, snapshot, as_of=admission.as_of)
    folder = f"validated/{digest}"
    if stores.lake.exists(f"{folder}/manifest.json"):
        log.info("Validated %s is there already.", digest)
        return Validated.model_validate(stores.lake.read_json(f"{folder}/validated.json"))
    parts = parts_of(snapshot, frozen, stores=stores)
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        prepare(connection, as_of=admission.as_of)
        deliver_all(connection, frozen, parts, stores=stores)
        findings = look(connection, frozen, parts, as_of=admission.as_of)
        heading = {"model": admission.model, "as_of": admission.as_of.isoformat(), "digest": digest}
        report = report_of(connection, findings, heading=heading)
        stores.lake.first_json(f"{folder}/report.json", report)
        _stop_if_need_be(findings, heading, report_uri=f"{folder}/report.json")
        write_rows(connection, frozen, report, folder=folder, stores=stores)
    return _publish(report, snapshot, folder=folder, stores=stores)


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
