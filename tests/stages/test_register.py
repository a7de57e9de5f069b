from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.candidates import Shelf, fresh_name, trained_model
from tests.definition.folders import SQL, WHOLE
from tests.gates.evidence import BLOCKS, PASSES
from tradewind.definition.loader import parse_definition
from tradewind.errors import LeaseLostError, PromotionRefusedError, RegistryError
from tradewind.live import live_state
from tradewind.promotion import roll_back
from tradewind.records import (
    Admission,
    Estimate,
    Evaluation,
    Evidence,
    GateResult,
    Registration,
    RunRequest,
    TrainedModel,
    Verdict,
)
from tradewind.reports.brief import lines_of
from tradewind.stages.register import register
from tradewind.stores.ledger import ROUTINE, Lease
from tradewind.stores.registry import Registry
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.settings import Settings
    from tradewind.stores.registry import Candidate

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
FROZEN = parse_definition({"model.yaml": WHOLE, "features.sql": SQL}, where="late")


def promoting(mode: str) -> FrozenDefinition:
    """The same definition, whose candidates score beside the champion first."""
    text = f"{WHOLE}\npromotion: {{mode: {mode}, share: 0.1}}\n"
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="late")


EVIDENCE = Evidence(
    metric="log_loss",
    greater_is_better=False,
    confidence=0.95,
    rows=1000,
    units=30,
    unit="day",
    candidate={"log_loss": Estimate(value=0.4, low=0.3, high=0.5, standard_error=0.05)},
    naive={},
    champion_state="never",
    day=JULY.date(),
)
BLOCKS_TOO = GateResult(gate="beats_champion", outcome="blocked", sentence="it is worse")


@dataclass
class Scene:
    """Real stores, a model of its own, and runs that have come as far as registration."""

    stores: Stores
    model: str

    def candidate(self, train_key: str) -> TrainedModel:
        tags = {
            "tradewind.snapshot_digest": f"snapshot of {train_key}",
            "tradewind.validated_digest": f"validated of {train_key}",
            "tradewind.feature_set_digest": f"features of {train_key}",
            "tradewind.feature_set_uri": "file:///lake/features/x.parquet",
            "mlflow.source.git.commit": "abc123",
        }
        logged = Shelf(self.stores.registry, self.model).log(train_key, tags=tags)
        return trained(train_key, logged)

    def admission(self, run_id: str = "r1", *, as_of: datetime = JULY) -> Admission:
        request = RunRequest(
            model=self.model, run_id=run_id, as_of=as_of, actor="ann", reason="nightly"
        )
        for holder in [held.holder] if (held := self.stores.ledger.lease(self.model)) else []:
            if holder != run_id:
                self.stores.ledger.release_lease(
                    self.model, holder=holder, fencing_token=held.fencing_token
                )
        lease = self.stores.ledger.acquire_lease(
            self.model, holder=run_id, ttl=DAY, as_of=as_of, actor="ann", reason="nightly"
        )
        assert isinstance(lease, Lease)
        return Admission(
            request=request, definition_digest=FROZEN.digest, fencing_token=lease.fencing_token
        )

    def register(
        self,
        admission: Admission,
        model: TrainedModel,
        *results: GateResult,
        stores: Any = None,
        frozen: FrozenDefinition = FROZEN,
        judged_against: int | None = None,
    ) -> Registration:
        verdict = Verdict(
            passed=bool(results) and all(r.outcome != "blocked" for r in results),
            digest=f"verdict of {[r.gate for r in results]}",
            uri="verdicts/x.json",
            results=list(results),
        )
        champion = self.stores.ledger.champion(self.model)
        evaluation = Evaluation(
            digest="evaluation",
            uri="evaluations/x.json",
            scores_uri="evaluations/x.parquet",
            headline="good",
            champion_version=judged_against or (champion.version if champion else None),
        )
        return register(admission, frozen, model, evaluation, verdict, stores=stores or self.stores)

    def kinds(self) -> list[str]:
        events = self.stores.ledger.events(model=self.model, without=ROUTINE)
        return [event.kind for event in events]

    def versions(self) -> list[int]:
        return sorted(v.version for v in self.stores.registry.versions(self.model))


