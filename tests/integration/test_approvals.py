"""Approvals through a real scheduler and Airflow's REST API: given by two, rejected, and timed out.

Three models of a small shop are trained by `admin`, side by side. Rita and Carl are Airflow's users
like any others; the ledger is asked who answered what, and why.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from tests.gates.evidence import waivers
from tests.integration.customers import declare, load
from tests.integration.waiting import PATIENCE_SECONDS, wait_for
from tests.stages.nightly import AS_OF, TRAINED_DAYS
from tradewind.approval import REJUDGE, SEATS
from tradewind.definition.permissions import Action
from tradewind.local.airflow_api import AirflowApi
from tradewind.stores.events import APPROVAL_KINDS
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import RunningPlatform
    from tradewind.local.airflow_api import RunState
    from tradewind.stores.events import Event

pytestmark = [pytest.mark.platform, pytest.mark.drill]

TABLE = "approved_customers"
FIRST, SECOND = SEATS
SIGNED = ("acceptance", "harm_review", "revision")
BOTH = {"reviewers": ["rita", "carl"]}
# Higher tiers ask who may do what, too; nothing of that is done here.
MAY = {
    "permissions": {
        action: ["rita@example.org"] for action in get_args(Action) if action != "retrain"
    }
}
# By what becomes of it. A deadline is noticed by a sweep of the scheduler, within a minute.
MODELS: dict[str, dict[str, Any]] = {
    "given": {"risk_tier": "critical", "promotion": BOTH, **MAY},
    "refused": {"risk_tier": "high", "promotion": BOTH, **MAY},
    "unanswered": {"promotion": {**BOTH, "approval": "required", "approve_within": "10 seconds"}},
}


@dataclass
class Desk:
    """The platform with the three models.

    Attributes:
        stores: Its stores.
        people: A session with its Airflow, by user.
        runs: The training of each model.
    """

    stores: Stores
    people: dict[str, AirflowApi]
    runs: dict[str, str]

    def place(self, model: str, task: str) -> str:
        run = f"/dags/{model}.train/dagRuns/{self.runs[model]}"
        return f"{run}/taskInstances/{task}/-1/hitlDetails"

    def asked(self, model: str, task: str) -> dict[str, Any]:
        """The question as Airflow shows it, as soon as it waits for an answer."""
        wait_for(lambda: self.state(model, task) == "awaiting_input")
        return self.people["admin"]._require("GET", self.place(model, task))

    def state(self, model: str, task: str) -> str:
        """Of a task, while its run is under way."""
        admin = self.people["admin"]
        run = admin.run(f"{model}.train", self.runs[model])
        assert run.state in ("queued", "running"), [
            admin.error_of(run, one) for one in run.failed_tasks
        ]
        return {one.task_id: one.state for one in run.tasks}[task]

    def answer(self, who: str, model: str, task: str, option: str, note: str) -> int:
        """Press a button; says with which HTTP code Airflow answers."""
        body = {"chosen_options": [option], "params_input": {"note": note}}
        said = self.people[who]._send("PATCH", f"/api/v2{self.place(model, task)}", body)
        return said.status_code

    def answer_at_once(self, who: str, model: str, task: str, option: str, note: str) -> None:
        """Press a button as soon as there is one: the task that asks has hardly paused."""
        wait_for(lambda: self.state(model, task) in ("running", "awaiting_input"))
        wait_for(lambda: self.answer(who, model, task, option, note) == httpx.codes.OK)

    def end(self, model: str) -> RunState:
        admin = self.people["admin"]
        run = admin.wait(f"{model}.train", self.runs[model], timeout_seconds=PATIENCE_SECONDS)
        assert run.state == "success", [admin.error_of(run, one) for one in run.failed_tasks]
        return run

    def told(self, model: str) -> list[Event]:
        return self.stores.ledger.events(model=model, kind=APPROVAL_KINDS)

    def registered(self, model: str) -> dict[str, Any]:
        found = self.stores.ledger.outcomes(model=model, stage="register")
        return found[0].result


def session_of(platform: RunningPlatform, user: str) -> AirflowApi:
    found = platform.platform
    passwords = json.loads(
        (platform.settings.home / "secrets" / "airflow-passwords.json").read_text()
    )
    return AirflowApi(found.airflow_url, login=user, password=passwords[user])


@pytest.fixture(scope="module")
def desk(platform: RunningPlatform) -> Iterator[Desk]:
    """The three trainings, started."""
    load(platform.platform.demo_dsn, TABLE, days=TRAINED_DAYS + 2)
    gates = {"waivers": [*waivers(), *waivers(*SIGNED)]}
    for model, said in MODELS.items():
        declare(platform, model, table=TABLE, gates=gates, **said)
    people = {user: session_of(platform, user) for user in ("admin", "rita", "carl")}
    admin = people["admin"]
    for model in MODELS:
        admin.wait_for_dag(f"{model}.train")
        admin.unpause(f"{model}.train")
    conf = {"as_of": f"{AS_OF:%Y-%m-%d}", "reason": "a test"}
    runs = {model: admin.trigger(f"{model}.train", conf=conf) for model in MODELS}
    yield Desk(Stores.open(platform.settings), people, runs)
    for session in people.values():
        with session:
            pass


def test_a_rejection_is_in_the_ledger_with_who_and_why(desk: Desk) -> None:
    # So fast that Airflow may lose the attempt that asked; the answer is one all the same.
    desk.answer_at_once("carl", "refused", FIRST, "Reject", "not on a Friday")
    run = desk.end("refused")
    assert {task.state for task in run.tasks} == {"success"}
    asked, answered = desk.told("refused")
    assert (answered.kind, answered.actor, answered.reason) == (
        "rejected",
        "carl",
        "not on a Friday",
    )
    assert answered.payload["verdict_digest"] == asked.payload["verdict_digest"]
    said = desk.registered("refused")
    assert (said["outcome"], said["version"]) == ("rejected", None)
    assert desk.stores.ledger.champion("refused") is None
    assert desk.stores.registry.versions("refused") == []
    (page,) = desk.stores.ledger.outcomes(model="refused", stage=FIRST)
    assert page.lines[0].startswith("carl rejected")
    assert page.lines[1] == "note: not on a Friday"


def test_an_approval_of_two_people_is_given_and_the_candidate_promoted(desk: Desk) -> None:
    question = desk.asked("given", FIRST)
    assert question["assigned_users"] == [{"id": one, "name": one} for one in BOTH["reviewers"]]
    for words in ("the first champion", "log\\_loss", "beats_naive", "/gate)", "/card)"):
        assert words in question["body"]
    pending = desk.people["rita"]._require(
        "GET", "/dags/~/dagRuns/~/hitlDetails?response_received=false"
    )
    waiting = [one["task_instance"]["dag_id"] for one in pending["hitl_details"]]
    assert "given.train" in waiting
    assert desk.stores.ledger.lease("given") is None
    # The admin is no reviewer, and started the training himself.
    assert desk.answer("admin", "given", FIRST, "Approve", "my own") == httpx.codes.FORBIDDEN
    assert desk.answer("rita", "given", FIRST, "Approve", "the figures hold") == httpx.codes.OK
    second = desk.asked("given", SECOND)
    assert [one["id"] for one in second["assigned_users"]] == ["carl"]
    assert "rita approved already" in second["body"]
    assert desk.answer("rita", "given", SECOND, "Approve", "again") == httpx.codes.FORBIDDEN
    assert desk.answer("carl", "given", SECOND, "Approve", "so they do") == httpx.codes.OK
    run = desk.end("given")
    assert {task.state for task in run.tasks} == {"success"}
    told = [(event.kind, event.actor, event.reason) for event in desk.told("given")]
    assert [told[1], told[3]] == [
        ("approved", "rita", "the figures hold"),
        ("approved", "carl", "so they do"),
    ]
    assert desk.registered("given")["outcome"] == "promoted"
    version = desk.stores.registry.version("given", 1)
    assert version.tags["approved_by"] == "rita, carl"


def test_silence_until_the_deadline_is_a_rejection_by_nobody(desk: Desk) -> None:
    run = desk.end("unanswered")
    assert {task.state for task in run.tasks} == {"success"}
    _, answered = desk.told("unanswered")
    assert (answered.kind, answered.actor) == ("approval_timed_out", "tradewind")
    assert answered.reason.startswith("no answer until ")
    assert answered.payload["name"] is None
    said = desk.registered("unanswered")
    assert said["outcome"] == "rejected"
    assert "silence is a rejection" in said["reason"]
    assert desk.stores.ledger.outcomes(model="unanswered", stage=REJUDGE)
    late = desk.answer("rita", "unanswered", FIRST, "Approve", "sorry")
    assert late == httpx.codes.CONFLICT
