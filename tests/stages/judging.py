"""Runs that have come as far as judging: trained models, champions, validated sources."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from tests.gates.evidence import waivers
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages import own_metrics
from tradewind.definition.loader import parse_definition
from tradewind.definition.modules import module_key
from tradewind.promotion import promote
from tradewind.records import (
    Admission,
    Evaluation,
    FeatureSet,
    PointInTimeProof,
    RunRequest,
    TrainedModel,
    Validated,
)
from tradewind.stages.evaluate import evaluate
from tradewind.stages.train import train
from tradewind.stores.digests import table_digest

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.stores.stores import Stores

# By libyaml: a scene writes its definition anew for every night that it looks at.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
QUICK = {
    "search": {"trials": 1},
    "candidates": {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}},
}
VALUE = {"true_positive": 60, "false_positive": -40, "false_negative": -60}
SQL = (
    "SELECT flight, event_time, event_time - getvariable('horizon') AS prediction_time, "
    "distance, delay, carrier, weekend FROM flights"
)
OWN_METRICS = "tests.stages.own_metrics"
OWN_METRICS_TEXT = Path(own_metrics.__file__).read_text()
SOURCES = {
    "flights": {
        "kind": "postgres",
        "connection": "demo",
        "table": "flights",
        "key": ["flight"],
        "time_column": "event_time",
        "known_at": "event_time - INTERVAL 1 DAY",
    }
}


def stored(frame: pd.DataFrame, stores: Stores) -> FeatureSet:
    """A feature set, as the stage before leaves it."""
    with warnings.catch_warnings():
        # What pandas says of pyarrow's code.
        warnings.simplefilter("ignore")
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    digest = table_digest(table)
    uri = f"features/{digest}.parquet"
    stores.lake.write_parquet(uri, table)
    return FeatureSet(
        digest=digest,
        version="v" * 32,
        uri=uri,
        rows=len(frame),
        labelled=len(frame),
        pending=0,
        expired=0,
        proof=PointInTimeProof(moments=1, rows=1),
        **frames.LINEAGE,
    )


@dataclass
class Scene:
    """One model's runs.

    Attributes:
        model: Its name, of its own in the registry that all tests share.
    """

    stores: Stores
    model: str

    def definition(self, *, sql: str = SQL, **changes: Any) -> FrozenDefinition:
        body: dict[str, Any] = {
            "train": QUICK,
            "sources": SOURCES,
            "metrics": {"resample": {"draws": 200}},
            **changes,
            "gates": {"waivers": waivers(), **changes.get("gates", {})},
        }
        text = yaml.dump(frames.body(name=self.model, **body), Dumper=_DUMPER)
        files = {"model.yaml": text, "features.sql": sql, module_key(OWN_METRICS): OWN_METRICS_TEXT}
        return parse_definition(files, where=self.model)

    def admission(
        self, frozen: FrozenDefinition, *, as_of: datetime = AS_OF, **changes: Any
    ) -> Admission:
        digest = self.stores.ledger.freeze_definition(
            self.model, frozen.files, as_of=as_of, actor="ada"
        )
        request = RunRequest(
            model=self.model, run_id="r1", as_of=as_of, actor="ada", reason="a test", **changes
        )
        return Admission(request=request, definition_digest=digest, fencing_token=1)

    def features(self, frame: pd.DataFrame) -> FeatureSet:
        return stored(frame, self.stores)

    def validated(self, frame: pd.DataFrame) -> Validated:
        """The source that the frame came from, as validation leaves it."""
        source = frame.drop(columns=["prediction_time", "label_known_at", "label_state"])
        table = pa.Table.from_pandas(
            source.rename(columns={"label": "late"}), preserve_index=False
        ).replace_schema_metadata(None)
        digest = table_digest(table)
        self.stores.lake.write_parquet(f"validated/{digest}/flights.parquet", table)
        uri = f"validated/{digest}/manifest.json"
        self.stores.lake.put_json(uri, {"flights": f"validated/{digest}/flights.parquet"})
        return Validated(
            digest=digest,
            uri=uri,
            snapshot=frames.LINEAGE["snapshot"],
            report_uri="none",
            rows={"flights": len(source)},
            repaired={},
            quarantined={},
            warnings=[],
        )

    def train(
        self, frozen: FrozenDefinition, frame: pd.DataFrame, **changes: Any
    ) -> tuple[Admission, FeatureSet, TrainedModel]:
        admission, features = self.admission(frozen, **changes), self.features(frame)
        return admission, features, train(admission, frozen, features, stores=self.stores)

    def evaluate(
        self, frozen: FrozenDefinition, frame: pd.DataFrame, **changes: Any
    ) -> tuple[Admission, TrainedModel, Evaluation]:
        admission, features, trained = self.train(frozen, frame, **changes)
        evaluation = evaluate(
            admission, frozen, self.validated(frame), features, trained, stores=self.stores
        )
        return admission, trained, evaluation

    def champion(self, trained: TrainedModel, *, as_of: datetime = AS_OF) -> int:
        """Make a trained model champion, as the register stage does."""
        ledger, holder = self.stores.ledger, "promoter"
        lease = ledger.acquire_lease(
            self.model,
            holder=holder,
            ttl=timedelta(minutes=1),
            as_of=as_of,
            actor="ada",
            reason="a test",
        )
        version = self.stores.registry.ensure_version(self.model, trained.model_uri, {})
        before = ledger.champion(self.model)
        promote(
            stores=self.stores,
            model=self.model,
            version=version,
            expected_previous=before.version if before else None,
            as_of=as_of,
            actor="ada",
            reason="a test",
            evidence_digest="e" * 32,
            fencing_token=lease.fencing_token,
        )
        ledger.release_lease(self.model, holder=holder, fencing_token=lease.fencing_token)
        return version
