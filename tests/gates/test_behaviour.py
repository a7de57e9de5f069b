"""A model does what its owner expects of it, on as many rows as he asks for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gates.evidence import evidence, model
from tradewind.gates import behaviour as gate
from tradewind.gates import run_gates
from tradewind.gates.behaviour import Found, Tried, check

MILE = "A mile more is no reason."
QUEUE = "A longer queue makes no flight earlier."
CLEAR = "A clear morning is no day to warn."
ASKED = {
    "invariance": [{"because": MILE, "feature": "x", "by": 1, "within": 0.01, "share": 0.9}],
    "direction": [{"because": QUEUE, "feature": "x", "by": 10, "must_not": "fall", "share": 0.8}],
    "minimum": [{"because": CLEAR, "given": {"x": 1}, "at_most": 0.3, "share": 1.0}],
}


def tried(because: str, *, rows: int = 100, violations: int = 0, **changes: Any) -> Tried:
    told = {
        "kind": "invariance",
        "because": because,
        "told": "x +1 moves the score by no more than 0.01",
        "rows": rows,
        "of_rows": 1_000,
        "violations": violations,
        "between": (0.5, 1.0),
        "worst": "on 2024-05-05, x 1 to 2 takes the score from 0.1 to 0.9",
        **changes,
    }
    return Tried(**told)


def asked(*trials: Tried, **expected: Any):
    told = Found(tried=list(trials)).model_dump(mode="json")
    asking = model(waivers=[], behaviour=expected or ASKED)
    return check(evidence(findings={"behaviour": told}), asking)


def test_where_nothing_is_expected_it_is_not_applicable():
    result = check(evidence(), model(waivers=[]))
    assert result.outcome == "not_applicable"
    assert "declares no expectation" in result.sentence


def test_a_model_that_does_what_is_expected_passes_and_says_what_came_nearest():
    result = asked(tried(MILE, violations=4), tried(QUEUE), tried(CLEAR, rows=50))
    assert result.outcome == "passed"
    assert "Every one of 3 expectations holds" in result.sentence
    assert "Nearest to failing: 'A clear morning is no day to warn'" in result.sentence
    assert (result.figure, result.threshold, result.interval) == (1.0, 1.0, (0.5, 1.0))
    assert result.rows == 250
    assert (
        "it holds of 50 of 50 rows, 100.0% (50.0% to 100.0%), and 100.0% are asked for"
    ) in result.sentence
    assert "intervals are over days, as the rows of a day are alike" in result.sentence
    assert "250 trials on rows of the 27,075 judged ones" in result.sentence


@pytest.mark.parametrize(
    ("because", "most"), [(MILE, 10), (QUEUE, 20), (CLEAR, 0)], ids=["mile", "queue", "clear"]
)
@pytest.mark.parametrize("more", [0, 1])
def test_one_row_more_than_is_allowed_blocks(because, most, more):
    every = [tried(name, violations=most + more if name == because else 0) for name in
             (MILE, QUEUE, CLEAR)]  # fmt: skip
    result = asked(*every)
    assert result.outcome == ("blocked" if more else "passed")
    if more:
        assert "1 of 3 expectations fail" in result.sentence
        assert because.rstrip(".") in result.sentence
        assert "takes the score from 0.1 to 0.9" in result.sentence
        assert result.figure < result.threshold


@pytest.mark.parametrize(("rows", "violations", "share"), [(100, 7, 0.93), (30, 3, 0.9)])
def test_a_share_is_compared_as_it_is_written(rows, violations, share):
    expected = {"invariance": [{**ASKED["invariance"][0], "share": share}]}
    assert asked(tried(MILE, rows=rows, violations=violations), **expected).outcome == "passed"


def test_an_expectation_without_a_row_is_unknown_and_blocks():
    nothing = tried(QUEUE, rows=0, of_rows=0, between=None, worst="")
    result = asked(tried(MILE), nothing, tried(CLEAR))
    assert result.outcome == "blocked"
    assert "no judged row is like that, so that nothing is known" in result.sentence
    assert result.table[1]["holds of"] == "unknown"


def test_an_expectation_that_nobody_tried_blocks():
    result = asked(tried(MILE), tried(QUEUE))
    assert result.outcome == "blocked"
    assert f"{CLEAR!r} was not tried" in result.sentence
    assert asked().outcome == "blocked"


def test_an_interval_of_older_evidence_was_another_and_is_not_shown():
    older = tried(CLEAR, between=None, interval=(0.98, 1.0))
    result = asked(tried(MILE), tried(QUEUE), older)
    assert result.interval is None
    assert "it holds of 100 of 100 rows, 100.0%, and 100.0% are asked for" in result.sentence


def test_every_expectation_has_a_line_of_its_own():
    table = asked(tried(MILE, violations=50), tried(QUEUE), tried(CLEAR)).table
    assert [line["expectation"] for line in table] == [MILE, QUEUE, CLEAR]
    assert len({tuple(line) for line in table}) == 1
    assert table[0]["holds of"] == "50.0% (50.0% to 100.0%)"
    assert "on 100 of 1,000 rows" in table[0]["tried"]


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ({}, "what it decides on was not found: nobody looked"),
        ({"behaviour": {"foreign": 1}}, "has another shape"),
    ],
)
def test_without_a_finding_a_declared_expectation_blocks(findings, reason):
    asking = model(waivers=[], behaviour=ASKED)
    result = run_gates(evidence(findings=findings), asking, gates={"behaviour": gate})[0]
    assert result.outcome == "blocked"
    assert reason in result.sentence
