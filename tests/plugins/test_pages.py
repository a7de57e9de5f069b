"""Who may see the pages, asked of the routes with Airflow's own auth manager in this process."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.policy.grounds import sound_look
from tradewind import overview
from tradewind.nights import Decision, Symptom
from tradewind.records import StageOutcome
from tradewind.reports import pages
from tradewind.stores import launches
from tradewind.stores.events import DECIDED, INTENDED, RETRAIN_ENDED, SWITCHED_OFF
from tradewind.stores.ledger import Ledger
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

EVIL = "<script>alert('x')</script>"
MODEL = "flight_delay"
NIGHT = datetime(2013, 7, 2, 4, tzinfo=UTC)
RESULT = "/dags/flight_delay.train/runs/a%20run/gate"
PATHS = [
    "/",
    "/dags/flight_delay.train",
    "/dags/nobody.train",
    "/dags/NOT%20A%20DAG",
    "/dags/~",
    RESULT,
    "/dags/flight_delay.release/versions",
    "/dags/NOT%20A%20DAG/versions",
    "/dags/flight_delay.train/scorecard",
    "/dags/flight_delay.monitor/diagnosis",
    "/dags/flight_delay.train/versions/1/lineage",
    "/dags/flight_delay.train/runs/nothing/nothing",
    "/dags/NOT%20A%20DAG/runs/x/y",
]


@pytest.fixture(scope="module")
def app(airflow_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from airflow.api_fastapi.app import create_auth_manager, purge_cached_app

    create_auth_manager().init()
    from tradewind_ui.app import create_app

    yield create_app()
    purge_cached_app()


@pytest.fixture
def anonymous(app: object, ledger_dsn: str, home: Settings) -> TestClient:
    from fastapi.testclient import TestClient

    return TestClient(app)


@pytest.fixture
def admin(anonymous: TestClient) -> TestClient:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin"))
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous


@pytest.mark.parametrize("path", PATHS)
def test_the_anonymous_learn_nothing_not_even_what_there_is(
    anonymous: TestClient, path: str
) -> None:
    answer = anonymous.get(path)
    assert answer.status_code == 401
    assert "flight_delay" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dags/flight_delay.train", 200),
        ("/dags/nobody.train", 404),
        ("/dags/NOT%20A%20DAG", 422),
        ("/dags/~", 422),
        ("/dags/flight_delay.train/runs/nothing/nothing", 200),
        ("/dags/flight_delay.release/versions", 200),
        ("/dags/~/versions", 422),
        ("/dags/flight_delay.monitor/diagnosis", 200),
        ("/dags/flight_delay.monitor/diagnosis?as_of=yesterday", 200),
        ("/dags/~/diagnosis", 422),
        ("/dags/flight_delay.train/scorecard", 200),
        ("/dags/nobody.train/scorecard", 200),
        ("/dags/~/scorecard", 422),
        ("/dags/~/versions/1/lineage", 422),
        ("/dags/flight_delay.train/versions/one/lineage", 422),
    ],
)
def test_who_may_see_is_told_what_is_there(admin: TestClient, path: str, status: int) -> None:
    assert admin.get(path).status_code == status


def test_what_a_source_wrote_is_shown_and_never_run(
    admin: TestClient, home: Settings, models_dir: Path
) -> None:
    Ledger.open(home).record_outcome(
        StageOutcome(
            model="flight_delay",
            run_id="train/a run",
            stage="ingest",
            as_of=datetime(2013, 7, 1, tzinfo=UTC),
            lines=[EVIL],
            result={"said": EVIL},
        )
    )
    for path in (
        "/dags/flight_delay.train",
        "/dags/flight_delay.train/runs/a%20run/ingest",
        "/dags/flight_delay.train/runs/%3Cscript%3E/%3Cscript%3E",
    ):
        page = admin.get(path)
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["cache-control"] == "no-store"
    assert "&lt;script&gt;" in page.text


# ------------------------------------------------------------------------------------ the nights


def say(ledger: Ledger, kind: str, *, ago: int = 0, reason: str = "a test", **payload: object):
    return ledger.append(
        model=MODEL,
        kind=kind,
        as_of=NIGHT - timedelta(days=ago),
        actor="ann",
        reason=reason,
        payload=payload,
    )


def outcome(ledger: Ledger, stage: str, run_id: str, result: dict[str, object]) -> None:
    ledger.record_outcome(
        StageOutcome(
            model=MODEL, run_id=run_id, stage=stage, as_of=NIGHT, lines=[stage], result=result
        )
    )


@pytest.fixture
def nights(home: Settings, ledger_dsn: str, models_dir: Path) -> Ledger:
    """A model with a champion, a night that launched a training, and two incidents."""
    ledger = Ledger.open(home)
    say(ledger, INTENDED, ago=9, version=4, previous=None, evidence_digest="e")
    say(ledger, SWITCHED_OFF, ago=1, reason=EVIL)
    night = sound_look().night
    assert night is not None
    served = {
        "model": MODEL,
        "night": NIGHT,
        "served": {"fallback": 900},
        "fallback_reasons": {EVIL: 900},
    }
    scored = night.model_copy(update=served)
    ledger.record_night(scored, actor="ann", reason="a test")
    decision = Decision(
        model=MODEL,
        as_of=NIGHT,
        actions=["wider_search"],
        layer="model",
        cause="drift",
        reason=f"temp moved {EVIL}",
        alternatives=[],
        wider=True,
        run_id="decided__1",
    )
    say(ledger, DECIDED, decision=decision.model_dump(mode="json"))
    launches.announce(ledger, decision)
    ended = {"run_id": "train/decided__1", "outcome": "would_have", "seconds": 60}
    say(ledger, RETRAIN_ENDED, **ended)
    outcome(ledger, "predict", "score/manual__1", scored.model_dump(mode="json"))
    outcome(ledger, "decide", "monitor/after__1", decision.model_dump(mode="json"))
    for key in ("contract:null spike", "over"):
        symptom = Symptom(
            key=key, title=EVIL, layer="data", severity="critical", way_out=f"press {key}"
        )
        where = {"owner": "the desk", "runbook": "docs/runbook.md#contract"}
        ledger.incidents.see(MODEL, symptom, as_of=NIGHT, **where)
    ledger.incidents.acknowledge(
        MODEL, "contract:null spike", as_of=NIGHT, actor="bob", reason="on it"
    )
    ledger.incidents.close(MODEL, "over", as_of=NIGHT, reason="gone")
    return ledger


def test_the_list_says_who_decides_what_was_decided_and_what_is_wrong(
    home: Settings, nights: Ledger
) -> None:
    # Not by its route, which asks Airflow's tables for the DAGs that a person may see.
    page = pages.models_page(overview.status_rows(Stores.open(home)))
    for words in (
        "version 4 is champion",
        "switched off",
        "1 open incident<",
        "900 rows served (fallback&nbsp;900)",
        "<strong>wider search</strong>",
        "press contract:null spike",
        "bob looks after it",
    ):
        assert words in page
    assert "press over" not in page
    assert "<script" not in page


def test_the_models_page_shows_nights_incidents_and_what_was_launched(
    admin: TestClient, nights: Ledger
) -> None:
    page = admin.get("/dags/flight_delay.monitor").text
    for words in (
        "/tradewind/dags/flight_delay.score/runs/manual__1/predict",
        "/tradewind/dags/flight_delay.monitor/runs/after__1/decide",
        "/tradewind/dags/flight_delay.train/runs/decided__1/gate",
        "would have",
        "those that are over",
        "/tradewind/dags/flight_delay.release/versions",
        "/tradewind/dags/flight_delay.train/versions/4/lineage",
    ):
        assert words in page
    assert page.index("press contract:null spike") < page.index("those that are over")
    assert "<script" not in page


def test_a_served_nights_task_shows_who_decided(admin: TestClient, nights: Ledger) -> None:
    page = admin.get("/dags/flight_delay.score/runs/manual__1/predict").text
    assert "900 entities were served" in page
    assert "<script" not in page


def test_where_there_is_nothing_to_rank_the_page_says_why(admin: TestClient) -> None:
    page = admin.get("/dags/flight_delay.release/versions")
    assert "there was no training" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_version_that_there_is_not_is_told_which_there_are(
    admin: TestClient, mlflow_server: str, models_dir: Path
) -> None:
    page = admin.get("/dags/flight_delay.train/versions/7/lineage")
    assert page.status_code == 200
    assert "flight_delay has no version 7; it has none yet: train one" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_versions_are_ranked_once_at_a_time_and_again_when_something_happened(
    admin: TestClient, nights: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradewind_ui import app as ui

    made: list[str] = []
    monkeypatch.setattr(overview, "ranked", lambda _, name: made.append(name))
    monkeypatch.setattr(pages, "versions_page", lambda _: f"page {len(made)}")
    monkeypatch.setattr(ui, "_RANKED", {})
    path = "/dags/flight_delay.release/versions"
    assert [admin.get(path).text for _ in range(2)] == ["page 1", "page 1"]
    nights.append(
        model=MODEL, kind=RETRAIN_ENDED, as_of=NIGHT, actor="ann", reason="over",
        payload={"run_id": "train/x", "outcome": "failed", "seconds": 1.0, "decision": 1},
    )  # fmt: skip
    with ui._RANKING:
        busy = admin.get(path)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "60")
    assert "reload" in busy.text
    assert admin.get(path).text == "page 2"


def test_no_page_is_made_on_the_loop_that_every_request_waits_for(app: object) -> None:
    endpoints = [route.endpoint for route in app.routes]  # type: ignore[attr-defined]
    assert {one.__name__ for one in endpoints} >= {"versions", "model", "result", "lineage"}
    # FastAPI gives a plain function a thread of its own, and awaits any other on the loop.
    assert [one.__name__ for one in endpoints if inspect.iscoroutinefunction(one)] == []


def test_no_route_takes_anything_but_a_question(app: object) -> None:
    methods = {method for route in app.routes for method in route.methods}  # type: ignore[attr-defined]
    assert methods <= {"GET", "HEAD"}
