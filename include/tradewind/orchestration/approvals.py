"""The tasks that ask people: Airflow's own human in the loop, with our rules around it.

Airflow lets a task wait without a process, shows it under Required Actions, and hands over who
answered. It keeps no trace of a rejection, so that the task after it writes each answer into the
ledger before anything else happens: nobody is asked twice because a database was away. Nor because
an attempt was lost that had asked: what it was answered is the answer of the next one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload

from tradewind.orchestration.earlier_answer import EarlierAnswer
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
    from tradewind.stores.events import Event
    from tradewind.stores.stores import Stores

APPROVE, REJECT = "Approve", "Reject"
# Another training may be at work when the answer comes: an hour apart, for half a day.
_TURNS = 14
# An attempt that is lost after it was answered costs one; so may the one that takes the answer.
_LEAST_RETRIES = 2
_OTHER_PAGE = (
    "the gates were run again and came to another verdict, and Airflow goes on showing the page of "
    "the one before: nobody is asked to approve by it. Trigger the training anew"
)
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
            retries=max(model.schedule.retries, _LEAST_RETRIES),
            **kwargs,
        )
        self.earlier = list(earlier)

    def execute(self, context: Context) -> Any:
        """Put the question, and wait; where nobody needs to be asked, say why and go on.

        Where an earlier attempt put it, first look whether that was answered.
        """
        with plain_errors():
            stores = open_stores()
            keep_answers(self.earlier, context, stores=stores)
            asked = self._asked_before(context, stores=stores)
        if asked is not None:
            look = EarlierAnswer(ti_id=str(context["ti"].id))
            self.defer(trigger=look, method_name="take_up")
        return self._ask(context, stores=stores)

    def take_up(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on where an earlier attempt was lost: with its answer, or waiting still.

        An answer that was given before the ledger has this question was given to another one.
        """
        with plain_errors():
            stores = open_stores()
            asked = self._asked_before(context, stores=stores)
        at = event.get("responded_at")
        if asked is not None and at is not None and at >= asked.recorded_at:
            return self.execute_complete(context, event)
        return self._ask(context, stores=stores, is_shown=bool(event) and at is None)

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

    def _asked_before(self, context: Context, *, stores: Stores) -> Event | None:
        """This very question, where it was put already and the ledger has no answer to it."""
        from tradewind.approval import open_question_of

        run = recorded(ADMIT, context), recorded("gate", context)
        return open_question_of(*run, seat=len(self.earlier) + 1, stores=stores)

    def _ask(self, context: Context, *, stores: Stores, is_shown: bool = False) -> Any:
        """Put the question, unless Airflow shows it already, and wait."""
        with plain_errors():
            question = self._question(context, stores=stores)
            if not question.reviewers:
                return _not_asked(question)
            self._fill_in(question, stores=stores)
        # To put it again would wipe an answer that comes in this very moment.
        if not is_shown:
            self._put(question, context)
        raise TaskAwaitingInput(method_name="execute_complete", timeout=self.response_timeout)

    def _put(self, question: Question, context: Context) -> None:
        """Show the question in Airflow, which never replaces a page that it shows already.

        Raises:
            AirflowFailException: What it shows is the page of an earlier verdict of this run.
        """
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        asked = {
            "ti_id": context["ti"].id,
            "options": self.options,
            "subject": self.subject,
            "body": self.body,
            "defaults": self.defaults,
            "params": self.serialized_params,
            "assigned_users": [{"id": one, "name": one} for one in question.reviewers],
        }
        shown = SUPERVISOR_COMMS.send(CreateHITLDetailPayload.model_validate(asked))
        if question.verdict_digest not in (getattr(shown, "body", None) or ""):
            raise AirflowFailException(_OTHER_PAGE)

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
