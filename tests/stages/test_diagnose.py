"""Why quality changed, asked of the nights that a champion served."""

from __future__ import annotations

import itertools
import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.fixtures.home import LEDGER, TRACKING
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import Scene
from tests.stages.watching import BODY, DAY, EVERY, LAST, Watched, later
from tradewind.cli import app
from tradewind.errors import EvidenceError
from tradewind.nights import Breach
from tradewind.overview import diagnosed, diagnosis_stand
from tradewind.reports.brief import brief
from tradewind.reports.diagnosed import lines_of, render
from tradewind.stages._diagnose_nights import nights_wanted
from tradewind.stages.diagnose import diagnose
from tradewind.stages.evaluate import evaluate

if TYPE_CHECKING:
    import pandas as pd

    from tests.fixtures.home import Home
    from tradewind.diagnosis import Diagnosis
    from tradewind.records import TrainedModel
    from tradewind.stores.stores import Stores

_numbers = itertools.count(1)
FRAME = frames.feature_set(rows_a_day=120)


@pytest.fixture(scope="module")
def stores(shared_home: Home) -> Stores:
    return shared_home.stores


def train(scene: Scene) -> tuple[TrainedModel, str]:
    """A training whose stages said what they say in a run."""
    frozen = scene.definition(**BODY)
    admission, features, trained = scene.train(frozen, FRAME)
    validated = scene.validated(FRAME)
    evaluation = evaluate(admission, frozen, validated, features, trained, stores=scene.stores)
    request = admission.request.model_copy(update={"run_id": "train/first"})
    said = {"admit": admission, "features": features, "train": trained, "evaluate": evaluation}
    for stage, record in said.items():
        scene.stores.ledger.record_outcome(brief(stage, request, record))
    # The version names the run, as registering does.
    named = {"dag_run_id": "train/first"}
    scene.stores.registry.ensure_version(scene.model, trained.model_uri, named)
    return trained, evaluation.uri


def champion(stores: Stores, frame: pd.DataFrame) -> Watched:
    """A champion that was trained here, before its first night."""
    scene = Scene(stores, f"diagnosed_{next(_numbers)}")
    trained, evaluation = train(scene)
    return Watched(scene, trained, frame=frame, evaluation_uri=evaluation)


def served(stores: Stores, frame: pd.DataFrame) -> Watched:
    """A champion, and thirty nights of these flights, looked at."""
    made = champion(stores, frame)
    made.score(*EVERY)
    made.look()
    return made


def flights(*, turned: float = 0.0) -> pd.DataFrame:
    """The flights after the training; a share of UA's come out otherwise."""
    frame = frames.feature_set(days=30, rows_a_day=120, seed=1, end=LAST)
    random = np.random.default_rng(0)
    label = frame["label"].astype(bool)
    other = (frame["carrier"] == "UA") & (random.random(len(frame)) < turned)
    told = label.where(~other, ~label).astype(object)
    return frame.assign(flight=frame["flight"] + 1_000_000, label=told)


@pytest.fixture(scope="module")
def turned(stores) -> Watched:
    return served(stores, flights(turned=0.8))


@pytest.fixture(scope="module")
def found(turned) -> Diagnosis:
    return diagnose(turned.scene.stores, turned.scene.model, as_of=LAST)


def test_both_stretches_are_rows_that_the_version_was_not_trained_on(turned, found):
    known = turned.frame["label_known_at"] <= LAST
    watched = turned.frame["prediction_time"] > LAST - 28 * DAY
    assert found.reference.rows == turned.trained.judge.rows
    assert found.recent.rows == int((known & watched).sum())
    assert found.reference.end < AS_OF <= found.recent.start
    assert (found.version, found.look) == (turned.version, LAST)


def test_the_mean_losses_are_those_of_what_was_judged_and_of_what_was_looked_at(turned, found):
    look = turned.look()
    assert look.performance is not None
    assert found.recent.loss.value == pytest.approx(look.performance.figures["log_loss"].value)
    ledger, lake = turned.scene.stores.ledger, turned.scene.stores.lake
    (said,) = ledger.outcomes(run_id="train/first", model=turned.scene.model, stage="evaluate")
    evidence = lake.read_json(said.result["uri"])["evidence"]
    assert found.reference.loss.value == pytest.approx(evidence["candidate"]["log_loss"]["value"])


def test_labels_that_came_out_otherwise_are_found_in_their_slice(found):
    assert found.changed
    assert found.parts.relation is not None
    assert found.parts.relation.value >= 0.8 * found.parts.total.value
    assert found.slices[0].name == "carrier is UA"
    assert found.slices[0].stands_out
    assert found.told[0].startswith("log_loss rose by ")


def test_the_same_question_has_the_same_answer(turned, found):
    again = diagnosed(turned.scene.stores, turned.scene.model, LAST)
    assert again == found
    assert json.loads(json.dumps(again.model_dump(mode="json")))["version"] == turned.version


def test_a_later_label_changes_nothing_of_an_earlier_look(turned):
    scene = turned.scene
    turned.look(EVERY[20])
    earlier = diagnose(scene.stores, scene.model, as_of=EVERY[22])
    assert earlier.look == EVERY[20]
    assert earlier.recent.end <= EVERY[20]


def test_lines_and_page_say_it_in_words(found):
    lines = lines_of(found)
    assert lines[0].startswith(f"{found.model}, version {found.version}, by the look of ")
    assert any(line.startswith("  => ") for line in lines)
    assert any("carrier is UA" in line and "stands out" in line for line in lines)
    page = render(found)
    assert "<svg" in page
    assert "carrier is UA" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)


