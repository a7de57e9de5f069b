"""What serving may cost: each limit at its edge, and answers that must be those recorded."""

from __future__ import annotations

import pytest

from tests.gates.evidence import evidence, model, waivers
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates
from tradewind.gates.service import SAME, Found, Served, check

LIMITS = {
    "load_seconds": 60.0,
    "p99_seconds": 1.0,
    "rows_per_second": 50.0,
    "disk_mb": 500.0,
    "memory_mb": 2_000.0,
}
SERVED = {
    "load_seconds": 4.0,
    "p50_seconds": 0.1,
    "p99_seconds": 0.25,
    "calls": 40,
    "rows_per_second": 210.0,
    "load_calls": 32,
    "threads": 4,
    "memory_bytes": 320_000_000,
    "answered": 400,
    "by_rule": 0,
    "missing": 0,
    "worst_difference": 0.0,
}
FOUND = {"rows": 400, "pinned": 7, "packages": 87, "unmet": [], "failure": None}


def found(*, disk_bytes: int = 4_000_000, changes=None, **served) -> Found:
    one = Served(**{**SERVED, **served})
    return Found(**{**FOUND, "disk_bytes": disk_bytes, "served": one, **(changes or {})})


def asked(one: Found, **limits):
    said = model(waivers=[], service={**LIMITS, **limits})
    return check(evidence(findings={"service": one.model_dump(mode="json")}), said)


def test_a_model_within_every_limit_passes_and_says_all_five_figures():
    result = asked(found())
    assert result.outcome == "passed"
    assert (result.figure, result.threshold) == (0.25, 1.0)
    assert (result.rows, result.units) == (400, 30)
    for said in (
        "the slowest of 40 calls about one row took 0.25 s (at most 1)",
        "under load it answered 210 rows a second (at least 50)",
        "it loaded cold in 4 s (at most 60)",
        "on disk it takes 4 MB (at most 500)",
        "in memory it took 320 MB (at most 2,000)",
        "All 400 rows were answered as recorded.",
        "7 pinned requirements and what they need (87 packages)",
        "400 of 27,075 judged rows were asked, 40 calls about one row (half of them below 0.1 s)",
        "32 of several by 4 callers at once",
    ):
        assert said in result.sentence
    assert "Too much" not in result.sentence
    assert [line["held"] for line in result.table] == ["yes"] * 5
    assert result.table[1]["limit"] == "at least 50 rows a second"


@pytest.mark.parametrize(
    ("at", "beyond", "figure", "threshold"),
    [
        pytest.param({"load_seconds": 60.0}, {"load_seconds": 60.1}, 60.1, 60.0, id="cold load"),
        pytest.param({"p99_seconds": 1.0}, {"p99_seconds": 1.01}, 1.01, 1.0, id="latency"),
        pytest.param({"rows_per_second": 50.0}, {"rows_per_second": 49.9}, 49.9, 50.0, id="rate"),
        pytest.param(
            {"disk_bytes": 500_000_000}, {"disk_bytes": 500_000_001}, 500.000001, 500.0, id="disk"
        ),
        pytest.param(
            {"memory_bytes": 2_000_000_000},
            {"memory_bytes": 2_000_000_001},
            2000.000001,
            2000.0,
            id="memory",
        ),
    ],
)
def test_each_figure_may_reach_its_limit_and_not_go_beyond(at, beyond, figure, threshold):
    assert asked(found(**at)).outcome == "passed"
    result = asked(found(**beyond))
    assert result.outcome == "blocked"
    assert result.figure == pytest.approx(figure)
    assert result.threshold == threshold
    assert result.sentence.startswith("Too much: ")
    assert [line["held"] for line in result.table].count("no") == 1


def test_every_limit_is_the_definition_s():
    for name, tight in (
        ("load_seconds", 3.9),
        ("p99_seconds", 0.2),
        ("rows_per_second", 211.0),
        ("disk_mb", 3.9),
        ("memory_mb", 319.0),
    ):
        assert asked(found(), **{name: tight}).outcome == "blocked", name


def test_all_that_is_too_much_is_named_and_the_rest_too():
    result = asked(found(p99_seconds=3.0, memory_bytes=3_000_000_000))
    assert result.sentence.startswith(
        "Too much: the slowest of 40 calls about one row took 3 s (at most 1); "
        "in memory it took 3,000 MB (at most 2,000). Within its limits: under load"
    )


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (1, "the slowest of 1 call about one row took 0.25 s"),
        (100, "the slowest of 100 calls about one row took 0.25 s"),
        (101, "99% of 101 calls about one row took 0.25 s"),
    ],
)
def test_of_few_calls_the_slowest_is_told(calls, said):
    assert said in asked(found(calls=calls)).sentence


def test_other_answers_than_the_recorded_block_whatever_the_figures():
    assert asked(found(worst_difference=SAME)).outcome == "passed"
    result = asked(found(worst_difference=1.01 * SAME))
    assert result.outcome == "blocked"
    assert "does not answer as it did when it was judged" in result.sentence


def test_an_answer_that_is_none_blocks():
    result = asked(found(missing=1))
    assert result.outcome == "blocked"
    assert "It gave no score 1 times." in result.sentence


def test_rows_of_the_naive_rule_are_counted():
    assert "for 3 of them the naive rule decided" in asked(found(by_rule=3)).sentence


def test_requirements_that_are_not_met_block_by_name():
    one = found(changes={"unmet": ["numpy==2.1 is pinned, and 2.4 is installed"], "served": None})
    result = asked(one)
    assert result.outcome == "blocked"
    assert "numpy==2.1 is pinned, and 2.4 is installed" in result.sentence
    assert result.rows == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"failure": "no module named 'skops'", "served": None}, "no module named 'skops'"),
        ({"failure": "it was given up"}, "it was given up"),
        ({"served": None}, "no reason was recorded"),
    ],
)
def test_a_model_that_could_not_be_served_blocks_with_the_reason(changes, said):
    result = asked(found(changes=changes))
    assert result.outcome == "blocked"
    assert said in result.sentence
    assert "None of the 27,075 judged rows was answered to the end." in result.sentence


@pytest.mark.parametrize("nothing", [{"answered": 0}, {"calls": 0}])
def test_a_model_that_was_asked_nothing_is_no_evidence(nothing):
    assert asked(found(answered=1, calls=1)).outcome == "passed"
    with pytest.raises(EvidenceError, match="asked about no row"):
        asked(found(**nothing))


def test_it_is_on_by_default_and_blocks_where_nobody_looked():
    others = [w for w in waivers() if w["gate"] != "service"]
    results = {one.gate: one for one in run_gates(evidence(), model(waivers=others))}
    assert results["service"].outcome == "blocked"
    assert "nobody looked" in results["service"].sentence
