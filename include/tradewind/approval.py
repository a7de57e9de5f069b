"""Between the gates and the registry: people are asked, and what they said is settled.

While they think, the run holds no lease, and other trainings may go on. Before it is registered it
takes the lease back; where the champion changed meanwhile, the candidate is judged anew against it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast

from tradewind.errors import LeaseHeldError, LeaseLostError, RequestError
from tradewind.pipeline import (
    TRAIN,
    frozen_definition,
    record_from,
    release,
    report,
    run_stage,
)
from tradewind.promotion.approvals import deadline_of, let_stand, standing_of, why_not
from tradewind.records import Admission, Approval, Rejudged
from tradewind.stores.events import APPROVAL_ASKED
from tradewind.stores.launches import write_back
from tradewind.stores.leases import LeaseHeld, lease_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.records import (
        Evaluation,
        Question,
        Record,
        Registration,
        TrainedModel,
        Verdict,
    )
    from tradewind.stores.events import Event
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

SEATS = ("approve", "approve_second")
"""The tasks that ask, by the number of people that are needed."""
REJUDGE = "rejudge"
ANEW = ("evaluate", "probe", "refit", "load_test", "gate", "card")
"""What is done again where the champion changed."""


def ask(
    admission: Admission,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    *,
    seat: int,
    address: str,
    card_address: str,
    stores: Stores,
) -> Question:
    """Put the question, and give the lease back while people think; or say why nobody is asked.

    Args:
        admission: The run.
        trained: The candidate.
        evaluation: The evidence.
        verdict: What the gates say.
        seat: Which of the people needed is asked for, from 1.
        address: Where the verdict's page is.
        card_address: Where the model card is.
        stores: Where everything is kept.
    """
    from tradewind.stages.ask import ask as ask_stage  # noqa: PLC0415 (see Stage.function)

    frozen = frozen_definition(admission, stores=stores)
    question = ask_stage(
        admission,
        frozen,
        trained,
        evaluation,
        verdict,
        seat=seat,
        address=address,
        card_address=card_address,
        stores=stores,
    )
    report(SEATS[seat - 1], admission.request, question, stores=stores)
    if question.reviewers:
        write_back(admission.request, stores=stores)
        give_lease_back(admission, stores=stores)
    return question


def open_question_of(
    admission: Admission, verdict: Verdict, *, seat: int, stores: Stores
) -> Event | None:
    """The question that this run put about this verdict, while the ledger has no answer to it.

    Args:
        admission: The run.
        verdict: What was asked about.
        seat: Which of the people needed was asked for, from 1.
        stores: The ledger.
    """
    frozen = frozen_definition(admission, stores=stores)
    asked = standing_of(admission, frozen, verdict, ledger=stores.ledger).asked
    return asked if asked is not None and asked.payload["seat"] == seat else None


def take(admission: Admission, verdict: Verdict, said: Approval, *, stores: Stores) -> Approval:
    """Keep what a person answered, or that nobody did; says what it counts for."""
    from tradewind.stages.answer import take as take_stage  # noqa: PLC0415 (see Stage.function)

    frozen = frozen_definition(admission, stores=stores)
    answer = take_stage(admission, frozen, verdict, said, stores=stores)
    if answer.answer != "not_asked":
        report(SEATS[said.seat - 1], admission.request, answer, stores=stores)
    return answer


def rejudge(admission: Admission, records: Mapping[str, Record], *, stores: Stores) -> Rejudged:
    """Take the lease back, and judge the candidate anew where the champion is another one now.

    Args:
        admission: The run, as it was admitted.
        records: What its stages returned, by stage, up to the verdict.
        stores: Where everything is kept.

    Raises:
        LeaseHeldError: Another run holds the model's lease: to be tried again.
        TradewindError: What a stage raises that is run again.
    """
    admission = take_lease_back(admission, stores=stores)
    why = _why_anew(admission, records, stores=stores)
    if why is not None:
        log.info("%s: %s", admission.model, why)
        records = _judged_anew(admission, records, because=why, stores=stores)
    result = Rejudged(
        admission=admission,
        evaluation=cast("Evaluation", records["evaluate"]),
        verdict=cast("Verdict", records["gate"]),
        sentence=why or "the champion is the one that it was judged beside",
    )
    report(REJUDGE, admission.request, result, stores=stores)
    return result


def answer_awaited(
    model: str, answer: Literal["approved", "rejected"], *, by: str, note: str, stores: Stores
) -> Registration:
    """Answer, from a shell, for the candidate that awaits it since its run ended; then register it.

    Args:
        model: Whose candidate.
        answer: The answer.
        by: Who gives it, who must be a declared reviewer.
        note: Why; kept in the ledger.
        stores: Where everything is kept.

    Raises:
        RequestError: No candidate awaits an answer, it is asked in Airflow, or this person may not
            give one.
        LeaseHeldError: Another run holds the model's lease. The answer is kept: give it again.
    """
    question = _awaited(model, stores=stores)
    records = _records_of(model, question.payload["run_id"], stores=stores)
    admission, verdict = cast("Admission", records["admit"]), cast("Verdict", records["gate"])
    frozen = frozen_definition(admission, stores=stores)
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    now = stores.ledger.now()
    is_late = now > deadline_of(question)
    said = Approval(
        answer="timed_out" if is_late else answer,
        verdict_digest=verdict.digest,
        seat=len(standing.by) + 1,
        by=None if is_late else by,
        note=None if is_late else note,
        at=now,
    )
    if by not in standing.by:
        problem = why_not(by, None, admission, frozen, earlier=standing.by)
        if problem is not None:
            raise RequestError(f"{model}: {problem}")
        take(admission, verdict, said, stores=stores)
    return _registered(admission, records, stores=stores)


def _registered(
    admission: Admission, records: Mapping[str, Record], *, stores: Stores
) -> Registration:
    settled = rejudge(admission, records, stores=stores)
    try:
        inputs = (records["train"], settled.evaluation, settled.verdict)
        result = run_stage("register", settled.admission, *inputs, stores=stores)
    finally:
        release(settled.admission, stores=stores)
    return cast("Registration", result)


def _awaited(model: str, *, stores: Stores) -> Event:
    """The question about the newest candidate whose run ended without an answer."""
    for event in stores.ledger.events(model=model, kind=APPROVAL_ASKED, newest_first=True):
        run_id = event.payload["run_id"]
        said = stores.ledger.outcomes(model=model, run_id=run_id, stage="register", limit=1)
        if said and said[0].result["outcome"] == "awaits_approval":
            return event
        if not said:
            raise RequestError(
                f"{model}: the run {run_id} is asking in Airflow: answer there, under Required "
                "Actions"
            )
    raise RequestError(f"{model}: no candidate awaits an approval")


def _records_of(model: str, run_id: str, *, stores: Stores) -> dict[str, Record]:
    """What the stages of a run returned, as the ledger has it."""
    said = {one.stage: one for one in stores.ledger.outcomes(model=model, run_id=run_id)}
    kinds = {"admit": Admission} | {name: stage.result for name, stage in TRAIN.items()}
    return {
        name: record_from(kind, said[name].result) for name, kind in kinds.items() if name in said
    }


def take_lease_back(admission: Admission, *, stores: Stores) -> Admission:
    """The admission with a lease of the model that holds now, with a new token where it was lost.

    Raises:
        LeaseHeldError: Another run has it.
    """
    request, frozen = admission.request, frozen_definition(admission, stores=stores)
    lease = stores.ledger.acquire_lease(
        request.model,
        holder=request.run_id,
        ttl=lease_time(frozen.model.schedule),
        as_of=request.as_of,
        actor=request.actor,
        reason=request.reason,
    )
    if isinstance(lease, LeaseHeld):
        raise LeaseHeldError(
            f"{request.model}: {lease.sentence}; the answer about this candidate is kept, and it "
            "goes on when that run is over"
        )
    return admission.model_copy(update={"fencing_token": lease.fencing_token})


def give_lease_back(admission: Admission, *, stores: Stores) -> None:
    """Let other trainings in; where another run has the lease already, there is nothing to give."""
    if admission.fencing_token is None:
        return
    with suppress(LeaseLostError):
        stores.ledger.release_lease(
            admission.model,
            holder=admission.request.run_id,
            fencing_token=admission.fencing_token,
        )


def _why_anew(admission: Admission, records: Mapping[str, Record], *, stores: Stores) -> str | None:
    """Why the first verdict does not count any more; None where it does."""
    trained, verdict = cast("TrainedModel", records["train"]), cast("Verdict", records["gate"])
    judged = cast("Evaluation", records["evaluate"]).champion_version
    champion = stores.ledger.champion(admission.model)
    if not verdict.passed or champion is None or champion.version == judged:
        return None
    # Neither is promoted in any case, and `register` says so.
    if champion.model_uri == trained.model_uri or admission.as_of < champion.since:
        return None
    frozen = frozen_definition(admission, stores=stores)
    if not standing_of(admission, frozen, verdict, ledger=stores.ledger).is_enough:
        return None
    was = "no champion" if judged is None else f"version {judged}"
    return (
        f"the champion is version {champion.version} now, and was {was} when the candidate was "
        "judged: it is judged anew"
    )


def _judged_anew(
    admission: Admission, records: Mapping[str, Record], *, because: str, stores: Stores
) -> Mapping[str, Record]:
    """Evidence, examinations and verdict again, by the same stages; the rest of the run stands."""
    before, found = cast("Verdict", records["gate"]), dict(records)
    for name in ANEW:
        inputs = [found[earlier] for earlier in TRAIN[name].inputs]
        found[name] = run_stage(name, admission, *inputs, stores=stores)
    now = cast("Verdict", found["gate"])
    if now.passed and _asks_the_same(before, now):
        reason = f"{because}; asked again, {now.account}, and nothing else changed"
        let_stand(admission, before, now, because=reason, ledger=stores.ledger)
    return found


def _asks_the_same(before: Verdict, now: Verdict) -> bool:
    """Whether the same gates were asked, with the same ones switched off."""
    asked = [
        {one.gate: one.outcome == "waived" for one in verdict.results} for verdict in (before, now)
    ]
    return asked[0] == asked[1]
