"""The verdict: every gate asked, written down, and beside the candidate in MLflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.gates.evidence import evidence as sound_evidence
from tests.gates.evidence import figures
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import OWN_METRICS, VALUE, Scene
from tradewind.errors import LakeError
from tradewind.gates import find_gates
from tradewind.records import Evaluation, Verdict
from tradewind.stages.gate import judge
from tradewind.stores.digests import json_digest

FRAME = frames.feature_set()


def verdict_of(scene: Scene, gates: dict[str, Any], frame=FRAME, declared=None, **changes: Any):
    frozen = scene.definition(gates=gates, **(declared or {}))
    admission, trained, evaluation = scene.evaluate(frozen, frame, **changes)
    return trained, judge(admission, frozen, trained, evaluation, stores=scene.stores)


def sentence(verdict: Verdict, gate: str) -> str:
    return next(result.sentence for result in verdict.results if result.gate == gate)


def blocking(verdict: Verdict) -> list[str]:
    return [result.gate for result in verdict.results if result.outcome == "blocked"]


def test_a_good_candidate_passes_and_its_verdict_and_figures_are_in_mlflow(scene, mlflow_server):
    trained, verdict = verdict_of(scene, {"threshold": {"roc_auc": {"at_least": 0.6}}})
    assert verdict.passed
    assert [result.gate for result in verdict.results] == list(find_gates())
    stored = scene.stores.lake.read_json(verdict.uri)
    assert Verdict.model_validate(stored) == verdict

    run = MlflowClient(mlflow_server).get_run(trained.run_id)
    assert run.data.tags["verdict"] == "passed"
    assert run.data.tags["gate.threshold"].startswith("passed: Every floor is reached: roc_auc")
    low, high = (run.data.metrics[f"judged.roc_auc.{end}"] for end in ("low", "high"))
    assert low < run.data.metrics["judged.roc_auc"] < high
    assert run.data.metrics["judged.rows"] == trained.judge.rows
    logged = MlflowClient(mlflow_server).get_logged_model(trained.model_uri[len("models:/") :])
    assert logged.tags["verdict_digest"] == verdict.digest


def test_a_missed_floor_blocks_and_the_candidate_stays_with_its_verdict(scene, mlflow_server):
    trained, verdict = verdict_of(scene, {"threshold": {"roc_auc": {"at_least": 0.99}}})
    assert not verdict.passed
    assert blocking(verdict) == ["threshold"]
    run = MlflowClient(mlflow_server).get_run(trained.run_id)
    assert run.data.tags["verdict"] == "blocked"
    assert "is not at least 0.99" in run.data.tags["gate.threshold"]
    assert scene.stores.registry.load(trained.model_uri)


def test_an_advantage_over_the_naive_rule_that_is_not_sure_blocks(scene):
    _, verdict = verdict_of(scene, {"beats_naive": {"by": 0.5}})
    assert blocking(verdict) == ["beats_naive"]


def test_an_equal_candidate_passes_as_non_inferior_and_is_blocked_as_superior(scene):
    yesterday = AS_OF - timedelta(days=1)
    before = frames.feature_set(end=yesterday)
    _, _, older = scene.train(scene.definition(), before, as_of=yesterday)
    scene.champion(older, as_of=yesterday)
    _, verdict = verdict_of(scene, {})
    assert verdict.passed, verdict.results
    assert {one.gate: one.outcome for one in verdict.results}["beats_champion"] == "passed"
    _, verdict = verdict_of(scene, {"beats_champion": {"policy": "superior"}})
    assert blocking(verdict) == ["beats_champion"]


def own_metrics(*functions: str, **changes: Any) -> dict[str, Any]:
    own = {
        name: {"kind": "python", "function": f"{OWN_METRICS}:{name}", "greater_is_better": False}
        for name in functions
    }
    return {"metrics": {"own": own, "resample": {"draws": 200}, **changes}}


def test_a_floor_of_an_own_metric_that_fails_blocks_by_name_and_reason(scene, mlflow_server):
    gates = {"threshold": {"refuses": {"at_most": 1.0}, "roc_auc": {"at_least": 0.6}}}
    trained, verdict = verdict_of(scene, gates, declared=own_metrics("refuses", "mean_gap"))
    assert blocking(verdict) == ["threshold"]
    assert (
        "there is no refuses of the candidate: its function failed: ValueError('no such thing')"
        in sentence(verdict, "threshold")
    )
    run = MlflowClient(mlflow_server).get_run(trained.run_id)
    assert run.data.tags["verdict"] == "blocked"
    assert "no such thing" in run.data.tags["gate.threshold"]
    assert "judged.mean_gap" in run.data.metrics
    assert "judged.refuses" not in run.data.metrics


def test_a_deciding_metric_that_fails_for_one_player_blocks_by_name_and_reason(scene):
    declared = own_metrics("mean_gap", decides="mean_gap")
    _, verdict = verdict_of(scene, {}, declared=declared)
    assert blocking(verdict) == ["beats_naive"]
    assert "there is no mean_gap of the naive rule" in sentence(verdict, "beats_naive")
    assert "all scores are the same" in sentence(verdict, "beats_naive")


def test_what_the_decisions_are_worth_is_in_mlflow(scene, mlflow_server):
    trained, _ = verdict_of(scene, {}, declared={"value": VALUE})
    figures_there = MlflowClient(mlflow_server).get_run(trained.run_id).data.metrics
    low, high = (figures_there[f"judged.money.{end}"] for end in ("low", "high"))
    assert low < figures_there["judged.money"] < high
    assert figures_there["judged.money.naive"] < figures_there["judged.money"]


def test_the_same_verdict_is_given_once(scene, monkeypatch):
    frozen = scene.definition()
    admission, trained, evaluation = scene.evaluate(frozen, FRAME)
    first = judge(admission, frozen, trained, evaluation, stores=scene.stores)
    monkeypatch.setattr(scene.stores.registry, "annotate", None)
    assert judge(admission, frozen, trained, evaluation, stores=scene.stores) == first


def test_evidence_that_is_not_there_gives_no_verdict(scene):
    frozen = scene.definition()
    admission, trained, evaluation = scene.evaluate(frozen, FRAME)
    lost = evaluation.model_copy(update={"uri": "evaluations/lost.json", "digest": "0" * 32})
    with pytest.raises(LakeError, match=r"evaluations/lost\.json is not there"):
        judge(admission, frozen, trained, lost, stores=scene.stores)


@pytest.mark.parametrize(
    ("gate", "spoilt"),
    [
        ("threshold", {"champion_state": "never", "candidate": figures(0.517, 0.6)}),
        ("beats_naive", {"against_naive": None}),
        ("beats_champion", {"champion_state": "unusable", "champion_problem": "it is gone"}),
    ],
)
def test_the_stage_asks_every_gate(scene, gate, spoilt):
    """With any gate left out of the stage, its case goes through and this turns red."""
    frozen = scene.definition(gates={"threshold": {"roc_auc": {"at_least": 0.65}}})
    admission, _, trained = scene.train(frozen, FRAME)
    evidence = sound_evidence(**spoilt)
    content = {"evidence": evidence.model_dump(mode="json")}
    digest = json_digest(content)
    scene.stores.lake.put_json(f"evaluations/{digest}.json", content)
    uri = f"evaluations/{digest}.json"
    evaluation = Evaluation(digest=digest, uri=uri, scores_uri="none", headline="")
    verdict = judge(admission, frozen, trained, evaluation, stores=scene.stores)
    assert blocking(verdict) == [gate]
    assert not verdict.passed
