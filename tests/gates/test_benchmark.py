"""Pinned rows: the same rows, learned from by nobody, the same figures as before, not worse."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from tests.gates.evidence import difference, estimate, evidence, model, waivers
from tradewind.definition.gates.benchmark import Benchmark
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates
from tradewind.gates.benchmark import SAME, Champion, Found, Measured, check
from tradewind.records import Difference

DIGEST = "0123456789abcdef" * 2
PINNED = {"pinned": DIGEST, "start": date(2024, 3, 4), "end": date(2024, 3, 11)}
OWN = Measured(now=estimate(0.41))
CHAMPION = Champion(
    now=estimate(0.4),
    recorded=0.4,
    recorded_on="2024-05-01",
    version=3,
    gap=difference(-0.01),
)
SOUND = {
    "digest": DIGEST,
    "rows": 6_000,
    "days": 7,
    "candidate": OWN,
    "champion": CHAMPION,
}
ALONE = {**SOUND, "champion": None}


def asked(found: dict, **section):
    told = {"benchmark": Found(**found).model_dump(mode="json")}
    return check(evidence(findings=told), model(waivers=[], benchmark={**PINNED, **section}))


def bounded_by(high: float) -> Difference:
    """A difference whose upper bound is this."""
    return Difference(value=-0.5, low=-1.0 - high, standard_error=0.1, smallest_detectable=0.3)


def test_where_nothing_is_pinned_the_command_is_named():
    result = check(evidence(), model(waivers=[]))
    assert result.outcome == "not_applicable"
    assert "`tradewind pin late --start DATE --end DATE`" in result.sentence


def test_a_candidate_that_is_not_surely_worse_passes_and_says_all_of_it():
    result = asked(SOUND)
    assert result.outcome == "passed"
    assert result.sentence == (
        "The candidate's log_loss is 0.41 (0.39 to 0.43). That of the champion (version 3) is 0.4 "
        "(0.38 to 0.42), as on 2024-05-01: worse by 0.01. With 95% confidence the advantage is "
        "below 0: the candidate is not surely worse by more than 0.008. Measured on the 6,000 "
        f"pinned rows of 7 days from 2024-03-04 on (digest {DIGEST}); none of them was learned "
        "from."
    )
    assert (result.rows, result.units) == (6_000, 7)
    assert result.figure == -0.01
    assert result.threshold == pytest.approx(-0.008)
    assert result.interval == pytest.approx((-0.02, 0.0))
    assert result.table == [
        {"version": "candidate", "now": "0.41", "recorded": "first time", "on": ""},
        {"version": "champion (version 3)", "now": "0.4", "recorded": "0.4", "on": "2024-05-01"},
    ]


def test_without_a_champion_its_own_figure_stands_there():
    result = asked(ALONE)
    assert result.outcome == "passed"
    assert "There is no champion to compare it with." in result.sentence
    assert (result.figure, result.threshold) == (0.41, None)
    assert result.interval == pytest.approx((0.39, 0.43))
    assert len(result.table) == 1


def test_a_champion_that_may_have_learned_from_them_is_not_compared():
    said = "The champion (version 3) may have learned from 900 of these rows."
    result = asked({**ALONE, "unmeasured": said})
    assert result.outcome == "passed"
    assert said in result.sentence


@pytest.mark.parametrize(
    ("high", "outcome"),
    [(-0.25, "passed"), (-0.2500001, "blocked"), (-0.2499999, "passed")],
)
def test_surely_worse_by_more_than_the_share_blocks_and_by_just_that_passes(high, outcome):
    champion = Champion(now=estimate(0.5), version=3, gap=bounded_by(high))
    result = asked({**SOUND, "champion": champion}, worse_by=0.5)
    assert result.outcome == outcome
    assert ("is surely worse by more than 0.25" in result.sentence) == (outcome == "blocked")


def test_the_share_is_of_the_size_of_the_champion_s_figure():
    champion = Champion(now=estimate(-0.5), version=3, gap=bounded_by(-0.2))
    found = {**SOUND, "champion": champion}
    assert asked(found, worse_by=0.5).outcome == "passed"
    assert asked(found, worse_by=0.3).outcome == "blocked"


@pytest.mark.parametrize("who", ["candidate", "champion"])
@pytest.mark.parametrize("size", [0.4, -250.0])
def test_the_same_version_must_give_the_figure_that_it_gave(who, size):
    def with_figure(off: float) -> str:
        told = {"now": estimate(size + off), "recorded": size, "recorded_on": "2023-05-01"}
        one = {**told, "version": 3, "gap": difference(0.0)} if who == "champion" else told
        return asked({**ALONE, who: one}).outcome

    edge = SAME * max(1.0, abs(size))
    assert with_figure(0.9 * edge) == "passed"
    assert with_figure(-0.9 * edge) == "passed"
    assert with_figure(1.1 * edge) == "blocked"
    assert with_figure(-1.1 * edge) == "blocked"


def test_a_figure_at_the_very_edge_is_the_same():
    one = Measured(now=estimate(SAME), recorded=0.0, recorded_on="2023-05-01")
    assert asked({**ALONE, "candidate": one}).outcome == "passed"


def test_another_figure_of_the_same_version_is_said_with_both():
    told = {"now": estimate(0.41), "recorded": 0.4, "recorded_on": "2023-05-01"}
    one = Champion(**told, version=3, gap=difference(0.0))
    result = asked({**SOUND, "champion": one})
    assert result.outcome == "blocked"
    assert result.sentence.startswith(
        "The champion (version 3) gives another log_loss than on 2023-05-01: 0.41, and it was 0.4; "
        "software or files have changed under the same version. The candidate's log_loss"
    )


def test_other_rows_than_those_that_are_named_block():
    result = asked({**SOUND, "digest": "f" * 32})
    assert result.outcome == "blocked"
    assert f"digest {'f' * 32}, and {DIGEST} is declared" in result.sentence
    assert result.rows == 6_000


@pytest.mark.parametrize("count", [1, 5_999])
def test_a_candidate_that_learned_from_one_of_them_blocks(count):
    result = asked({**SOUND, "learned_from": count})
    assert result.outcome == "blocked"
    assert f"fitted or selected on {count:,} of the 6,000 pinned rows" in result.sentence


def test_rows_without_a_feature_must_be_pinned_anew():
    result = asked({**ALONE, "candidate": None, "lacking": ("gusts", "rain")})
    assert result.outcome == "blocked"
    assert (
        "before there was gusts, rain: pin anew (`tradewind pin late --start 2024-03-04 --end"
        in (result.sentence)
    )


@pytest.mark.parametrize("awaited", [1, 6_000])
def test_days_that_are_not_over_for_a_night_of_the_past_compare_nothing(awaited):
    result = asked({**ALONE, "candidate": None, "awaited": awaited})
    assert result.outcome == "not_applicable"
    assert f"Of the 6,000 pinned rows {awaited:,} had no label yet on 2024-06-01" in result.sentence


@pytest.mark.parametrize("nothing", [{"rows": 0}, {"candidate": None}])
def test_nothing_measured_is_no_evidence(nothing):
    assert asked({**ALONE, "rows": 1}).outcome == "passed"
    with pytest.raises(EvidenceError, match="not measured on the pinned rows"):
        asked({**ALONE, **nothing})


def test_it_blocks_where_rows_are_pinned_and_nobody_looked():
    others = [w for w in waivers() if w["gate"] != "benchmark"]
    results = run_gates(evidence(), model(waivers=others, benchmark=PINNED))
    result = {one.gate: one for one in results}["benchmark"]
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"pinned": DIGEST}, "come together"),
        ({"start": PINNED["start"], "end": PINNED["end"]}, "come together"),
        ({**PINNED, "end": date(2024, 3, 10)}, "a week at least"),
        ({**PINNED, "end": date(2024, 3, 3)}, "a week at least"),
        ({**PINNED, "pinned": "march"}, "pattern"),
    ],
)
def test_a_digest_and_its_days_are_declared_together(said, match):
    assert Benchmark(**PINNED).days == (PINNED["start"], PINNED["end"])
    assert Benchmark().days is None
    with pytest.raises(ValidationError, match=match):
        Benchmark(**said)