def trained(train_key: str, logged: Candidate) -> TrainedModel:
    return trained_model(logged.run_id, logged.model_uri, as_of=JULY, key=train_key)


@pytest.fixture
def scene(home: Settings, ledger_dsn: str, mlflow_server: str) -> Scene:
    scene = Scene(Stores.open(home), fresh_name())
    scene.stores.lake.put_json("evaluations/x.json", {"evidence": EVIDENCE.model_dump(mode="json")})
    return scene


def test_a_candidate_that_passes_becomes_champion(scene: Scene) -> None:
    result = scene.register(scene.admission(), scene.candidate("k1"), PASSES)

    assert (result.outcome, result.version, result.champion) == ("promoted", 1, 1)
    assert "the first champion" in result.reason
    assert scene.stores.registry.alias(scene.model, "champion") == 1
    assert scene.kinds() == ["intended", "applied"]


def test_a_version_points_back_to_everything_it_came_from(scene: Scene) -> None:
    model = scene.candidate("k1")
    scene.register(scene.admission(), model, PASSES)

    version = scene.stores.registry.version(scene.model, 1)
    assert version.model_uri == model.model_uri
    assert version.run_id == model.run_id
    expected = {
        "definition_digest": FROZEN.digest,
        "tradewind.snapshot_digest": "snapshot of k1",
        "tradewind.validated_digest": "validated of k1",
        "tradewind.feature_set_digest": "features of k1",
        "tradewind.feature_set_uri": "file:///lake/features/x.parquet",
        "evaluation_uri": "evaluations/x.json",
        "verdict_uri": "verdicts/x.json",
        "evaluation_digest": "evaluation",
        "verdict_digest": "verdict of ['beats_naive']",
        "train_key": "k1",
        "mlflow_run_id": model.run_id,
        "mlflow.source.git.commit": "abc123",
        "as_of": JULY.isoformat(),
        "dag_run_id": "r1",
        "actor": "ann",
    }
    assert expected.items() <= version.tags.items()
    (intended,) = scene.stores.ledger.events(model=scene.model, kind="intended")
    assert intended.payload["evidence_digest"] == version.tags["verdict_digest"]


def test_a_cleared_task_gives_one_version_and_one_promotion(scene: Scene) -> None:
    admission, model = scene.admission(), scene.candidate("k1")

    results = [scene.register(admission, model, PASSES) for _ in range(2)]

    assert results[0] == results[1]
    assert scene.versions() == [1]
    assert scene.kinds() == ["intended", "applied"]


def test_the_next_night_follows_the_champion(scene: Scene) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    tonight = scene.admission("r2", as_of=JULY + DAY)

    result = scene.register(tonight, scene.candidate("k2"), PASSES)

    assert (result.outcome, result.version, result.champion) == ("promoted", 2, 2)
    assert result.reason == "no gate blocks it: 1 passed; version 2 follows version 1"


def test_a_candidate_that_is_the_champion_already_changes_nothing(scene: Scene) -> None:
    model = scene.candidate("k1")
    scene.register(scene.admission("r1"), model, PASSES)
    before = scene.stores.registry.versions(scene.model)

    result = scene.register(scene.admission("r2"), model, PASSES)

    assert (result.outcome, result.version, result.champion) == ("unchanged", 1, 1)
    assert scene.stores.registry.versions(scene.model) == before
    assert scene.kinds() == ["intended", "applied"]


