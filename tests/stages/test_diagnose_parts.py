"""Planted causes are found: on rows whose truth is known, and on real flights."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.fixtures import real_flights
from tests.learning import frames
from tradewind.errors import EvidenceError
from tradewind.learning.importance import importance_of
from tradewind.reports.diagnosed import lines_of
from tradewind.stages._diagnose_parts import weigh
from tradewind.stages._diagnose_rows import LastLook
from tradewind.stages.diagnose import diagnosis_of

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.diagnosis import Diagnosis

DAYS = 28
# Of 100 such pairs none is said to have changed, and no feature and no slice is named.
SEEDS = 30
LATER = frames.AS_OF + timedelta(days=DAYS)


def told(
    model: ModelDefinition,
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    importance: dict[str, float] | None = None,
) -> Diagnosis:
    compared = weigh(model, reference, recent, importance=importance or {})
    return diagnosis_of(compared, LastLook(3, LATER, ""), as_of=LATER)


# --------------------------------------------------------------- rows whose truth is known


def definition(**changes: Any) -> ModelDefinition:
    return frames.definition(**{"metrics": {"resample": {"draws": 200}}, **changes})


def stretch(
    seed: int,
    *,
    end: Any = frames.AS_OF,
    delay: float = 0.0,
    worse: float = 0.0,
    rows_a_day: int = 90,
) -> pd.DataFrame:
    """Flights that are the later the greater `delay`; the model knows how, but for UA's `worse`."""
    frame = frames.feature_set(days=DAYS, rows_a_day=rows_a_day, seed=seed, end=end)
    random = np.random.default_rng(seed)
    moved = frame["delay"] + delay
    said = 1.2 * moved - 2.0
    chance = 1 / (1 + np.exp(-(said + worse * (frame["carrier"] == "UA"))))
    label = pd.Series(random.random(len(frame)) < chance).astype(object)
    return frame.assign(delay=moved, label=label, score=1 / (1 + np.exp(-said)))


def test_where_only_the_inputs_moved_it_comes_from_them():
    found = told(definition(), stretch(1), stretch(2, end=LATER, delay=1.0))
    assert found.changed
    assert found.parts.inputs is not None
    assert found.parts.inputs.value >= 0.8 * found.parts.total.value
    assert found.features[0].feature == "delay"
    assert found.features[0].clear
    assert found.parts.relation is not None
    assert found.parts.relation.low < 0 < found.parts.relation.high
    assert "retraining will hardly help" in " ".join(found.suggests)
    assert "Look at what feeds delay" in " ".join(found.suggests)


def test_where_only_the_relation_changed_it_comes_from_it_and_the_slice_is_named():
    found = told(definition(), stretch(1), stretch(2, end=LATER, worse=2.5))
    assert found.changed
    assert found.parts.relation is not None
    assert found.parts.relation.value >= 0.8 * found.parts.total.value
    assert found.slices[0].name == "carrier is UA"
    assert found.slices[0].stands_out
    assert found.slices[0].contribution >= 0.8 * found.parts.relation.value
    assert not any(one.clear for one in found.features)
    assert "look first at what is behind carrier is UA" in " ".join(found.suggests)


def test_a_relation_that_changed_alike_everywhere_has_no_slice_that_stands_out():
    train = {"candidates": {"linear": {"estimator": "sklearn.linear_model.Ridge"}}}
    model = definition(problem="regression", train=train)
    random = np.random.default_rng(0)
    told_of = {
        noise: stretch(seed, end=end).assign(
            score=lambda rows: rows["delay"],
            label=lambda rows, noise=noise: rows["delay"] + random.normal(0, noise, len(rows)),
        )
        for seed, noise, end in ((1, 1.0, frames.AS_OF), (2, 1.5, LATER))
    }
    found = told(model, told_of[1.0], told_of[1.5])
    assert found.metric == "squared_error"
    assert found.parts.relation is not None
    assert found.parts.relation.value == pytest.approx(1.25, abs=0.15)
    assert not any(one.stands_out for one in found.slices)
    assert all(one.change.value > 0.5 for one in found.slices)
    assert "about alike everywhere" in " ".join(found.suggests)


def test_both_causes_are_told_apart():
    found = told(definition(), stretch(1), stretch(2, end=LATER, delay=0.7, worse=2.5))
    inputs = told(definition(), stretch(1), stretch(2, end=LATER, delay=0.7)).parts.inputs
    assert inputs is not None
    assert found.parts.inputs is not None
    assert found.parts.relation is not None
    assert found.parts.inputs.value == pytest.approx(inputs.value, abs=0.02)
    assert found.features[0].feature == "delay"
    assert found.slices[0].name == "carrier is UA"
    assert len(found.suggests) == 2


