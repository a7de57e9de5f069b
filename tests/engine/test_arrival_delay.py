"""The second model of the demo: the same flights, asked for minutes."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest

from tests.engine.conftest import DEMO, UNTIL
from tradewind.definition.loader import load_definition
from tradewind.engine import features
from tradewind.engine.feature_tests import run_feature_tests
from tradewind.learning.fit import fit_model, sample
from tradewind.learning.naive import fit_naive
from tradewind.stores.scorer import predict

FOLDER = DEMO.parent / "arrival_delay"


@pytest.fixture(scope="module")
def second():
    return load_definition(FOLDER)


@pytest.fixture(scope="module")
def built(flights_loaded, second):
    """The feature set as of 12 March 2013."""
    with flights_loaded() as connection:
        return features.build(connection, second, as_of=UNTIL)


def test_it_differs_from_the_first_model_in_what_it_asks_and_not_in_what_it_reads(demo, second):
    one, other = demo.model, second.model
    for section in ("sources", "repair", "validate_", "features", "entity_key", "horizon"):
        assert getattr(one, section) == getattr(other, section)
    assert demo.files["features.sql"] == second.files["features.sql"]
    assert (other.problem, other.deciding_metric) == ("regression", "rmse")
    assert other.label.expression == "arr_delay"


def test_its_own_tests_of_its_features_pass():
    results = run_feature_tests(FOLDER)
    assert results
    assert [one for one in results if not one.passed] == []


def test_its_label_is_the_minutes_that_a_flight_was_late(built, flights):
    known = built.filter(pc.equal(built["label_state"], "known"))
    assert str(known.schema.field("label").type) == "double"
    late = flights["flights"].to_pandas()["arr_delay"].dropna()
    assert pc.max(known["label"]).as_py() in set(late)
    assert pc.min(known["label"]).as_py() < 0


def test_it_learns_and_decides_nothing(built, second):
    """On the few days that are here, which is less than its definition asks for."""
    model = second.model
    few = model.train.model_copy(update={"judge_days": 28, "select_days": 3})
    model = model.model_copy(update={"train": few})
    fitted = fit_model(model, built.to_pandas(), as_of=UNTIL)
    assert [trial.error for trial in fitted.found.trials] == [None] * 7
    assert fitted.decision_threshold is None
    judge = sample(model, fitted.split.judge)
    score = predict(fitted.estimator, judge.features, problem="regression")
    rule = fit_naive(model, fitted.split.fit).score(fitted.split.judge)
    assert np.isfinite(score).all()
    assert np.corrcoef(score, judge.label)[0, 1] > np.corrcoef(rule, judge.label)[0, 1]