def test_a_blocked_candidate_stays_a_logged_model_with_its_verdict(scene: Scene) -> None:
    model = scene.candidate("k1")

    result = scene.register(scene.admission(), model, PASSES, BLOCKS, BLOCKS_TOO)

    assert (result.outcome, result.version, result.champion) == ("blocked", None, None)
    assert result.reason == "threshold: 0.61 is below 0.7 (and 1 more)"
    assert result.warning is None
    assert scene.versions() == []
    found = scene.stores.registry.find_candidate(scene.model, "k1")
    assert found is not None
    assert found.tags["verdict"] == "blocked"
    assert found.tags["verdict_digest"].startswith("verdict of")
    (event,) = scene.stores.ledger.events(model=scene.model, kind="blocked")
    assert event.payload["gates"] == ["threshold", "beats_champion"]


def test_a_block_is_one_event_for_one_verdict(scene: Scene) -> None:
    model = scene.candidate("k1")
    for results in ([BLOCKS], [BLOCKS], [BLOCKS, BLOCKS_TOO], [BLOCKS]):
        scene.register(scene.admission(), model, *results)
    assert scene.kinds() == ["blocked", "blocked"]


def test_a_verdict_without_gates_passes_nothing(scene: Scene) -> None:
    result = scene.register(scene.admission(), scene.candidate("k1"))
    assert result.outcome == "blocked"
    assert "a verdict without gates passes nothing" in result.reason


def test_the_champion_stays_when_its_challenger_is_blocked(scene: Scene) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    result = scene.register(scene.admission("r2", as_of=JULY + DAY), scene.candidate("k2"), BLOCKS)
    assert (result.outcome, result.champion) == ("blocked", 1)
    assert scene.stores.registry.alias(scene.model, "champion") == 1


def test_an_older_night_gets_a_verdict_and_no_promotion(scene: Scene) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)

    result = scene.register(scene.admission("r2", as_of=JULY - DAY), scene.candidate("k2"), PASSES)

    assert (result.outcome, result.version, result.champion) == ("would_have", None, 1)
    assert "an older night promotes nothing" in result.reason
    assert result.reason.startswith("no gate blocks it: 1 passed as of 2013-")
    assert scene.versions() == [1]
    assert scene.kinds() == ["intended", "applied"]


class Interrupted(Registry):
    """A registry that stops answering when the alias is to be moved."""

    def set_alias(self, model: str, alias: str, version: int) -> None:
        raise RegistryError(f"{model}: MLflow does not answer")


@dataclass
class Patched:
    """Stores with another registry."""

    ledger: Any
    registry: Any
    lake: Any


def test_a_task_that_is_retried_after_an_interrupted_promotion_finishes_it(scene: Scene) -> None:
    admission, model = scene.admission(), scene.candidate("k1")
    broken = Patched(
        scene.stores.ledger, Interrupted(scene.stores.registry.address), scene.stores.lake
    )
    with pytest.raises(RegistryError, match="does not answer"):
        scene.register(admission, model, PASSES, stores=broken)

    result = scene.register(admission, model, PASSES)

    assert (result.outcome, result.version) == ("promoted", 1)
    assert scene.stores.registry.alias(scene.model, "champion") == 1
    assert scene.versions() == [1]
    assert scene.kinds() == ["intended", "applied"]


def test_a_run_that_lost_its_lease_promotes_nothing(scene: Scene) -> None:
    late = scene.admission("r1")
    scene.admission("r2")

    with pytest.raises(LeaseLostError):
        scene.register(late, scene.candidate("k1"), PASSES)

    assert scene.stores.registry.alias(scene.model, "champion") is None
    assert scene.kinds() == []


def test_an_alias_moved_by_hand_is_reported_and_the_ledger_stays_right(scene: Scene) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    scene.stores.registry.remove_alias(scene.model, "champion")

    result = scene.register(scene.admission("r2", as_of=JULY + DAY), scene.candidate("k2"), BLOCKS)

    assert result.champion == 1
    assert "behind the ledger's back" in (result.warning or "")
    assert any("warning: " in line and "alias" in line for line in lines_of(result))
    assert scene.kinds() == ["intended", "applied", "tampering", "blocked"]


def test_a_candidate_that_mlflow_has_lost_is_an_error(scene: Scene) -> None:
    model = scene.candidate("k1").model_copy(update={"train_key": "gone"})
    with pytest.raises(
        RegistryError, match=r"no longer has the candidate .* clear the task `train`"
    ):
        scene.register(scene.admission(), model, PASSES)
    assert scene.kinds() == []


