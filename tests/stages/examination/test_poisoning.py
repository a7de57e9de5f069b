"""What somebody wrote into the training rows, looked for in real flights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.real_flights import TYPES, definition, flights, midnight
from tests.gates.evidence import evidence
from tradewind.errors import EvidenceError
from tradewind.gates.poisoning import check
from tradewind.learning.splits import split_frame
from tradewind.stages._case import Case
from tradewind.stages.examination._planted import planted_patterns
from tradewind.stages.examination._training import training_of
from tradewind.stages.examination.poisoning import TASK, _repeats, gather

AS_OF = midnight(2013, 5)
JUDGE = midnight(2013, 4)
SEEN = {
    name: TYPES[name]
    for name in ("carrier", "origin", "departure_minute", "distance", "precip", "pressure")
}


def model(**gate):
    return definition(
        features={"types": SEEN},
        gates={"poisoning": {"rows": 20_000, "least_rows": 200, **gate}},
        metrics={"resample": {"draws": 200}},
    )


def known():
    frame = flights()
    return frame[frame["prediction_time"] < AS_OF].iloc[::2].reset_index(drop=True)


def case_of(frame, asked=None, *, as_of=AS_OF):
    """What the screens look at: rows, and no candidate."""
    asked = asked or model()
    split = split_frame(frame, asked, as_of=as_of)
    nobody = {"scorer": None, "answers": {}, "judged": None, "thresholds": {}}
    return Case(model=asked, split=split, evidence=evidence(), trained=None, **nobody)


def ask(case):
    found = gather(case).model_dump(mode="json")
    return check(evidence(findings={"poisoning": found}), case.model)


def told(result):
    return [line["looked at"] for line in result.table if line["holds"] == "no"]


def turned(frame, rows):
    return frame.assign(label=np.where(rows, ~frame["label"], frame["label"]))


def between(frame, first, last):
    return (frame["prediction_time"] >= first) & (frame["prediction_time"] < last)


@pytest.fixture(scope="module")
def clean():
    return gather(case_of(known()))


def test_it_learns_again_and_runs_beside_what_else_does():
    assert TASK == "refit"


def test_clean_flights_pass_and_every_row_is_counted(clean):
    asked = model()
    found = clean.model_dump(mode="json")
    result = check(evidence(findings={"poisoning": found}), asked)
    assert result.outcome == "passed", told(result)
    split = case_of(known()).split
    assert clean.rows == len(split.fit) + len(split.select)
    assert clean.learned == 20_000
    assert (clean.batch_days, clean.batches.looked_at) == (7, 13)
    assert clean.harm.rows == len(split.select)
    assert clean.categories.looked_at + clean.categories.small == 15 + 3
    assert clean.patterns.tried == min(clean.patterns.pure, 100)
    for part in (*clean.batches.worst, *clean.categories.worst):
        assert 0 <= part.between[0] <= part.share <= part.between[1] <= 1
    for rare in clean.patterns.worst:
        assert 0 <= rare.between[0] < rare.expected < rare.between[1] <= 1
        assert 20 <= rare.days <= rare.rows
    week = between(known(), midnight(2013, 3, 25), JUDGE)
    assert clean.repeats.rows == pytest.approx(week.sum(), rel=0.02)


def test_a_week_of_turned_labels_is_caught():
    frame = known()
    wrong = turned(frame, between(frame, midnight(2013, 3, 25), JUDGE))
    said = "batch that ended 0 days before the last: labels turned over"
    assert said in told(ask(case_of(wrong)))


def test_rows_told_over_and_over_with_a_little_noise_are_counted(clean):
    frame = known()
    week = np.flatnonzero(between(frame, midnight(2013, 3, 25), JUDGE))
    again = frame.iloc[np.repeat(week[::500], 40)]
    again = again.assign(flight=-np.arange(len(again)))
    again["pressure"] += np.random.default_rng(0).normal(scale=1e-4, size=len(again))
    asked = case_of(pd.concat([frame, again], ignore_index=True))
    repeats = _repeats(training_of(asked))
    assert repeats.share == pytest.approx(len(again) / (len(week) + len(again)), rel=0.1)
    found = clean.model_copy(update={"repeats": repeats}).model_dump(mode="json")
    result = check(evidence(findings={"poisoning": found}), asked.model)
    assert told(result) == ["newest batch: rows told several times"]


def in_all_weeks():
    """Flights of which an airline was turned over, and a rare value planted."""
    frame = known()
    wrong = turned(frame, frame["carrier"] == "UA")
    chosen = np.random.default_rng(0).random(len(wrong)) < 0.01
    wrong["precip"] = np.where(chosen, 0.777, wrong["precip"])
    return wrong.assign(label=wrong["label"] & ~chosen)


def test_an_airline_of_turned_labels_and_a_planted_value_are_caught():
    signs = told(ask(case_of(in_all_weeks())))
    assert "category carrier = UA: labels turned over" in signs
    assert "precip = 0.777: how often so pure by chance" in signs


def test_behind_a_planted_value_models_expect_what_is_usual_and_its_days_say_how_surely():
    frame, draw = known(), np.random.default_rng(0).random(len(known()))
    never, always = draw < 0.01, draw > 0.99
    frame["distance"] = np.where(never, 733.5, frame["distance"])
    frame["pressure"] = np.where(always, 1015.55, frame["pressure"])
    frame = frame.assign(label=(frame["label"] & ~never) | always)
    training = training_of(case_of(frame))
    told = {one.words: one for one in planted_patterns(training).worst}
    late = training.label.mean()
    for name, value, label, usual in (
        ("distance", 733.5, 0, 1 - late),
        ("pressure", 1015.55, 1, late),
    ):
        own = told[f"{name} = {value:g}"]
        assert (own.label, own.pure) == (label, 1.0)
        assert own.expected == pytest.approx(usual, abs=0.06)
        assert 0.005 < own.between[1] - own.between[0] < 0.1
        rows = training.features[name] == value
        assert (own.rows, own.days) == (rows.sum(), len(np.unique(training.day[rows])))


def test_a_feature_whose_rare_values_are_expected_to_be_pure_is_left_out_and_named():
    asked = model(expected={"precip": "a gauge that tells of hail in its last digits"})
    patterns = planted_patterns(training_of(case_of(in_all_weeks(), asked)))
    assert patterns.left_out == ["precip"]
    assert not [one for one in patterns.worst if "precip" in one.words]


def test_a_newest_batch_that_teaches_the_contrary_is_caught():
    frame = known()
    frame = frame[frame["prediction_time"] >= midnight(2013, 2, 10)]
    newest = between(frame, midnight(2013, 3, 6), midnight(2013, 3, 11))
    early = frame["departure_minute"] < 800
    result = ask(case_of(frame.assign(label=np.where(newest, early, frame["label"]))))
    assert "newest batch: loss that it surely adds" in told(result)


def test_a_regression_is_screened_by_what_is_in_the_upper_quarter():
    asked = definition(
        problem="regression",
        features={"types": SEEN},
        train={
            "search": {"trials": 1},
            "candidates": {"linear": {"estimator": "sklearn.linear_model.Ridge"}},
        },
    )
    frame = known().assign(label=lambda f: f["arr_delay"])
    training = training_of(case_of(frame, asked))
    assert set(np.unique(training.label)) == {0.0, 1.0}
    assert training.label.mean() == pytest.approx(0.25, abs=0.02)


def test_batches_are_whole_days_and_the_newest_ends_with_the_last():
    training = training_of(case_of(known()))
    days = pd.Series(training.day).groupby(training.batch).agg(["min", "max"])
    assert days["max"].iloc[-1] == training.day.max()
    assert (days["max"] - days["min"]).iloc[1:].eq(6).all()
    assert list(days.index) == list(range(len(days)))


def test_rows_of_too_few_days_cannot_be_held_against_each_other():
    # Eighteen days: twelve to select on, six to fit on.
    frame = known()
    short = frame[frame["prediction_time"] >= midnight(2013, 3, 14)]
    asked = model().model_copy(
        update={"train": definition(train={"select_days": 12}).train},
    )
    with pytest.raises(EvidenceError, match="are of 18 days: fewer than 20"):
        gather(case_of(short, asked))
