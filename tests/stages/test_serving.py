"""Whatever is live, each entity is served once, and versions are paired on every entity."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.stages.snapshots import frozen
from tradewind.definition.nightly import Score
from tradewind.nights import Arm, LiveState, NightFeatures, ReadySegment, SegmentRule
from tradewind.settings import load_settings
from tradewind.stages import _night_log
from tradewind.stages._fallback import Fallback
from tradewind.stages._night_log import Tally, log_rows
from tradewind.stages._serving import Plan
from tradewind.stages._versions import NightVersion, Versions
from tradewind.stores.casting import cast_features
from tradewind.stores.digested import write_digested
from tradewind.stores.fallback import NaiveRule
from tradewind.stores.model_files import write_model
from tradewind.stores.reasons import told_against
from tradewind.stores.stores import Stores
from tradewind.stores.trainings import LoadedModel

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition

NIGHT = datetime(2024, 3, 2, tzinfo=UTC)
ROWS, CHAMPION, VERSIONS = 60, 1, (1, 2, 3)
PLANS = ("basic", "plus", "gold", None)
TYPES = {"plan": "categorical"}
RULE = NaiveRule(rule="prior", by=(), prior=0.4, groups={}, rows=10)


def definition() -> FrozenDefinition:
    return frozen(
        {
            "name": "m", "owner": "a test", "purpose": "to test", "problem": "binary",
            "entity_key": "id", "event_time": "at",
            "sources": {"s": {"kind": "files", "pattern": "x.csv", "key": ["id"]}},
            "features": {"types": TYPES},
            "label": {"relation": "s", "expression": "x"},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, LoadedModel]:
    """Versions that saw `basic` and `plus`; `gold` was never seen."""
    frame = pd.DataFrame({"plan": ["basic", "plus"] * 10})
    found = {}
    for number in VERSIONS:
        label = (np.arange(20) % (number + 1) == 0).astype(int)
        estimator = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
        estimator.fit(frame, label)
        metadata = {
            "model": "m", "candidate": "linear", "problem": "binary", "features": TYPES,
            "decision_threshold": 0.5, "naive": {**RULE.to_json(), "decision_threshold": 0.5},
            "known": {"categories": {"plan": ["basic", "plus"]}, "ranges": {}},
            "explains": told_against(estimator, TYPES, cast_features(frame, TYPES)),
        }  # fmt: skip
        folder = tmp_path_factory.mktemp(f"model{number}")
        scorer = write_model(folder, estimator, metadata=metadata)
        found[number] = LoadedModel(f"models:/m-{number}", scorer.metadata, scorer)
    return found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("lake")
    return Stores.open(load_settings({"TRADEWIND_LAKE": folder.as_uri()})).lake


@cache
def night(lake: Any, *, lacking: tuple[int, ...] = ()) -> NightFeatures:
    """Entities of every plan, two of them set aside."""
    at = [NIGHT - timedelta(minutes=ROWS - number) for number in range(ROWS)]
    moments = pa.array(at, pa.timestamp("us", "UTC"))
    aside = ["set aside by validation: odd" if n in (3, 4) else None for n in range(ROWS)]
    table = pa.table(
        {
            "id": [f"e{number}" for number in range(ROWS)],
            "event_time": moments,
            "prediction_time": moments,
            "plan": [PLANS[number % 4] for number in range(ROWS)],
            "set_aside": pa.array(aside, pa.string()),
        }
    )
    if lacking:
        found = [number not in lacking for number in range(ROWS)]
        table = table.append_column("__found", pa.array(found))
    written = write_digested(lake, "features", table.schema, table.to_batches())
    return NightFeatures(
        digest=written.digest, uri=written.uri, start=NIGHT - timedelta(days=1), end=NIGHT,
        rows=ROWS, set_aside=2, definition_digest="d",
    )  # fmt: skip


kinds = st.sampled_from(["shadow", "canary"])
cases = st.fixed_dictionaries(
    {
        "arms": st.lists(
            st.tuples(kinds, st.sampled_from((2, 3, 9)), st.floats(0, 0.6)), max_size=3
        ),
        "rules": st.lists(
            st.tuples(st.sampled_from(["basic", "plus"]), st.sampled_from(["fallback", 2, 9])),
            max_size=2,
        ),
        "control": st.sampled_from([0.0, 0.1, 0.5]),
        "blocked": st.sampled_from([None, None, "switched off"]),
        "able": st.sets(st.sampled_from(VERSIONS)),
        "ready": st.booleans(),
        "lacking": st.sampled_from([(), (7, 8)]),
        "chunk": st.sampled_from([7, 100]),
    }
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases)
def test_whoever_is_live_each_entity_has_exactly_one_served_decision(
    models: dict[int, LoadedModel], lake: Any, case: dict[str, Any]
) -> None:
    able, lacking, control = case["able"], case["lacking"], case["control"]
    whole, own = night(lake), night(lake, lacking=lacking)
    frozen_now = definition()
    versions = Versions(
        ready={
            n: NightVersion(n, models[n], frozen_now, own.uri if n > 1 and lacking else whole.uri,
                            aligned=n > 1 and bool(lacking))
            for n in sorted(able)
        },
        problems={n: "its file is gone" for n in (*VERSIONS, 9) if n not in able},
    )  # fmt: skip
    live = LiveState(
        model="m", as_of=NIGHT, champion=CHAMPION, champion_since=NIGHT,
        arms=[
            Arm(name=f"{kind}:{version}:{place}", version=version, kind=kind,
                share=share if kind == "canary" else 0, since=NIGHT)
            for place, (kind, version, share) in enumerate(case["arms"])
        ],
        segments=[
            SegmentRule(feature="plan", value=value, served_by=by, reason="r",
                        until=NIGHT + timedelta(days=1))
            for value, by in case["rules"]
        ],
        ready=[ReadySegment(feature="plan", value="gold")] * case["ready"],
    )  # fmt: skip
    blocked = case["blocked"] or (None if CHAMPION in able else "version 1 cannot score")
    plan = Plan(
        live, versions, Fallback(RULE, 0.5, TYPES), blocked, Score(control_share=control, reasons=1)
    )
    tally, before = Tally(), _night_log.CHUNK_ROWS
    _night_log.CHUNK_ROWS = case["chunk"]
    try:
        batches = list(log_rows(plan, frozen_now, whole, lake=lake, tally=tally))
    finally:
        _night_log.CHUNK_ROWS = before
    rows = pa.Table.from_batches(batches).to_pandas()

    served = rows[rows["source"] != "shadow"]
    assert sorted(served["entity"]) == sorted(json.dumps([f"e{n}"]) for n in range(ROWS))
    assert served["score"].notna().all()
    assert served["decision"].notna().all()
    assert dict(tally.served) == served["source"].value_counts().to_dict()
    is_fallback = served["source"] == "fallback"
    assert (served["fallback_reason"].notna() == is_fallback).all()
    by_rule = served[served["source"].isin(["fallback", "control"])]
    assert (by_rule["score"] == 0.4).all()
    by_model = served[served["source"].isin(["champion", "canary"])]
    assert (by_model["score"] == by_model["model_score"]).all()
    assert by_model["version"].isin(able).all()
    assert by_model["reasons"].notna().all()
    if blocked:
        assert is_fallback.all()
    # Whoever scores has one row for every entity, where it serves and where it does not.
    for arm in plan.arms:
        of_arm = rows[rows["alias"] == arm.name]
        assert sorted(of_arm["entity"]) == sorted(served["entity"])
    if CHAMPION in able:
        of_champion = rows[(rows["version"] == CHAMPION)]
        assert sorted(of_champion["entity"]) == sorted(served["entity"])
        assert of_champion["model_score"].notna().all()


def test_an_entitys_share_is_the_same_every_night(
    models: dict[int, LoadedModel], lake: Any
) -> None:
    features, frozen_now = night(lake), definition()
    ready = {n: NightVersion(n, models[n], frozen_now, features.uri, aligned=False) for n in (1, 2)}

    def by_canary(as_of: datetime) -> set[str]:
        arm = Arm(name="canary:2", version=2, kind="canary", share=0.3, since=NIGHT)
        live = LiveState(model="m", as_of=as_of, champion=1, champion_since=NIGHT, arms=[arm])
        plan = Plan(live, Versions(ready), Fallback(RULE, 0.5, TYPES), None, Score())
        batches = list(log_rows(plan, frozen_now, features, lake=lake, tally=Tally()))
        rows = pa.Table.from_batches(batches).to_pandas()
        return set(rows.loc[rows["source"] == "canary", "entity"])

    first = by_canary(NIGHT)
    assert first
    assert by_canary(NIGHT + timedelta(days=3)) == first


def test_shares_that_cannot_be_kept_leave_all_to_the_champion(
    models: dict[int, LoadedModel], lake: Any
) -> None:
    features, frozen_now = night(lake), definition()
    ready = {n: NightVersion(n, models[n], frozen_now, features.uri, aligned=False) for n in (1, 2)}
    arm = Arm(name="canary:2", version=2, kind="canary", share=0.8, since=NIGHT)
    live = LiveState(model="m", as_of=NIGHT, champion=1, champion_since=NIGHT, arms=[arm])
    versions = Versions(ready)
    plan = Plan(live, versions, Fallback(RULE, 0.5, TYPES), None, Score(control_share=0.5))
    tally = Tally()
    list(log_rows(plan, frozen_now, features, lake=lake, tally=tally))
    assert "canary" not in tally.served
    assert "add up to more than the whole" in versions.problems[2]
