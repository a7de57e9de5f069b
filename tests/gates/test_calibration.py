"""Calibration: scores that mean what they say, and those that surely do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gates.evidence import evidence, model
from tradewind.errors import EvidenceError
from tradewind.gates import calibration as gate
from tradewind.gates import run_gates
from tradewind.gates.calibration import Found, Part, check
from tradewind.records import Estimate


def gap(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, standard_error=0.03)


def part(name: str = "score 0.1 to 0.2", **changes: Any) -> Part:
    sound: dict[str, Any] = {
        "kind": "tenth",
        "rows": 2_700,
        "units": 30,
        "score": 0.15,
        "score_between": (0.14, 0.16),
        "truth": 0.16,
        "truth_between": (0.12, 0.2),
        "gap": gap(0.02, -0.2, 0.24),
        **changes,
    }
    return Part(name=name, **sound)


def found(**changes: Any) -> Found:
    sound: dict[str, Any] = {
        "confidence": 0.95,
        "rows": 27_075,
        "deviation": 0.42,
        "score": 0.24,
        "score_between": (0.22, 0.26),
        "truth": 0.25,
        "truth_between": (0.2, 0.3),
        "level": gap(0.02, -0.1, 0.14),
        "slope": gap(0.95, 0.8, 1.1),
        "slope_high": 1.05,
        "parts": [part()],
        **changes,
    }
    return Found(**sound)


def ask(*, limits: dict[str, float] | None = None, **changes: Any):
    findings = {"calibration": found(**changes).model_dump(mode="json")}
    return check(evidence(findings=findings), model(waivers=[], calibration=limits or {}))


def test_scores_that_mean_what_they_say_pass():
    result = ask()
    assert result.outcome == "passed"
    assert result.sentence == (
        "Scores mean what they say. On the average the score is 0.24 (0.22 to 0.26) and the truth "
        "0.25 (0.2 to 0.3), too little by 0.02 (-0.1 to 0.14) standard deviations where 0.2 is the "
        "limit. A limit is passed where it surely is, with 95% confidence, for all 1 part "
        "together. Judged on 27,075 rows of 30 days."
    )
    assert (result.figure, result.threshold, result.interval) == (-0.1, 0.2, (-0.1, 0.14))


@pytest.mark.parametrize(
    ("level", "outcome", "way"),
    [
        pytest.param(gap(0.3, 0.2, 0.4), "passed", "too little", id="perhaps at the limit"),
        pytest.param(gap(0.3, 0.2001, 0.4), "blocked", "too little", id="surely beyond it"),
        pytest.param(gap(-0.3, -0.4, -0.2), "passed", "too much", id="perhaps at minus the limit"),
        pytest.param(gap(-0.3, -0.4, -0.2001), "blocked", "too much", id="surely below that"),
        pytest.param(gap(0.5, -0.1, 1.1), "passed", "too little", id="far, and not surely"),
        pytest.param(gap(-0.5, -1.1, 0.1), "passed", "too much", id="far below, and not surely"),
    ],
)
def test_the_level_is_passed_where_its_nearer_bound_is_beyond_the_limit(level, outcome, way):
    result = ask(level=level)
    assert result.outcome == outcome
    nearer, farther = sorted((abs(level.low), abs(level.high)))
    if level.low * level.high > 0:
        assert f"{way} by {abs(level.value):.3g} ({nearer:.3g} to {farther:.3g})" in result.sentence
    assert f"{way} by" in result.sentence
    assert result.threshold == (0.2 if way == "too little" else -0.2)
    assert result.figure == (level.low if way == "too little" else level.high)


def test_a_gap_of_nothing_is_told_on_one_side_alone():
    result = ask(level=gap(0.0, -0.1, 0.14))
    assert (result.outcome, result.figure, result.threshold) == ("passed", 0.14, -0.2)
    assert "too much by 0 (-0.14 to 0.1) standard deviations" in result.sentence


def test_the_limit_of_the_level_is_the_definitions():
    far = gap(0.3, 0.25, 0.35)
    assert ask(level=far).outcome == "blocked"
    assert ask(level=far, limits={"level": 0.25}).outcome == "passed"
    assert ask(level=far, limits={"parts": 0.5, "slope": 0.1}).outcome == "blocked"


@pytest.mark.parametrize(
    ("high", "limits", "outcome"),
    [
        pytest.param(0.6, {}, "passed", id="perhaps at the least"),
        pytest.param(0.5999, {}, "blocked", id="surely below it"),
        pytest.param(0.5999, {"slope": 0.5}, "passed", id="where less is asked"),
    ],
)
def test_the_slope_is_held_by_its_upper_bound(high, limits, outcome):
    result = ask(slope=gap(0.4, 0.2, 0.6), slope_high=high, limits=limits)
    assert result.outcome == outcome
    if outcome == "blocked":
        assert result.sentence.startswith(
            "Scores do not mean what they say: where the score rises by 1 the truth rises by 0.4 "
            "(0.2 to 0.6), surely below 0.6, and 0.6 is the least. A limit"
        )
        assert (result.figure, result.threshold) == (high, 0.6)
        assert result.interval == (0.2, 0.6)


@pytest.mark.parametrize("kind", ["tenth", "slice"])
@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        pytest.param(gap(0.5, 0.3, 0.6), "passed", id="perhaps at the limit"),
        pytest.param(gap(0.5, 0.3001, 0.6), "blocked", id="surely beyond it"),
        pytest.param(gap(-0.5, -0.6, -0.3), "passed", id="perhaps at minus the limit"),
        pytest.param(gap(-0.5, -0.6, -0.3001), "blocked", id="surely below that"),
    ],
)
def test_each_part_has_a_limit_of_its_own(kind, own, outcome):
    result = ask(parts=[part(), part("origin is EWR", kind=kind, gap=own)])
    assert result.outcome == outcome
    assert result.table[1]["says"] == ("holds" if outcome == "passed" else "passes its limit")
    if outcome == "blocked":
        assert (
            "origin is EWR (2,700 rows of 30 days), score 0.15 (0.14 to 0.16) and truth 0.16 "
            "(0.12 to 0.2), too "
        ) in result.sentence
    assert ask(parts=[part(gap=own)], limits={"parts": 0.31}).outcome == "passed"


def test_the_one_nearest_to_its_limit_is_told_beside_the_level():
    result = ask(parts=[part(), part("origin is EWR", gap=gap(0.5, 0.28, 0.6))])
    assert "Nearest to its limit comes: origin is EWR (2,700" in result.sentence
    assert (result.figure, result.threshold) == (0.28, 0.3)


def test_the_worst_is_told_first_and_many_are_counted():
    far = [part(f"dest is {n}", gap=gap(0.6, 0.45 + n / 100, 0.9)) for n in range(5)]
    result = ask(parts=far)
    assert "Scores do not mean what they say: dest is 4 (" in result.sentence
    assert "; and 2 more. A limit" in result.sentence
    assert "more. A limit" not in ask(parts=far[:3]).sentence


def test_the_worst_is_the_surest_and_not_the_farthest():
    sure = part("dest is SURE", gap=gap(0.5, 0.4, 0.6).model_copy(update={"standard_error": 0.01}))
    far = part("dest is FAR", gap=gap(0.9, 0.5, 1.3).model_copy(update={"standard_error": 0.1}))
    assert "say: dest is SURE" in ask(parts=[far, sure]).sentence
    flat = ask(slope=gap(0.1, 0.0, 0.2), slope_high=0.1, parts=[sure])
    assert "say: where the score rises by 1" in flat.sentence


def test_a_gap_without_any_error_holds_or_not_by_itself():
    flat = gap(0.2, 0.2, 0.2).model_copy(update={"standard_error": 0.0})
    assert ask(
        level=flat, slope=flat.model_copy(update={"value": 1.0}), slope_high=1.0
    ).outcome == ("passed")


def test_the_table_shows_what_was_said_beside_what_came_of_it():
    few = Part(name="carrier is HA", kind="slice", rows=92, units=30, unknown="92 rows")
    known, unknown = ask(parts=[part(), few]).table
    assert known == {
        "part": "score 0.1 to 0.2", "rows": "2,700", "days": "30",
        "mean score": "0.15 (0.14 to 0.16)", "mean truth": "0.16 (0.12 to 0.2)",
        "truth less score, in deviations": "0.02 (-0.2 to 0.24)", "says": "holds",
    }  # fmt: skip
    assert (unknown["mean score"], unknown["mean truth"]) == ("", "")


def test_a_small_part_is_unknown_and_is_not_counted_as_passed():
    few = Part(name="carrier is HA", kind="slice", rows=92, units=30, unknown="92 rows")
    result = ask(parts=[part(), few])
    assert result.outcome == "passed"
    assert "1 of 2 parts are unknown, and are not counted as passed." in result.sentence
    assert result.table[1]["says"] == "unknown: 92 rows"
    assert len({tuple(line) for line in result.table}) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": 27_074}, "the reliability is of 27,074 rows"),
        ({"confidence": 0.9}, "at a confidence of 0.9"),
        ({"parts": [part(score=None)]}, "has no figures"),
        ({"parts": [part(truth=None)]}, "has no figures"),
    ],
)
def test_what_lacks_a_figure_or_is_of_other_rows_is_no_evidence(changes, reason):
    with pytest.raises(EvidenceError, match=reason):
        ask(**changes)


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param({}, id="nobody looked"),
        pytest.param({"calibration": {"rows": 27_075}}, id="another shape"),
        pytest.param(
            {"calibration": {**found().model_dump(mode="json"), "slope_high": None}}, id="no number"
        ),
    ],
)
def test_without_a_sound_finding_it_blocks(findings):
    told = evidence(findings=findings)
    result = run_gates(told, model(waivers=[]), gates={"calibration": gate})[0]
    assert result.outcome == "blocked"
    assert "there is nothing sound to decide on" in result.sentence