# ----------------------------------------------------------------- what keeps it from the place


def test_a_training_judged_against_a_version_taken_back_since_promotes_nothing(
    scene: Scene,
) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    scene.register(scene.admission("r2", as_of=JULY + DAY), scene.candidate("k2"), PASSES)
    tonight = scene.admission("r3", as_of=JULY + 2 * DAY)
    roll_back(
        stores=scene.stores, model=scene.model, as_of=JULY + DAY, actor="bob", reason="it is worse"
    )
    with pytest.raises(
        PromotionRefusedError, match="judged against version 2, but the champion is version 1"
    ):
        scene.register(tonight, scene.candidate("k3"), PASSES, judged_against=2)
    assert scene.stores.registry.alias(scene.model, "champion") == 1


def test_what_was_rolled_back_stays_so_when_its_training_is_run_again(scene: Scene) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    model, later = scene.candidate("k2"), JULY + DAY
    scene.register(scene.admission("r2", as_of=later), model, PASSES)
    roll_back(stores=scene.stores, model=scene.model, as_of=later, actor="bob", reason="worse")

    result = scene.register(scene.admission("r3", as_of=later), model, PASSES)

    assert (result.outcome, result.version, result.champion) == ("rolled_back_before", 2, 1)
    assert "it needs a new verdict to return" in result.reason
    assert scene.stores.registry.alias(scene.model, "champion") == 1


@pytest.mark.parametrize(("kind", "outcome"), [("held", "held"), ("retired", "retired")])
def test_training_goes_on_where_nothing_is_promoted(scene: Scene, kind: str, outcome: str) -> None:
    scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES)
    scene.stores.ledger.append(
        model=scene.model,
        kind=kind,
        as_of=JULY,
        actor="bob",
        reason="a sale",
        payload={"until": (JULY + 9 * DAY).isoformat()},
    )
    tonight = scene.admission("r2", as_of=JULY + DAY)

    result = scene.register(tonight, scene.candidate("k2"), PASSES)

    assert (result.outcome, result.version, result.champion) == (outcome, 2, 1)
    assert "a sale" in result.reason
    assert scene.versions() == [1, 2]
    assert scene.stores.registry.alias(scene.model, "champion") == 1


@pytest.mark.parametrize(("mode", "share"), [("shadow", 0.0), ("canary", 0.1)])
def test_a_candidate_may_score_beside_the_champion_first(
    scene: Scene, mode: str, share: float
) -> None:
    frozen = promoting(mode)
    first = scene.register(scene.admission("r1"), scene.candidate("k1"), PASSES, frozen=frozen)
    assert first.outcome == "promoted"
    tonight, model = scene.admission("r2", as_of=JULY + DAY), scene.candidate("k2")

    results = [scene.register(tonight, model, PASSES, frozen=frozen) for _ in range(2)]

    assert results[0] == results[1]
    assert (results[0].outcome, results[0].version, results[0].champion) == ("started_as_arm", 2, 1)
    (arm,) = live_state(scene.stores.ledger, scene.model).arms
    assert (arm.name, arm.kind, arm.share) == (f"{mode}:2", mode, share)
    assert scene.stores.registry.alias(scene.model, "challenger") == 2
    assert scene.kinds() == ["intended", "applied", "arm_started"]

    # The next one takes its place: shares do not pile up.
    third = scene.admission("r3", as_of=JULY + 2 * DAY), scene.candidate("k3")
    assert scene.register(*third, PASSES, frozen=frozen).outcome == "started_as_arm"
    (arm,) = live_state(scene.stores.ledger, scene.model).arms
    assert (arm.name, arm.share) == (f"{mode}:3", share)
    (stopped,) = scene.stores.ledger.events(model=scene.model, kind="arm_stopped")
    assert stopped.reason == "version 3 takes its place beside the champion"
