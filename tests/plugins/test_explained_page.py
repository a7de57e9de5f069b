"""Who may see a decision's story, and what is said where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugins.test_pages import EVIL, admin, anonymous, app

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

__all__ = ["admin", "anonymous", "app"]

pytestmark = pytest.mark.dags

PAGE = "/dags/flight_delay.score/explained"


def test_the_anonymous_learn_nothing(anonymous: TestClient) -> None:
    for address in (PAGE, "/dags/NOT%20A%20DAG/explained"):
        answer = anonymous.get(address, params={"key": "UA,15"})
        assert answer.status_code == 401
        assert "flight_delay" not in answer.text


def test_what_cannot_be_told_is_a_sentence_and_runs_nothing(admin: TestClient) -> None:
    answer = admin.get(PAGE, params={"key": EVIL})
    assert answer.status_code == 200
    assert "no night was scored" in answer.text
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "no night was scored" in admin.get(PAGE).text
    assert admin.get("/dags/~/explained", params={"key": "UA"}).status_code == 422
    named = admin.get(PAGE, params={"key": "UA", "as_of": EVIL})
    assert "<script" not in named.text


def test_one_decision_is_explained_at_a_time(admin: TestClient) -> None:
    from tradewind_ui import app as routes

    with routes._EXPLAINING:
        answer = admin.get(PAGE, params={"key": "UA,15"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert admin.get(PAGE, params={"key": "UA,15"}).status_code == 200
