"""validated → feature set: run the model's SQL as of the run's moment, and prove it leak-free.

The owner's tests of it come first, and the proof before anything is written: a feature set in the
lake is one that passed both.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import duckdb

from tradewind.definition.frozen import TESTS_FILE
from tradewind.definition.modules import module_key
from tradewind.definition.moments import window_start
from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.engine.feature_tests import require_passed
from tradewind.engine.proof import MOMENTS, prove
from tradewind.records import FeatureSet, Reference
from tradewind.stores.digests import json_digest, table_digest

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, FeatureTests, PointInTimeProof, Validated
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would give another result from the same inputs.
VERSION = 2
_DECIDING = {
    "problem",
    "entity_key",
    "event_time",
    "horizon",
    "timezone",
    "sources",
    "features",
    "label",
}


def build_features(
    admission: Admission, frozen: FrozenDefinition, validated: Validated, *, stores: Stores
) -> FeatureSet:
    """Build the feature set of a run, prove it, and write it.

    It is written as `features/<digest>.parquet`; last, when all is there, comes the record as
    `features/<version>.json`, and a version that has one is not made again.

    Raises:
        LeakError: A feature is different when the future is cut away.
        DefinitionError: The SQL does not give what is declared, or a test of it fails.
        EmptyIntervalError: There is no row in the window.
        DataError: Keys are not unique, or a feature is not finite.
    """
    start = window_start(
        frozen.model, as_of=admission.as_of, window_days=admission.request.window_days
    )
    version = _version(admission, frozen, validated, start=start)
    record = f"features/{version}.json"
    if stores.lake.exists(record):
        log.info("Feature set %s is there already.", version)
        return FeatureSet.model_validate(stores.lake.read_json(record))
    tests = require_passed(frozen)
    table, proof = _built(admission, frozen, validated, start=start, stores=stores)
    digest = table_digest(table)
    uri = f"features/{digest}.parquet"
    stores.lake.write_parquet(uri, table)
    feature_set = _record(table, proof, tests, validated, digest=digest, version=version, uri=uri)
    stores.lake.put_json(record, feature_set.model_dump(mode="json"))
    return feature_set


def _version(
    admission: Admission,
    frozen: FrozenDefinition,
    validated: Validated,
    *,
    start: datetime | None,
) -> str:
    model = frozen.model
    python = model.features.python
    return json_digest(
        {
            "stage": VERSION,
            "duckdb": duckdb.__version__,
            "validated": validated.digest,
            "sql": frozen.sql,
            "tests": frozen.files.get(TESTS_FILE),
            "python": python and frozen.files[module_key(python.split(":")[0])],
            "declared": model.model_dump(mode="json", by_alias=True, include=_DECIDING),
            "as_of": admission.as_of,
            "start": start,
        }
    )


def _built(
    admission: Admission,
    frozen: FrozenDefinition,
    validated: Validated,
    *,
    start: datetime | None,
    stores: Stores,
) -> tuple[pa.Table, PointInTimeProof]:
    files = stores.lake.read_json(validated.uri)
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        rows = {name: stores.lake.dataset([files[name]]) for name in frozen.model.sources}
        relations.load(connection, frozen, rows)
        table = features.build(connection, frozen, as_of=admission.as_of, start=start)
        seed = frozen.model.train.seed
        return table, prove(connection, frozen, table, moments=MOMENTS, seed=seed)


def _record(
    table: pa.Table,
    proof: PointInTimeProof,
    tests: FeatureTests | None,
    validated: Validated,
    *,
    digest: str,
    version: str,
    uri: str,
) -> FeatureSet:
    states = Counter(table["label_state"].to_pylist())
    return FeatureSet(
        digest=digest,
        version=version,
        uri=uri,
        snapshot=validated.snapshot,
        validated=Reference(digest=validated.digest, uri=validated.uri),
        rows=len(table),
        labelled=states["known"],
        pending=states["pending"],
        expired=states["expired"],
        proof=proof,
        tests=tests,
    )
