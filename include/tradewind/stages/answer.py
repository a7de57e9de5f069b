"""Answer: what a person said to a candidate is held against the rules, and kept for good.

Also a rejection, with its note; also silence; also the answer of somebody who may not give one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tradewind.promotion.approvals import ITSELF, Standing, deadline_of, standing_of, why_not
from tradewind.stores.events import (
    APPROVAL_ANSWERS,
    APPROVAL_TIMED_OUT,
    APPROVAL_VOID,
    APPROVED,
    REJECTED,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Answer, Approval, Verdict
    from tradewind.stores.events import Event
    from tradewind.stores.stores import Stores

_KINDS: Final[Mapping[Answer, str]] = {
    "approved": APPROVED,
    "rejected": REJECTED,
    "timed_out": APPROVAL_TIMED_OUT,
    "void": APPROVAL_VOID,
}
_NO_NOTE = "no note was left"


def take(
    admission: Admission,
    frozen: FrozenDefinition,
    verdict: Verdict,
    said: Approval,
    *,
    stores: Stores,
) -> Approval:
    """Check an answer and write it into the ledger; the same answer again is not written twice.

    Args:
        admission: The run that the candidate is of.
        frozen: The definition; it names who may answer.
        verdict: What the question was about.
        said: The answer, with the identity that Airflow or the shell recorded.
        stores: The ledger.

    Returns:
        What it counts for: an answer of somebody who may not give one is void, and an approval
        after the deadline is the silence that it came too late for.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    if said.answer == "not_asked":
        return said
    about = {"run_id": admission.request.run_id, "verdict_digest": verdict.digest}
    told = {**about, **said.model_dump(mode="json", include={"seat", "at"})}
    known = stores.ledger.events(model=admission.model, kind=APPROVAL_ANSWERS)
    for event in known:
        if told.items() <= event.payload.items():
            return _recorded(event, said)
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    checked = _checked(admission, frozen, said, standing)
    event = stores.ledger.append(
        model=admission.model,
        kind=_KINDS[checked.answer],
        as_of=admission.as_of,
        actor=checked.by or ITSELF,
        reason=checked.reason or checked.note or _NO_NOTE,
        payload={
            **told,
            "name": checked.name,
            "note": checked.note,
            "definition_digest": admission.definition_digest,
        },
    )
    return _recorded(event, checked)


def _checked(
    admission: Admission, frozen: FrozenDefinition, said: Approval, standing: Standing
) -> Approval:
    if said.by is None:
        return said.model_copy(update={"answer": "timed_out", "reason": _silence(standing)})
    if problem := why_not(said.by, said.name, admission, frozen, earlier=standing.by):
        return said.model_copy(update={"answer": "void", "reason": problem})
    if said.answer == "approved" and _is_late(said, standing):
        reason = f"{_silence(standing)}; {said.by} approved at {said.at:%Y-%m-%d %H:%M:%S} UTC"
        return said.model_copy(update={"answer": "timed_out", "reason": reason})
    return said


def _is_late(said: Approval, standing: Standing) -> bool:
    if standing.asked is None or said.at is None:
        return False
    return said.at > deadline_of(standing.asked)


def _silence(standing: Standing) -> str:
    if standing.asked is None:
        return "nobody answered in time"
    return f"no answer until {deadline_of(standing.asked):%Y-%m-%d %H:%M:%S} UTC"


def _recorded(event: Event, said: Approval) -> Approval:
    """The answer as the ledger has it."""
    answer = next(name for name, kind in _KINDS.items() if kind == event.kind)
    own = answer in ("approved", "rejected")
    return said.model_copy(update={"answer": answer, "reason": None if own else event.reason})
