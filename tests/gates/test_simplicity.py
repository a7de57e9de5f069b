"""A model that is no better than a simpler one blocks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gates.evidence import difference, evidence, model
from tradewind.gates import run_gates
from tradewind.gates.simplicity import Found, Simpler, check


def simpler(name: str, advantage: float, error: float = 0.005) -> Simpler:
    return Simpler(
        name=name,
        instead=f"train {name}",
        value=0.517 + advantage,
        interval=(0.5 + advantage, 0.53 + advantage),
        advantage=difference(advantage, error),
    )


def answer(*players: Simpler, **asked: Any):
    found = Found(fitted_on=150_000, simpler=list(players))
    given = evidence(findings={"simplicity": found.model_dump(mode="json")})
    return check(given, model(waivers=[], simplicity=asked))


RULE, TREE, SUM = simpler("the rule", 0.1), simpler("a tree", 0.05), simpler("a sum", 0.03)


def test_a_model_that_is_better_than_every_simpler_one_passes() -> None:
    result = answer(RULE, TREE, SUM)
    assert result.outcome == "passed"
    assert result.sentence == (
        "No simpler model will do. The nearest is a sum, with log_loss 0.547 (0.53 to 0.56) where "
        "the candidate has 0.517 (0.497 to 0.537): the candidate is better by 0.03, and with 95% "
        "confidence the advantage is above 0.02. It has to be better by more than 0.005, 1 "
        "standard error of the difference (0.005). Each was fitted on the same 150,000 rows. "
        "Judged on 27,075 rows of 30 days."
    )
    assert (result.figure, result.threshold) == (0.03, 0.005)
    assert result.interval == pytest.approx((0.02, 0.04))
    assert [line["says"] for line in result.table] == ["not enough"] * 3
    assert result.table[2]["log_loss"] == "0.547 (0.53 to 0.56)"


def test_the_simplest_that_will_do_is_named_with_what_to_do() -> None:
    result = answer(RULE, simpler("a tree", 0.004), simpler("a sum", -0.01))
    assert result.outcome == "blocked"
    assert result.sentence.startswith(
        "A simpler model will do: a tree, with log_loss 0.521 (0.504 to 0.534) where the candidate "
        "has 0.517 (0.497 to 0.537): the candidate is better by 0.004, and with 95% confidence the "
        "advantage is above -0.006. Instead, train a tree."
    )
    assert result.figure == 0.004
    assert [line["says"] for line in result.table] == ["not enough", "will do", "will do"]


@pytest.mark.parametrize(
    ("advantage", "outcome"),
    [(0.0051, "passed"), (0.005, "blocked"), (0.0, "blocked"), (-0.1, "blocked")],
)
def test_one_standard_error_itself_is_not_enough(advantage: float, outcome: str) -> None:
    assert answer(RULE, simpler("a sum", advantage)).outcome == outcome


def test_the_declared_number_of_errors_is_compared_with() -> None:
    assert answer(simpler("a sum", 0.009), errors=2.0).outcome == "blocked"
    assert answer(simpler("a sum", 0.011), errors=2.0).outcome == "passed"
    said = answer(simpler("a sum", 0.011), errors=2.0).sentence
    assert "more than 0.01, 2 standard errors of the difference (0.005)." in said
    assert answer(simpler("a sum", 0.0001), errors=0.0).outcome == "passed"
    assert answer(simpler("a sum", 0.0), errors=0.0).outcome == "blocked"


def test_the_error_is_that_of_each_difference() -> None:
    assert answer(simpler("a sum", 0.005, error=0.001)).outcome == "passed"
    assert answer(simpler("a sum", 0.005, error=0.02)).outcome == "blocked"


def test_a_candidate_than_which_nothing_is_simpler_has_nothing_to_beat() -> None:
    result = answer()
    assert result.outcome == "not_applicable"
    assert result.sentence == "Nothing is simpler than the candidate."


def test_without_anybody_beside_it_a_candidate_blocks() -> None:
    results = run_gates(evidence(), model(waivers=[]))
    result = next(one for one in results if one.gate == "simplicity")
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence
