"""What is tried once where a training did not clear its cause."""

from __future__ import annotations

import yaml

from tests.definition.folders import TEN_LINES
from tradewind.definition.schema import ModelDefinition
from tradewind.definition.wider import widened


def model(**wider: object) -> ModelDefinition:
    boosting = {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor"}
    train = {"candidates": {"boosting": boosting}}
    said = {**yaml.safe_load(TEN_LINES), "train": train, "retrain": {"wider": wider}}
    return ModelDefinition.model_validate(said)


def test_a_wider_search_tries_three_times_as_much_where_nothing_is_declared() -> None:
    usual = model()
    found = widened(usual)
    assert found.train.search.trials == 3 * usual.train.search.trials
    assert found.train.window == usual.train.window
    assert found.candidates == usual.candidates


def test_a_wider_search_adds_the_declared_estimators_and_changes_the_window() -> None:
    linear = {"estimator": "sklearn.linear_model.Ridge"}
    found = widened(model(trials=40, candidates={"linear": linear}, window_days=200))
    assert found.train.search.trials == 40
    assert list(found.candidates) == ["boosting", "linear"]
    assert (found.train.window.days, found.train.window.start) == (200, None)


def test_nothing_else_is_changed() -> None:
    usual = model(window_days=200)
    same = {"train": usual.train}
    assert widened(usual).model_copy(update=same) == usual
