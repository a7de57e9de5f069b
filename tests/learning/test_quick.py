"""Quick models that are asked about rows they have not seen, and blind to some of their values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tradewind.learning.alone import alone
from tradewind.learning.quick import QuickRows, beside, out_of_fold
from tradewind.stores.casting import cast_features

TYPES = {"carrier": "categorical", "hour": "numeric", "rain": "boolean"}


def made_up(rows=3_000, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "B6", "UA"], rows),
            "hour": random.uniform(0, 24, rows),
            "rain": random.random(rows) < 0.2,
        }
    )
    late = 0.1 + 0.3 * (frame["hour"] > 15) + 0.3 * (frame["carrier"] == "UA")
    label = (random.random(rows) < late).astype(float).to_numpy(copy=True)
    return QuickRows.of(cast_features(frame, TYPES), TYPES), label, frame


@pytest.fixture(scope="module")
def asked():
    rows, label, frame = made_up()
    block = np.arange(len(label)) // 100
    return rows, label, frame, out_of_fold(rows, label, block, most=10_000, seed=0)


def test_numbers_come_first_and_categories_as_codes(asked):
    rows = asked[0]
    assert rows.names == ("hour", "rain", "carrier")
    assert rows.codes == 1
    assert set(np.unique(rows.matrix[:, 2])) == {0, 1, 2}


def test_each_row_is_answered_by_the_model_that_has_not_seen_its_block(asked):
    rows, _, _, models = asked
    every = np.arange(len(models.fold))
    assert np.bincount(models.fold).tolist() == [1000, 1000, 1000]
    answers = models.ask(every)
    for number, model in enumerate(models.models):
        own = np.flatnonzero(models.fold == number)
        assert answers[own] == pytest.approx(rows.ask(model, own))
    few = np.array([2_950, 5, 120])
    assert models.ask(few) == pytest.approx(answers[few])


def test_it_has_learned_something_of_rows_that_it_has_not_seen(asked):
    _, label, frame, models = asked
    answers = models.ask(np.arange(len(label)))
    late = (frame["hour"] > 15).to_numpy()
    assert answers[late].mean() - answers[~late].mean() == pytest.approx(0.3, abs=0.05)


def test_without_a_category_nothing_is_told_apart_by_it(asked):
    _, label, frame, models = asked
    every = np.arange(len(label))
    of = {
        carrier: models.ask(every, without=without)[(frame["carrier"] == carrier).to_numpy()].mean()
        for carrier in ("AA", "UA")
        for without in (["carrier"],)
    }
    assert of["UA"] == pytest.approx(of["AA"], abs=0.03)
    whole = models.ask(every)
    assert whole[(frame["carrier"] == "UA").to_numpy()].mean() > of["UA"] + 0.1


def test_one_planted_value_is_not_known_from_beside_it():
    rows, label, _ = made_up()
    planted = np.flatnonzero(np.random.default_rng(1).random(len(label)) < 0.05)
    rows.matrix[planted, 0] = 12.5
    label[planted] = 1
    models = out_of_fold(rows, label, np.arange(len(label)) // 100, most=10_000, seed=0)
    assert models.ask(planted).mean() > 0.7
    assert models.ask(planted, without=["hour"]).mean() < 0.4


def test_what_is_asked_leaves_the_rows_as_they_are(asked):
    rows, _, _, models = asked
    before = rows.matrix.copy()
    models.ask(np.arange(50), without=["hour", "carrier"])
    assert np.array_equal(before, rows.matrix)


def test_more_rows_than_are_allowed_are_thinned_evenly():
    rows, label, _ = made_up()
    half = rows.learn(np.arange(len(label)), label, most=30, seed=0)
    same = rows.learn(np.linspace(0, len(label) - 1, 30).astype(int), label, most=30, seed=0)
    every = np.arange(100)
    assert np.array_equal(rows.ask(half, every), rows.ask(same, every))


def test_without_both_labels_there_is_nothing_to_learn():
    rows, label, _ = made_up()
    assert out_of_fold(rows, np.zeros_like(label), np.arange(3_000) // 9, most=99, seed=0) is None


def test_a_column_without_a_single_value_tells_nothing():
    rows, label, _ = made_up()
    rows.matrix[:, 0] = np.nan
    models = out_of_fold(rows, label, np.arange(len(label)) // 100, most=10_000, seed=0)
    answers = models.ask(np.arange(len(label)), without=["hour"])
    assert answers == pytest.approx(models.ask(np.arange(len(label))))


def test_numbers_are_moved_to_either_side_and_at_an_end_to_the_one_there_is():
    ranks = np.linspace(0, 1000, 201)
    below, above = beside(np.array([500.0, 0.0, 1000.0, np.nan]), ranks)
    assert below.tolist() == [480.0, 20.0, 980.0, 500.0]
    assert above.tolist() == [520.0, 20.0, 980.0, 500.0]


def test_a_column_of_one_value_stays_as_it_is():
    below, above = beside(np.array([3.0]), np.full(201, 3.0))
    assert (below.tolist(), above.tolist()) == ([3.0], [3.0])


def test_a_feature_alone_answers_with_the_mean_of_its_bin():
    column = pd.Series(np.repeat([0.0, 1.0], 500))
    label = np.repeat([0.0, 1.0], [400, 600])
    answers = alone(column, label, pd.Series([0.0, 1.0, np.nan]), kind="numeric")
    assert answers.tolist() == pytest.approx([112 / 520, 512 / 520, 0.6])


def test_a_missing_number_is_a_bin_of_its_own():
    column = pd.Series([np.nan] * 100 + [5.0] * 100)
    label = np.repeat([1.0, 0.0], 100)
    answers = alone(column, label, pd.Series([np.nan, 5.0]), kind="numeric")
    assert answers[0] > 0.9
    assert answers[1] < 0.1


def test_a_category_that_was_never_seen_has_the_overall_mean():
    column = pd.Series(["AA", "AA", "UA", None] * 50, dtype=object)
    label = np.array([1.0, 0.0, 1.0, 0.0] * 50)
    answers = alone(column, label, pd.Series(["UA", None, "ZZ"], dtype=object), kind="categorical")
    assert answers.tolist() == pytest.approx([60 / 70, 10 / 70, 0.5])
