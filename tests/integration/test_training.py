"""The main job without Airflow, on real flights and servers: alone, twice, and disturbed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import tradewind
from tests.fixtures.training import AS_OF, copy_demo, request
from tradewind import pipeline
from tradewind.overview import card_of
from tradewind.pipeline import run_pipeline
from tradewind.records import Refusal
from tradewind.reports.card import sections_of, to_markdown
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.training import Training


def test_the_champion_of_july_is_good_enough_on_june(trained: Training) -> None:
    stores, records = trained.stores, trained.records
    assert records["gate"].passed, records["gate"].results
    evidence = stores.lake.read_json(records["evaluate"].uri)
    evidence = evidence.get("evidence", evidence)
    candidate, naive = evidence["candidate"], evidence["naive"]
    assert candidate["roc_auc"]["value"] >= 0.74
    assert candidate["log_loss"]["value"] <= 0.95 * naive["log_loss"]["value"]
    assert evidence["against_naive"]["low"] > 0
    judge = records["train"].judge
    assert (judge.start, judge.end) == (datetime(2013, 6, 1, 4, tzinfo=UTC), AS_OF)
    assert evidence["units"] >= 28


def test_it_became_champion_through_the_ledger(trained: Training) -> None:
    stores, records = trained.stores, trained.records
    assert records["register"].outcome == "promoted"
    number = records["register"].version
    assert stores.ledger.champion("flight_delay", as_of=AS_OF).version == number
    assert stores.registry.alias("flight_delay", "champion") == number
    version = stores.registry.version("flight_delay", number)
    assert version.tags["train_key"] == records["train"].train_key


def test_its_card_is_whole_and_says_what_matters_to_it(trained: Training) -> None:
    card = card_of(trained.stores, "flight_delay")
    number = trained.records["register"].version
    assert card == card_of(trained.stores, "flight_delay", number)
    version = trained.stores.registry.version("flight_delay", number)
    assert version.tags["card_uri"] == trained.records["card"].uri
    assert all(section.blocks for section in sections_of(card))
    page = to_markdown(card)
    for key in ("purpose.intended_use", "purpose.not_for", "purpose.limits", "harm_review"):
        assert f"(`{key}` in model.yaml)" not in page
    assert "origin_waiting" in [one.feature for one in card.explained.weights[:3]]
    assert len(card.explained.weights) == 26
    rising = next(one for one in card.explained.curves if one.feature == "origin_waiting").points
    assert rising[-1].answer.low > rising[0].answer.high
    assert {part.name for part in card.slices.parts if part.origin == "important"}
    assert {one.name for one in card.data.sources} >= {"flights", "weather"}
    assert all(one.rows for one in card.data.sources)


def test_the_same_night_again_changes_nothing(trained: Training) -> None:
    stores, first = trained.stores, trained.records
    before = stores.registry.versions("flight_delay")
    second = run_pipeline(request("second"), stores=stores)
    assert second["register"].outcome == "unchanged"
    assert stores.registry.versions("flight_delay") == before
    for stage in ("ingest", "validate", "features"):
        assert second[stage].digest == first[stage].digest
    assert second["ingest"].read == 0
    assert second["train"] == first["train"]


def test_a_notebook_sees_the_frame_that_training_saw(trained: Training) -> None:
    stores, records = trained.stores, trained.records
    frame = tradewind.training_frame("flight_delay", as_of="2013-07-01", settings=stores.settings)
    assert len(frame) == records["features"].rows
    stored = stores.lake.read_table(records["features"].uri).to_pandas()
    assert frame.equals(stored)


def test_a_second_run_at_the_same_time_is_not_admitted(trained: Training) -> None:
    stores = trained.stores
    first = pipeline.admit(request("holds"), stores=stores)
    try:
        refused = run_pipeline(request("waits"), stores=stores)
    finally:
        pipeline.release(first, stores=stores)
    assert isinstance(refused["admit"], Refusal)
    assert "holds" in refused["admit"].reason
    assert list(refused) == ["admit"]


def test_an_edit_in_mid_run_changes_nothing_of_that_run(trained: Training, tmp_path: Path) -> None:
    stores, first = trained.stores, trained.records
    config = copy_demo(tmp_path)
    environ = {**stores.settings.environment, "TRADEWIND_CONFIG": str(config)}
    mine = Stores.open(load_settings(environ))
    admission = pipeline.admit(request("edited"), stores=mine)
    try:
        definition = config / "models" / "flight_delay" / "model.yaml"
        definition.write_text(definition.read_text().replace("arr_delay > 15", "arr_delay > 60"))
        snapshot = pipeline.run_stage("ingest", admission, stores=mine)
        validated = pipeline.run_stage("validate", admission, snapshot, stores=mine)
        features = pipeline.run_stage("features", admission, validated, stores=mine)
    finally:
        pipeline.release(admission, stores=mine)
    assert features == first["features"]


def test_an_edit_of_one_model_changes_no_digest_of_another(
    trained: Training, tmp_path: Path
) -> None:
    stores, first = trained.stores, trained.records
    config = copy_demo(tmp_path)
    other = config / "models" / "second_model"
    shutil.copytree(config / "models" / "flight_delay", other)
    text = (other / "model.yaml").read_text().replace("name: flight_delay", "name: second_model", 1)
    (other / "model.yaml").write_text(text.replace("arr_delay > 15", "arr_delay > 30"))
    # They say what the label was.
    (other / "tests.yaml").unlink()
    environ = {**stores.settings.environment, "TRADEWIND_CONFIG": str(config)}
    mine = Stores.open(load_settings(environ))
    second = run_pipeline(request("other", model="second_model"), stores=mine, until="features")
    assert second["ingest"].read == 0  # the same sources: nothing is read twice
    again = run_pipeline(request("again"), stores=mine, until="train")
    assert again["features"].digest == first["features"].digest
    assert again["train"].train_key == first["train"].train_key


def test_the_shell_prints_the_same_verdict(trained: Training) -> None:
    stores, records = trained.stores, trained.records
    done = subprocess.run(
        [sys.executable, "-m", "tradewind", "run", "flight_delay", "train",
         "--as-of", "2013-07-01", "--json"],
        env=dict(stores.settings.environment),
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert said["gate"]["results"] == records["gate"].model_dump(mode="json")["results"]
    assert said["train"]["prediction_digest"] == records["train"].prediction_digest
