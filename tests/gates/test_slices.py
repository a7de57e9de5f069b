"""Slices: none surely worse, one that is, a floor that is missed, and those too small to say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gates.evidence import estimate, evidence, model
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates
from tradewind.gates import slices as gate
from tradewind.gates.slices import Bound, Found, Part, check

ALONE = {"champion_state": "never", "champion": None, "champion_version": None}
SMALL = "92 rows, and 300 are needed"


def bound(value: float, error: float = 0.01, reach: float = 4.0) -> Bound:
    return Bound(value=value, standard_error=error, high=value + reach * error)


def part(name: str = "origin is JFK", **changes: Any) -> Part:
    sound: dict[str, Any] = {
        "origin": "declared",
        "rows": 9_000,
        "units": 30,
        "candidate": estimate(0.5),
        "naive": estimate(0.6),
        "champion": estimate(0.51),
        "against_naive": bound(0.1),
        "against_champion": bound(0.01),
        **changes,
    }
    return Part(name=name, **sound)


def small(name: str = "carrier is HA", origin: str = "declared") -> Part:
    return Part(name=name, origin=origin, rows=92, units=30, unknown=SMALL)


def found(*parts: Part, **changes: Any) -> Found:
    sound: dict[str, Any] = {
        "metric": "log_loss",
        "greater_is_better": False,
        "confidence": 0.95,
        "rows": 27_075,
        "searched": 19_000,
        "parts": list(parts),
        **changes,
    }
    return Found(**sound)


def ask(*parts: Part, on: dict[str, Any] | None = None, told: Any = None, **asked: Any):
    """What the gate says of these slices, where nothing else is said of a champion judged as well.

    Args:
        on: Changes of the evidence.
        told: Changes of what was found.
        asked: Keys of `gates.slices`.
    """
    findings = {"slices": found(*parts, **(told or {})).model_dump(mode="json")}
    return check(
        evidence(findings=findings, **(on or {})),
        model(waivers=[], slices=asked),
    )


def test_slices_in_which_nobody_is_surely_better_pass():
    result = ask(part(), part("origin is LGA", against_naive=bound(-0.03)))
    assert result.outcome == "passed"
    assert result.sentence == (
        "In none of 2 known slices is the candidate surely worse than the naive rule or surely "
        "worse than the champion (version 3) by more than 5% of the naive rule's figure. Nearest "
        "to it comes origin is LGA (9,000 rows of 30 days), 0.5 (0.48 to 0.52) against the naive "
        "rule's 0.6 (0.58 to 0.62): worse by 0.03, not surely: better by 0.01 at most. The bounds "
        "of all 2 slices hold together with 95% confidence, each interval in brackets by itself. "
        "Judged on 27,075 rows of 30 days."
    )
    assert (result.figure, result.threshold) == (pytest.approx(0.01), 0.0)
    assert result.interval == pytest.approx((-0.07, 0.01))


def test_a_slice_that_is_surely_worse_than_the_naive_rule_blocks_by_name():
    worse = part("origin is LGA", candidate=estimate(0.7), against_naive=bound(-0.1))
    result = ask(part(), worse, on=ALONE)
    assert result.outcome == "blocked"
    assert result.sentence.startswith(
        "The candidate falls short in 1 of 2 known slices: origin is LGA (9,000 rows of 30 days), "
        "0.7 (0.68 to 0.72) against the naive rule's 0.6 (0.58 to 0.62): worse by 0.1, surely by "
        "0.06. The bounds"
    )
    assert (result.figure, result.threshold) == (pytest.approx(-0.06), 0.0)
    assert [line["says"] for line in result.table] == ["holds", "falls short"]


@pytest.mark.parametrize(
    ("high", "outcome"),
    [
        pytest.param(0.0, "passed", id="perhaps exactly as good"),
        pytest.param(-1e-9, "blocked", id="surely worse, by a hair"),
    ],
)
def test_beside_the_naive_rule_the_upper_bound_is_held_against_nothing(high, outcome):
    edge = Bound(value=-0.04, standard_error=0.01, high=high)
    assert ask(part(against_naive=edge), on=ALONE).outcome == outcome


@pytest.mark.parametrize(
    ("high", "margin", "outcome"),
    [
        pytest.param(-0.03, 0.05, "passed", id="a twentieth of the naive rule's 0.6"),
        pytest.param(-0.0300001, 0.05, "blocked", id="just beyond it"),
        pytest.param(-0.0300001, 0.06, "passed", id="where more is tolerated"),
        pytest.param(-1e-9, 0.0, "blocked", id="where nothing is tolerated"),
        pytest.param(0.0, 0.0, "passed", id="perhaps exactly as good"),
    ],
)
def test_beside_the_champion_the_margin_is_a_share_of_the_naive_rules_figure(high, margin, outcome):
    edge = Bound(value=-0.06, standard_error=0.01, high=high)
    result = ask(part(against_champion=edge), margin=margin)
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (
            "against the champion's 0.51 (0.49 to 0.53): worse by 0.06, surely by"
        ) in result.sentence
        assert result.threshold == pytest.approx(-margin * 0.6)
        tolerated = ", and 0.03 is tolerated. The bounds"
        assert (tolerated in result.sentence) is (margin > 0)


@pytest.mark.parametrize(
    ("compared", "told"),
    [
        pytest.param(bound(0.1), "better by 0.1, at most by 0.14", id="better"),
        pytest.param(bound(0.0), "better by 0, at most by 0.04", id="the same on the average"),
        pytest.param(
            bound(-0.03), "worse by 0.03, not surely: better by 0.01 at most", id="perhaps worse"
        ),
        pytest.param(
            Bound(value=-0.04, standard_error=0.01, high=0.0),
            "worse by 0.04, not surely: better by 0 at most",
            id="perhaps exactly as good",
        ),
    ],
)
def test_what_is_nearest_is_told_with_the_side_that_it_lies_on(compared, told):
    result = ask(part(against_naive=compared), on=ALONE)
    assert f"against the naive rule's 0.6 (0.58 to 0.62): {told}. The bounds" in result.sentence


def test_what_is_surely_worse_than_the_champion_does_not_count_without_one():
    worse = part(against_champion=bound(-0.3))
    assert ask(worse).outcome == "blocked"
    assert ask(worse, on=ALONE).outcome == "passed"


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [
        pytest.param({"at_most": 0.5}, "passed", id="a tie at most"),
        pytest.param({"at_most": 0.499}, "blocked", id="above the most"),
        pytest.param({"at_least": 0.5}, "passed", id="a tie at least"),
        pytest.param({"at_least": 0.501}, "blocked", id="below the least"),
        pytest.param({"of_naive": 0.84}, "passed", id="less than the naive rule's"),
        pytest.param({"of_naive": 0.83}, "blocked", id="not so much less"),
    ],
)
def test_a_floor_is_held_against_each_slices_own_figure(floor, outcome):
    result = ask(part(), floor=floor)
    assert result.outcome == outcome
    told = "falls short in 1 of 1 known slices: origin is JFK (9,000 rows of 30 days), 0.5 (0.48 "
    told = f"{told}to 0.52) against the floor: at "
    assert (told in result.sentence) is (outcome == "blocked")
    short = "5% of the naive rule's figure or short of the floor. Nearest"
    assert (short in result.sentence) is (outcome == "passed")


def test_where_more_is_better_a_share_of_the_naive_rules_figure_is_the_least():
    auc = {"metric": "roc_auc", "greater_is_better": True}
    own = part(candidate=estimate(0.7), naive=estimate(0.5))
    scales = {"metric": "roc_auc", "greater_is_better": True, "against_champion": None, **ALONE}
    findings = {"slices": found(own, **auc).model_dump(mode="json")}
    outcomes = [
        check(evidence(findings=findings, **scales), model(slices={"floor": {"of_naive": of}}))
        for of in (1.4, 1.41)
    ]
    assert [result.outcome for result in outcomes] == ["passed", "blocked"]


def test_the_worst_of_several_is_told_first_and_many_are_counted():
    worse = [part(f"dest is {n}", against_naive=bound(-0.1 - n / 100)) for n in range(5)]
    result = ask(*worse, part(), on=ALONE)
    assert "falls short in 5 of 6 known slices: dest is 4 " in result.sentence
    assert "; and 2 comparisons more. The" in result.sentence
    assert "more. The" not in ask(*worse[:3], on=ALONE).sentence
    assert result.figure == pytest.approx(-0.1)


def test_the_worst_is_the_surest_and_not_the_farthest():
    sure = part("dest is SURE", against_naive=Bound(value=-0.1, standard_error=0.01, high=-0.06))
    far = part("dest is FAR", against_naive=Bound(value=-0.3, standard_error=0.05, high=-0.1))
    assert "slices: dest is SURE" in ask(far, sure, on=ALONE).sentence


def test_players_that_are_the_same_hold_without_any_error():
    same = Bound(value=0.0, standard_error=0.0, high=0.0)
    assert ask(part(against_naive=same, against_champion=same), margin=0.0).outcome == "passed"


def test_a_small_slice_is_unknown_and_is_not_counted_as_passed():
    result = ask(part(), small())
    assert result.outcome == "passed"
    assert "In none of 1 known slices" in result.sentence
    assert "1 of 2 slices are unknown, and are not counted as passed." in result.sentence
    assert [line["says"] for line in result.table] == ["holds", f"unknown: {SMALL}"]
    assert len({tuple(line) for line in result.table}) == 1


def test_where_no_declared_slice_is_known_it_is_said():
    result = ask(part(origin="important"), small(), small("carrier is OO"))
    assert result.outcome == "passed"
    assert "None of the 2 declared slices is known, so nothing is said of them." in result.sentence


def test_where_no_slice_was_declared_nothing_is_said_of_declared_ones():
    result = ask(part(origin="important"), small("carrier is OO", origin="found"))
    assert "1 of 2 slices are unknown, and are not counted as passed." in result.sentence
    assert "declared" not in result.sentence


def test_where_no_slice_is_known_nothing_is_passed():
    result = ask(small(), small("carrier is OO", origin="found"))
    assert result.outcome == "not_applicable"
    assert result.sentence.startswith("Nothing is compared: None of the 1 declared slices is known")
    assert len(result.table) == 2


def test_without_a_champion_the_table_has_no_word_of_one():
    with_one, without = ask(part()).table[0], ask(part(), on=ALONE).table[0]
    assert {"champion", "against the champion"} == with_one.keys() - without.keys()
    assert with_one["against the naive rule"] == "0.1 (at most 0.14)"


def test_without_a_champion_the_sentence_has_no_word_of_one():
    said = "In none of 1 known slices is the candidate surely worse than the naive rule. Nearest"
    assert ask(part(), on=ALONE).sentence.startswith(said)


@pytest.mark.parametrize(
    ("parts", "told", "reason"),
    [
        ([part(against_naive=None)], {}, "has no comparison with the naive rule"),
        ([part(naive=None)], {}, "has no comparison with the naive rule"),
        ([part(candidate=None)], {}, "has no comparison with the naive rule"),
        ([part(against_champion=None)], {}, "has no comparison with the champion"),
        ([part(champion=None)], {}, "has no comparison with the champion"),
        ([part()], {"rows": 27_074}, "the slices are of 27,074 rows"),
        ([part()], {"confidence": 0.9}, "at a confidence of 0.9"),
    ],
)
def test_what_lacks_a_comparison_or_is_of_other_rows_is_no_evidence(parts, told, reason):
    with pytest.raises(EvidenceError, match=reason):
        ask(*parts, told=told)


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param({}, id="nobody looked"),
        pytest.param({"slices": {"parts": []}}, id="another shape"),
        pytest.param(
            {"slices": {**found(part()).model_dump(mode="json"), "confidence": None}},
            id="no number",
        ),
    ],
)
def test_without_a_sound_finding_it_blocks(findings):
    told = evidence(findings=findings, unfound={})
    result = run_gates(told, model(waivers=[]), gates={"slices": gate})[0]
    assert result.outcome == "blocked"
    assert "there is nothing sound to decide on" in result.sentence
