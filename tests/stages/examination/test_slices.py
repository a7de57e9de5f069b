"""Parts of the judged rows: cut, searched for, and judged, with real models of real flights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.gate_slices import named, shuffled, verdict

from tests.fixtures.real_flights import TYPES, definition, midnight
from tests.stages.cases import Loaded, case_of
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates
from tradewind.gates import slices as gate
from tradewind.gates.slices import check
from tradewind.learning.fit import fit_model
from tradewind.learning.splits import split_frame
from tradewind.stages.examination import slices as examiner
from tradewind.stages.examination.slices import gather
from tradewind.stages.examine import look

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.records import GateResult
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)
MODEL = definition(gates={"slices": {"by": ["origin", "carrier"]}})


@pytest.fixture(scope="module")
def champion(fitted):
    """As good as the candidate, and not the same."""
    whole = Loaded(fitted.estimator, MODEL.features.types, MODEL.problem)

    def answer(frame: pd.DataFrame) -> np.ndarray:
        tossed = np.random.default_rng(0).normal(0, 0.01, len(frame))
        return np.clip(whole.score(frame)["score"].to_numpy() + tossed, 0.001, 0.999)

    return answer


@pytest.fixture(scope="module")
def sound(spring, fitted, champion) -> Case:
    """The good model beside its champion."""
    return case_of(MODEL, spring, as_of=JULY, fitted=fitted, champion=champion)


def asking(case: Case, **asked) -> Case:
    """The same candidate, of which the gate asks something else."""
    return replace(case, model=definition(gates={"slices": asked}))


def spoilt(fitted, spring, spoil, **asked) -> Case:
    """The good model with some answers changed."""
    model = definition(gates={"slices": asked})
    return case_of(model, spring, as_of=JULY, fitted=fitted, spoil=spoil)


def said_of(case: Case) -> GateResult:
    findings = {"slices": gather(case).model_dump(mode="json")}
    return check(case.evidence.model_copy(update={"findings": findings}), case.model)


def short(result: GateResult) -> list[str]:
    return [line["slice"] for line in result.table if line["says"] == "falls short"]


# --------------------------------------------------------------------------------------- verdicts


def test_a_good_model_passes_alone_and_beside_a_champion_and_small_airlines_stay_unknown(sound):
    result = verdict(sound)
    assert result.outcome == "passed"
    assert "surely worse than the champion (version 1)" in result.sentence
    says = {line["slice"]: line["says"] for line in result.table}
    assert says["origin is EWR"] == says["carrier is UA"] == "holds"
    assert says["carrier is HA"] == "unknown: 30 rows, and 300 are needed"
    assert "are not counted as passed" in result.sentence


def test_a_model_made_to_fail_at_one_airport_is_blocked_by_its_name(fitted, spring):
    def upside_down(frame, score):
        return np.where(frame["origin"] == "JFK", 1 - score, score)

    result = said_of(spoilt(fitted, spring, upside_down, by=["origin"], important=0))
    assert result.outcome == "blocked"
    assert short(result)[0] == "origin is JFK"
    assert "origin is JFK (9,111 rows of 30 days)" in result.sentence
    assert result.figure < result.threshold == 0


def test_what_nobody_declared_is_found_by_search_and_judged_on_other_rows(fitted, spring):
    def sure_of_delay(frame, score):
        inside = (frame["carrier"] == "B6") & (frame["departure_minute"] >= 900)
        return np.where(inside, 0.97, score)

    case = spoilt(fitted, spring, sure_of_delay, important=0)
    found = gather(case)
    assert [part.origin for part in found.parts] == ["found"] * len(found.parts)
    assert found.searched == len(case.split.select)
    worst = found.parts[0]
    assert "carrier is B6" in worst.name
    assert "departure_minute from" in worst.name
    assert worst.rows < len(case.rows) / 10
    assert worst.name in short(said_of(case))


def test_what_is_searched_never_sees_a_judged_label(sound):
    labels = sound.split.judge["label"].to_numpy()
    turned = replace(sound.split, judge=sound.split.judge.assign(label=~labels))
    kept, other = (
        [part.name for part in gather(case).parts if part.origin == "found"]
        for case in (sound, replace(sound, split=turned))
    )
    assert kept == other != []


@pytest.mark.parametrize(("column", "value"), [("origin", "JFK"), ("carrier", "EV")])
def test_a_broken_join_is_found_beside_a_champion(column, value, spring, fitted, champion):
    # `benchmarks/gate_slices` has it by airport and airline over the months, with its rate.
    spoil = shuffled(column, value)
    bad = case_of(MODEL, spring, as_of=JULY, fitted=fitted, spoil=spoil, champion=champion)
    assert named(verdict(bad), column, value)


# ------------------------------------------------------------------------------------- what is cut


def test_a_protected_column_that_no_model_sees_may_be_declared(spring, fitted):
    frame = spring.assign(region=np.where(spring["dest"] < "M", "first", "second"))
    features = {"types": TYPES, "protected": ["region"]}
    asked = {"slices": {"by": ["region"], "important": 0}}
    model = definition(features=features, gates=asked)
    split = split_frame(frame, model, as_of=JULY)
    case = case_of(model, frame, as_of=JULY, fitted=replace(fitted, split=split))
    declared = [part.name for part in gather(case).parts if part.origin == "declared"]
    assert sorted(declared) == ["region is first", "region is second"]


def test_a_column_that_the_rows_lack_is_no_evidence_and_blocks(sound):
    case = asking(sound, by=["region"])
    with pytest.raises(EvidenceError, match=r"gates\.slices\.by: the rows have no column region"):
        gather(case)
    told = look(case, {"slices": examiner})
    evidence = case.evidence.model_copy(update={"unfound": told["unfound"]})
    result = run_gates(evidence, case.model, gates={"slices": gate})[0]
    assert (result.outcome, "no column region" in result.sentence) == ("blocked", True)


def test_a_number_is_cut_into_fourths_and_the_keys_say_what_is_too_small(sound):
    usual = gather(asking(sound, by=["distance"], important=0))
    declared = [part for part in usual.parts if part.origin == "declared"]
    assert len(declared) == 4
    assert sum(part.rows for part in declared) == usual.rows
    strict = gather(asking(sound, by=["distance"], important=0, least_days=31))
    assert {part.unknown for part in strict.parts if part.origin == "declared"} == {
        "rows of 30 days, and 31 are needed"
    }
    many = gather(asking(sound, by=["distance"], important=0, least_rows=26_928))
    assert all(part.unknown for part in many.parts)
    assert said_of(asking(sound, important=0, least_days=31)).outcome == "not_applicable"


def test_important_features_are_those_that_the_model_goes_by(sound):
    names = {part.name.split()[0] for part in gather(asking(sound, important=1)).parts
             if part.origin == "important"}  # fmt: skip
    assert names == {"departure_minute"}


def test_a_slice_that_some_draws_do_not_have_is_unknown_with_the_reason(sound):
    frame = sound.split.judge
    first = frame["prediction_time"] < midnight(2013, 6, 16)
    split = replace(sound.split, judge=frame.assign(half=np.where(first, "first", "second")))
    case = replace(asking(sound, by=["half"], important=0, least_days=2), split=split)
    parts = {part.name: part for part in gather(case).parts}
    assert "resamples do not allow it" in parts["half is first"].unknown


# ------------------------------------------------------------------------------- other metrics


def test_a_ranking_is_judged_slice_by_slice_too(sound):
    model = definition(metrics={"decides": "roc_auc", "resample": {"draws": 200}},
                       gates={"slices": {"by": ["origin"], "important": 0}})  # fmt: skip
    found = gather(replace(sound, model=model))
    assert (found.metric, found.greater_is_better) == ("roc_auc", True)
    known = [part for part in found.parts if part.unknown is None]
    assert all(part.against_naive.value > 0 for part in known)


def test_an_owners_function_is_too_slow_to_be_drawn_for_every_slice(sound):
    own = {"mine": {"kind": "python", "function": "m:f", "greater_is_better": True}}
    model = definition(metrics={"decides": "mine", "own": own, "resample": {"draws": 200}},
                       gates={"slices": {"by": ["origin"], "important": 0}})  # fmt: skip
    assert gather(replace(sound, model=model)).metric == "log_loss"


def test_a_regression_is_judged_by_its_errors(spring):
    ridge = {"estimator": "sklearn.linear_model.Ridge", "params": {"alpha": 10.0}}
    asked = {"slices": {"by": ["origin"], "important": 0}}
    train = {"search": {"trials": 1}, "candidates": {"ridge": ridge}}
    model = definition(problem="regression", train=train, gates=asked)
    frame = spring.assign(label=spring["arr_delay"].astype(float))
    fitted = fit_model(model, frame, as_of=JULY)
    case = case_of(model, frame, as_of=JULY, fitted=fitted)
    assert gather(case).metric == "rmse"
    assert said_of(case).outcome == "passed"

    def two_hours_more(frame, score):
        return np.where(frame["origin"] == "LGA", score + 120, score)

    bad = case_of(model, frame, as_of=JULY, fitted=fitted, spoil=two_hours_more)
    assert short(said_of(bad))[0] == "origin is LGA"
