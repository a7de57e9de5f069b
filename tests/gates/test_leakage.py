"""The gate of time travel: each sign of a leak at its limit, and just beyond it."""

from __future__ import annotations

import pytest

from tests.gates.evidence import evidence, model
from tradewind.errors import EvidenceError
from tradewind.gates import leakage as gate
from tradewind.gates import run_gates
from tradewind.gates.leakage import check

MORNING, NOON, EVENING = "2024-04-01T06:00Z", "2024-04-01T12:00Z", "2024-04-01T18:00Z"


def figure(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.02, "standard_error": 0.01}


def single(value, feature="late_rate"):
    return {"feature": feature, "estimate": figure(value), "carries": (0.9, 0.99)}


def both(earlier="fit", later="judge", **changes):
    sound = {"reaches": MORNING, "begins": NOON, "shared": 0, "rows": 27_075}
    return {"earlier": earlier, "later": later, **sound, **changes}


def found(**changes):
    sound = {
        "proof": {"moments": 26, "rows": 412},
        "metric": "roc_auc",
        "candidate": figure(0.765),
        "alone": [single(0.65), single(0.6, "hour")],
        "binned": 150_000,
        "stretches": [both("fit", "select"), both(), both("select")],
        "copies": {"share": 0.0, "usual": 0.0, "rows": 27_075, "training": 168_000},
        "entities": None,
    }
    return {**sound, **changes}


def ask(asked=None, **changes):
    given = evidence(findings={"leakage": found(**changes)})
    return check(given, model(waivers=[], leakage=asked or {}))


def failed(result):
    return [line["looked at"] for line in result.table if line["holds"] == "no"]


def test_a_model_without_a_sign_of_a_leak_passes_and_says_what_was_looked_at():
    result = ask()
    assert result.outcome == "passed"
    assert (result.figure, result.threshold, result.interval) == (0.65, 0.85, (0.63, 0.67))
    assert (result.rows, result.units) == (27_075, 30)
    assert "26 prediction times (412 rows)" in result.sentence
    assert (
        "The best feature alone, late_rate, reaches a roc_auc of 0.65 (0.63 to 0.67), the whole "
        "model 0.765 (0.745 to 0.785)."
    ) in result.sentence
    assert "None of 27,075 judge rows" in result.sentence
    assert failed(result) == []
    (between, *_) = [
        line for line in result.table if line["looked at"] == "fit and judge: hours between"
    ]
    assert (between["found"], between["limit"]) == ("6", "0")


def test_a_leak_that_nobody_looked_for_blocks():
    result = run_gates(evidence(), model(waivers=[]), gates={"leakage": gate})[0]
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence


def test_a_run_without_a_proof_blocks():
    with pytest.raises(EvidenceError, match="no proof that its features know only the past"):
        ask(proof=None)


@pytest.mark.parametrize(("moments", "outcome"), [(12, "passed"), (11, "blocked"), (13, "passed")])
def test_the_proof_needs_enough_moments(moments, outcome):
    result = ask(proof={"moments": moments, "rows": 99})
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (result.figure, result.threshold) == (11, 12)
        assert "at only 11 prediction times (99 rows), and at least 12" in result.sentence


def test_how_many_moments_is_the_definitions_to_say():
    assert ask({"moments": 27}).outcome == "blocked"
    assert ask({"moments": 3}, proof={"moments": 3, "rows": 3}).outcome == "passed"


@pytest.mark.parametrize(("value", "outcome"), [(0.85, "passed"), (0.8501, "blocked")])
def test_a_feature_alone_may_reach_the_limit_and_not_exceed_it(value, outcome):
    result = ask(alone=[single(value, "dep_delay"), single(0.6)], candidate=figure(0.79))
    assert result.outcome == outcome
    assert failed(result) == ["dep_delay alone (roc_auc)"] * (outcome == "blocked")
    assert result.figure == value


def test_a_regression_has_its_own_limits():
    asked = {"metric": "r2", "alone": [single(0.7)], "candidate": figure(0.5)}
    assert ask(**asked).outcome == "passed"
    assert ask({"alone_r2": 0.69}, **asked).outcome == "blocked"
    assert ask({"alone_auc": 0.51}, **asked).outcome == "passed"
    carried = {"metric": "r2", "alone": [single(0.58)], "candidate": figure(0.6)}
    assert failed(ask(**carried)) == ["late_rate: share of the model's skill"]
    assert ask({"very_good_r2": 0.61}, **carried).outcome == "passed"


def test_a_feature_that_is_too_good_is_told_with_its_interval():
    said = ask(alone=[single(0.9, "dep_delay")]).sentence
    assert "dep_delay alone reaches roc_auc 0.9 (0.88 to 0.92), more than 0.85" in said


def test_a_share_that_older_evidence_gave_no_interval_stands_alone():
    older = {"feature": "late_rate", "estimate": figure(0.7851)}
    result = ask(alone=[older], candidate=figure(0.8))
    assert "late_rate alone carries 95.0% of its skill" in result.sentence
    assert result.interval is None


