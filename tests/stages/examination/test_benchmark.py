"""Real versions on pinned rows: nobody learns from them, and each gives what it gave before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
import pytest

from tests.gates.evidence import EXAMINED, evidence, waivers
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import QUICK, Scene
from tradewind.errors import EvidenceError, RequestError
from tradewind.gates.benchmark import Found, check
from tradewind.learning.splits import split_frame
from tradewind.records import TrainedModel
from tradewind.stages._case import Case, Run, open_case
from tradewind.stages.evaluate import evaluate
from tradewind.stages.examination.benchmark import gather
from tradewind.stages.pin import pin
from tradewind.stages.train import _what_decides
from tradewind.stores.events import PINNED
from tradewind.stores.mlflow_access import model_id

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Pinned

FRAME = frames.feature_set()
START, END = date(2013, 5, 6), date(2013, 5, 15)  # the end of fit, the beginning of select


def pinned_in(scene: Scene, frame: Any = FRAME, **days: date) -> Pinned:
    frozen = scene.definition()
    admission, features = scene.admission(frozen), scene.features(frame)
    asked = {"start": START, "end": END, **days}
    return pin(admission, frozen, features, stores=scene.stores, **asked)


def definition(scene: Scene, pinned: Pinned, **changes: Any) -> FrozenDefinition:
    others = waivers(*(set(EXAMINED) - {"benchmark"}))
    said = {"pinned": pinned.digest, "start": pinned.start, "end": pinned.end}
    return scene.definition(gates={"waivers": others, "benchmark": said}, **changes)


def case_of(scene: Scene, frozen: FrozenDefinition, frame: Any = FRAME) -> Case:
    admission, features, trained = scene.train(frozen, frame)
    validated = scene.validated(frame)
    found = evaluate(admission, frozen, validated, features, trained, stores=scene.stores)
    return open_case(Run(admission, frozen, validated, features, trained, found, scene.stores))


def outcome(case: Case, found: Found):
    told = {"benchmark": found.model_dump(mode="json")}
    return check(evidence(findings=told), case.model)


def local_file(scene: Scene, uri: str) -> Path:
    return Path(urlparse(scene.stores.lake.uri).path, uri)


def another(scene: Scene, pinned: Pinned, **changes: Any) -> Case:
    """A candidate that learns otherwise."""
    linear = {**QUICK["candidates"]["linear"], **changes}
    return case_of(
        scene, definition(scene, pinned, train={**QUICK, "candidates": {"linear": linear}})
    )


def test_versions_are_compared_on_rows_that_none_of_them_learned_from(scene: Scene) -> None:
    pinned = pinned_in(scene)
    assert (pinned.rows, pinned.days, pinned.left_out) == (530, 9, 0)
    case = case_of(scene, definition(scene, pinned))
    assert case.split.pinned == 530
    first = gather(case)
    assert (first.digest, first.rows, first.days) == (pinned.digest, 530, 9)
    assert (first.learned_from, first.lacking, first.awaited) == (0, (), 0)
    assert (first.candidate.recorded, first.champion) == (None, None)
    assert outcome(case, first).outcome == "passed"

    # The same version again: the same figure, and it is said that it was measured before.
    again = gather(case)
    assert again.candidate.recorded == first.candidate.now.value == again.candidate.now.value
    assert again.candidate.recorded_on == "2013-07-01"
    assert outcome(case, again).outcome == "passed"

    # It becomes champion; a candidate that leaves the best of the features out is surely worse.
    version = scene.champion(case.trained)
    poor = another(scene, pinned, without=["delay", "carrier"])
    found = gather(poor)
    assert found.champion.version == version
    assert found.champion.recorded == found.champion.now.value == first.candidate.now.value
    assert found.champion.gap.value < 0
    assert outcome(poor, found).outcome == "blocked"
    assert "surely worse by more than" in outcome(poor, found).sentence
    # An equal one passes.
    equal = another(scene, pinned, params={"C": 0.9})
    assert outcome(equal, gather(equal)).outcome == "passed"


def test_a_version_that_gives_another_figure_than_before_blocks(scene: Scene) -> None:
    pinned = pinned_in(scene)
    case = case_of(scene, definition(scene, pinned))
    place = f"pinned/{pinned.digest}/log_loss/{model_id(case.trained.model_uri)}.json"
    figure = gather(case).candidate.now.value
    local_file(scene, place).unlink()
    scene.stores.lake.put_json(place, {"figure": figure + 1e-6, "day": "2012-07-01"})
    result = outcome(case, gather(case))
    assert result.outcome == "blocked"
    assert "another log_loss than on 2012-07-01" in result.sentence


def test_a_champion_from_before_the_pinning_is_not_compared_and_that_is_said(scene: Scene) -> None:
    _, _, old = scene.train(scene.definition(), FRAME)
    scene.champion(old)
    case = case_of(scene, definition(scene, pinned_in(scene)))
    found = gather(case)
    assert found.champion is None
    assert "may have learned from 530 of these rows" in outcome(case, found).sentence
    assert outcome(case, found).outcome == "passed"


def test_a_champion_that_needs_what_the_rows_lack_is_no_evidence(scene: Scene) -> None:
    lean = {name: kind for name, kind in frames.TYPES.items() if name != "delay"}
    of_lean = scene.definition(features={"types": lean})
    days = {"start": START, "end": END, "stores": scene.stores}
    pinned = pin(scene.admission(of_lean), of_lean, scene.features(FRAME), **days)
    _, _, whole = scene.train(scene.definition(), FRAME)
    scene.champion(whole)
    case = case_of(scene, definition(scene, pinned, features={"types": lean}))
    with pytest.raises(
        EvidenceError, match="cannot be measured on the pinned rows: it needs delay"
    ):
        gather(case)
    # And so does a candidate with a feature that there was not when they were pinned.
    case = replace(case, model=definition(scene, pinned).model)
    found = gather(case)
    assert found.lacking == ("delay",)
    assert outcome(case, found).outcome == "blocked"


def test_a_candidate_that_learned_from_them_is_found_out_and_so_are_days_not_over(
    scene: Scene,
) -> None:
    pinned = pinned_in(scene)
    case = case_of(scene, definition(scene, pinned))
    uncut = split_frame(FRAME, scene.definition().model, as_of=AS_OF)
    found = gather(replace(case, split=uncut))
    assert found.learned_from == 530 - uncut.held_back + case.split.held_back
    assert outcome(case, found).outcome == "blocked"
    # The same as of a moment before the last of their labels.
    early = case.run.admission.request.model_copy(
        update={"as_of": FRAME["label_known_at"][FRAME["label_known_at"] < "2013-05-15"].max()}
    )
    admission = case.run.admission.model_copy(update={"request": early})
    found = gather(replace(case, run=replace(case.run, admission=admission)))
    assert 0 < found.awaited < 530
    assert outcome(case, found).outcome == "not_applicable"


def test_rows_that_the_lake_lost_are_found_again_or_missed_by_name(scene: Scene) -> None:
    pinned = pinned_in(scene)
    case = case_of(scene, definition(scene, pinned))
    file = local_file(scene, pinned.uri)
    file.unlink()
    assert gather(case).digest == pinned.digest
    assert file.is_file()
    file.unlink()
    other = frames.feature_set(seed=1)
    run = replace(case.run, feature_set=scene.features(other))
    with pytest.raises(EvidenceError, match=f"has no {pinned.uri}.*tradewind pin {scene.model}"):
        gather(replace(case, run=run))
    # Rows that were changed where they lie have another digest than they are declared by.
    scene.stores.lake.write_parquet(
        pinned.uri, scene.stores.lake.read_table(scene.features(other).uri)
    )
    assert outcome(case, gather(case)).outcome == "blocked"


def test_the_days_decide_what_is_trained_and_their_digest_does_not(scene: Scene) -> None:
    days = {"start": START, "end": END}
    plain, pinned, renamed, later = (
        _what_decides(scene.definition(gates={"benchmark": said}))
        for said in (
            {},
            {"pinned": "a" * 32, **days},
            {"pinned": "f" * 32, **days},
            {"pinned": "a" * 32, **days, "end": date(2013, 5, 16)},
        )
    )
    assert pinned == renamed
    assert pinned not in (plain, later)
    assert "pinned_days" not in plain


def test_pinning_twice_is_once_and_only_whole_days_are_pinned(scene: Scene) -> None:
    first, again = pinned_in(scene), pinned_in(scene)
    assert first == again
    (event,) = scene.stores.ledger.events(model=scene.model, kind=PINNED)
    assert event.payload["digest"] == first.digest
    assert event.payload["start"] == "2013-05-06"
    rows = scene.stores.lake.read_table(first.uri).to_pandas()
    days = rows["prediction_time"].dt.tz_convert(frames.ZONE)
    assert str(days.min().date()) == "2013-05-06"
    assert str(days.max().date()) == "2013-05-14"
    assert set(frames.TYPES) < set(rows)
    assert "label_state" not in rows

    awaited = FRAME.assign(label_state=np.where(FRAME.index == FRAME.index[-1], "pending", "known"))
    spoilt = awaited.assign(label=awaited["label"].where(awaited["label_state"] == "known", None))
    last = {"start": date(2013, 6, 20), "end": date(2013, 7, 1)}
    with pytest.raises(RequestError, match="1 labels are awaited still"):
        pinned_in(scene, spoilt, **last)
    expired = spoilt.assign(label_state="expired")
    assert pinned_in(scene, expired, **last).left_out == 1
    for days, said in (
        ({"start": date(2012, 5, 6), "end": date(2012, 5, 15)}, "no row has a label"),
        ({"start": date(2013, 6, 25), "end": date(2013, 7, 2)}, "is not over as of"),
        ({"start": END, "end": START}, "is no day"),
    ):
        with pytest.raises(RequestError, match=said):
            pinned_in(scene, **days)


def test_nothing_is_looked_for_where_nothing_is_pinned(scene: Scene) -> None:
    model, trained = scene.definition().model, TrainedModel.model_construct()
    split = split_frame(FRAME, model, as_of=AS_OF)
    case = Case(model, split, None, {}, np.ones(0, bool), {}, evidence(), trained)
    assert gather(case) == Found()
    assert split.pinned == 0
    declared = definition(scene, pinned_in(scene)).model
    with pytest.raises(EvidenceError, match="belongs to no run"):
        gather(replace(case, model=declared))