def test_where_nothing_changed_that_is_said_first_and_the_parts_are_shown():
    found = told(definition(), stretch(1), stretch(2, end=LATER))
    assert not found.changed
    assert "did not change beyond what days vary by" in found.told[0]
    assert len(found.told) == 3
    assert found.suggests == ["The loss did not rise: nothing is to be mended on this account."]
    assert not any(one.stands_out for one in found.slices)
    assert not any(one.clear for one in found.features)


def test_a_slice_that_does_worse_is_named_though_the_whole_did_not_rise():
    found = told(definition(), stretch(1), stretch(2, end=LATER, delay=-1.5, worse=2.5))
    assert found.parts.total.low <= 0
    (said,) = found.suggests
    assert said.startswith("The loss as a whole did not rise, but look first at what is behind ")
    assert "carrier is UA" in said


def test_what_is_claimed_where_nothing_changed_is_claimed_as_seldom_as_stated():
    model = definition()
    claims = {"total": 0, "features": 0, "slices": 0}
    for seed in range(SEEDS):
        reference = stretch(2 * seed, rows_a_day=25)
        found = told(model, reference, stretch(2 * seed + 1, end=LATER, rows_a_day=25))
        claims["total"] += found.changed
        claims["features"] += any(one.clear for one in found.features)
        claims["slices"] += any(one.stands_out for one in found.slices)
    most = binom.ppf(0.999, SEEDS, 0.05)
    assert {name: count for name, count in claims.items() if count > most} == {}


def test_without_shared_ground_nothing_is_guessed():
    found = told(definition(), stretch(1), stretch(2, end=LATER, delay=9.0))
    assert (found.parts.inputs, found.parts.relation) == (None, None)
    assert found.told[1].startswith("inputs and relation cannot be told apart: only ")
    assert (found.features, found.slices) == ([], [])
    assert found.new_ground_rows > 0.8 * found.recent.rows


def test_new_ground_is_a_part_by_itself():
    recent = stretch(2, end=LATER)
    new = np.random.default_rng(0).random(len(recent)) < 0.3
    recent.loc[new, "carrier"] = "XX"
    recent.loc[new, "label"] = True
    found = told(definition(), stretch(1), recent)
    assert found.new_ground_rows == pytest.approx(new.sum(), rel=0.05)
    assert found.parts.new_ground.value >= 0.8 * found.parts.total.value
    assert found.suggests == [
        "There is new ground: a training helps once its window holds labelled rows of these kinds."
    ]


def test_the_parts_and_the_features_add_up():
    found = told(definition(), stretch(1), stretch(2, end=LATER, delay=0.7, worse=1.0))
    assert found.parts.inputs is not None
    assert found.parts.relation is not None
    whole = found.parts.inputs.value + found.parts.relation.value + found.parts.new_ground.value
    assert whole == pytest.approx(found.parts.total.value)
    features = sum(one.change.value for one in found.features) + found.features_together
    assert features == pytest.approx(found.parts.inputs.value)


def test_the_order_of_the_rows_changes_nothing():
    reference, recent = stretch(1), stretch(2, end=LATER, delay=0.7, worse=1.0)
    mixed = told(
        definition(),
        reference.sample(frac=1, random_state=0),
        recent.sample(frac=1, random_state=1),
    )
    straight = told(definition(), reference, recent)
    for part in ("total", "inputs", "relation", "new_ground"):
        was, now = (getattr(one.parts, part).model_dump() for one in (straight, mixed))
        assert now == pytest.approx(was, abs=1e-9)
    assert mixed.told == straight.told


def test_features_that_hardly_matter_are_left_out_and_named():
    model = definition()
    shares = {"delay": 0.9, "carrier": 0.09, "distance": 0.009, "weekend": 0.001}
    found = told(model, stretch(1), stretch(2, end=LATER), shares)
    assert {one.feature for one in found.features} == {"delay", "carrier"}
    assert found.left_out == ["distance", "weekend"]


@pytest.mark.parametrize(
    ("decides", "metric"),
    [("brier", "brier"), ("log_loss", "log_loss"), ("roc_auc", "log_loss")],
)
def test_what_is_taken_apart_is_the_deciding_loss_if_it_is_a_mean_over_rows(decides, metric):
    model = definition(metrics={"decides": decides, "resample": {"draws": 200}})
    found = told(model, stretch(1), stretch(2, end=LATER))
    assert (found.metric, found.deciding) == (metric, decides)
    said = f"{decides}, which decides, is no mean over rows and cannot be taken apart so."
    assert any(said in line for line in lines_of(found)) == (metric != decides)


