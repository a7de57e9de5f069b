"""A task that fails for good, or a night that is late, is an incident, and somebody is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tradewind.errors import (
    EmptyIntervalError,
    LedgerUnavailableError,
    RequestError,
    SourceUnavailableError,
)
from tradewind.orchestration.failures import FailureNotifier, tell_of_late_night
from tradewind.records import StageOutcome
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.nights import Incident
    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

MODEL = "flight_delay"
# As much as a deadline's callback reads of what Airflow gives it.
LATE = {"dag_run": {"dag_run_id": "scheduled__x"}}


@dataclass
class Instance:
    """As much of Airflow's task instance as a callback reads."""

    dag_id: str = f"{MODEL}.score"
    task_id: str = "predict"


def fail(error: BaseException) -> None:
    FailureNotifier(model=MODEL).notify({"ti": Instance(), "exception": error})  # type: ignore[typeddict-item]


def wrapped(error: Exception) -> AirflowFailException:
    """An error as `plain_errors` hands it to Airflow."""
    try:
        raise AirflowFailException(str(error)) from error
    except AirflowFailException as raised:
        return raised


def incidents(home: Settings) -> list[Incident]:
    return Ledger.open(home).incidents.select(model=MODEL)


def lines(home: Settings) -> list[dict[str, Any]]:
    file = home.home / "alerts" / f"{MODEL}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def told(home: Settings, ledger_dsn: str, models_dir: Path) -> Settings:
    return home


def test_a_failed_task_opens_one_incident_that_blames_its_layer_and_tells_once(
    told: Settings,
) -> None:
    fail(wrapped(EmptyIntervalError("no rows of weather")))
    fail(wrapped(EmptyIntervalError("no rows of weather")))
    (incident,) = incidents(told)
    assert (incident.key, incident.layer) == ("failed:score:predict", "data")
    assert incident.details == ["EmptyIntervalError: no rows of weather"]
    assert not incident.to_tell
    assert len(lines(told)) == 1


def test_an_error_of_ours_is_told_in_its_own_words_and_not_in_a_drivers(told: Settings) -> None:
    try:
        try:
            raise ConnectionError("host=db password=hunter2")
        except ConnectionError as error:
            raise SourceUnavailableError("source weather does not answer") from error
    except SourceUnavailableError as error:
        fail(error)
    (incident,) = incidents(told)
    assert incident.layer == "data"
    assert "hunter2" not in incident.model_dump_json()


def test_a_request_that_makes_no_sense_is_nobodys_incident(told: Settings) -> None:
    fail(wrapped(RequestError("version 9 is not there")))
    assert incidents(told) == []


def test_somebody_is_told_also_where_the_ledger_is_what_failed(
    home: Settings, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LEDGER", nowhere)
    fail(LedgerUnavailableError("the ledger does not answer"))
    (line,) = lines(home)
    assert (line["layer"], line["severity"]) == ("platform", "critical")


def test_a_late_night_is_an_incident(told: Settings) -> None:
    tell_of_late_night(LATE, model=MODEL, within="3 hours")
    (incident,) = incidents(told)
    assert incident.key == "late:score"
    assert "3 hours after it was due" in incident.title
    assert "scheduled__x" in incident.way_out


def test_a_run_that_is_over_its_deadline_after_the_night_was_scored_is_nobodys_incident(
    told: Settings,
) -> None:
    scored = StageOutcome(
        model=MODEL,
        run_id="score/scheduled__x",
        stage="predict",
        as_of=datetime(2013, 7, 2, 4, tzinfo=UTC),
        lines=["served"],
    )
    Ledger.open(told).record_outcome(scored)
    tell_of_late_night(LATE, model=MODEL, within="3 hours")
    assert incidents(told) == []
