"""Who may see the pages, asked of the routes with Airflow's own auth manager in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.records import StageOutcome
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

RESULT = "/dags/flight_delay.train/runs/a%20run/gate"
PATHS = [
    "/",
    "/dags/flight_delay.train",
    "/dags/nobody.train",
    "/dags/NOT%20A%20DAG",
    "/dags/~",
    RESULT,
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
    ],
)
def test_who_may_see_is_told_what_is_there(admin: TestClient, path: str, status: int) -> None:
    assert admin.get(path).status_code == status


def test_what_a_source_wrote_is_shown_and_never_run(
    admin: TestClient, home: Settings, models_dir: Path
) -> None:
    from datetime import UTC, datetime

    evil = "<script>alert('x')</script>"
    Ledger.open(home).record_outcome(
        StageOutcome(
            model="flight_delay",
            run_id="a run",
            stage="ingest",
            as_of=datetime(2013, 7, 1, tzinfo=UTC),
            lines=[evil],
            result={"said": evil},
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
