"""What depends on chance blocks, by the seed, by the past, and by what cannot be made again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gates.evidence import difference, estimate, evidence, model
from tradewind.definition.gates.stability import Stability
from tradewind.gates import run_gates
from tradewind.gates.stability import Attempt, Found, check

LONG, SHORT = "without 2013-05-01 to 2013-05-14", "without 2013-01-01 to 2013-01-14"


def attempt(kind: str, name: str, changed: float = 0.1, worse: float = 0.001) -> Attempt:
    return Attempt(
        kind=kind, name=name, changed=estimate(changed), moved=0.04, moved_between=(0.03, 0.05),
        better=difference(-worse),
    )  # fmt: skip


def found(**changes: Any) -> Found:
    sound: dict[str, Any] = {
        "recorded": "d" * 32,
        "again": "d" * 32,
        "differing": 0,
        "rows": 20_000,
        "of_rows": 150_000,
        "attempts": [
            attempt("seed", "with another seed"),
            attempt("stretch", LONG, changed=0.3),
            attempt("stretch", SHORT),
        ],
    }
    return Found.model_validate({**sound, **changes})


def answer(made: Found, **asked: Any):
    given = evidence(findings={"stability": made.model_dump(mode="json")})
    return check(given, model(waivers=[], stability=asked))


def attempts(seed: Attempt | None = None, stretch: Attempt | None = None) -> list[Attempt]:
    return [
        seed or attempt("seed", "with another seed"),
        stretch or attempt("stretch", LONG),
        attempt("stretch", SHORT),
    ]


def test_a_model_that_answers_alike_however_it_is_fitted_passes() -> None:
    result = answer(found())
    assert result.outcome == "passed"
    assert result.sentence == (
        "Made again from the recorded rows, parameters and seed it gives the same predictions to "
        "the last bit. Fitted without 2013-05-01 to 2013-05-14 it decides 4.0% (3.0% to 5.0%) "
        "of the rows otherwise: 0.3 (0.28 to 0.32) of what chance alone would change, within the "
        "budget of 0.5. No other seed or stretch takes more of its budget, and none makes it worse "
        "by more than the rows leave open. What is compared was fitted on 20,000 of 150,000 rows. "
        "Judged on 27,075 rows of 30 days."
    )
    assert (result.figure, result.threshold) == (0.3, 0.5)
    assert result.interval == pytest.approx((0.28, 0.32))
    assert (result.rows, result.units) == (27_075, 30)


def test_what_takes_most_of_its_own_budget_is_shown() -> None:
    seed = attempt("seed", "with another seed", changed=0.2)
    result = answer(found(attempts=attempts(seed, attempt("stretch", LONG, changed=0.3))))
    assert (result.figure, result.threshold) == (0.2, 0.25)


def test_a_model_that_cannot_be_made_again_blocks() -> None:
    result = answer(found(again="e" * 32, differing=7))
    assert result.outcome == "blocked"
    assert result.sentence.startswith(
        "Made again from the recorded rows, parameters and seed it gives other predictions: 7 "
        f"differ, their digest is {'e' * 32}, and {'d' * 32} when it was trained."
    )
    assert (result.figure, result.threshold) == (7.0, 0.0)


@pytest.mark.parametrize(("kind", "at", "beyond"), [("seed", 0.25, 0.251), ("stretch", 0.5, 0.501)])
def test_each_budget_holds_to_its_edge(kind: str, at: float, beyond: float) -> None:
    def outcome(changed: float) -> str:
        return answer(found(attempts=attempts(**{kind: attempt(kind, "x", changed)}))).outcome

    assert (outcome(at), outcome(beyond)) == ("passed", "blocked")


def test_the_declared_budgets_are_the_ones_compared_with() -> None:
    made = found(attempts=attempts(attempt("seed", "x", 0.3), attempt("stretch", LONG, 0.6)))
    assert answer(made).outcome == "blocked"
    assert answer(made, by_seed=0.3).outcome == "blocked"
    assert answer(made, by_stretch=0.6).outcome == "blocked"
    assert answer(made, by_seed=0.3, by_stretch=0.6).outcome == "passed"


@pytest.mark.parametrize("kind", ["seed", "stretch"])
def test_worse_by_more_standard_errors_than_are_allowed_blocks(kind: str) -> None:
    # The candidate's log loss has a standard error of 0.01.
    def result(worse: float, **asked: Any):
        one = attempt(kind, "fitted otherwise", worse=worse)
        return answer(found(attempts=attempts(**{kind: one})), **asked)

    assert result(0.02).outcome == "passed"
    assert result(0.03, errors=3.0).outcome == "passed"
    blocked = result(0.021)
    assert blocked.outcome == "blocked"
    assert (blocked.figure, blocked.threshold) == (0.021, 0.02)
    assert blocked.interval == pytest.approx((0.011, 0.031))
    assert (
        "its log_loss is worse by 0.021, with 95% confidence by at most 0.031, and 0.02 is the most"
    ) in blocked.sentence
    assert "0.021 (0.011 to 0.031)" in [line["found"] for line in blocked.table]


def test_better_by_as_much_is_no_fault() -> None:
    assert answer(found(attempts=attempts(attempt("seed", "x", worse=-0.05)))).outcome == "passed"


def test_everything_that_does_not_hold_is_counted_and_listed() -> None:
    seed = attempt("seed", "with another seed", changed=0.3, worse=0.05)
    result = answer(found(attempts=attempts(seed)))
    assert "1 more do not hold" in result.sentence
    assert [line["says"] for line in result.table].count("does not hold") == 2
    assert len(result.table) == 7


@pytest.mark.parametrize("left", [[0], [1], [0, 1], [0, 2], []])
def test_attempts_that_are_missing_block(left: list[int]) -> None:
    made = found(attempts=[attempts()[place] for place in left])
    given = evidence(findings={"stability": made.model_dump(mode="json")})
    asked = model(waivers=[])
    result = next(one for one in run_gates(given, asked) if one.gate == "stability")
    assert result.outcome == "blocked"
    assert "the definition asks for 1 and 2" in result.sentence


def test_a_model_that_nobody_fitted_again_blocks() -> None:
    asked = model(waivers=[])
    result = next(one for one in run_gates(evidence(), asked) if one.gate == "stability")
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence


def test_a_regression_is_told_in_standard_deviations() -> None:
    given = evidence(findings={"stability": found().model_dump(mode="json")})
    regression = model(waivers=[]).model_copy(update={"problem": "regression"})
    said = check(given, regression).sentence
    assert "its answers move by 0.04 (0.03 to 0.05) standard deviations of the label" in said


def test_more_stretches_cannot_be_left_out_than_there_are() -> None:
    assert Stability(stretches=2, left_out=2).left_out == 2
    with pytest.raises(ValueError, match="`left_out` is 3, and there are 2 stretches"):
        Stability(stretches=2, left_out=3)


def test_the_standard_error_is_the_candidates() -> None:
    made = found(attempts=attempts(attempt("seed", "x", worse=0.03)))
    noisy = {"log_loss": estimate(0.517, error=0.02), "roc_auc": estimate(0.765)}
    given = evidence(findings={"stability": made.model_dump(mode="json")}, candidate=noisy)
    assert check(given, model(waivers=[])).outcome == "passed"


def test_a_model_that_was_trained_elsewhere_is_not_fitted_again() -> None:
    result = answer(found(attempts=[], again="", elsewhere="given.skops"))
    assert result.outcome == "not_applicable"
    assert result.sentence == "given.skops was trained elsewhere: it cannot be made again here."
