"""The last versions side by side, on rows that none of them was trained on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.errors import EvidenceError
from tradewind.promotion import roll_back
from tradewind.reports.brief import brief
from tradewind.stages.ranking import rank_versions

if TYPE_CHECKING:
    import pandas as pd

    from tests.stages.judging import Scene
    from tradewind.nights import Ranking

FRAME = frames.feature_set()
LATER = AS_OF + timedelta(days=10)
FURTHER = frames.feature_set(days=120, end=LATER)


def train(scene: Scene, frame: pd.DataFrame, **changes: Any) -> int:
    """A training that became champion, with what its stages said."""
    frozen = scene.definition()
    admission, features, trained = scene.train(frozen, frame, **changes)
    said = {
        "admit": admission,
        "validate": scene.validated(frame),
        "features": features,
        "train": trained,
    }
    request = admission.request.model_copy(update={"run_id": f"train/{admission.as_of}"})
    for stage, record in said.items():
        scene.stores.ledger.record_outcome(brief(stage, request, record))
    return scene.champion(trained, as_of=admission.as_of)


def rank(scene: Scene, **how: Any) -> Ranking:
    return rank_versions(scene.stores, scene.model, **{"as_of": LATER, **how})


def test_without_a_training_there_is_nothing_to_rank(scene: Scene) -> None:
    with pytest.raises(EvidenceError, match="there was no training as of"):
        rank(scene)


def test_the_last_versions_are_ranked_on_rows_that_none_was_trained_on(scene: Scene) -> None:
    first = train(scene, FRAME)
    (alone,) = rank(scene, as_of=AS_OF).versions
    assert (alone.version, alone.place, alone.champion, alone.may_return) == (first, 1, True, False)
    second = train(scene, FURTHER, as_of=LATER)

    found = rank(scene)

    one, two = found.versions
    assert {one.version, two.version} == {first, second}
    assert (one.place, two.place) == (1, 2)
    assert one.figure is not None
    assert two.figure is not None
    assert one.figure.value <= two.figure.value
    assert one.figure.low < one.figure.value < one.figure.high
    assert found.start is not None
    assert found.start == LATER - timedelta(days=28) or found.units >= 28
    rows = FURTHER[(FURTHER["prediction_time"] >= found.start) & FURTHER["label"].notna()]
    assert found.rows == len(rows)
    by_number = {version.version: version for version in found.versions}
    assert by_number[first].may_return
    assert by_number[second].champion
    assert by_number[second].against_champion is None
    gap = by_number[first].against_champion
    assert gap is not None
    assert gap.value == pytest.approx(
        by_number[second].figure.value - by_number[first].figure.value  # type: ignore[union-attr]
    )
    assert f"version {one.version} does best" in found.sentence

    roll_back(stores=scene.stores, model=scene.model, as_of=LATER, actor="ann", reason="worse")
    after = {version.version: version for version in rank(scene, last=1).versions}
    assert after[first].champion
    assert not after[second].may_return


def test_a_version_that_cannot_be_scored_is_named_with_the_reason(scene: Scene) -> None:
    first, second = train(scene, FRAME), train(scene, FURTHER, as_of=LATER)
    logged = scene.stores.registry.version(scene.model, first).model_uri.removeprefix("models:/")
    scene.stores.registry._client.delete_logged_model(logged)

    found = rank(scene)

    assert [version.version for version in found.versions] == [second, first]
    assert found.versions[1].place is None
    assert found.versions[1].problem
