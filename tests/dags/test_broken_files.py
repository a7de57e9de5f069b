"""What the DAG processor says of a file that it cannot read: an incident of the models it makes."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.sandbox import CLONE
from tradewind.orchestration import broken_files
from tradewind.orchestration.broken_files import (
    on_existing_dag_import_error,
    on_new_dag_import_error,
)
from tradewind.orchestration.plumbing import close_mended_files
from tradewind.pipeline import end_failure
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradewind.nights import Incident
    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

MODEL, OTHER = "flight_delay", "second_model"
STACK = 'Traceback:\n  File "dags/x.py", line 3\nSyntaxError: what is this\n'
SCORE, TRAIN, DEFINITIONS = (
    str(CLONE / "dags" / f"{name}.py") for name in ("score", "train", "definition_errors")
)


@dataclass
class Instance:
    """As much of Airflow's task instance as the operators read."""

    dag_id: str


@pytest.fixture
def stores(home: Settings, ledger_dsn: str, models_dir: Path) -> Stores:
    return Stores.open(home)


@pytest.fixture
def two(stores: Stores, add_model: Callable[[str], Path]) -> tuple[Stores, Path]:
    return stores, add_model(OTHER)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A webhook's receiver, which takes a call and never answers it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        monkeypatch.setenv("AIRFLOW_CONN_DESK", f"http://127.0.0.1:{server.getsockname()[1]}/")
        yield server


def incidents(stores: Stores) -> list[Incident]:
    return stores.ledger.incidents.select()


def keys_told(stores: Stores) -> list[str]:
    file = stores.settings.home / "alerts" / f"{MODEL}.jsonl"
    return [json.loads(line)["key"] for line in file.read_text().splitlines()]


def told_over_a_network(folder: Path) -> None:
    text = (folder / "model.yaml").read_text()
    said = "via: [webhook, file]\n  webhook: desk"
    (folder / "model.yaml").write_text(text.replace("via: [log, file]", said, 1))


def break_folder(folder: Path) -> None:
    """Misspell a key."""
    text = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(text.replace("owner:", "ownr:", 1))


def begin(dag_id: str) -> None:
    """What the first task of a run does about files."""
    close_mended_files({"ti": Instance(dag_id)})  # type: ignore[typeddict-item]


def test_a_dag_file_that_cannot_be_read_is_an_incident_of_every_model(
    two: tuple[Stores, Path],
) -> None:
    stores, _ = two
    on_new_dag_import_error(SCORE, STACK)
    found = incidents(stores)
    assert [one.model for one in found] == [MODEL, OTHER]
    assert {one.key for one in found} == {"failed:score:dag_file"}
    assert {one.severity for one in found} == {"critical"}  # so that `tradewind health` shows it
    assert found[0].details == ["SyntaxError: what is this"]


def test_a_broken_definition_is_an_incident_of_its_model_alone(two: tuple[Stores, Path]) -> None:
    stores, folder = two
    break_folder(folder)
    on_new_dag_import_error(DEFINITIONS, STACK)
    (found,) = incidents(stores)
    assert (found.model, found.key) == (OTHER, "definition")
    assert "ownr" in found.details[0]


@pytest.mark.parametrize("place", ["dags/somebodys_own.py", "elsewhere/score.py"])
def test_a_file_that_is_none_of_ours_is_left_to_airflow(stores: Stores, place: str) -> None:
    on_new_dag_import_error(str(CLONE / place), STACK)
    assert incidents(stores) == []


def test_a_definition_that_breaks_while_another_is_broken_is_an_incident_too(
    two: tuple[Stores, Path], models_dir: Path
) -> None:
    stores, folder = two
    break_folder(folder)
    on_new_dag_import_error(DEFINITIONS, STACK)
    break_folder(models_dir / MODEL)
    on_existing_dag_import_error(DEFINITIONS, STACK)
    assert [one.model for one in incidents(stores)] == [MODEL, OTHER]


def test_what_airflow_says_again_at_each_parse_is_one_incident_and_one_event(
    stores: Stores,
) -> None:
    on_new_dag_import_error(SCORE, STACK)
    before = stores.ledger.events()
    on_existing_dag_import_error(SCORE, STACK)
    assert stores.ledger.events() == before


def test_it_is_told_once_by_the_ways_that_need_no_network(stores: Stores) -> None:
    on_new_dag_import_error(SCORE, STACK)
    on_existing_dag_import_error(SCORE, STACK)
    assert keys_told(stores) == ["failed:score:dag_file"]
    assert [one.to_tell for one in incidents(stores)] == [False]


def test_a_way_over_a_network_is_left_to_the_next_alert(
    stores: Stores, models_dir: Path, desk: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_over_a_network(models_dir / MODEL)
    on_new_dag_import_error(SCORE, STACK)
    monkeypatch.setattr(broken_files, "SEEN_AGAIN_AFTER", timedelta())
    on_existing_dag_import_error(SCORE, STACK)
    with pytest.raises(BlockingIOError):  # nobody has called
        desk.accept()
    assert keys_told(stores) == ["failed:score:dag_file"]
    assert [one.to_tell for one in incidents(stores)] == [True]


def test_a_model_of_which_nobody_can_be_told_keeps_no_other_from_its_incident(
    two: tuple[Stores, Path],
) -> None:
    stores, _ = two
    # A folder stands where the first model's file would be.
    (stores.settings.home / "alerts" / f"{MODEL}.jsonl").mkdir(parents=True)
    on_new_dag_import_error(SCORE, STACK)
    assert [(one.model, one.to_tell) for one in incidents(stores)] == [
        (MODEL, True),
        (OTHER, False),
    ]


def test_the_first_task_of_a_run_closes_the_incident_of_the_file_it_was_read_from(
    stores: Stores,
) -> None:
    on_new_dag_import_error(TRAIN, STACK)
    begin(f"{MODEL}.train")
    assert incidents(stores) == []


def test_a_night_closes_the_incident_of_a_file_that_airflow_calls_broken_no_more(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_new_dag_import_error(TRAIN, STACK)
    monkeypatch.setattr(broken_files, "MENDED_AFTER", timedelta())
    begin(f"{MODEL}.score")
    assert incidents(stores) == []


def test_a_night_does_not_close_the_incident_of_a_file_that_airflow_still_calls_broken(
    stores: Stores,
) -> None:
    on_new_dag_import_error(TRAIN, STACK)
    begin(f"{MODEL}.score")
    assert [one.key for one in incidents(stores)] == ["failed:train:dag_file"]


def test_a_file_that_stays_broken_is_seen_again_often_enough_to_stay_open(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broken_files.SEEN_AGAIN_AFTER < broken_files.MENDED_AFTER
    on_new_dag_import_error(TRAIN, STACK)
    monkeypatch.setattr(broken_files, "SEEN_AGAIN_AFTER", timedelta())
    on_existing_dag_import_error(TRAIN, STACK)
    (incident,) = incidents(stores)
    assert (incident.seen, incident.updated > incident.opened) == (2, True)


def test_what_an_admission_closed_as_the_folder_broke_is_open_again_after_the_next_parse(
    stores: Stores, models_dir: Path
) -> None:
    break_folder(models_dir / MODEL)
    on_new_dag_import_error(DEFINITIONS, STACK)
    end_failure("definition", MODEL, stores=stores)
    assert incidents(stores) == []
    on_existing_dag_import_error(DEFINITIONS, STACK)
    assert [one.key for one in incidents(stores)] == ["definition"]