def test_a_feature_that_is_declared_to_be_so_good_may_be():
    alone = {"alone": [single(0.93)], "candidate": figure(0.93)}
    assert ask(**alone).outcome == "blocked"
    assert ask({"expected": {"late_rate": "the bureau's own score"}}, **alone).outcome == "passed"
    assert ask({"expected": {"hour": "it is the clock"}}, **alone).outcome == "blocked"


# Of a skill of 2 * 0.8 - 1 = 0.6 are 95 % 0.57, which is an area of 0.785.
@pytest.mark.parametrize(
    ("own", "whole", "outcome"),
    [
        pytest.param(0.7849, 0.8, "passed", id="carries a little less than it may"),
        pytest.param(0.7851, 0.8, "blocked", id="carries a little more"),
        pytest.param(0.7851, 0.7999, "passed", id="of a model that is not very good"),
    ],
)
def test_one_feature_may_not_carry_a_very_good_model_alone(own, whole, outcome):
    result = ask(alone=[single(own)], candidate=figure(whole))
    assert result.outcome == outcome
    if outcome == "blocked":
        assert result.figure == pytest.approx(0.9503, abs=1e-4)
        assert (
            "The model is very good (roc_auc 0.8 (0.78 to 0.82)), and late_rate alone carries "
            "95.0% (90.0% to 99.0%) of its skill (how far its roc_auc is above the 0.5 of chance), "
            "where 95% is the limit: the rest adds nothing to it."
        ) in result.sentence
        assert result.interval == (0.9, 0.99)


# Of a skill of 0.5 in all: as much, and a little more.
@pytest.mark.parametrize(("own", "said"), [(0.75, "carries 100.0%"), (0.755, "reaches more")])
def test_a_feature_that_alone_reaches_more_than_the_model_is_told_so(own, said):
    result = ask(alone=[single(own)], candidate=figure(0.75), asked={"very_good_auc": 0.7})
    assert f"late_rate alone {said}" in result.sentence
    more = "reaches more than the whole model: 102.0% (90.0% to 99.0%) of its skill"
    assert (more in result.sentence) is (own > 0.75)


def test_the_skill_of_a_regression_is_its_share_of_the_spread():
    result = ask(metric="r2", alone=[single(0.6)], candidate=figure(0.6))
    assert (
        "late_rate alone carries 100.0% (90.0% to 99.0%) of its skill (its r2)" in result.sentence
    )


def test_exactly_the_share_that_it_may_carry_is_allowed():
    asked = {"carries": 0.5, "very_good_auc": 0.75, "alone_auc": 1.0}
    halves = {"candidate": figure(1.0)}
    assert ask(asked, alone=[single(0.75)], **halves).outcome == "passed"
    assert ask(asked, alone=[single(0.7501)], **halves).outcome == "blocked"


@pytest.mark.parametrize("place", range(3))
def test_one_row_on_two_sides_blocks(place):
    stretches = found()["stretches"]
    stretches[place]["shared"] = 1
    result = ask(stretches=stretches)
    assert result.outcome == "blocked"
    assert "1 of 27,075 rows" in result.sentence
    assert (result.figure, result.threshold) == (1, 0)


@pytest.mark.parametrize(
    ("reaches", "outcome"),
    [
        pytest.param("2024-04-01T11:59:59Z", "passed", id="a second before"),
        pytest.param(NOON, "blocked", id="the very moment"),
        pytest.param(EVENING, "blocked", id="later"),
    ],
)
def test_a_stretch_ends_before_the_next_begins(reaches, outcome):
    result = ask(stretches=[both("select", reaches=reaches)])
    assert result.outcome == outcome
    if outcome == "blocked":
        assert "they are not apart" in result.sentence


@pytest.mark.parametrize(
    ("share", "usual", "outcome"),
    [
        pytest.param(0.01, 0.0, "passed", id="at the limit"),
        pytest.param(0.0101, 0.0, "blocked", id="just beyond"),
        pytest.param(0.51, 0.4, "passed", id="a quarter more where copies are usual"),
        pytest.param(0.0, 0.4, "passed", id="fewer than usual"),
        pytest.param(0.5101, 0.4, "blocked", id="more than that"),
    ],
)
def test_copies_beyond_what_is_usual_block(share, usual, outcome):
    copies = {"share": share, "usual": usual, "rows": 27_075, "training": 168_000}
    result = ask(copies=copies)
    assert result.outcome == outcome
    assert failed(result) == ["share of judge rows that are copies"] * (outcome == "blocked")


def test_nobody_who_was_learned_from_is_judged_where_the_definition_says_so():
    apart = {"columns": ["patient"], "shared": 0, "judged": 900}
    assert ask(entities=apart).outcome == "passed"
    result = ask(entities={**apart, "shared": 1})
    assert result.outcome == "blocked"
    assert "1 of 900 judged by patient were learned from too" in result.sentence


def test_two_signs_are_both_told_and_the_first_is_the_figure():
    result = ask(alone=[single(0.9, "dep_delay")], proof={"moments": 1, "rows": 1})
    assert len(failed(result)) == 2
    assert result.figure == 0.9
    assert "dep_delay alone" in result.sentence
    assert "1 prediction time (1 row)" in result.sentence