def test_a_value_of_a_source_is_shown_and_never_run(found):
    evil = found.features[0].model_copy(update={"feature": "<script>x</script>"})
    page = render(found.model_copy(update={"features": [evil]}))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_new_look_is_news_to_who_keeps_a_page(turned):
    scene = turned.scene
    before = diagnosis_stand(scene.stores, scene.model)
    turned.look(EVERY[25])
    assert diagnosis_stand(scene.stores, scene.model) > before


def test_nights_that_were_served_on_broken_data_are_left_out(stores):
    made = champion(stores, flights())
    broken = Breach(detector="null_rate", cause="null spike", column="delay", sentence="gone")
    made.score(*EVERY[:20], *EVERY[25:])
    for night in EVERY[20:25]:
        made.serve(night, breaches=[broken])
    made.look()
    whole = made.frame[made.frame["prediction_time"] > LAST - 28 * DAY]
    times = whole["prediction_time"]
    sound = (times <= EVERY[19]) | (times > EVERY[24])
    known = whole["label_known_at"] <= LAST
    found = diagnose(stores, made.scene.model, as_of=LAST)
    assert found.recent.rows == int((sound & known).sum())


# --------------------------------------------------------------------- where there is no answer


def test_before_any_look_it_is_said_what_is_missing(stores):
    made = champion(stores, later())
    with pytest.raises(EvidenceError) as refused:
        diagnose(stores, made.scene.model, as_of=LAST)
    assert "no night was looked at as of 2013-07-31 04:00 UTC" in str(refused.value)
    assert "score the nights from 2013-07-02 to 2013-07-15" in str(refused.value)


def test_a_version_of_another_platform_has_no_judged_rows(stores, turned):
    scene = Scene(stores, f"diagnosed_{next(_numbers)}")
    made = Watched(scene, turned.trained, frame=turned.frame)
    made.score(*EVERY)
    made.look()
    with pytest.raises(EvidenceError, match="knows no training of version 1, so that the rows"):
        diagnose(stores, scene.model, as_of=LAST)


def test_too_few_matured_days_are_said_to_be_so(stores):
    made = champion(stores, later())
    made.score(*EVERY[:4])
    made.look()
    as_of = EVERY[3] + timedelta(hours=1)
    model = made.scene.model
    with pytest.raises(EvidenceError) as refused:
        diagnose(stores, model, as_of=as_of)
    for said in (
        "matured rows of 4 days, and 14 are needed",
        "score the nights from 2013-07-02 to 2013-07-15",
        f"`tradewind run {model} score --as-of 2013-07-02`",
        f"`tradewind run {model} monitor --as-of 2013-07-15`",
    ):
        assert said in str(refused.value)
    # What it says is enough.
    made.score(*EVERY[4:14])
    made.look(EVERY[13])
    assert diagnose(stores, model, as_of=EVERY[13]).recent.units == 14


def test_nights_long_before_the_look_are_not_asked_for_again(stores):
    model = frames.definition(**BODY)
    days = [date(2013, 7, 3), date(2013, 7, 10)]
    # Labels come two days late here, and the nights between were never scored.
    said = nights_wanted(model, look=EVERY[25], since=AS_OF, days=days[-1:])
    assert "from 2013-07-11 to " in said
    said = nights_wanted(model, look=EVERY[25], since=AS_OF, days=[*days, date(2013, 7, 24)])
    assert "score the nights from 2013-07-13 to 2013-07-28" in said


def test_a_look_that_goes_back_too_few_days_is_to_be_lengthened():
    short = {"performance": {"window": "7 days"}, "drift": {"window": "7 days"}}
    model = frames.definition(**{**BODY, "monitor": short})
    said = nights_wanted(model, look=None, since=AS_OF, days=[])
    assert said.startswith("declare `monitor.performance.window: 14 days` or more, ")


# ------------------------------------------------------------------------------------- commands


@pytest.fixture
def configured(turned, tmp_path, monkeypatch) -> Watched:
    """The environment of a command line that knows the model."""
    folder = tmp_path / "models" / turned.scene.model
    folder.mkdir(parents=True)
    for name in ("model.yaml", "features.sql"):
        (folder / name).write_text(turned.definition.files[name])
    settings = turned.scene.stores.settings
    monkeypatch.setenv("TRADEWIND_HOME", str(settings.home))
    monkeypatch.setenv("TRADEWIND_LAKE", settings.lake_uri)
    monkeypatch.setenv("TRADEWIND_CONFIG", str(tmp_path))
    return turned


@pytest.fixture
def command(configured, shared_home: Home, monkeypatch):
    for variable in (LEDGER, TRACKING):
        monkeypatch.setenv(variable, shared_home.environ[variable])

    def run(*words: str):
        return CliRunner().invoke(app, ["diagnose", *words])

    return run


def test_the_command_prints_lines_or_json_and_writes_the_page(command, found, tmp_path):
    page = tmp_path / "page.html"
    said = command(found.model, "--as-of", "2013-07-31", "--output", str(page))
    assert said.exit_code == 0, said.output
    assert said.output.splitlines() == [*lines_of(found), str(page)]
    assert page.read_text(encoding="utf-8") == render(found)
    machine = command(found.model, "--as-of", "2013-07-31", "--json")
    assert json.loads(machine.output) == found.model_dump(mode="json")


def test_a_model_that_is_not_there_is_wrong_words(command):
    said = command("nobody")
    assert said.exit_code == 2
    assert "nobody" in said.output
