"""A model may lose a little where its input is a little worse, and surely no more than that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.gates.evidence import estimate, evidence, model
from tradewind.gates import fragility as gate
from tradewind.gates import run_gates
from tradewind.gates.fragility import Carried, Fault, Found, Search, check
from tradewind.records import Estimate

BUDGETS = {"loses": 0.33, "moves": 0.2, "turns": 0.4}


def up_to(high: float) -> Estimate:
    """A figure whose upper bound is this."""
    return Estimate(value=high - 0.05, low=high - 0.1, high=high, standard_error=0.02)


def fault(name: str = "noise", *, lost: float = 0.2, moved: float = 0.1) -> Fault:
    return Fault(name=name, told="a little of it", lost=up_to(lost), moved=up_to(moved))


def search(turned: float = 0.3) -> Search:
    return Search(
        rows=300,
        turned=up_to(turned),
        sooner={"0.05 standard deviations": up_to(0.1)},
        features=["x"],
        example="x 1 to 2 takes a score from 0.4 to 0.6",
    )


def found(*faults: Fault, **changes: Any) -> dict[str, Any]:
    told = {
        "rows": 5_000,
        "features": ["x", "y"],
        "carried": Carried(share=up_to(0.93), rows=1_877, units=21),
        "faults": list(faults) or [fault(), fault("missing")],
        "search": search(),
        "untried": {},
        **changes,
    }
    return Found(**told).model_dump(mode="json")


def asked(told: dict[str, Any], **budgets: float):
    asking = model(waivers=[], fragility={**BUDGETS, **budgets})
    return check(evidence(findings={"fragility": told}), asking)


def test_a_model_that_bears_every_fault_passes_and_says_what_came_nearest():
    result = asked(found(fault(lost=0.1, moved=0.05), fault("missing", lost=0.3)))
    assert result.outcome == "passed"
    assert "nearest to it: missing costs 25% (20% to 30%), of 33% allowed" in result.sentence
    assert (result.figure, result.threshold) == (0.3, 0.33)
    assert result.interval == (pytest.approx(0.2), 0.3)
    assert (
        "Tried on 5,000 of 27,075 judged rows of 30 days; each end of an interval holds with 95% "
        "confidence."
    ) in result.sentence
    assert (
        "(x, y; together 88% (83% to 93%) of all importance, measured on 1,877 select rows of 21 "
        "days)."
    ) in result.sentence
    assert "on 300 of the rows. Such as: x 1 to 2 takes a score" in result.sentence
    assert (result.rows, result.units) == (5_000, 30)


@pytest.mark.parametrize("beyond", [False, True])
@pytest.mark.parametrize(
    ("spoilt", "budget", "said"),
    [
        ("lost", 0.33, "noise costs"),
        ("moved", 0.2, "noise turns"),
        ("turned", 0.4, "search turns"),
    ],
)
def test_exactly_at_its_budget_each_figure_passes_and_just_beyond_it_blocks(
    spoilt, budget, said, beyond
):
    high = math.nextafter(budget, 1) if beyond else budget
    told = (
        found(search=search(turned=high)) if spoilt == "turned" else found(fault(**{spoilt: high}))
    )
    result = asked(told)
    assert result.outcome == ("blocked" if beyond else "passed")
    assert (f"Not surely within its budget: {said}" in result.sentence) is beyond
    assert (result.figure, result.threshold) == (high, budget)


def test_every_fault_is_held_against_its_budgets_and_not_only_the_first():
    result = asked(found(fault(), fault("stale", lost=0.5), fault("unseen", moved=0.3)))
    assert result.outcome == "blocked"
    assert "stale costs" in result.sentence
    assert "unseen turns" in result.sentence
    assert "noise" not in result.sentence.split("budget")[1]


def test_what_is_lost_for_sure_is_not_what_counts():
    told = found(fault())
    told["faults"][0]["lost"] = estimate(0.2, error=0.1).model_dump()
    assert asked(told).outcome == "blocked"


def test_the_budgets_are_the_definitions():
    assert asked(found(fault(lost=0.5)), loses=0.6).outcome == "passed"
    assert asked(found(fault(moved=0.3)), moves=0.3).outcome == "passed"
    assert asked(found(search=search(0.5)), turns=0.5).outcome == "passed"


def test_a_model_without_important_numbers_is_not_searched_and_says_so():
    why = "no important feature is a number"
    result = asked(found(search=None, untried={"search": why}))
    assert result.outcome == "passed"
    assert f"Not tried: search, because {why}." in result.sentence
    assert [line["fault"] for line in result.table] == ["noise", "missing"]


def test_the_table_has_a_line_for_each_fault_and_one_for_the_search():
    table = asked(found()).table
    assert [line["fault"] for line in table] == ["noise", "missing", "search"]
    assert len({tuple(line) for line in table}) == 1
    assert table[0]["advantage lost"] == "15% (10% to 20%)"
    assert "5% (0% to 10%) within 0.05 standard deviations" in table[2]["what was spoilt"]


def test_shares_that_older_evidence_gave_no_interval_stand_alone():
    told = found(carried=0.93)
    told["search"]["sooner"] = {"0.05 standard deviations": 0.1}
    result = asked(told)
    assert "features (x, y; 93% of all importance)." in result.sentence
    assert "row by row: 10% within 0.05" in result.table[2]["what was spoilt"]


def test_a_loss_that_rounds_to_nothing_has_no_sign():
    lost = Estimate(value=-0.001, low=-0.02, high=0.004, standard_error=0.01)
    spoilt = fault().model_copy(update={"lost": lost})
    assert asked(found(spoilt)).table[0]["advantage lost"] == "0% (-2% to 0%)"


def test_it_says_from_which_score_on_rows_were_taken_as_decided_for():
    said = "taken as decided for were scores from 0.31 on, as many as there are positive labels."
    assert said in asked(found(level=0.31)).sentence
    assert "taken as decided for" not in asked(found()).sentence


@pytest.mark.parametrize(("at_once", "told"), [(1, "1 number"), (2, "2 numbers")])
def test_it_says_how_many_numbers_of_a_row_the_search_moved(at_once, told):
    said = asked(found(), at_once=at_once).sentence
    assert f"The search moved up to {told} of a row by up to 0.1 standard deviations" in said


def test_a_regression_moves_predictions_and_turns_no_decision():
    body = {
        "problem": "regression",
        "metrics": {"decides": "rmse"},
        "gates": {"fragility": BUDGETS},
    }
    asking = model().model_copy(update={"problem": "regression"})
    assert body["problem"] == asking.problem
    said = check(evidence(findings={"fragility": found()}), asking).sentence
    assert "`turns` of predictions far away." in said
    assert "`turns` of decisions." in asked(found()).sentence


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (None, "what it decides on was not found: nobody looked"),
        ({}, "has another shape"),
        (found() | {"faults": []}, "no fault of the input was tried"),
        (found() | {"carried": math.inf}, "is not a number: inf"),
    ],
)
def test_without_a_sound_finding_it_blocks(told, reason):
    findings = {} if told is None else {"fragility": told}
    asking = model(waivers=[])
    result = run_gates(evidence(findings=findings), asking, gates={"fragility": gate})[0]
    assert result.outcome == "blocked"
    assert reason in result.sentence
