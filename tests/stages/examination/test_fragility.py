"""Real models of real flights with a spoilt input: those that bear it, and those that do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.real_flights import BOOSTING, TYPES, definition, flights, midnight
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates.fragility import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.fragility import SEARCHED, TASK, gather

if TYPE_CHECKING:
    from tradewind.gates.fragility import Fault, Found
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)
CANDIDATES: dict[str, Any] = {
    "boosting": BOOSTING,
    "by_heart": {
        "estimator": "sklearn.tree.DecisionTreeClassifier",
        "params": {"min_samples_leaf": 5},
    },
}
FEW_DRAWS = {"resample": {"draws": 200}}


@cache
def spring() -> pd.DataFrame:
    frame, times = flights(), flights()["prediction_time"]
    return frame[(times >= midnight(2013, 3)) & (times < JULY)]


@cache
def fitted(kind: str):
    train = {"search": {"trials": 1, "rows": 40_000}, "candidates": {kind: CANDIDATES[kind]}}
    return fit_model(definition(train=train), spring(), as_of=JULY)


def case(kind: str = "boosting", spoil: Any = None, **gates: Any) -> Case:
    # By the ranking: by the log loss a tree that learned by heart has nothing to lose.
    metrics = {"decides": "roc_auc", **FEW_DRAWS}
    few = {} if spoil is None else {"rows": 1_000}
    model = definition(metrics=metrics, gates={"fragility": {**few, **gates}})
    return case_of(model, spring(), as_of=JULY, fitted=fitted(kind), spoil=spoil)


def asked(one: Case, found: Found | None = None) -> GateResult:
    told = {"fragility": (found or gather(one)).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), one.model)


def faults_of(one: Case) -> dict[str, Fault]:
    return {fault.name: fault for fault in gather(one).faults}


@dataclass(frozen=True)
class Says:
    """Whoever answers by a rule of its own."""

    rule: Any

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"score": self.rule(frame, np.zeros(len(frame)))})


def about(rule: Any, label: Any) -> Case:
    """Somebody who answers by a rule about a label, and a naive rule that tosses a coin."""
    one = replace(case(spoil=rule), scorer=Says(rule))
    select, judge = one.split.select, one.split.judge
    split = replace(
        one.split, select=select.assign(label=label(select)), judge=judge.assign(label=label(judge))
    )
    return replace(one, split=split, answers={**one.answers, "naive": np.full(len(judge), 0.5)})


def goes_far(frame: pd.DataFrame) -> np.ndarray:
    return (frame["distance"] > 1_000).to_numpy()


def knows_how_far(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
    """Sure of it as long as it is told the distance; tosses a coin where it is not."""
    return np.where(frame["distance"].notna(), np.where(goes_far(frame), 0.9, 0.1), 0.5)


def test_it_is_looked_for_by_the_probe():
    assert TASK == "probe"


def test_a_real_boosting_model_bears_every_fault():
    one = case()
    found = gather(one)
    result = asked(one, found)
    assert result.outcome == "passed", result.sentence
    assert [one.name for one in found.faults] == ["noise", "missing", "swapped", "unseen", "stale"]
    assert found.features[0] == "departure_minute"
    assert 2_500 < found.rows <= 5_000
    assert found.search.rows <= SEARCHED
    assert found.untried == {}
    carried = found.carried
    assert carried.share.value == pytest.approx(sum(one.importance[n] for n in found.features))
    assert 0 <= carried.share.low < carried.share.value < carried.share.high <= 1
    select = one.split.select
    assert carried.rows == len(select.iloc[:: -(-len(select) // 2_000)])
    assert carried.units == 21
    for share in found.search.sooner.values():
        assert share.low <= share.value <= found.search.turned.value
    assert "as it was 1 day before" in found.faults[-1].told


def test_a_select_stretch_of_a_single_day_says_little_of_importance_and_stops_nobody():
    one = case(rows=1_000)
    select = one.split.select
    day = select[one.select.days == one.select.days[-1]]
    told = gather(replace(one, split=replace(one.split, select=day))).carried
    assert (told.units, told.share.low, told.share.high) == (1, 0.0, 1.0)


def test_the_same_candidate_is_found_the_same_twice():
    one = about(knows_how_far, goes_far)
    assert gather(one) == gather(one)


def test_a_tree_that_learned_its_rows_by_heart_blocks():
    result = asked(case("by_heart"))
    assert result.outcome == "blocked"
    assert "search turns" in result.sentence


def test_a_model_that_hangs_on_one_number_blocks_when_that_is_missing():
    frame = spring()
    noise = np.random.default_rng(5).normal(0, 0.2, len(frame))
    frame = frame.assign(hint=frame["label"].to_numpy(dtype=float) + noise)
    model = definition(
        features={"types": {**TYPES, "hint": "numeric"}},
        train={"search": {"trials": 1, "rows": 30_000}, "candidates": {"boosting": BOOSTING}},
        metrics=FEW_DRAWS,
        gates={"fragility": {"rows": 1_000}},
    )
    result = asked(case_of(model, frame, as_of=JULY))
    assert result.outcome == "blocked"
    assert "features (hint;" in result.sentence
    assert "missing costs" in result.sentence


def test_a_decision_that_any_mile_may_turn_is_found_by_the_search():
    def by_the_mile(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return np.where(frame["distance"].to_numpy() % 2 == 0, 0.1, 0.9)

    one = about(by_the_mile, lambda frame: frame["distance"] % 2 == 1)
    found = gather(one)
    assert found.search.turned.value > 0.5
    assert "distance" in found.search.example
    assert asked(one, found).outcome == "blocked"


def test_whoever_keeps_nothing_of_its_advantage_loses_the_whole_of_its_worth():
    lost = faults_of(about(knows_how_far, goes_far))["missing"].lost
    assert (lost.value, lost.low, lost.high) == pytest.approx((1.0, 1.0, 1.0))


def test_the_more_features_carry_a_model_the_less_one_of_them_costs():
    def knows_both(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        far = np.where(goes_far(frame) & frame["distance"].notna(), 0.45, 0.05)
        early = np.where((frame["departure_minute"] < 600).to_numpy(), 0.45, 0.05)
        return far + early

    def both_are_so(frame: pd.DataFrame) -> np.ndarray:
        return goes_far(frame) & (frame["departure_minute"] < 600).to_numpy()

    both = about(knows_both, both_are_so)
    assert faults_of(both)["missing"].lost.value < 0.9


def test_where_everything_is_decided_for_decisions_are_looked_at_where_labels_part():
    one = case(rows=1_000)
    always = replace(one, thresholds={**one.thresholds, "candidate": 0.0})
    found = gather(always)
    score = one.players["candidate"].score
    assert np.mean(score >= found.level) == pytest.approx(one.rows["label"].mean(), abs=0.03)
    assert all(fault.moved.value > 0 for fault in found.faults)
    assert "It decides the same of nearly every row" in asked(always, found).sentence
    assert gather(one).level is None


def test_without_an_advantage_there_is_nothing_to_lose_and_it_is_not_found():
    def upside_down(_frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        return 1 - score

    with pytest.raises(EvidenceError, match="no better than the naive rule's on these rows"):
        gather(case(spoil=upside_down))


def test_a_model_to_which_nothing_matters_is_not_found():
    def deaf(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return np.linspace(0.1, 0.9, len(frame))

    with pytest.raises(EvidenceError, match="no feature matters to the candidate"):
        gather(case(spoil=deaf))


def test_faults_that_no_important_feature_can_have_are_said_to_be_untried():
    found = gather(about(knows_how_far, goes_far))
    assert found.features == ["distance"]
    assert [fault.name for fault in found.faults] == ["noise", "missing", "stale"]
    assert found.untried.keys() == {"swapped", "unseen"}

    def by_carrier(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return np.where(frame["carrier"] == "UA", 0.9, 0.1)

    found = gather(about(by_carrier, lambda frame: frame["carrier"] == "UA"))
    assert (found.features, found.search) == (["carrier"], None)
    assert found.untried.keys() == {"noise", "search"}
    assert [fault.name for fault in found.faults] == ["missing", "swapped", "unseen", "stale"]


def test_a_prediction_is_moved_far_by_half_a_standard_deviation_of_the_label():
    def minutes(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return frame["departure_minute"].fillna(800).to_numpy() / 20

    ridge = {"estimator": "sklearn.linear_model.Ridge"}
    model = definition(
        problem="regression",
        train={"search": {"trials": 1, "rows": 5_000}, "candidates": {"ridge": ridge}},
        metrics=FEW_DRAWS,
        gates={"fragility": {"rows": 1_000}},
    )
    frame = spring()
    frame = frame.assign(label=frame["arr_delay"].to_numpy(dtype=float))
    one = case_of(model, frame, as_of=JULY, spoil=minutes)
    lifted = {**one.answers, "naive": np.full(len(one.split.judge), -60.0)}
    found = gather(replace(one, answers=lifted, scorer=Says(minutes)))
    assert found.features == ["departure_minute"]
    moved = {fault.name: fault.moved.value for fault in found.faults}["missing"]
    sample = one.rows["departure_minute"].to_numpy()[:: -(-len(one.rows) // 1_000)]
    far = np.abs(sample - 800) / 20 >= 0.5 * one.rows["label"].std(ddof=0)
    assert moved == pytest.approx(far.mean())
    assert "`turns` of predictions far away" in asked(one, found).sentence
