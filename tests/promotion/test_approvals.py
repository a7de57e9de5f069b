"""Whether people let a candidate through, as the ledger has their questions and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import SQL, WHOLE
from tests.test_live import DAY, JUNE
from tradewind.definition.loader import parse_definition
from tradewind.promotion.approvals import (
    Standing,
    answer_words,
    deadline_of,
    let_stand,
    listed,
    may_answer,
    open_question,
    standing_of,
    why_not,
)
from tradewind.records import Admission, RunRequest, Verdict
from tradewind.stores.events import (
    APPROVAL_ASKED,
    APPROVAL_STANDS,
    APPROVAL_TIMED_OUT,
    APPROVAL_VOID,
    APPROVED,
    REJECTED,
)
from tradewind.stores.ledger import Event, Ledger

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition


def definition(tier: str, *reviewers: str) -> FrozenDefinition:
    promotion = f"{{reviewers: [{', '.join(reviewers)}], approve_within: 3 days}}"
    text = f"{WHOLE}\nrisk_tier: {tier}\npromotion: {promotion}\n"
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="late")


HIGH = definition("high", "rita", "carl", "ann")
CRITICAL = definition("critical", "rita", "carl")


def admission(run_id: str = "r1", **changes: Any) -> Admission:
    said = {"model": "late", "actor": "ann", "reason": "a try", "trigger": "hand", **changes}
    request = RunRequest.model_validate({"run_id": run_id, "as_of": JUNE, **said})
    return Admission(request=request, definition_digest=HIGH.digest, fencing_token=1)


def verdict(digest: str = "verdict") -> Verdict:
    return Verdict(passed=True, digest=digest, uri="verdicts/x.json", results=[])


# ------------------------------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("person", "name", "trigger", "earlier", "said"),
    [
        pytest.param("rita", "Rita", "hand", [], None, id="a reviewer"),
        pytest.param("eve", "Eve", "hand", [], "is none of the declared reviewers", id="another"),
        pytest.param("ann", "Ann", "hand", [], "ann started this training", id="the run's own"),
        pytest.param("carl", "ann", "hand", [], "carl started this", id="the run's own, by name"),
        pytest.param("ann", "Ann", "schedule", [], None, id="nobody's own: the schedule's"),
        pytest.param("ann", "Ann", "decision", [], None, id="nobody's own: a decision's"),
        pytest.param("rita", "Rita", "hand", ["rita"], "approved already", id="twice the same"),
        pytest.param("rita", "Rita", "hand", ["carl"], None, id="the second of two"),
    ],
)
def test_who_may_answer(
    person: str, name: str, trigger: str, earlier: list[str], said: str | None
) -> None:
    run = admission(trigger=trigger)
    found = why_not(person, name, run, HIGH, earlier=earlier)
    assert found is None if said is None else said in (found or "")
    allowed = person in may_answer(run, HIGH, earlier=earlier)
    assert allowed is (said is None or name == "ann")


@pytest.mark.parametrize(
    ("people", "said"),
    [([], "nobody"), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
)
def test_names_are_listed_as_one_says_them(people: list[str], said: str) -> None:
    assert listed(people) == said


@pytest.mark.parametrize(
    ("needed", "by", "enough"),
    [
        pytest.param(1, (), False, id="nobody yet"),
        pytest.param(2, ("rita",), False, id="one of two"),
        pytest.param(2, ("rita", "carl"), True, id="both"),
        pytest.param(0, ("rita",), True, id="more than are needed now"),
    ],
)
def test_a_candidate_is_let_through_by_as_many_as_are_needed(
    needed: int, by: tuple[str, ...], enough: bool
) -> None:
    assert Standing(needed=needed, by=by).is_enough is enough


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            APPROVAL_TIMED_OUT,
            "nobody approved of it in time, and silence is a rejection: no answer until noon",
        ),
        (REJECTED, "rejected by carl: no answer until noon"),
        (APPROVAL_VOID, "the answer of carl does not count: no answer until noon"),
    ],
)
def test_an_answer_that_is_no_approval_is_told_as_what_it_was(kind: str, said: str) -> None:
    event = Event(
        id=1,
        recorded_at=JUNE,
        as_of=JUNE,
        model="late",
        kind=kind,
        actor="carl",
        reason="no answer until noon",
        payload={},
    )
    assert answer_words(event) == said


# --------------------------------------------------------------------------- what the ledger says


@dataclass
class Case:
    """A question about a candidate, and what people answered to it."""

    ledger: Ledger
    model: str
    frozen: FrozenDefinition = HIGH

    def admission(self, run_id: str = "r1") -> Admission:
        return admission(run_id, model=self.model)

    def standing(self, digest: str = "verdict", *, run_id: str = "r1") -> Standing:
        run = self.admission(run_id)
        return standing_of(run, self.frozen, verdict(digest), ledger=self.ledger)

    def ask(self, digest: str = "verdict", *, run_id: str = "r1") -> Event:
        return open_question(
            self.admission(run_id),
            self.frozen,
            verdict(digest),
            self.standing(digest, run_id=run_id),
            ledger=self.ledger,
            via="shell",
        )

    def answer(self, kind: str, by: str, *, name: str | None = None) -> Event:
        return self.ledger.append(
            model=self.model,
            kind=kind,
            as_of=JUNE,
            actor=by,
            reason="a note",
            payload={"run_id": "r1", "verdict_digest": "verdict", "name": name},
        )

    def stand(self, before: str, now: str) -> None:
        let_stand(
            self.admission(), verdict(before), verdict(now), because="anew", ledger=self.ledger
        )

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.events(model=self.model)]


@pytest.fixture
def case(ledger: Ledger, model: str) -> Case:
    return Case(ledger, model)


def test_before_anybody_is_asked_nothing_stands(case: Case) -> None:
    assert case.standing() == Standing(needed=1)


def test_a_question_stays_open_with_its_deadline_until_it_is_answered(case: Case) -> None:
    asked = case.ask()
    assert case.ask() == asked
    assert case.kinds() == [APPROVAL_ASKED]
    assert case.standing() == Standing(needed=1, asked=asked)
    assert asked.reason.startswith("asked of rita or carl, until ")
    left = deadline_of(asked) - asked.recorded_at
    assert 2 * DAY < left <= 3 * DAY
    case.answer(APPROVED, "rita")
    assert case.standing() == Standing(needed=1, by=("rita",))


def test_a_run_does_not_wait_for_the_question_of_another(case: Case) -> None:
    asked = case.ask(run_id="r0")
    assert case.standing(run_id="r0").asked == asked
    assert case.standing(run_id="r1").asked is None


@pytest.mark.parametrize("kind", [REJECTED, APPROVAL_TIMED_OUT])
def test_a_rejection_or_silence_takes_every_approval_back(case: Case, kind: str) -> None:
    case.frozen = CRITICAL
    case.answer(APPROVED, "rita")
    against = case.answer(kind, "carl")
    assert case.standing() == Standing(needed=2, against=against)
    case.answer(APPROVED, "carl")
    assert case.standing() == Standing(needed=2, by=("carl",))


@pytest.mark.parametrize(
    ("by", "name"),
    [
        pytest.param("eve", "Eve", id="no reviewer"),
        pytest.param("carl", "ann", id="who started it, under another id"),
    ],
)
def test_an_approval_counts_only_from_who_may_give_it(case: Case, by: str, name: str) -> None:
    case.answer(APPROVED, by, name=name)
    assert case.standing().by == ()


def test_one_person_approves_once(case: Case) -> None:
    case.frozen = CRITICAL
    for by in ("rita", "rita", "carl"):
        case.answer(APPROVED, by)
    assert case.standing().by == ("rita", "carl")


def test_an_answer_that_was_void_stays_void_also_where_it_would_count_today(case: Case) -> None:
    void = case.answer(APPROVAL_VOID, "rita")
    assert case.standing() == Standing(needed=1, against=void)


def test_an_approval_of_one_verdict_is_none_of_another(case: Case) -> None:
    case.answer(APPROVED, "rita")
    assert case.standing("another").by == ()


def test_an_approval_stands_for_the_verdict_that_took_the_place_of_its_own(case: Case) -> None:
    case.answer(APPROVED, "rita")
    case.stand("verdict", "second")
    case.stand("second", "third")
    case.stand("second", "third")
    assert case.kinds() == [APPROVED, APPROVAL_STANDS, APPROVAL_STANDS]
    found = [case.standing(digest).by for digest in ("verdict", "second", "third", "another")]
    assert found == [("rita",)] * 3 + [()]


def test_a_question_that_is_open_stays_open_for_the_verdict_that_came_after(case: Case) -> None:
    asked = case.ask()
    case.stand("verdict", "second")
    assert case.standing("second").asked == asked
