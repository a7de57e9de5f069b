"""What people are asked and answer about a candidate, and what becomes of it by that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.candidates import Shelf, fresh_name, trained_model
from tests.definition.folders import SQL, WHOLE
from tests.gates.evidence import BLOCKS, PASSES, evidence
from tradewind.definition.loader import parse_definition
from tradewind.promotion.approvals import deadline_of, let_stand, standing_of
from tradewind.records import (
    Admission,
    Approval,
    Evaluation,
    GateResult,
    Question,
    Registration,
    RunRequest,
    TrainedModel,
    Verdict,
)
from tradewind.reports.brief import lines_of
from tradewind.stages.answer import take
from tradewind.stages.ask import ask
from tradewind.stages.register import register
from tradewind.stores.events import APPROVAL_ASKED, APPROVAL_KINDS, HELD, RETIRED
from tradewind.stores.leases import Lease
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.settings import Settings

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def definition(tier: str, *reviewers: str, within: str = "3 days") -> FrozenDefinition:
    promotion = f"{{reviewers: [{', '.join(reviewers)}], approve_within: {within}}}"
    text = f"{WHOLE}\nrisk_tier: {tier}\npromotion: {promotion}\n"
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="late")


HIGH = definition("high", "rita", "carl", "ann")
CRITICAL = definition("critical", "rita", "carl")


@dataclass
class Scene:
    """A run with real stores that has come as far as its verdict."""

    stores: Stores
    model: str
    frozen: FrozenDefinition = HIGH
    results: list[GateResult] = field(default_factory=lambda: [PASSES])

    @property
    def verdict(self) -> Verdict:
        words = [result.outcome for result in self.results]
        return Verdict(
            passed="blocked" not in words,
            digest=f"verdict of {words}",
            uri="verdicts/x.json",
            results=self.results,
        )

    def admission(self, run_id: str = "train/r1", **changes: Any) -> Admission:
        said = {"as_of": JULY, "actor": "ann", "reason": "a try", "trigger": "hand", **changes}
        request = RunRequest(model=self.model, run_id=run_id, **said)
        lease = self.stores.ledger.acquire_lease(
            self.model, holder=run_id, ttl=DAY, as_of=JULY, actor="ann", reason="a try"
        )
        assert isinstance(lease, Lease)
        return Admission(
            request=request,
            definition_digest=self.frozen.digest,
            fencing_token=lease.fencing_token,
        )

    def trained(self, train_key: str = "k1") -> TrainedModel:
        logged = Shelf(self.stores.registry, self.model).log(train_key)
        return trained_model(logged.run_id, logged.model_uri, as_of=JULY, key=train_key)

    def evaluation(self) -> Evaluation:
        champion = self.stores.ledger.champion(self.model)
        return Evaluation(
            digest="evaluation",
            uri="evaluations/x.json",
            scores_uri="evaluations/x.parquet",
            headline="good",
            champion_version=champion.version if champion else None,
        )

    def ask(self, admission: Admission, model: TrainedModel, *, seat: int = 1) -> Question:
        return ask(
            admission,
            self.frozen,
            model,
            self.evaluation(),
            self.verdict,
            seat=seat,
            address="/page",
            card_address="/card",
            stores=self.stores,
        )

    def take(self, admission: Admission, answer: str, by: str | None, **changes: Any) -> Approval:
        said: dict[str, Any] = {
            "answer": answer,
            "verdict_digest": self.verdict.digest,
            "by": by,
            "at": self.stores.ledger.now(),
            **changes,
        }
        approval = Approval.model_validate(said)
        return take(admission, self.frozen, self.verdict, approval, stores=self.stores)

    def register(self, admission: Admission, model: TrainedModel) -> Registration:
        return register(
            admission, self.frozen, model, self.evaluation(), self.verdict, stores=self.stores
        )

    def told(self) -> list[tuple[str, str, str]]:
        found = self.stores.ledger.events(model=self.model, kind=APPROVAL_KINDS)
        return [(event.kind, event.actor, event.reason) for event in found]

    def tag(self, model: TrainedModel) -> str | None:
        found = self.stores.registry.find_candidate(self.model, model.train_key)
        assert found is not None
        return found.tags.get("approval")


@pytest.fixture
def scene(home: Settings, ledger_dsn: str, mlflow_server: str) -> Scene:
    scene = Scene(Stores.open(home), fresh_name())
    found = evidence(champion_state="never", champion=None, champion_version=None)
    scene.stores.lake.put_json("evaluations/x.json", {"evidence": found.model_dump(mode="json")})
    scene.stores.lake.put_json("verdicts/x.json", scene.verdict.model_dump(mode="json"))
    return scene


# ---------------------------------------------------------------------------------- the question


def test_a_question_is_put_once_with_one_deadline_and_kept_as_it_was_shown(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    questions = [scene.ask(admission, model) for _ in range(2)]
    assert questions[0] == questions[1]
    # Ann started the training, and is not asked about it.
    assert questions[0].reviewers == ["rita", "carl"]
    assert questions[0].sentence.startswith("waits for rita or carl until ")
    shown = scene.stores.lake.read_json(questions[0].page_uri or "")
    assert "the first champion?" in shown["markdown"]
    (asked,) = scene.stores.ledger.events(model=scene.model, kind=APPROVAL_ASKED)
    assert deadline_of(asked) == questions[0].until
    assert deadline_of(asked) - asked.recorded_at >= 3 * DAY - timedelta(seconds=60)
    assert asked.payload["page_uri"] == questions[0].page_uri


def test_nobody_is_asked_about_a_candidate_that_a_gate_blocks(scene: Scene) -> None:
    scene.results = [PASSES, BLOCKS]
    question = scene.ask(scene.admission(), scene.trained())
    assert (question.reviewers, question.until) == ([], None)
    assert question.sentence == "nobody is asked: the candidate is blocked by its gates"
    assert scene.told() == []


@pytest.mark.parametrize(
    ("kind", "payload", "outcome", "said"),
    [
        pytest.param(
            HELD, {"until": (JULY + DAY).isoformat()}, "held", "nothing is promoted", id="held"
        ),
        pytest.param(RETIRED, {}, "retired", "was retired by bob", id="retired"),
    ],
)
def test_nobody_is_asked_where_nothing_would_be_promoted(
    scene: Scene, kind: str, payload: dict[str, Any], outcome: str, said: str
) -> None:
    scene.stores.ledger.append(
        model=scene.model, kind=kind, as_of=JULY, actor="bob", reason="a feast", payload=payload
    )
    admission, model = scene.admission(), scene.trained()
    assert said in scene.ask(admission, model).sentence
    registered = scene.register(admission, model)
    assert (registered.outcome, registered.version) == (outcome, None)
    assert "nobody was asked to approve" in registered.reason


def test_nobody_is_asked_about_an_older_night_or_the_champion_itself(scene: Scene) -> None:
    admission, model = scene.admission(trigger="schedule"), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "approved", "rita")
    assert scene.register(admission, model).outcome == "promoted"
    assert "this very model" in scene.ask(admission, model).sentence
    older = scene.admission(as_of=JULY - DAY)
    assert "an older one promotes nothing" in scene.ask(older, scene.trained("k2")).sentence


def test_where_only_whoever_started_it_could_answer_nobody_is_asked(scene: Scene) -> None:
    scene.frozen = definition("high", "ann")
    admission, model = scene.admission(), scene.trained()
    assert "because ann started this training" in scene.ask(admission, model).sentence
    said = scene.register(admission, model)
    assert said.outcome == "awaits_approval"
    assert "none of the declared reviewers may approve" in said.reason
    assert scene.told() == []


# ---------------------------------------------------------------------------------- the answers


def test_nothing_is_promoted_without_an_approval_in_the_ledger(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    said = scene.register(admission, model)
    assert (said.outcome, said.version) == ("awaits_approval", None)
    assert scene.stores.registry.versions(scene.model) == []
    assert scene.stores.ledger.champion(scene.model) is None
    assert (scene.tag(model) or "").startswith("awaited: no gate blocks it: ")


def test_an_approval_promotes_with_its_name_on_the_version(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    kept = scene.take(admission, "approved", "rita", name="Rita R", note="it will do")
    assert kept.answer == "approved"
    assert scene.told()[1] == ("approved", "rita", "it will do")
    assert scene.register(admission, model).outcome == "promoted"
    tags = scene.stores.registry.version(scene.model, 1).tags
    assert tags["approved_by"] == "rita"


def test_an_approval_of_one_verdict_is_none_of_another(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "approved", "rita")
    scene.results = [PASSES, PASSES]
    assert scene.register(admission, model).outcome == "awaits_approval"


def test_a_rejected_candidate_stays_in_mlflow_with_its_reason(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "rejected", "carl", note="not on a Friday")
    said = scene.register(admission, model)
    assert (said.outcome, said.version) == ("rejected", None)
    assert said.reason == "rejected by carl: not on a Friday"
    assert scene.tag(model) == "rejected: rejected by carl: not on a Friday"
    assert scene.stores.registry.versions(scene.model) == []


def test_silence_is_a_rejection_by_nobody(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    question = scene.ask(admission, model)
    kept = scene.take(admission, "timed_out", None)
    assert (kept.answer, kept.by) == ("timed_out", None)
    kind, actor, reason = scene.told()[1]
    assert (kind, actor) == ("approval_timed_out", "tradewind")
    assert reason == f"no answer until {question.until:%Y-%m-%d %H:%M:%S} UTC"
    said = scene.register(admission, model)
    assert said.outcome == "rejected"
    assert "silence is a rejection" in said.reason


@pytest.mark.parametrize(
    ("late", "answer"),
    [
        pytest.param(timedelta(), "approved", id="at the deadline"),
        pytest.param(timedelta(microseconds=1), "timed_out", id="just after it"),
    ],
)
def test_an_approval_after_the_deadline_is_the_silence_that_it_came_too_late_for(
    scene: Scene, late: timedelta, answer: str
) -> None:
    admission, model = scene.admission(), scene.trained()
    question = scene.ask(admission, model)
    assert question.until is not None
    kept = scene.take(admission, "approved", "rita", at=question.until + late)
    assert kept.answer == answer
    if late:
        assert "rita approved at" in scene.told()[1][2]
        assert scene.register(admission, model).outcome == "rejected"


@pytest.mark.parametrize("answer", ["approved", "rejected"])
@pytest.mark.parametrize("person", ["eve", "ann"])
def test_an_answer_of_somebody_who_may_not_give_one_counts_for_none_and_is_kept(
    scene: Scene, person: str, answer: str
) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    kept = scene.take(admission, answer, person, note="let me")
    assert kept.answer == "void"
    assert scene.told()[1][:2] == ("approval_void", person)
    said = scene.register(admission, model)
    assert said.outcome == "rejected"
    assert f"the answer of {person} does not count" in said.reason


def test_the_same_answer_again_is_not_written_twice(scene: Scene) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    at = scene.stores.ledger.now()
    kept = [scene.take(admission, "approved", "rita", at=at, note="yes") for _ in range(2)]
    assert kept[0] == kept[1]
    assert len(scene.told()) == 2


def test_an_answer_that_was_not_asked_for_leaves_no_trace(scene: Scene) -> None:
    kept = scene.take(scene.admission(), "not_asked", None, reason="blocked")
    assert lines_of(kept) == ["blocked"]
    assert scene.told() == []


# -------------------------------------------------------------------------------- two of them


def test_of_a_critical_model_two_different_people_approve(scene: Scene) -> None:
    scene.frozen = CRITICAL
    admission, model = scene.admission(), scene.trained()
    assert scene.ask(admission, model).reviewers == ["rita", "carl"]
    scene.take(admission, "approved", "rita")
    assert scene.register(admission, model).outcome == "awaits_approval"
    second = scene.ask(admission, model, seat=2)
    assert second.reviewers == ["carl"]
    assert scene.take(admission, "approved", "rita", seat=2).answer == "void"
    scene.take(admission, "approved", "carl", seat=2)
    assert scene.register(admission, model).outcome == "promoted"
    tags = scene.stores.registry.version(scene.model, 1).tags
    assert tags["approved_by"] == "rita, carl"


def test_where_the_first_rejects_the_second_is_not_asked(scene: Scene) -> None:
    scene.frozen = CRITICAL
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "rejected", "rita")
    said = scene.ask(admission, model, seat=2).sentence
    assert said == "nobody is asked: it was not approved by the first who was asked"
    assert scene.register(admission, model).outcome == "rejected"


@pytest.mark.parametrize(("answer", "by"), [("rejected", "carl"), ("timed_out", None)])
def test_a_second_who_rejects_or_is_silent_takes_the_first_approval_back(
    scene: Scene, answer: str, by: str | None
) -> None:
    scene.frozen = CRITICAL
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "approved", "rita")
    scene.ask(admission, model, seat=2)
    scene.take(admission, answer, by, seat=2)
    assert scene.register(admission, model).outcome == "rejected"
    standing = standing_of(admission, scene.frozen, scene.verdict, ledger=scene.stores.ledger)
    assert standing.by == ()
    # Who clears the task asks anew, from the beginning.
    assert scene.ask(admission, model).reviewers == ["rita", "carl"]


# -------------------------------------------------------------------------- judged anew


def test_an_approval_stands_for_a_second_verdict_only_where_the_ledger_says_so(
    scene: Scene,
) -> None:
    admission, model = scene.admission(), scene.trained()
    scene.ask(admission, model)
    scene.take(admission, "approved", "rita")
    first, scene.results = scene.verdict, [PASSES, PASSES]
    for _ in range(2):
        let_stand(
            admission, first, scene.verdict, because="a champion came", ledger=scene.stores.ledger
        )
    assert [kind for kind, _, _ in scene.told()].count("approval_stands") == 1
    assert scene.register(admission, model).outcome == "promoted"


# ---------------------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        pytest.param(
            {"answer": "rejected", "by": "carl", "name": "Carl C", "at": JULY, "note": "no"},
            ["carl (Carl C) rejected, 2013-07-01 04:00:00 UTC", "note: no"],
            id="a person",
        ),
        pytest.param(
            {"answer": "timed_out", "at": JULY, "reason": "no answer until noon"},
            [
                "nobody approved in time, which is a rejection, 2013-07-01 04:00:00 UTC",
                "warning: no answer until noon",
            ],
            id="silence",
        ),
    ],
)
def test_the_tasks_page_says_who_and_why(said: dict[str, Any], lines: list[str]) -> None:
    assert lines_of(Approval(verdict_digest="v", **said)) == lines
