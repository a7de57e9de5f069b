"""The shift of the scores, of real models that take over from real champions."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.fixtures.real_flights import BOOSTING, definition, flights, midnight
from tests.stages.cases import Loaded, case_of
from tradewind.gates.downstream import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.downstream import TASK, gather

AUGUST = midnight(2013, 8)
QUICK = {**BOOSTING, "params": {**BOOSTING["params"], "max_iter": 20}}
CREW = {"crew": {"owner": "the crew desk", "level": 1.0, "spread": 1.5}}


def asking(consumers: dict[str, Any] = CREW, **changes: Any):
    train = {"search": {"trials": 1}, "candidates": {"boosting": QUICK}}
    body = {"train": train, "gates": {"downstream": {"consumers": consumers}}, **changes}
    return definition(**body)


@cache
def recent():
    frame = flights()
    since, until = midnight(2013, 3), AUGUST
    return frame[(frame["prediction_time"] >= since) & (frame["prediction_time"] < until)]


@cache
def champion():
    """A model of the month before."""
    model = asking()
    fitted = fit_model(model, recent(), as_of=midnight(2013, 7))
    whole = Loaded(fitted.estimator, model.features.types, model.problem)
    return lambda frame: whole.score(frame)["score"].to_numpy()


@cache
def fitted():
    return fit_model(asking(), recent(), as_of=AUGUST)


def asked(model, **changes: Any):
    one = case_of(model, recent(), as_of=AUGUST, **{"champion": champion(), **changes})
    told = {"downstream": gather(one).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), model)


def test_it_is_looked_for_by_the_probe():
    assert TASK == "probe"


def test_a_retrained_model_that_speaks_like_the_champion_passes():
    result = asked(asking(), fitted=fitted())
    assert result.outcome == "passed"
    assert "of the decisions change" in result.sentence


def test_a_model_made_to_speak_louder_blocks():
    loud = asked(asking(), fitted=fitted(), spoil=lambda _, score: np.sqrt(score))
    assert loud.outcome == "blocked"
    assert "who takes 1 sd" in loud.sentence
    [changed] = re.findall(r"; ([\d.]+)% \(([\d.]+)% to ([\d.]+)%\) of the", loud.sentence)
    assert 0 < float(changed[1]) < float(changed[0]) < float(changed[2]) < 100
    assert re.search(r" from 0\.\d+ \(0\.\d+ to 0\.\d+\), that is ", loud.sentence)
    assert loud.figure > 1


def test_balanced_classes_are_a_shift_that_nobody_planted():
    balanced = {**QUICK, "params": {**QUICK["params"], "class_weight": "balanced"}}
    train = {"search": {"trials": 1}, "candidates": {"boosting": balanced}}
    assert asked(asking(train=train)).outcome == "blocked"


@pytest.mark.parametrize(("consumers", "who"), [({}, champion), (CREW, None)])
def test_without_consumers_or_a_champion_nothing_is_looked_for(consumers, who):
    model = asking(consumers)
    one = case_of(model, recent(), as_of=AUGUST, fitted=fitted(), champion=who and who())
    assert gather(one).moved is None
    told = {"downstream": gather(one).model_dump(mode="json")}
    shown = one.evidence.model_copy(update={"findings": told})
    assert check(shown, model).outcome == "not_applicable"
