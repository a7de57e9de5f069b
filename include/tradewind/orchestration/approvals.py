"""The tasks that ask people: Airflow's own human in the loop, with our rules around it.

Airflow lets a task wait without a process, shows it under Required Actions, and hands over who
answered. It keeps no trace of a rejection, so that the task after it writes each answer into the
ledger before anything else happens: nobody is asked twice because a database was away.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator, Param

from tradewind.orchestration.links import ReportLink, report_address
from tradewind.orchestration.plumbing import (
    ADMIT,
    REJUDGE,
    open_stores,
    plain_errors,
    recorded,
    returned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Question
    from tradewind.stores.stores import Stores

APPROVE, REJECT = "Approve", "Reject"
# Another training may be at work when the answer comes: an hour apart, for half a day.
_TURNS = 14
# Airflow takes no time at all for no deadline at all.
_LEAST = timedelta(seconds=1)


class ApprovalOperator(HITLOperator):
    """Asks one of the declared reviewers, where the answer would change something.

    Args:
        model: The definition, which names the reviewers and their time.
        earlier: Tasks that asked others of this run before.
    """

    operator_extra_links = (ReportLink(),)
    # What people write is shown as it is: nothing in it is a template.
    template_fields = ()

    def __init__(
        self, *, model: ModelDefinition, earlier: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(
            subject=f"Promote the candidate of {model.name}?",
            options=[APPROVE, REJECT],
            defaults=REJECT,
            response_timeout=model.promotion.approve_within,
            **kwargs,
        )
        self.earlier = list(earlier)

    def execute(self, context: Context) -> Any:
        """Put the question, and wait; where nobody needs to be asked, say why and go on."""
        with plain_errors():
            stores = open_stores()
            keep_answers(self.earlier, context, stores=stores)
            question = self._question(context, stores=stores)
            if not question.reviewers:
                return _not_asked(question)
            self._fill_in(question, stores=stores)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Hand over who answered what; silence has no user, and is no person's rejection."""
        from tradewind.records import Approval

        said = super().execute_complete(context, event)
        user, approves = said["responded_by_user"], said["chosen_options"] == [APPROVE]
        is_silence = bool(event.get("timedout")) or user is None
        verdict = recorded("gate", context)
        answer = "timed_out" if is_silence else "approved" if approves else "rejected"
        return Approval(
            answer=answer,
            verdict_digest=verdict.digest,
            seat=len(self.earlier) + 1,
            by=None if is_silence else user["id"],
            name=None if is_silence else user["name"],
            note=(said["params_input"].get("note") or "").strip() or None,
            at=said["responded_at"],
        ).model_dump(mode="json")

    def _question(self, context: Context, *, stores: Stores) -> Question:
        from tradewind.approval import ask

        instance = context["ti"]
        return ask(
            recorded(ADMIT, context),
            recorded("train", context),
            recorded("evaluate", context),
            recorded("gate", context),
            seat=len(self.earlier) + 1,
            address=report_address(instance.dag_id, instance.run_id, "gate"),
            card_address=report_address(instance.dag_id, instance.run_id, "card"),
            stores=stores,
        )

    def _fill_in(self, question: Question, *, stores: Stores) -> None:
        assert question.until is not None  # noqa: S101 (who is asked has a deadline)
        self.body = stores.lake.read_json(question.page_uri or "")["markdown"]
        self.assigned_users = [{"id": one, "name": one} for one in question.reviewers]
        self.response_timeout = max(question.until - datetime.now(tz=UTC), _LEAST)


class RejudgeOperator(BaseOperator):
    """Keeps the answers, takes the model's lease back, and judges anew where that is needed.

    Args:
        asked: The tasks that asked.
    """

    operator_extra_links = (ReportLink(),)

    def __init__(self, *, asked: Sequence[str], **kwargs: Any) -> None:
        super().__init__(retries=_TURNS, **kwargs)
        self.asked = list(asked)

    def execute(self, context: Context) -> dict[str, Any]:
        """Settle what people said.

        Raises:
            LeaseHeldError: Another training is at work: this is tried again until it is over.
        """
        from tradewind.approval import ANEW, rejudge
        from tradewind.pipeline import TRAIN

        given = {earlier for name in ANEW for earlier in TRAIN[name].inputs}
        with plain_errors():
            stores = open_stores()
            keep_answers(self.asked, context, stores=stores)
            names = [name for name in TRAIN if name in given or name in ANEW]
            records = {name: recorded(name, context) for name in names}
            settled = rejudge(recorded(ADMIT, context), records, stores=stores)
        return settled.model_dump(mode="json")


def keep_answers(tasks: Sequence[str], context: Context, *, stores: Stores) -> None:
    """Write what people answered into the ledger; what is there already is not written again."""
    from tradewind.approval import take
    from tradewind.records import Approval

    admission, verdict = recorded(ADMIT, context), recorded("gate", context)
    for task in tasks:
        said = Approval.model_validate(returned(task, context))
        take(admission, verdict, said, stores=stores)


def approval_tasks(model: ModelDefinition) -> list[BaseOperator]:
    """The tasks that a model's candidates go through before they are registered; often none."""
    from tradewind.approval import SEATS

    asked = SEATS[: model.approvals_needed]
    if not asked:
        return []
    questions = [
        ApprovalOperator(task_id=task, model=model, earlier=asked[:place], params=_form())
        for place, task in enumerate(asked)
    ]
    return [*questions, RejudgeOperator(task_id=REJUDGE, asked=asked)]


def _form() -> dict[str, Param]:
    """What a reviewer may write beside the buttons."""
    return {
        "note": Param(
            "",
            type="string",
            title="Note",
            description="Why. Kept in the ledger with your name, also of a rejection.",
        )
    }


def _not_asked(question: Question) -> dict[str, Any]:
    from tradewind.records import Approval

    return Approval(
        answer="not_asked",
        verdict_digest=question.verdict_digest,
        seat=question.seat,
        reason=question.sentence,
    ).model_dump(mode="json")
