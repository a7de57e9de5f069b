"""What the operators make of errors and of what a DAG run asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg2
import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException

from tradewind import errors
from tradewind.orchestration.plumbing import plain_errors
from tradewind.orchestration.run_requests import order_of, request_of
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

# What may be better in a minute; everything else that we raise would only fail again.
RETRIED = {
    errors.AlertError,
    errors.UnavailableError,
    errors.SourceUnavailableError,
    errors.LakeUnavailableError,
    errors.LeaseHeldError,
    errors.LedgerUnavailableError,
    errors.RegistryError,
    errors.RegistryUnavailableError,
}


def tree(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


OURS = sorted(
    {kind for kind in tree(errors.TradewindError) if kind.__module__ == errors.__name__},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_each_of_our_errors_is_tried_again_or_fails_at_once(kind: type[Exception]) -> None:
    expected = kind if kind in RETRIED else AirflowFailException
    with pytest.raises(expected, match="what was wrong") as caught, plain_errors():
        raise kind("what was wrong")
    assert kind in RETRIED or str(caught.value) == f"{kind.__name__}: what was wrong"


@pytest.mark.parametrize("kind", [psycopg2.OperationalError, ConnectionError, KeyError])
def test_what_is_not_ours_passes_as_itself_and_is_tried_again(kind: type[Exception]) -> None:
    with pytest.raises(kind), plain_errors():
        raise kind("lost")


@dataclass
class DagRun:
    """As much of Airflow's as the operators read."""

    run_type: DagRunType
    run_after: datetime
    run_id: str = "a run"
    triggering_user_name: str | None = None


TICK = datetime(2013, 7, 2, 9, 30, tzinfo=UTC)  # 05:30 in New York


@pytest.fixture
def stores(home: Settings, models_dir: Path) -> Stores:
    return Stores.open()


def forget_today(models_dir: Path) -> None:
    """Let the demo's model live in the present."""
    definition = models_dir / "flight_delay" / "model.yaml"
    definition.write_text(re.sub(r"\n  today: .*", "", definition.read_text()))


@dataclass
class Dag:
    """As much of Airflow's as the operators read."""

    dag_id: str


def context(run: DagRun, *, of: str = "train", **answers: object) -> dict[str, object]:
    params = {"as_of": None, "reason": "by hand", **answers}
    return {"dag_run": run, "dag": Dag(f"flight_delay.{of}"), "params": params}


def test_a_scheduled_run_stands_at_the_last_midnight_of_the_models_own_zone(
    stores: Stores, models_dir: Path
) -> None:
    forget_today(models_dir)
    run = DagRun(DagRunType.SCHEDULED, TICK)
    request = request_of("flight_delay", context(run), stores=stores)
    assert request.as_of == datetime(2013, 7, 2, 4, tzinfo=UTC)
    assert (request.actor, request.reason) == ("scheduled", "on schedule")


def test_a_run_by_hand_stands_where_the_form_says_and_names_who_asked(stores: Stores) -> None:
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    asked = context(run, as_of="2013-06-01", reason="to look", window_days=120, candidate="boosted")
    request = request_of("flight_delay", asked, stores=stores)
    assert request.as_of == datetime(2013, 6, 1, 4, tzinfo=UTC)
    assert (request.actor, request.reason) == ("ann", "to look")
    assert (request.window_days, request.candidate) == (120, "boosted")


def test_a_run_is_named_by_its_pipeline_because_airflows_names_are_unique_in_one_dag_only(
    stores: Stores,
) -> None:
    run = DagRun(DagRunType.MANUAL, TICK)
    named = {
        of: request_of("flight_delay", context(run, of=of), stores=stores)
        for of in ("train", "score", "monitor")
    }
    assert {of: request.run_id for of, request in named.items()} == {
        of: f"{of}/a run" for of in named
    }
    assert {of: request.pipeline for of, request in named.items()} == {of: of for of in named}


def test_a_run_that_a_decision_launched_stands_at_its_exact_moment_and_is_known_as_such(
    stores: Stores,
) -> None:
    run = DagRun(DagRunType.OPERATOR_TRIGGERED, TICK)
    asked = context(run, moment="2013-07-02T09:00:00+00:00", reason="drift", wider=True)
    request = request_of("flight_delay", asked, stores=stores)
    assert request.as_of == datetime(2013, 7, 2, 9, tzinfo=UTC)
    assert (request.trigger, request.wider, request.reason) == ("decision", True, "drift")


def test_the_form_of_a_release_becomes_an_order(stores: Stores, ledger_dsn: str) -> None:
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    asked = context(run, of="release", action="hold", reason="the fair is on", until="2013-08-01")
    order = order_of("flight_delay", asked, stores=stores)
    assert (order.action, order.actor, order.reason) == ("hold", "ann", "the fair is on")
    assert order.until == datetime(2013, 8, 1, 4, tzinfo=UTC)
    assert order.run_id == "release/a run"


def test_where_a_day_stands_for_today_a_scheduled_run_stands_there(stores: Stores) -> None:
    run = DagRun(DagRunType.SCHEDULED, TICK)
    request = request_of("flight_delay", context(run), stores=stores)
    assert request.as_of == datetime(2013, 7, 1, 4, tzinfo=UTC)
