"""Of a model from elsewhere the examiners say so, and fit nothing again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.gates.test_pretrained import declared
from tests.learning import frames
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates import pretrained, stability
from tradewind.learning.refit import refit
from tradewind.records import Pretrained
from tradewind.stages.examination.pretrained import gather
from tradewind.stages.examination.stability import gather as fit_again

if TYPE_CHECKING:
    from tradewind.stages._case import Case

LINEAR = {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}}


@pytest.fixture(scope="module")
def case() -> Case:
    train = {"search": {"trials": 1}, "candidates": LINEAR}
    return case_of(frames.definition(train=train), frames.feature_set(), as_of=frames.AS_OF)


def from_elsewhere(case: Case, days: int) -> Case:
    """The same model, as if it had been trained elsewhere until so many days into the judging."""
    until = case.split.boundaries.judge + timedelta(days=days)
    told = Pretrained(source="x.skops", provenance="p", licence="l", trained_until=until)
    return replace(case, trained=case.trained.model_copy(update={"pretrained": told}))


def asked(case: Case) -> str:
    told = {"pretrained": gather(case).model_dump(mode="json")}
    evidence = case.evidence.model_copy(update={"findings": told})
    return pretrained.check(evidence, declared()).outcome


def test_training_that_reaches_into_the_judged_rows_blocks(case: Case) -> None:
    assert asked(from_elsewhere(case, 0)) == "passed"
    assert asked(from_elsewhere(case, 1)) == "blocked"
    assert asked(case) == "not_applicable"


def test_it_is_not_fitted_again(case: Case) -> None:
    given = from_elsewhere(case, 0)
    told = {"stability": fit_again(given).model_dump(mode="json")}
    result = stability.check(case.evidence.model_copy(update={"findings": told}), case.model)
    assert result.outcome == "not_applicable"
    assert result.sentence == "x.skops was trained elsewhere: it cannot be made again here."
    with pytest.raises(EvidenceError, match="was not fitted here"):
        refit(case.model, given.trained, case.fit, case.select, seed=0)
