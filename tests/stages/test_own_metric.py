"""A metric of the owner's own is the text that was frozen with the run, from search to verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.learning import frames
from tradewind.definition.loader import parse_definition
from tradewind.records import Evidence
from tradewind.stages.evaluate import evaluate

if TYPE_CHECKING:
    from tests.stages.judging import Scene
    from tradewind.definition.frozen import FrozenDefinition

MISSED = "def missed(label, score):\n    return float((label * (1 - score)).mean())\n"
DECIDES = {
    "resample": {"draws": 200},
    "decides": "missed",
    "own": {"missed": {"kind": "python", "function": "mine:missed", "greater_is_better": False}},
}


def with_metric(scene: Scene, text: str) -> FrozenDefinition:
    """The definition as the loader freezes it where `mine.py` is in the model's folder only."""
    files = dict(scene.definition().files)
    model = files["model.yaml"].replace("metrics:\n  resample:\n    draws: 200\n", "")
    files["model.yaml"] = f"{model}metrics: {DECIDES}\n"
    return parse_definition({**files, "python:mine": text}, where=scene.model)


def test_a_module_in_the_models_folder_decides_from_its_frozen_text(scene):
    frozen = with_metric(scene, MISSED)
    _, _, evaluation = scene.evaluate(frozen, frames.feature_set())
    evidence = Evidence.model_validate(scene.stores.lake.read_json(evaluation.uri)["evidence"])
    assert evidence.metric == "missed"
    assert 0 < evidence.candidate["missed"].value < 1


def test_another_text_of_the_function_is_another_evaluation(scene):
    frame = frames.feature_set()
    admission, features, trained = scene.train(with_metric(scene, MISSED), frame)

    found = [
        evaluate(
            admission,
            with_metric(scene, text),
            scene.validated(frame),
            features,
            trained,
            stores=scene.stores,
        )
        for text in (MISSED, MISSED.replace("label *", "2 * label *"))
    ]
    figures = [
        scene.stores.lake.read_json(each.uri)["evidence"]["candidate"]["missed"]["value"]
        for each in found
    ]
    assert found[0].digest != found[1].digest
    assert figures[1] == pytest.approx(2 * figures[0])
