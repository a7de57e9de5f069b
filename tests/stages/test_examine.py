"""What cannot be found blocks by name and reason; what does not answer is asked again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.gates.evidence import EXAMINED, waivers
from tests.learning import frames
from tradewind.errors import EvidenceError, RegistryUnavailableError
from tradewind.gates.leakage import Found
from tradewind.records import Evidence
from tradewind.reports.brief import lines_of
from tradewind.stages import examine as stage
from tradewind.stages._case import Run, open_case
from tradewind.stages.examination import find_examiners
from tradewind.stages.examine import examine, look
from tradewind.stages.gate import judge

if TYPE_CHECKING:
    from tests.stages.judging import Scene


FRAME = frames.feature_set()


def run_of(scene: Scene, *, waived: tuple[str, ...] = EXAMINED) -> Run:
    frozen = scene.definition(gates={"waivers": waivers(*waived)})
    admission, features, trained = scene.train(frozen, FRAME)
    validated = scene.validated(FRAME)
    evaluation = stage_evaluate(admission, frozen, validated, features, trained, scene.stores)
    return Run(admission, frozen, validated, features, trained, evaluation, scene.stores)


def stage_evaluate(admission, frozen, validated, features, trained, stores):
    from tradewind.stages.evaluate import evaluate

    return evaluate(admission, frozen, validated, features, trained, stores=stores)


def examiner(answer):
    def gather(case):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(TASK="probe", gather=gather)


def test_every_examiner_belongs_to_one_task():
    found = [find_examiners(task) for task in ("probe", "refit", "load_test")]
    names = [name for examiners in found for name in examiners]
    assert len(names) == len(set(names))
    assert all(found)


def test_a_candidate_is_examined_on_the_rows_that_it_was_judged_on(scene):
    run = run_of(scene)
    case = open_case(run)
    said = run.stores.lake.read_json(run.evaluation.uri)
    assert len(case.rows) == said["evidence"]["rows"]
    assert case.players["candidate"].units == said["evidence"]["units"]
    again = case.score(case.rows)
    assert again.tolist() == case.players["candidate"].score.tolist()
    assert case.decide(again).mean() == case.players["candidate"].decision.mean()


def test_what_cannot_be_found_is_said_and_the_others_go_on(caplog):
    found = look(
        SimpleNamespace(),
        {
            "slices": examiner(EvidenceError("no slice has enough rows")),
            "leakage": examiner(ZeroDivisionError("by nothing")),
        },
    )
    assert found["findings"] == {}
    assert found["unfound"] == {
        "slices": "no slice has enough rows",
        "leakage": "the examination failed: ZeroDivisionError('by nothing')",
    }
    assert set(found["seconds"]) == {"slices", "leakage"}
    assert "leakage" in caplog.text


def test_what_does_not_answer_is_tried_again_and_never_an_answer():
    with pytest.raises(RegistryUnavailableError):
        look(SimpleNamespace(), {"slices": examiner(RegistryUnavailableError("MLflow is away"))})


def test_a_figure_that_is_no_number_is_no_finding():
    with pytest.raises(ValueError, match="finite"):
        Found.model_validate({**dict.fromkeys(Found.model_fields, float("nan"))})


def test_a_waived_gate_is_not_looked_for(scene):
    assert not set(stage._asked("probe", run_of(scene))) & set(EXAMINED)
    some = run_of(scene, waived=tuple(set(EXAMINED) - {"leakage"}))
    assert "leakage" in stage._asked("probe", some)


def test_nothing_is_fetched_where_every_gate_is_switched_off(scene, monkeypatch):
    monkeypatch.setattr(stage, "open_case", None)
    said = examine("load_test", run_of(scene))
    assert said.lines == ["every gate that load_test looks for is switched off"]


def test_an_examination_is_made_once_and_reaches_the_gates(scene, monkeypatch):
    run = run_of(scene, waived=tuple(set(EXAMINED) - {"leakage"}))
    first = examine("probe", run)
    assert any(line.startswith("leakage: found") for line in lines_of(first))
    monkeypatch.setattr(stage, "look", None)
    assert examine("probe", run) == first
    verdict = judge(
        run.admission, run.frozen, run.trained, run.evaluation, first, stores=run.stores
    )
    outcome = {result.gate: result.outcome for result in verdict.results}
    assert outcome["leakage"] in {"passed", "blocked"}
    assert all(result.table == [] for result in verdict.results)


def test_without_its_examination_a_gate_blocks(scene):
    run = run_of(scene, waived=tuple(set(EXAMINED) - {"leakage"}))
    verdict = judge(run.admission, run.frozen, run.trained, run.evaluation, stores=run.stores)
    blocked = {result.gate: result.sentence for result in verdict.results}["leakage"]
    assert "nobody looked" in blocked
    assert not verdict.passed


def test_what_could_not_be_found_is_looked_for_again(scene, monkeypatch):
    run = run_of(scene, waived=tuple(set(EXAMINED) - {"leakage"}))
    failing = {"leakage": examiner(EvidenceError("the disk was full"))}
    monkeypatch.setattr(stage, "_asked", lambda *_: failing)
    first = examine("probe", run)
    assert lines_of(first)[0].startswith("leakage: warning: not found: the disk was full")
    monkeypatch.undo()
    second = examine("probe", run)
    assert second.digest != first.digest
    content = run.stores.lake.read_json(second.uri)
    assert "leakage" in content["findings"]
    assert Evidence.model_validate(run.stores.lake.read_json(run.evaluation.uri)["evidence"])