def test_declared_slices_are_looked_at_and_a_column_that_is_not_there_is_said_to_be_so():
    model = definition(
        features={"types": dict(frames.TYPES), "protected": ["tier"]},
        monitor={"performance": {"slices": ["weekend"]}},
    )
    found = told(model, stretch(1), stretch(2, end=LATER), {"delay": 1.0})
    declared = {one.name for one in found.slices if one.origin == "declared"}
    assert declared == {"weekend is true", "weekend is false"}
    assert found.unknown["tier"] == "one of the stretches does not have this column"


def test_too_few_days_are_said_to_be_so():
    recent = stretch(2, end=LATER)
    few = recent[recent["prediction_time"] > LATER - timedelta(days=10)]
    with pytest.raises(EvidenceError, match=r"the recent stretch has matured rows of 1\d days"):
        told(definition(), stretch(1), few)


# --------------------------------------------------------------------------------- real flights


def encoded(frame: pd.DataFrame) -> pd.DataFrame:
    every, types = real_flights.flights(), real_flights.TYPES
    names = {name: sorted(every[name].unique()) for name in types if types[name] == "categorical"}
    words = {name: pd.Categorical(frame[name], categories=names[name]) for name in names}
    return frame[list(types)].assign(**words)


@cache
def real() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """The odd and the even days of four months, scored by a model of the two months before."""
    every = real_flights.flights()
    start, end = real_flights.midnight(2013, 3), real_flights.midnight(2013, 7)
    fit = every[every["prediction_time"] < start]
    model = HistGradientBoostingClassifier(
        max_iter=60, min_samples_leaf=400, categorical_features="from_dtype", random_state=0
    ).fit(encoded(fit), fit["label"])
    frame = every[(every["prediction_time"] >= start) & (every["prediction_time"] < end)].iloc[::2]

    def score(rows: pd.DataFrame) -> np.ndarray:
        return model.predict_proba(encoded(rows))[:, 1]

    frame = frame.assign(score=score(frame))
    label = frame["label"].to_numpy(dtype=np.float64)
    features = frame[list(real_flights.TYPES)]
    shares = importance_of(score, features, label, problem="binary", seed=0)
    local = frame["prediction_time"].dt.tz_convert(real_flights.ZONE)
    odd = (local.dt.day_of_year % 2 == 1).to_numpy()
    return frame[odd].reset_index(drop=True), frame[~odd].reset_index(drop=True), shares


def of_flights(recent: pd.DataFrame) -> Diagnosis:
    reference, _, shares = real()
    return told(real_flights.definition(), reference, recent, shares)


@cache
def as_they_were() -> Diagnosis:
    return of_flights(real()[1])


def resampled(recent: pd.DataFrame, more: pd.Series) -> pd.DataFrame:
    """Rows drawn again, those of one kind five times as often, each on its own day."""
    random = np.random.default_rng(0)
    chance = np.where(more, 5.0, 1.0)
    drawn = np.sort(random.choice(len(recent), len(recent), p=chance / chance.sum()))
    return recent.iloc[drawn].reset_index(drop=True)


def test_every_other_day_of_the_same_months_is_no_change():
    found = as_they_were()
    assert not found.changed
    assert not any(one.stands_out for one in found.slices)


def test_flights_of_one_carrier_that_come_out_otherwise_are_found():
    recent = real()[1]
    turned = (recent["carrier"] == "EV") & (np.random.default_rng(0).random(len(recent)) < 0.6)
    label = recent["label"].astype(bool)
    found = of_flights(recent.assign(label=label.where(~turned, ~label)))
    assert found.parts.relation is not None
    assert as_they_were().parts.relation is not None
    planted = found.parts.total.value - as_they_were().parts.total.value
    rise = found.parts.relation.value - as_they_were().parts.relation.value
    assert rise >= 0.8 * planted
    assert found.slices[0].name == "carrier is EV"
    assert found.slices[0].stands_out


@pytest.mark.parametrize(
    ("kind", "feature", "clear"),
    [
        pytest.param(lambda rows: rows["departure_minute"] >= 17 * 60, "departure_minute",
                     True, id="evening"),
        # Its days differ too much to be clear among the errors of all features.
        pytest.param(lambda rows: rows["carrier"] == "EV", "carrier", False, id="carrier"),
    ],
)  # fmt: skip
def test_more_flights_of_a_harder_kind_are_found_to_be_other_inputs(kind, feature, clear):
    recent = real()[1]
    found = of_flights(resampled(recent, kind(recent)))
    assert found.parts.inputs is not None
    assert as_they_were().parts.inputs is not None
    planted = found.parts.total.value - as_they_were().parts.total.value
    rise = found.parts.inputs.value - as_they_were().parts.inputs.value
    assert planted > 0.02
    assert rise >= 0.8 * planted
    assert found.features[0].feature == feature
    assert found.features[0].clear == clear
