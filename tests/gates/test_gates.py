"""Every gate blocks, every gate passes, and none is to be had by saying nothing."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.gates.evidence import EXAMINED, difference, estimate, evidence, figures, model
from tradewind.definition.gates import Gates
from tradewind.errors import EvidenceError
from tradewind.gates import find_gates, passed, run_gates
from tradewind.gates._evidence import better_or_worse
from tradewind.gates.beats_champion import check as beats_champion
from tradewind.gates.beats_naive import check as beats_naive
from tradewind.gates.threshold import check as threshold
from tradewind.records import account_of
from tradewind.stages.examination import find_examiners

NAN = math.nan
# What is asked of these stands in the definition; without it there is nothing to look at.
WHERE_DECLARED = {"fairness", "behaviour", "downstream", "benchmark"}
ONLY_FLOORS = {"threshold": find_gates()["threshold"]}
# For each gate evidence that it alone blocks.
ONLY_BLOCKED_BY = {
    "threshold": {
        "champion_state": "never",
        "candidate": figures(0.517, 0.6),
    },
    "beats_naive": {"against_naive": difference(0.117, error=0.1)},
    "beats_champion": {"against_champion": difference(-0.05)},
}


def outcomes(found):
    return {result.gate: result.outcome for result in found}


def test_the_gates_are_found_by_name_in_the_order_of_the_page():
    gates = find_gates()
    assert list(gates)[:4] == ["pretrained", "threshold", "beats_naive", "beats_champion"]
    orders = [gate.ORDER for gate in gates.values()]
    assert orders == sorted(set(orders))


def test_a_gate_of_which_somebody_must_look_first_has_its_examiner_and_its_section():
    examiners = {name for task in ("probe", "refit", "load_test") for name in find_examiners(task)}
    asking = {name for name, gate in find_gates().items() if hasattr(gate, "Found")}
    assert asking == examiners
    assert set(EXAMINED) <= asking
    assert set(EXAMINED) <= set(Gates.model_fields)


@pytest.mark.parametrize("gate", sorted(set(find_gates()) - set(ONLY_BLOCKED_BY)))
def test_every_other_gate_has_tests_of_its_own(gate):
    assert (Path(__file__).parent / f"test_{gate}.py").exists()


def test_a_candidate_that_is_good_in_every_way_passes_every_gate():
    found = run_gates(evidence(), model())
    assert outcomes(found).items() >= dict.fromkeys(ONLY_BLOCKED_BY, "passed").items()
    assert passed(found)


@pytest.mark.parametrize("gate", sorted(set(EXAMINED) - WHERE_DECLARED))
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "what it decides on was not found: nobody looked"),
        ({"unfound": "the disk was full"}, "was not found: the disk was full"),
        ({"findings": {"foreign": 1}}, "what was found for it has another shape"),
    ],
)
def test_a_gate_whose_finding_is_not_there_blocks_with_the_reason(gate, found, reason):
    spoilt = evidence(**{part: {gate: said} for part, said in found.items()})
    result = run_gates(spoilt, model(waivers=[]), gates={gate: find_gates()[gate]})[0]
    assert result.outcome == "blocked"
    assert reason in result.sentence


@pytest.mark.parametrize("gate", sorted(ONLY_BLOCKED_BY))
def test_without_this_gate_a_bad_candidate_would_go_through(gate):
    spoilt = evidence(**ONLY_BLOCKED_BY[gate])
    found = run_gates(spoilt, model())
    assert [result.gate for result in found if result.outcome == "blocked"] == [gate]
    assert not passed(found)
    others = {name: module for name, module in find_gates().items() if name != gate}
    assert passed(run_gates(spoilt, model(), gates=others))


@pytest.mark.parametrize("gate", sorted(ONLY_BLOCKED_BY))
def test_every_answer_says_its_rows_its_units_and_its_figures(gate):
    for spoilt in ({}, ONLY_BLOCKED_BY[gate]):
        result = run_gates(evidence(**spoilt), model(), gates={gate: find_gates()[gate]})[0]
        assert (result.rows, result.units) == (27_075, 30)
        assert "27,075 rows of 30 days" in result.sentence
        assert result.figure is not None
        assert result.threshold is not None
        assert result.interval is not None


@pytest.mark.parametrize(
    ("gate", "spoilt", "reason"),
    [
        ("threshold", {"candidate": {}}, "there is no log_loss of the candidate; there is: none"),
        ("threshold", {"naive": {}}, "there is no log_loss of the naive rule"),
        (
            "threshold",
            {"candidate": {**figures(0.5, 0.7), "log_loss": estimate(NAN)}},
            "log_loss of the candidate is not a number",
        ),
        ("beats_naive", {"against_naive": None}, "was not compared with the naive rule"),
        ("beats_naive", {"against_naive": difference(NAN)}, "is not a number"),
        ("beats_naive", {"against_naive": difference(0.1, error=NAN)}, "is not a number"),
        ("beats_naive", {"naive": {}}, "there is no log_loss of the naive rule"),
        ("beats_champion", {"against_champion": None}, "was not compared with the champion"),
        ("beats_champion", {"against_champion": difference(NAN)}, "is not a number"),
        ("beats_champion", {"champion": None}, "there is no log_loss of the champion"),
        (
            "threshold",
            {"candidate": {}, "missing": {"candidate": {"log_loss": "its function failed"}}},
            "there is no log_loss of the candidate: its function failed",
        ),
        (
            "beats_naive",
            {"against_naive": None, "missing": {"naive": {"log_loss": "no positive row"}}},
            "was not compared with the naive rule: no positive row",
        ),
        (
            "beats_champion",
            {"against_champion": None, "missing": {"champion": {"log_loss": "it is nan"}}},
            "was not compared with the champion: it is nan",
        ),
        ("beats_champion", {"rows": 0, "units": 0}, "the table of judged rows is empty"),
        ("threshold", {"rows": 0, "units": 0}, "the table of judged rows is empty"),
        ("beats_naive", {"rows": 0, "units": 0}, "the table of judged rows is empty"),
        ("threshold", {"units": 27}, "are of 27 days, and fewer than 28 say too little"),
        ("threshold", {"units": 1}, "are of 1 day, and fewer than 28 say too little"),
        ("beats_naive", {"metric": "brier"}, "the evidence is about brier"),
        ("beats_champion", {"confidence": 0.5}, "the definition asks for log_loss at 0.95"),
    ],
)
def test_evidence_that_is_missing_or_no_number_blocks_by_name_and_reason(gate, spoilt, reason):
    result = run_gates(evidence(**spoilt), model(), gates={gate: find_gates()[gate]})[0]
    assert (result.gate, result.outcome) == (gate, "blocked")
    assert reason in result.sentence


def test_one_row_of_each_of_28_days_is_enough_to_look_at():
    found = run_gates(evidence(rows=1, units=28), model())
    assert passed(found)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "exactly as good"),
        (0.003, "better by 0.003"),
        (-0.003, "worse by 0.003"),
        (999.6, "better by 1e+03"),
        (1000.0, "better by 1,000"),
        (-12_345.6, "worse by 12,346"),
    ],
)
def test_a_difference_is_said_with_the_digits_that_a_person_reads(value, words):
    assert better_or_worse(value) == words


def test_an_exception_inside_a_gate_blocks_by_its_name(caplog):
    def broken(_evidence, _model):
        raise ZeroDivisionError("by nothing")

    gates = {**find_gates(), "mine": SimpleNamespace(ORDER=9, check=broken)}
    found = run_gates(evidence(), model(), gates=gates)
    assert outcomes(found)["mine"] == "blocked"
    assert "the gate itself failed: ZeroDivisionError('by nothing')" in found[-1].sentence
    assert not passed(found)
    assert "mine" in caplog.text


def test_a_verdict_of_no_gates_passes_nothing():
    assert not passed([])
    assert not passed(run_gates(evidence(), model(), gates={}))


# ------------------------------------------------------------------------------------- threshold


def test_no_floor_is_said_to_be_none():
    result = threshold(evidence(), model(threshold={}))
    assert result.outcome == "not_applicable"
    assert "sets no floor" in result.sentence


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [
        pytest.param({"log_loss": {"at_most": 0.517}}, "passed", id="a tie at most"),
        pytest.param({"log_loss": {"at_most": 0.516}}, "blocked", id="above the most"),
        pytest.param({"roc_auc": {"at_least": 0.765}}, "passed", id="a tie at least"),
        pytest.param({"roc_auc": {"at_least": 0.766}}, "blocked", id="below the least"),
        pytest.param({"log_loss": {"of_naive": 0.82}}, "passed", id="less than the naive rule's"),
        pytest.param({"log_loss": {"of_naive": 0.81}}, "blocked", id="not so much less"),
        pytest.param({"log_loss": {"of_naive": 1.05}}, "passed", id="a loss may be a bit greater"),
        pytest.param({"roc_auc": {"of_naive": 1.5}}, "passed", id="half as much again"),
        pytest.param({"roc_auc": {"of_naive": 1.6}}, "blocked", id="not so much again"),
        pytest.param({"roc_auc": {"of_naive": 0.9}}, "passed", id="a gain may be a bit smaller"),
    ],
)
def test_a_floor_is_held_against_the_figure_itself(floor, outcome):
    assert threshold(evidence(), model(threshold=floor)).outcome == outcome


def test_every_floor_that_is_reached_is_said():
    found = threshold(evidence(), model())
    assert found.sentence == (
        "Every floor is reached: log_loss 0.517 (0.497 to 0.537) is at most 0.621, 0.98 times the "
        "naive rule's 0.634 (0.614 to 0.654); roc_auc 0.765 (0.745 to 0.785) is at least 0.65. "
        "Judged on 27,075 rows of 30 days."
    )


@pytest.mark.parametrize(("problem", "name"), [("regression", "bias"), ("binary", "sharpness")])
def test_a_metric_without_a_better_direction_is_no_multiple_of_the_naive_rules(problem, name):
    figure = {name: estimate(1.0)}
    asked = model(threshold={name: {"of_naive": 2.0}}).model_copy(update={"problem": problem})
    with pytest.raises(EvidenceError, match=f"{name} has no better direction"):
        threshold(evidence(candidate=figure, naive=figure), asked)


def test_a_missed_floor_is_the_figure_shown():
    result = threshold(evidence(candidate=figures(0.517, 0.6)), model())
    assert (result.figure, result.threshold) == (0.6, 0.65)
    assert result.interval == pytest.approx((0.58, 0.62))
    assert result.sentence == (
        "A floor is missed: roc_auc 0.6 (0.58 to 0.62) is not at least 0.65. "
        "Judged on 27,075 rows of 30 days."
    )


def test_a_floor_of_a_metric_that_nobody_measures_blocks():
    floors = {"sharpness": {"at_least": 0.5}}
    result = run_gates(evidence(), model(threshold=floors), gates=ONLY_FLOORS)[0]
    assert result.outcome == "blocked"
    assert "there is no sharpness of the candidate" in result.sentence


# ----------------------------------------------------------------------------------- beats_naive


@pytest.mark.parametrize(
    ("low", "by", "outcome"),
    [
        (0.0, 0.0, "blocked"),
        (0.001, 0.0, "passed"),
        (0.01, 0.01, "blocked"),
        (0.02, 0.01, "passed"),
    ],
)
def test_the_bound_must_clear_what_is_asked_for_and_a_tie_does_not(low, by, outcome):
    against = difference(0.117).model_copy(update={"low": low})
    found = beats_naive(evidence(against_naive=against), model(beats_naive={"by": by}))
    assert found.outcome == outcome


def test_the_naive_rule_is_beaten_in_words():
    assert beats_naive(evidence(), model()).sentence == (
        "The candidate's log_loss is 0.517 (0.497 to 0.537), the naive rule's 0.634 (0.614 to "
        "0.654): better by 0.117. With 95% confidence the advantage is above 0.107, which clears "
        "0. Judged on 27,075 rows of 30 days. The smallest advantage that these rows would show "
        "four times out of five is 0.015."
    )


# -------------------------------------------------------------------------------- beats_champion


@pytest.mark.parametrize("state", ["never", "is_candidate"])
@pytest.mark.parametrize("policy", ["non_inferior", "superior"])
def test_without_another_champion_there_is_nothing_to_compare_with(state, policy):
    found = beats_champion(
        evidence(champion_state=state, champion=None, against_champion=None),
        model(beats_champion={"policy": policy}),
    )
    assert found.outcome == "not_applicable"


def test_a_champion_that_cannot_be_judged_blocks_with_the_reason():
    spoilt = evidence(champion_state="unusable", champion_problem="its files were changed")
    found = run_gates(spoilt, model())
    assert outcomes(found)["beats_champion"] == "blocked"
    said = next(result.sentence for result in found if result.gate == "beats_champion")
    assert "version 3, and it cannot be judged on these rows: its files were" in said


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        pytest.param(0.0, "passed", id="an equal one"),
        pytest.param(-0.004, "passed", id="a little worse"),
        pytest.param(-0.0051, "blocked", id="perhaps worse by more than the margin"),
    ],
)
def test_non_inferior_clears_minus_the_automatic_margin(value, outcome):
    found = beats_champion(evidence(against_champion=difference(value)), model())
    assert found.outcome == outcome
    assert found.threshold == pytest.approx(-0.015)


def test_two_identical_models_are_not_worse_than_each_other():
    nothing = difference(0.0, error=0.0)
    assert beats_champion(evidence(against_champion=nothing), model()).outcome == "passed"
    asked = model(beats_champion={"policy": "superior"})
    assert beats_champion(evidence(against_champion=nothing), asked).outcome == "blocked"


def test_a_cap_on_the_margin_blocks_where_the_rows_are_too_noisy():
    asked = model(beats_champion={"at_most": 0.009})
    found = beats_champion(evidence(against_champion=difference(0.0)), asked)
    assert (found.outcome, found.threshold) == ("blocked", -0.009)
    assert "capped: the noise of these rows alone would ask for 0.015" in found.sentence
    wide = model(beats_champion={"at_most": 0.5})
    assert beats_champion(evidence(against_champion=difference(0.0)), wide).outcome == "passed"


@pytest.mark.parametrize("at_most", [0.015, 0.5])
def test_a_cap_that_the_noise_does_not_exceed_changes_nothing(at_most):
    asked = model(beats_champion={"at_most": at_most})
    found = beats_champion(evidence(against_champion=difference(0.0)), asked)
    assert found.threshold == pytest.approx(-0.015)
    assert "from the noise of these rows" in found.sentence


def test_a_declared_margin_is_taken_as_it_is():
    asked = model(beats_champion={"margin": 0.02})
    found = beats_champion(evidence(against_champion=difference(-0.009)), asked)
    assert (found.outcome, found.threshold) == ("passed", -0.02)


def test_non_inferior_asks_for_every_floor_as_well():
    found = beats_champion(evidence(candidate=figures(0.517, 0.6)), model())
    assert found.outcome == "blocked"
    assert "A floor is missed: roc_auc 0.6" in found.sentence


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        pytest.param(0.011, "passed", id="surely better"),
        pytest.param(0.01, "blocked", id="a tie of the bound with zero"),
        pytest.param(0.003, "blocked", id="perhaps better"),
    ],
)
def test_superior_clears_zero(value, outcome):
    asked = model(beats_champion={"policy": "superior"})
    found = beats_champion(evidence(against_champion=difference(value)), asked)
    assert (found.outcome, found.threshold) == (outcome, 0.0)


def test_the_champion_is_compared_in_words():
    assert beats_champion(evidence(), model()).sentence == (
        "The candidate's log_loss is 0.517 (0.497 to 0.537), that of the champion (version 3) 0.52 "
        "(0.5 to 0.54): better by 0.003. With 95% confidence the difference is above -0.007. It "
        "is surely not worse by more than the margin of 0.015 (from the noise of these rows). "
        "Judged on 27,075 rows of 30 days. The smallest advantage that these rows would show four "
        "times out of five is 0.015."
    )


@pytest.mark.parametrize(
    ("outcomes", "holds", "said"),
    [
        (
            {"a": "passed", "b": "not_applicable", "c": "waived", "d": "passed", "e": "waived"},
            True,
            "no gate blocks it: 2 passed, 1 does not apply, 2 switched off (c, e)",
        ),
        (
            {"a": "blocked", "b": "passed", "c": "blocked", "d": "not_applicable", "e": "passed"},
            False,
            "blocked by a, c: 2 passed, 1 does not apply",
        ),
        ({"a": "blocked"}, False, "blocked by a"),
        ({"a": "not_applicable", "b": "not_applicable"}, False,
         "blocked by a verdict that no gate passed: 2 do not apply"),
        ({}, False, "blocked by a verdict that no gate passed"),
    ],
)  # fmt: skip
def test_a_verdict_is_told_by_its_gates_counted(outcomes, holds, said):
    assert account_of(outcomes, passed=holds) == said
