"""Who approves of a candidate: who may, what was answered, and whether that is enough.

Everything is in the ledger: the question, each answer with who gave it and their note, silence too.
An approval is of one verdict. Where the champion changed meanwhile, the candidate is judged anew,
and an event says that the approval stands for that second verdict (`approval_stands`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.stores.events import (
    APPROVAL_ANSWERS,
    APPROVAL_ASKED,
    APPROVAL_KINDS,
    APPROVAL_STANDS,
    APPROVAL_TIMED_OUT,
    APPROVED,
    REJECTED,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Verdict
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger

# What takes back every approval before it.
_AGAINST = (REJECTED, APPROVAL_TIMED_OUT)
ITSELF = "tradewind"


@dataclass(frozen=True)
class Standing:
    """Where the question of a verdict stands.

    Attributes:
        needed: How many different people must approve.
        by: Who did, in their order.
        asked: The question that nobody has answered yet, if there is one.
        against: The last answer, where it is no approval.
    """

    needed: int
    by: tuple[str, ...] = ()
    asked: Event | None = None
    against: Event | None = None

    @property
    def is_enough(self) -> bool:
        """Whether the candidate may be promoted."""
        return len(self.by) >= self.needed


def standing_of(
    admission: Admission, frozen: FrozenDefinition, verdict: Verdict, *, ledger: Ledger
) -> Standing:
    """Say where the question stands whether people let a candidate through.

    Args:
        admission: The run; who started it by hand may not approve of what came of it.
        frozen: The definition that the candidate was trained by; it names who may answer.
        verdict: Of the gates. An approval is of this very verdict, by its digest.
        ledger: What was asked and answered.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    events = ledger.events(model=admission.model, kind=APPROVAL_KINDS)
    about = _of_verdict(events, verdict.digest)
    answers = [event for event in about if event.kind in APPROVAL_ANSWERS]
    by: list[str] = []
    for event in answers:
        if event.kind in _AGAINST:
            by = []
        elif event.kind == APPROVED and _counts(event, admission, frozen, earlier=by):
            by.append(event.actor)
    last = answers[-1] if answers else None
    return Standing(
        needed=frozen.model.approvals_needed,
        by=tuple(by),
        asked=_open_question(about, admission.request.run_id),
        against=last if last is not None and last.kind != APPROVED else None,
    )


def why_not(
    person: str,
    name: str | None,
    admission: Admission,
    frozen: FrozenDefinition,
    *,
    earlier: Sequence[str],
) -> str | None:
    """Say why somebody may not answer; None where they may.

    Args:
        person: By the id that Airflow's auth manager gives, as `promotion.reviewers` names it.
        name: As Airflow shows them. A run knows who started it by name, which need not be the id.
        admission: The run that trained the candidate.
        frozen: Names the reviewers.
        earlier: Who approved already.
    """
    reviewers = frozen.model.promotion.reviewers
    if person not in reviewers:
        return f"{person} is none of the declared reviewers ({', '.join(reviewers)})"
    request = admission.request
    if request.trigger == "hand" and request.actor in (person, name):
        return f"{person} started this training, and nobody approves of their own candidate"
    if person in earlier:
        return f"{person} approved already, and two different people are needed"
    return None


def may_answer(
    admission: Admission, frozen: FrozenDefinition, *, earlier: Sequence[str]
) -> list[str]:
    """The reviewers who may still answer."""
    return [
        person
        for person in frozen.model.promotion.reviewers
        if why_not(person, None, admission, frozen, earlier=earlier) is None
    ]


def open_question(
    admission: Admission,
    frozen: FrozenDefinition,
    verdict: Verdict,
    standing: Standing,
    *,
    ledger: Ledger,
    via: str,
    page_uri: str | None = None,
) -> Event:
    """Write that people are asked, with the moment at which silence is a rejection.

    A question that is open already is the same question still, and keeps its deadline.
    """
    if standing.asked is not None:
        return standing.asked
    people = may_answer(admission, frozen, earlier=standing.by)
    until = ledger.now() + frozen.model.promotion.approve_within
    return ledger.append(
        model=admission.model,
        kind=APPROVAL_ASKED,
        as_of=admission.as_of,
        actor=admission.request.actor,
        reason=f"asked of {listed(people)}, until {until:%Y-%m-%d %H:%M} UTC",
        payload={
            "run_id": admission.request.run_id,
            "verdict_digest": verdict.digest,
            "seat": len(standing.by) + 1,
            "reviewers": people,
            "until": until.isoformat(),
            "via": via,
            "page_uri": page_uri,
        },
    )


def deadline_of(question: Event) -> datetime:
    """When silence becomes a rejection."""
    return datetime.fromisoformat(question.payload["until"])


def answer_words(event: Event) -> str:
    """An answer that is no approval, as a sentence."""
    if event.kind == APPROVAL_TIMED_OUT:
        return f"nobody approved of it in time, and silence is a rejection: {event.reason}"
    if event.kind == REJECTED:
        return f"rejected by {event.actor}: {event.reason}"
    return f"the answer of {event.actor} does not count: {event.reason}"


def let_stand(
    admission: Admission, before: Verdict, now: Verdict, *, because: str, ledger: Ledger
) -> None:
    """Write that the approval of one verdict stands for another one; once."""
    said: dict[str, Any] = {
        "run_id": admission.request.run_id,
        "verdict_digest": now.digest,
        "instead_of": before.digest,
    }
    known = ledger.events(model=admission.model, kind=APPROVAL_STANDS)
    if said not in [event.payload for event in known]:
        ledger.append(
            model=admission.model,
            kind=APPROVAL_STANDS,
            as_of=admission.as_of,
            actor=ITSELF,
            reason=because,
            payload=said,
        )


def listed(people: Sequence[str]) -> str:
    """Names as one says them: `ann, bob or cy`."""
    if not people:
        return "nobody"
    *others, last = people
    return f"{', '.join(others)} or {last}" if others else last


def _of_verdict(events: Sequence[Event], digest: str) -> list[Event]:
    """What was asked and answered about a verdict, and about those that it takes the place of."""
    digests = {digest}
    for event in reversed(events):
        if event.kind == APPROVAL_STANDS and event.payload["verdict_digest"] in digests:
            digests.add(event.payload["instead_of"])
    return [
        event
        for event in events
        if event.kind != APPROVAL_STANDS and event.payload["verdict_digest"] in digests
    ]


def _counts(
    event: Event, admission: Admission, frozen: FrozenDefinition, *, earlier: Sequence[str]
) -> bool:
    name = event.payload.get("name")
    return why_not(event.actor, name, admission, frozen, earlier=earlier) is None


def _open_question(about: Sequence[Event], run_id: str) -> Event | None:
    own = [event for event in about if event.payload["run_id"] == run_id]
    return own[-1] if own and own[-1].kind == APPROVAL_ASKED else None
