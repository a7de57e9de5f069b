"""What a definition may say of a model that was trained elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tradewind.definition.learning import Candidate, Train

LINEAR = "sklearn.linear_model.LogisticRegression"
FILE: dict[str, Any] = {
    "from": "given.skops",
    "digest": "a" * 64,
    "provenance": "the desk in Boston, on its own flights",
    "licence": "CC BY 4.0",
    "trained_until": date(2012, 12, 31),
}


def candidate(**body: Any) -> Candidate:
    return Candidate.model_validate(body)


def test_a_file_is_declared_with_everything_that_is_known_of_it() -> None:
    declared = candidate(**FILE)
    assert declared.origin == "given.skops"
    assert declared.estimator is None
    assert candidate(**{**FILE, "trained_until": "unknown"}).trained_until == "unknown"


@pytest.mark.parametrize("source", ["models:/m-0123abc", "models:/flight_delay/3"])
def test_a_model_of_the_registry_needs_its_address_alone(source: str) -> None:
    assert candidate(**{"from": source}).origin == source


@pytest.mark.parametrize("left_out", ["digest", "provenance", "licence", "trained_until"])
def test_nothing_of_a_file_may_be_left_out(left_out: str) -> None:
    body = {key: value for key, value in FILE.items() if key != left_out}
    with pytest.raises(ValueError, match=f"needs {left_out} as well"):
        candidate(**body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "has an `estimator`, or is trained already"),
        ({**FILE, "estimator": LINEAR}, "has an `estimator`, or is trained already"),
        ({**FILE, "params": {"C": 1.0}}, "params: not of a file"),
        ({**FILE, "numbers": "splines"}, "numbers: not of a file"),
        ({"estimator": LINEAR, "licence": "MIT"}, "licence: not of a fit"),
        ({"from": "models:/m-1", "search": {"C": [1.0]}}, "search: not of a model of the registry"),
        ({"from": "models:/m-1", "digest": "a" * 64}, "digest: not of a model of the registry"),
        ({**FILE, "digest": "a" * 63}, "should match pattern"),
        ({**FILE, "from": "given.pkl"}, "should match pattern"),
    ],
)
def test_what_does_not_belong_together_is_refused(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        candidate(**body)


def test_a_blend_is_of_models_that_are_fitted_here() -> None:
    body = {"candidates": {"given": FILE, "own": {"estimator": LINEAR}}, "blend": ["given", "own"]}
    with pytest.raises(ValueError, match="given is trained already"):
        Train.model_validate(body)
