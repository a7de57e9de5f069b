"""Nights that were served by a real model, and what became of them: logs, labels, looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages import judging
from tests.stages.judging import QUICK, Scene
from tradewind.live import live_state
from tradewind.nights import Arm, NightInputs, ScoredNight
from tradewind.promotion import promote
from tradewind.stages.monitor import monitor
from tradewind.stores.digests import json_digest, table_digest
from tradewind.stores.events import ARM_STARTED
from tradewind.stores.model_cache import load_kept
from tradewind.stores.prediction_log import night_folder
from tradewind.stores.prediction_schema import entity_texts, prediction_table

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import Breach, LiveState, Monitoring
    from tradewind.records import TrainedModel

DAY = timedelta(days=1)
NIGHTS = 30
SOURCES = {
    "flights": {
        **judging.SOURCES["flights"],
        "late": {"outcome": {"columns": ["late"], "known_at": "label_known_at"}},
    }
}
BODY = {
    "train": QUICK,
    "sources": SOURCES,
    "label": {"relation": "flights_outcome", "expression": "late", "expires_after": "2 days"},
    "metrics": {"resample": {"draws": 200}},
    "value": {"true_positive": 60, "false_positive": -40},
}
FIRST = AS_OF + DAY
LAST = AS_OF + NIGHTS * DAY
EVERY = [FIRST + number * DAY for number in range(NIGHTS)]


def later(*, seed: int = 1) -> pd.DataFrame:
    """The flights of the thirty days after the training."""
    frame = frames.feature_set(days=NIGHTS, seed=seed, end=LAST)
    return frame.assign(flight=frame["flight"] + 1_000_000)


@dataclass
class Watched:
    """One model, its nights, and the flights that it met.

    Attributes:
        versions: The trained model behind each version.
        frame: Every flight after the training, with its label and when that is known.
    """

    scene: Scene
    trained: TrainedModel
    frame: pd.DataFrame = field(default_factory=later)
    evaluation_uri: str = ""
    second: TrainedModel | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        """Promote the model under the scene's own name."""
        self.version = self.version or self.promote()
        self.loaded = load_kept(self.trained.model_uri, stores=self.scene.stores)

    def promote(self, trained: TrainedModel | None = None, *, as_of: datetime = AS_OF) -> int:
        """Make a version of a trained model, and the champion of it."""
        stores, model, uri = (
            self.scene.stores,
            self.scene.model,
            (trained or self.trained).model_uri,
        )
        tags = {"evaluation_uri": self.evaluation_uri}
        version = stores.registry.ensure_version(model, uri, tags)
        before = stores.ledger.champion(model)
        promote(
            stores=stores,
            model=model,
            version=version,
            expected_previous=before.version if before else None,
            as_of=as_of,
            actor="ada",
            reason="a test",
            evidence_digest="e" * 32,
            fencing_token=None,
        )
        return version

    def shadow(self, trained: TrainedModel) -> Arm:
        """Start another version as a shadow."""
        stores, model = self.scene.stores, self.scene.model
        version = stores.registry.ensure_version(model, trained.model_uri, {})
        arm = Arm(name=f"shadow:{version}", version=version, kind="shadow", share=0, since=AS_OF)
        stores.ledger.append(
            model=model,
            kind=ARM_STARTED,
            as_of=AS_OF,
            actor="ada",
            reason="a test",
            payload={"name": arm.name, "version": version, "kind": "shadow", "share": 0},
        )
        return arm

    def live(self, as_of: datetime) -> LiveState:
        """Who decides at a moment."""
        return live_state(self.scene.stores.ledger, self.scene.model, as_of=as_of)

    @property
    def definition(self) -> FrozenDefinition:
        return self.scene.definition(**{**BODY, **self.changes})

    def inputs(self, frame: pd.DataFrame | None = None, *, broken: tuple[Breach, ...] = ()):
        """The source as it is known tonight."""
        known = self.frame if frame is None else frame
        source = known.drop(columns=["prediction_time", "label_state"])
        table = _table(source.rename(columns={"label": "late"}).astype({"late": "boolean"}))
        digest = json_digest([table_digest(table), [one.detector for one in broken]])
        lake = self.scene.stores.lake
        lake.write_parquet(f"validated/{digest}/flights.parquet", table)
        uri = f"validated/{digest}/manifest.json"
        lake.put_json(uri, {"flights": f"validated/{digest}/flights.parquet"})
        return NightInputs(
            digest=digest,
            uri=uri,
            quarantine={},
            snapshot_digest="s",
            rows={"flights": len(source)},
            stale={},
            broken=list(broken),
            warnings=[],
        )

    def score(self, *nights: datetime, **changes: Any) -> None:
        """Serve these nights; the first eighteen where none is named."""
        for night in nights or EVERY[:18]:
            self.serve(night, **changes)

    def serve(
        self,
        night: datetime,
        *,
        rows: pd.DataFrame | None = None,
        arms: dict[str, tuple[int, float]] | None = None,
        worse: float = 0.0,
        **changes: Any,
    ) -> ScoredNight:
        """Serve one night; an arm is a version and what it adds to the champion's scores."""
        frame = self.frame if rows is None else rows
        times = frame["prediction_time"]
        tonight = frame[(times > night - DAY) & (times <= night)].reset_index(drop=True)
        lake, model = self.scene.stores.lake, self.scene.model
        logged = self._log(tonight, night, arms or {}, worse=worse)
        features = _table(
            tonight[["flight", "event_time", "prediction_time", *frames.TYPES]].assign(
                set_aside=pd.Series([None] * len(tonight), dtype="str")
            )
        )
        uri = f"{night_folder(model, night)}/{table_digest(logged)}.parquet"
        features_uri = f"features/{table_digest(features)}.parquet"
        lake.write_parquet(uri, logged)
        lake.write_parquet(features_uri, features)
        scored = ScoredNight(
            model=model,
            night=night,
            start=night - DAY,
            digest=table_digest(logged),
            uri=uri,
            features_uri=features_uri,
            features=list(frames.TYPES),
            definition_digest=self.definition.digest,
            rows=len(tonight),
            served={"champion": len(tonight)},
            fallback_reasons={},
            champion=self.version,
            arms=[],
            contract_uri="contract",
            seconds=1.5,
            peak_memory_mb=200.0,
        ).model_copy(update=changes)
        return self.scene.stores.ledger.record_night(scored, actor="ada", reason="a test")

    def _log(
        self,
        tonight: pd.DataFrame,
        night: datetime,
        arms: dict[str, tuple[int, float]],
        *,
        worse: float,
    ) -> pa.Table:
        own = self.loaded.score(tonight, guarded=True)
        base = {
            "entity": entity_texts(tonight, {"flight": "value"}),
            "event_time": tonight["event_time"],
            "prediction_time": tonight["prediction_time"],
            "as_of": night,
            "naive_score": own["naive_score"],
        }
        served = {
            **base,
            "version": self.version,
            "alias": "champion",
            "source": own["source"].replace("model", "champion"),
            **{name: own[name] for name in ("score", "decision", "fallback_reason", "model_score")},
        }
        if worse:
            served["model_score"] = np.clip(own["model_score"] + worse, 0.01, 0.99)
        tables = [prediction_table(served, rows=len(tonight))]
        for name, (version, shift) in arms.items():
            score = np.clip(own["model_score"] + shift, 0.01, 0.99)
            shadow = {"version": version, "alias": name, "source": "shadow", "score": score}
            columns = {**base, **shadow, "model_score": score}
            tables.append(prediction_table(columns, rows=len(tonight)))
        return pa.concat_tables(tables)

    def look(
        self, night: datetime | None = None, *, frame: pd.DataFrame | None = None, **inputs: Any
    ) -> Monitoring:
        """Look at a night, the last that was served where none is named."""
        night = night or self.scene.stores.ledger.nights(self.scene.model)[-1].night
        frozen = self.definition
        admission = self.scene.admission(frozen, as_of=night)
        return monitor(admission, frozen, self.inputs(frame, **inputs), stores=self.scene.stores)


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
