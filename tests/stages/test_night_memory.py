"""However many rows a night has, it is served within the same memory."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.stages.test_serving import definition
from tradewind.definition.learning import Candidate
from tradewind.definition.nightly import Score
from tradewind.learning.estimators import build_pipeline
from tradewind.nights import LiveState, NightFeatures
from tradewind.settings import load_settings
from tradewind.stages import _night_log
from tradewind.stages._fallback import Fallback
from tradewind.stages._night_log import Tally, log_rows
from tradewind.stages._serving import Plan
from tradewind.stages._versions import NightVersion, Versions
from tradewind.stores import draft as draft_module
from tradewind.stores import scorer as scorer_module
from tradewind.stores.casting import cast
from tradewind.stores.digested import write_digested
from tradewind.stores.fallback import Known, NaiveRule
from tradewind.stores.model_files import write_model
from tradewind.stores.prediction_schema import prediction_schema
from tradewind.stores.reasons import told_against
from tradewind.stores.stores import Stores
from tradewind.stores.trainings import LoadedModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.stores.lake import Lake

NIGHT = datetime(2024, 3, 2, tzinfo=UTC)
TYPES: dict[str, Any] = {"plan": "categorical", "usage": "numeric", "age": "numeric"}
RULE = NaiveRule(rule="prior", by=(), prior=0.4, groups={}, rows=10)
CHUNK = 1_000


def rows_of(places: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plan": np.array(["basic", "plus", "gold"], dtype=object)[places % 3],
            "usage": (places % 300) / 10,
            "age": np.where(places % 50, places % 89, np.nan),
        }
    )


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    rows = rows_of(np.arange(300))
    features = cast(rows, TYPES)
    declared = Candidate(estimator="sklearn.linear_model.LogisticRegression")
    made = build_pipeline(declared, {}, types=TYPES, problem="binary", seed=0, where="toy")
    made.fit(features.frame, (rows["usage"] > 15).astype(int))
    metadata = {
        "model": "m", "candidate": "linear", "problem": "binary", "features": TYPES,
        "decision_threshold": 0.5, "naive": {**RULE.to_json(), "decision_threshold": 0.5},
        "known": Known.of(features).to_json(),
        "explains": told_against(made, TYPES, features.frame),
    }  # fmt: skip
    scorer = write_model(tmp_path / "model", made, metadata=metadata)
    return LoadedModel("models:/m-1", scorer.metadata, scorer)


def night(lake: Lake, *, chunks: int) -> NightFeatures:
    moments = pa.array([NIGHT - timedelta(hours=1)] * CHUNK, pa.timestamp("us", "UTC"))
    tables = [
        pa.table(
            {
                "id": [f"e{place}" for place in range(number * CHUNK, (number + 1) * CHUNK)],
                "event_time": moments,
                "prediction_time": moments,
                **rows_of(np.arange(number * CHUNK, (number + 1) * CHUNK)),
                "set_aside": pa.nulls(CHUNK, pa.string()),
            }
        )
        for number in range(chunks)
    ]
    table = pa.concat_tables(tables)
    written = write_digested(lake, "features", table.schema, table.to_batches())
    return NightFeatures(
        digest=written.digest, uri=written.uri, start=NIGHT - timedelta(days=1), end=NIGHT,
        rows=written.rows, set_aside=0, definition_digest="d",
    )  # fmt: skip


def most_held(model: LoadedModel, features: NightFeatures, lake: Lake) -> int:
    """The most bytes that are held while a night is served and written."""
    frozen = definition()
    live = LiveState(model="m", as_of=NIGHT, champion=1, champion_since=NIGHT)
    ready = {1: NightVersion(1, model, frozen, features.uri, aligned=False)}
    plan = Plan(live, Versions(ready), Fallback(RULE, 0.5, TYPES), None, Score(reasons=3))
    arrow, tally = [0], Tally()

    def watched() -> Iterator[pa.RecordBatch]:
        for batch in log_rows(plan, frozen, features, lake=lake, tally=tally):
            arrow.append(pa.total_allocated_bytes())
            gc.collect()  # what the collector would let go of some other time is not counted
            yield batch

    gc.collect()
    gc.freeze()  # nor is it looked for again in what is older than the night
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        write_digested(lake, "log", prediction_schema(), watched())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert tally.rows == tally.served["champion"] == features.rows
    return int(peak + max(arrow) - before)


def test_a_night_of_four_times_the_rows_holds_no_more_memory(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_night_log, "CHUNK_ROWS", CHUNK)
    monkeypatch.setattr(draft_module, "ROW_GROUP_ROWS", CHUNK)
    monkeypatch.setattr(scorer_module, "CHUNK_ROWS", CHUNK // 3)
    lake = Stores.open(load_settings({"TRADEWIND_LAKE": (tmp_path / "lake").as_uri()})).lake
    few, many = night(lake, chunks=2), night(lake, chunks=8)
    most_held(model, few, lake)  # what is made once is not counted
    assert most_held(model, many, lake) < 1.2 * most_held(model, few, lake)
