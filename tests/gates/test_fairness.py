"""Groups of people: as unlike as is tolerated, beyond it, and too small to say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.gates.evidence import BODY, estimate, evidence
from tradewind.definition.schema import ModelDefinition
from tradewind.errors import EvidenceError
from tradewind.gates import fairness as gate
from tradewind.gates import run_gates
from tradewind.gates.fairness import Found, Gap, Treated, asked, check

if TYPE_CHECKING:
    from tradewind.records import GateResult

RATES = {
    "demographic_parity": "selection_rate",
    "equalised_odds": "true_positive_rate",
    "calibration": "calibration_gap",
}


def model(*protected: str, problem: str = "binary", **limits: Any) -> ModelDefinition:
    features = {"types": {"x": "numeric"}, "protected": list(protected)}
    body = {**BODY, "problem": problem, "features": features, "gates": {"fairness": limits}}
    return ModelDefinition.model_validate(body)


def group(name: str, value: float, **changes: Any) -> Treated:
    figures = {rate: estimate(value) for rate in (*RATES.values(), "false_positive_rate")}
    return Treated(**{"group": name, "rows": 9_000, "days": 30, "figures": figures, "unknown": {},
                      **changes})  # fmt: skip


def gap(measure: str, value: float, *, attribute: str = "sex", **changes: Any) -> Gap:
    told = {
        "attribute": attribute,
        "measure": measure,
        "rate": RATES[measure],
        "high": "women",
        "low": "men",
        "gap": estimate(value),
        "groups": 2,
        "luck": None,
        "unsure": [],
        **changes,
    }
    return Gap(**told)  # fmt: skip


def found(*, attribute: str = "sex", **values: float) -> Found:
    sizes = {"demographic_parity": 0.05, "equalised_odds": 0.05, "calibration": 0.02, **values}
    return Found(
        treated={attribute: [group("men", 0.3), group("women", 0.35)]},
        gaps=[gap(measure, value, attribute=attribute) for measure, value in sizes.items()],
        unknown={},
    )


def ask(one: Found, definition: ModelDefinition | None = None) -> GateResult:
    shown = evidence(findings={"fairness": one.model_dump(mode="json")})
    return check(shown, definition or model("sex"))


def test_a_model_that_treats_groups_alike_passes_and_says_what_is_nearest_its_limit():
    result = ask(found(equalised_odds=0.09))
    assert result.outcome == "passed"
    assert (result.figure, result.threshold) == (0.09, 0.1)
    assert result.interval == pytest.approx((0.07, 0.11))
    assert (result.rows, result.units) == (27_075, 30)
    assert result.sentence == (
        "No two groups are treated more unlike than is tolerated. Nearest to its limit is "
        "equalised odds by sex, a gap of 0.09 (0.07 to 0.11) where 0.1 is the limit (true positive "
        "rate 0.35 (0.33 to 0.37) of women and 0.3 (0.28 to 0.32) of men). Its interval holds the "
        "limit: on other days it might lie on the other side. Judged on 27,075 rows of 30 days."
    )


@pytest.mark.parametrize("measure", RATES)
@pytest.mark.parametrize("above", [False, True])
def test_a_gap_may_reach_its_limit_and_not_pass_it(measure, above):
    limit = asked(model("sex"))[measure]
    value = math.nextafter(limit, 1) if above else limit
    result = ask(found(**{measure: value}))
    assert result.outcome == ("blocked" if above else "passed")
    assert (result.figure, result.threshold) == (value, limit)


@pytest.mark.parametrize("measure", RATES)
def test_the_owners_own_limit_is_held(measure):
    tight = ask(found(**{measure: 0.03}), model("sex", **{measure: 0.02}))
    assert (tight.outcome, tight.threshold) == ("blocked", 0.02)
    assert f"{measure.replace('_', ' ')} by sex" in tight.sentence
    assert ask(found(**{measure: 0.2}), model("sex", **{measure: 0.3})).outcome == "passed"


def test_what_blocks_is_said_with_its_groups_its_limit_and_what_luck_makes():
    wide = found()
    one = gap("demographic_parity", 0.3, luck=0.04, groups=2)
    result = ask(wide.model_copy(update={"gaps": [one, *wide.gaps[1:]]}))
    assert result.outcome == "blocked"
    assert result.sentence == (
        "Groups are treated too unlike: demographic parity by sex, a gap of 0.3 (0.28 to 0.32) "
        "where 0.1 is the limit, and names dealt out at random stay within 0.04 (selection rate "
        "0.35 (0.33 to 0.37) of women and 0.3 (0.28 to 0.32) of men). Judged on 27,075 rows of 30 "
        "days."
    )


def test_the_figure_shown_is_the_farthest_beyond_its_own_limit():
    result = ask(found(equalised_odds=0.15, calibration=0.1))
    assert (result.figure, result.threshold) == (0.1, 0.05)
    assert "equalised odds by sex" in result.sentence
    assert "calibration by sex" in result.sentence


@pytest.mark.parametrize(
    ("low", "high", "open_"),
    [(0.1, 0.2, True), (0.101, 0.2, False), (0.08, 0.1, False), (0.08, 0.1001, True)],
)
def test_an_interval_that_holds_the_limit_is_said_to(low, high, open_):
    one = estimate(0.1).model_copy(update={"low": low, "high": high})
    rest = found().gaps[1:]
    update = {"gaps": [gap("demographic_parity", 0, gap=one), *rest]}
    assert (
        "Its interval holds the limit" in ask(found().model_copy(update=update)).sentence
    ) == open_


def test_every_protected_attribute_is_held():
    one = found()
    race = found(attribute="race", demographic_parity=0.2)
    both = Found(treated={**one.treated, **race.treated}, gaps=[*one.gaps, *race.gaps], unknown={})
    result = ask(both, model("sex", "race"))
    assert result.outcome == "blocked"
    assert "demographic parity by race" in result.sentence
    assert ask(both, model("sex")).outcome == "passed"
    widest = [line for line in result.table if line["group"] == "greatest gap"]
    assert [(line["attribute"], line["selection rate"]) for line in widest] == [
        ("sex", "0.05 (0.03 to 0.07)"),
        ("race", "0.2 (0.18 to 0.22)"),
    ]


@pytest.mark.parametrize("measure", RATES)
def test_a_gap_that_could_not_be_had_blocks_with_its_reason(measure):
    rest = [one for one in found().gaps if one.measure != measure]
    why = {"sex": {measure: "only one group has enough rows"}}
    result = ask(found().model_copy(update={"gaps": rest, "unknown": why}))
    assert result.outcome == "blocked"
    named = measure.replace("_", " ")
    assert f"Nothing can be said of {named} by sex: only one group has enough" in result.sentence


def test_nothing_compared_at_all_blocks():
    result = ask(Found(treated={}, gaps=[], unknown={}))
    assert result.outcome == "blocked"
    assert "equalised odds by sex: nobody looked" in result.sentence
    assert (result.figure, result.threshold, result.interval) == (None, None, None)


def test_an_owner_who_holds_no_measure_is_told_so():
    result = ask(found(demographic_parity=0.5), model("sex", **dict.fromkeys(RATES)))
    assert (result.outcome, result.figure) == ("passed", None)
    assert result.sentence == (
        "Not held, as the definition says: demographic parity, equalised odds, calibration. "
        "Judged on 27,075 rows of 30 days."
    )


def test_a_measure_that_the_owner_does_not_hold_is_shown_and_said():
    one = model("sex", demographic_parity=None)
    result = ask(found(demographic_parity=0.5), one)
    assert result.outcome == "passed"
    assert "Not held, as the definition says: demographic parity." in result.sentence
    assert result.table[-1]["selection rate"] == "0.5 (0.48 to 0.52)"


def test_small_groups_are_unknown_and_shown():
    small = group("none", 0.3, rows=40, figures={}, unknown=dict.fromkeys(RATES.values(), "few"))
    one = found()
    gaps = [one.gaps[0], gap("equalised_odds", 0.05, unsure=["women"]), one.gaps[2]]
    result = ask(Found(treated={"sex": [*one.treated["sex"], small]}, gaps=gaps, unknown={}))
    assert result.outcome == "passed"
    said = (
        "Unknown, in part or whole, for too few rows: sex women (9,000 rows), sex none (40 rows)."
    )
    assert said in result.sentence
    lines = {line["group"]: line for line in result.table}
    assert lines["none"]["selection rate"] == "unknown: few"
    assert lines["none"]["false positive rate"] == "unknown: nobody looked"
    assert lines["men"] == {
        "attribute": "sex", "group": "men", "rows": "9,000", "days": "30",
        "selection rate": "0.3 (0.28 to 0.32)", "true positive rate": "0.3 (0.28 to 0.32)",
        "false positive rate": "0.3 (0.28 to 0.32)", "truth less score": "0.3 (0.28 to 0.32)",
    }  # fmt: skip
    assert len({tuple(line) for line in result.table}) == 1


def test_a_regression_is_held_by_its_scores_and_errors():
    figures = {"mean_score": estimate(1.0), "mean_error": estimate(0.1)}
    people = [group(name, 0, figures=figures) for name in ("men", "women")]
    gaps = [
        gap("demographic_parity", 0.05, rate="mean_score"),
        gap("calibration", 0.06, rate="mean_error"),
    ]
    one = Found(treated={"sex": people}, gaps=gaps, unknown={})
    result = ask(one, model("sex", problem="regression"))
    assert (result.outcome, result.figure) == ("blocked", 0.06)
    assert "calibration by sex, a gap of 0.06" in result.sentence
    assert "equalised odds" not in result.sentence
    assert list(result.table[0])[4:] == ["mean score", "truth less score"]


def test_without_a_protected_attribute_there_is_nothing_to_compare():
    result = check(evidence(), model())
    assert result.outcome == "not_applicable"
    assert "names no protected attribute" in result.sentence


def test_a_finding_that_is_missing_blocks():
    with pytest.raises(EvidenceError, match="was not found: the feature set has no column sex"):
        check(evidence(unfound={"fairness": "the feature set has no column sex"}), model("sex"))
    result = run_gates(evidence(), model("sex"), gates={"fairness": gate})[0]
    assert (result.gate, result.outcome) == ("fairness", "blocked")


def test_a_figure_that_is_no_number_blocks():
    told = found().model_dump(mode="json")
    told["gaps"][0]["gap"]["value"] = math.nan
    with pytest.raises(EvidenceError, match="what was found for fairness is not a number: nan"):
        check(evidence(findings={"fairness": told}), model("sex"))
