"""Whether the nights happen, judged by what the ledger holds and by who answers."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import TEN_LINES
from tests.fixtures.mlflow import free_port
from tests.stores.test_chain import ANEW, tamper
from tradewind.health import Finding, examine
from tradewind.nights import ScoredNight, Symptom
from tradewind.records import Admission, Registration, RunRequest
from tradewind.reports.brief import brief
from tradewind.settings import load_settings
from tradewind.stores.chain_heads import keep
from tradewind.stores.events import DECIDED, TAMPERING, TAMPERING_ENDED
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradewind.settings import Settings

__all__ = ["tamper"]

NIGHTLY = "schedule: {train: '0 3 * * *'}\n"
DAY = timedelta(days=1)


@pytest.fixture
def stores(tmp_path: Path, ledger_dsn: str, home: Settings) -> Stores:
    folder = tmp_path / "config" / "models" / "tips"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(TEN_LINES + NIGHTLY)
    (folder / "features.sql").write_text("SELECT 1\n")
    known = {**home.environment, "TRADEWIND_CONFIG": str(tmp_path / "config")}
    return Stores.open(load_settings(known))


def request(stores: Stores, run_id: str) -> RunRequest:
    return RunRequest(
        model="tips",
        run_id=f"train/{run_id}",
        as_of=stores.ledger.now(),
        actor="a test",
        reason="a night",
    )


def admit(stores: Stores, run_id: str) -> None:
    asked = request(stores, run_id)
    admission = Admission(request=asked, definition_digest="d" * 32, fencing_token=1)
    stores.ledger.record_outcome(brief("admit", asked, admission))


def finish(stores: Stores, run_id: str) -> None:
    admit(stores, run_id)
    asked = request(stores, run_id)
    end = Registration(outcome="promoted", version=1, champion=1, reason="the first champion")
    stores.ledger.record_outcome(brief("register", asked, end))


def hold(stores: Stores, run_id: str) -> None:
    stores.ledger.acquire_lease(
        "tips",
        holder=f"train/{run_id}",
        ttl=DAY,
        as_of=stores.ledger.now(),
        actor="a test",
        reason="a night",
    )


def of(stores: Stores, subject: str, *, now: datetime | None = None) -> Finding:
    found = {one.subject: one for one in examine(stores, now=now)}
    return found[subject]


def test_a_model_whose_last_night_finished_is_well(stores: Stores) -> None:
    finish(stores, "night")
    found = of(stores, "tips", now=stores.ledger.now())
    assert found.state == "well"
    assert "promoted: the first champion" in found.sentence
    assert "UTC" in found.sentence
    assert not found.ill


def test_a_model_that_never_ran_is_late(stores: Stores) -> None:
    found = of(stores, "tips")
    assert found.state == "late"
    assert "no run has ever finished" in found.sentence
    assert found.ill


def test_a_model_whose_last_nights_did_not_finish_is_late_however_much_they_wrote(
    stores: Stores,
) -> None:
    finish(stores, "good night")
    admit(stores, "bad night")
    later = stores.ledger.now() + 2 * DAY
    found = of(stores, "tips", now=later)
    assert found.state == "late"
    assert "bad night, admitted at" in found.sentence
    assert "did not finish: the last stage it did is admit" in found.sentence


def test_a_run_that_is_at_it_is_well(stores: Stores) -> None:
    admit(stores, "tonight")
    hold(stores, "tonight")
    found = of(stores, "tips")
    assert found.state == "well"
    assert "tonight runs since" in found.sentence


def test_a_model_without_a_schedule_runs_by_hand(stores: Stores) -> None:
    (stores.settings.config_dir / "models" / "tips" / "model.yaml").write_text(TEN_LINES)
    found = of(stores, "tips")
    assert (found.state, found.ill) == ("by_hand", False)


def test_a_broken_definition_is_broken(stores: Stores) -> None:
    (stores.settings.config_dir / "models" / "tips" / "model.yaml").write_text("nonsense: true\n")
    found = of(stores, "tips")
    assert found.state == "broken"
    assert "model.yaml:1: nonsense" in found.sentence


def test_an_alias_moved_behind_the_ledgers_back_is_broken_until_it_is_set_right(
    stores: Stores,
) -> None:
    finish(stores, "night")
    said: dict[str, Any] = {"model": "tips", "as_of": stores.ledger.now(), "actor": "tradewind"}
    stores.ledger.append(**said, kind=TAMPERING, reason="the alias was moved", payload={})
    found = of(stores, "tips")
    assert (found.state, found.sentence) == ("broken", "the alias was moved")
    stores.ledger.append(**said, kind=TAMPERING_ENDED, reason="it is back", payload={})
    assert of(stores, "tips", now=stores.ledger.now()).state == "well"


def test_a_chain_of_which_a_young_head_is_kept_is_well(stores: Stores) -> None:
    assert of(stores, "chain").state == "well"
    finish(stores, "night")
    assert of(stores, "chain").state == "well"
    head = keep(stores.ledger, stores.lake)
    assert head is not None
    # Nothing came since but the note that it was kept: there is nothing to hold, however old it is.
    later = of(stores, "chain", now=stores.ledger.now() + 9 * DAY)
    assert later.state == "well"
    assert f"the lake keeps entry {head.position} of " in later.sentence
    assert later.sentence.endswith(", and 0 events came later")


def test_events_that_nothing_outside_holds_for_two_nights_are_late(stores: Stores) -> None:
    finish(stores, "night")
    keep(stores.ledger, stores.lake)
    finish(stores, "next night")
    assert of(stores, "chain", now=stores.ledger.now() + 2 * DAY - DAY / 24).state == "well"
    found = of(stores, "chain", now=stores.ledger.now() + 2 * DAY)
    assert found.state == "late"
    assert "are held by nothing outside the database" in found.sentence
    assert "no head is kept" not in found.sentence


def test_a_chain_that_is_not_what_was_kept_is_broken(
    stores: Stores, tamper: Callable[[str], None]
) -> None:
    finish(stores, "night")
    keep(stores.ledger, stores.lake)
    tamper("UPDATE events SET reason = 'other' WHERE id = 1;" + ANEW)
    found = of(stores, "chain")
    assert found.state == "broken"
    assert "`tradewind audit verify` says which events" in found.sentence


def test_a_lake_that_is_down_says_nothing_of_the_chain(stores: Stores) -> None:
    known = {**stores.settings.environment, "TRADEWIND_LAKE": "http://nowhere"}
    found = {one.subject: one for one in examine(Stores.open(load_settings(known)))}
    assert found["chain"].state == "down"


def test_a_ledger_that_is_down_is_down_and_no_model_is_judged(stores: Stores) -> None:
    dead = f"postgresql://tradewind@127.0.0.1:{free_port()}/ledger"
    known = {**stores.settings.environment, "AIRFLOW_CONN_TRADEWIND_LEDGER": dead}
    found = {one.subject: one for one in examine(Stores.open(load_settings(known)))}
    assert found["ledger"].state == "down"
    assert "tips" not in found


# ------------------------------------------------------------------------------------ Airflow


@pytest.fixture
def airflow() -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a server that answers as Airflow's does, and what it says."""
    names = ("scheduler", "dag_processor", "triggerer")
    said: dict[str, Any] = {name: {"status": "healthy"} for name in (*names, "metadatabase")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", said
    server.shutdown()
    thread.join()
    server.server_close()


def behind_a_proxy(stores: Stores, address: str) -> Stores:
    known = {**stores.settings.environment, "TRADEWIND_AIRFLOW_URL": address}
    return Stores.open(load_settings(known))


def test_the_loopback_is_asked_past_any_proxy_and_each_component_is_said(
    stores: Stores, airflow: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    mine = behind_a_proxy(stores, airflow[0])
    states = {one.subject: one.state for one in examine(mine) if "airflow" in one.subject}
    assert states == dict.fromkeys(
        [
            "airflow api-server", "airflow metadatabase", "airflow scheduler",
            "airflow dag-processor", "airflow triggerer",
        ],
        "well",
    )  # fmt: skip


def test_a_dead_scheduler_is_down(stores: Stores, airflow: tuple[str, dict[str, Any]]) -> None:
    address, said = airflow
    said["scheduler"] = {
        "status": "unhealthy",
        "latest_scheduler_heartbeat": "2026-11-21T03:00:00+00:00",
    }
    found = of(behind_a_proxy(stores, address), "airflow scheduler")
    assert found.state == "down"
    assert found.sentence == "unhealthy; its last sign of life: 2026-11-21T03:00:00+00:00"


def test_an_airflow_that_does_not_answer_is_down(stores: Stores) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    found = of(behind_a_proxy(stores, address), "airflow api-server")
    assert found.state == "down"
    assert found.sentence.startswith(f"{address} does not answer")


def test_without_an_address_airflow_and_mlflow_are_down(stores: Stores) -> None:
    assert of(stores, "airflow api-server").sentence == "TRADEWIND_AIRFLOW_URL names no server"
    assert of(stores, "mlflow").sentence == "MLFLOW_TRACKING_URI names no server"


# -------------------------------------------------------------------------------- served nights

SERVED = "schedule: {score: '0 3 * * *', first_night: 2026-01-01}\n"
NIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def serve(stores: Stores) -> None:
    definition = stores.settings.config_dir / "models" / "tips" / "model.yaml"
    definition.write_text(TEN_LINES + SERVED)


def night_of(moment: datetime) -> ScoredNight:
    return ScoredNight(
        model="tips",
        night=moment,
        start=moment - DAY,
        digest="d",
        uri="u",
        features_uri="f",
        features=["price"],
        definition_digest="x",
        rows=7,
        served={"fallback": 7},
        fallback_reasons={"there is no champion": 7},
        champion=None,
        arms=[],
    )


def test_a_night_that_did_not_happen_at_all_is_late_once_its_deadline_is_over(
    stores: Stores,
) -> None:
    serve(stores)
    stores.ledger.record_night(night_of(NIGHT - DAY), actor="a test", reason="the night before")
    at_four, at_seven = NIGHT + timedelta(hours=4), NIGHT + timedelta(hours=7)
    assert of(stores, "tips.score", now=at_four).state == "well"
    late = of(stores, "tips.score", now=at_seven)
    assert (late.state, late.ill) == ("late", True)
    assert "the night of 2026-03-02" in late.sentence
    stores.ledger.record_night(night_of(NIGHT), actor="a test", reason="at last")
    assert of(stores, "tips.score", now=at_seven).state == "well"


def test_an_hourly_night_is_late_once_its_own_deadline_is_over(stores: Stores) -> None:
    definition = stores.settings.config_dir / "models" / "tips" / "model.yaml"
    hourly = SERVED.replace("0 3 * * *", "5 * * * *") + "score: {every: 1 hour}\n"
    definition.write_text(TEN_LINES + hourly)
    at_seven = NIGHT + timedelta(hours=7, minutes=30)
    # The ticks of 05:05 to 07:05 have three hours yet; that of 04:05 was due by 07:05.
    late = of(stores, "tips.score", now=at_seven)
    assert "the night of 2026-03-02 04:00" in late.sentence
    four = NIGHT + timedelta(hours=4)
    stores.ledger.record_night(night_of(four), actor="a test", reason="on time")
    assert of(stores, "tips.score", now=at_seven).state == "well"


def test_a_night_that_was_scored_and_not_looked_at_is_late(stores: Stores) -> None:
    serve(stores)
    stores.ledger.record_night(night_of(NIGHT), actor="a test", reason="on time")
    at_seven = NIGHT + timedelta(hours=7)
    assert of(stores, "tips.monitor", now=at_seven).state == "late"
    stores.ledger.append(
        model="tips",
        kind=DECIDED,
        as_of=NIGHT,
        actor="a test",
        reason="nothing asks for anything",
        payload={},
    )
    assert of(stores, "tips.monitor", now=at_seven).state == "well"


def test_a_critical_incident_that_is_open_is_ill(stores: Stores) -> None:
    symptom = Symptom(
        key="not_looked",
        title="tips: the night could not be judged",
        layer="platform",
        severity="critical",
        way_out="put it right",
    )
    incidents = stores.ledger.incidents
    incidents.see("tips", symptom, as_of=NIGHT, owner="ann", runbook="")
    assert of(stores, "incident not_looked").ill
    incidents.close("tips", "not_looked", as_of=NIGHT + DAY, reason="it was")
    assert "incident not_looked" not in {one.subject for one in examine(stores)}
