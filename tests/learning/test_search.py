from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.errors import DefinitionError, SearchTimeoutError
from tradewind.learning.fit import fit_model
from tradewind.learning.sample import Sample
from tradewind.learning.search import draw_trials, plan_rungs

GRID = {"learning_rate": [0.05, 0.1, 0.3], "max_leaf_nodes": [3, 5, 7]}


def _train(**changes: Any) -> dict[str, Any]:
    return {**frames.body()["train"], **changes}


def _candidates(grid: dict[str, list[Any]]) -> dict[str, Any]:
    base = frames.body()["train"]["candidates"]
    return {"boosting": {**base["boosting"], "search": grid}, "linear": base["linear"]}


@given(trials=st.integers(1, 300), rows=st.integers(1, 500_000))
def test_each_rung_halves_the_trials_and_the_last_sees_every_row(trials: int, rows: int) -> None:
    rungs = plan_rungs(trials, rows=rows)
    assert rungs[0].configurations == trials
    assert rungs[-1].rows == rows
    counts = [rung.configurations for rung in rungs]
    assert counts == sorted(counts, reverse=True)
    assert [r.rows for r in rungs] == sorted(r.rows for r in rungs)
    assert counts[-1] <= 3 or rungs[0].rows < 6_000


def test_few_rows_are_not_cut_further() -> None:
    assert len(plan_rungs(27, rows=3_000)) == 1
    assert [(r.configurations, r.rows) for r in plan_rungs(8, rows=90_000)] == [
        (8, 30_000),
        (3, 90_000),
    ]


@given(budget=st.integers(2, 20))
def test_every_candidate_has_a_trial_and_the_budget_is_kept(budget: int) -> None:
    model = frames.definition(train=_train(search={"trials": budget}, candidates=_candidates(GRID)))
    trials = draw_trials(model)
    assert {t.candidate for t in trials} == {"boosting", "linear"}
    assert len(trials) == min(budget, 11)
    assert len({(t.candidate, str(t.params)) for t in trials}) == len(trials)


def test_the_same_seed_draws_the_same_configurations_and_another_draws_others() -> None:
    def drawn(seed: int) -> list[Any]:
        train = _train(search={"trials": 5}, candidates=_candidates(GRID), seed=seed)
        return [t.params for t in draw_trials(frames.definition(train=train))]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_fewer_trials_than_candidates_is_an_error() -> None:
    model = frames.definition(train=_train(search={"trials": 1}))
    with pytest.raises(DefinitionError, match="1 cannot give each of the 2 candidates"):
        draw_trials(model)


def test_a_candidate_that_is_not_declared_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(DefinitionError, match=r"'forest' is not declared.*boosting, linear"):
        draw_trials(frames.definition(), candidate="forest")


def test_one_candidate_alone_can_be_asked_for() -> None:
    assert {t.candidate for t in draw_trials(frames.definition(), candidate="linear")} == {"linear"}


def test_a_part_is_spread_over_time_and_keeps_a_rare_class() -> None:
    label = np.zeros(10_000, dtype=np.int8)
    label[[100, 9_000]] = 1
    days = np.arange(10_000) // 100
    whole = Sample(pd.DataFrame({"a": np.arange(10_000.0)}), label, days)
    part = whole.spread(1_000)
    assert part.label.sum() >= 1
    assert 990 <= len(part.label) <= 1_010
    assert part.features["a"].is_monotonic_increasing
    np.testing.assert_array_equal(part.days, part.features["a"] // 100)
    assert part.features["a"].min() < 100
    assert part.features["a"].max() > 9_900


def test_losers_keep_their_figures_and_the_winner_is_the_best_of_the_last_rung() -> None:
    train = _train(search={"trials": 9}, candidates=_candidates(GRID))
    frame = frames.feature_set(rows_a_day=120, days=115)
    found = fit_model(frames.definition(train=train), frame, as_of=AS_OF).found
    rungs = [len(t.scores) for t in found.trials]
    assert sorted(set(rungs)) == [1, 2]
    assert rungs.count(2) == 3
    finals = [t for t in found.trials if len(t.scores) == 2]
    assert found.winner.scores[-1] == min(t.scores[-1] for t in finals)
    assert all(t.rows[1] > 2.5 * t.rows[0] for t in finals)


def test_a_metric_that_grows_is_maximised() -> None:
    model = frames.definition(metrics={"decides": "roc_auc"})
    found = fit_model(model, frames.feature_set(), as_of=AS_OF).found
    assert found.winner.scores[-1] == max(t.scores[-1] for t in found.trials) > 0.7


def test_the_newest_rows_are_taken_within_the_budget() -> None:
    train = _train(search={"trials": 2, "rows": 1_000})
    fitted = fit_model(frames.definition(train=train), frames.feature_set(), as_of=AS_OF)
    assert fitted.found.winner.rows == [1_000]


def test_a_search_that_takes_too_long_fails() -> None:
    train = _train(search={"trials": 4, "timeout": "0 minutes"})
    with pytest.raises(SearchTimeoutError, match=r"toy: the search took longer than train\.search"):
        fit_model(frames.definition(train=train), frames.feature_set(), as_of=AS_OF)


def test_parameters_that_an_estimator_refuses_are_named() -> None:
    candidates = {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}}
    candidates["linear"]["params"] = {"C": -1.0}  # type: ignore[assignment]
    model = frames.definition(train=_train(candidates=candidates))
    with pytest.raises(DefinitionError, match=r"toy: train\.candidates\.linear.*'C'"):
        fit_model(model, frames.feature_set(), as_of=AS_OF)


def test_what_scikit_learn_warns_of_stays_with_the_trial() -> None:
    candidates = {
        "linear": {
            "estimator": "sklearn.linear_model.LogisticRegression",
            "params": {"max_iter": 1},
        }
    }
    model = frames.definition(train=_train(candidates=candidates))
    fitted = fit_model(model, frames.feature_set(), as_of=AS_OF)
    assert any("ConvergenceWarning" in text for text in fitted.found.winner.warnings)
