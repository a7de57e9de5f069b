"""The pages' routes: each reads the ledger, renders one page, and asks who is there first.

Whoever may see a DAG may see its model. Nothing here changes anything.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse

from tradewind import overview
from tradewind.reports import pages
from tradewind.stores.stores import Stores

# Pages hold what rows of a source say; they may load nothing and be framed by Airflow alone.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
DagId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]*\.[a-z]+$")]
MAY_SEE = [Depends(requires_access_dag("GET"))]


def create_app() -> FastAPI:
    """The pages as an application of their own, below `/tradewind`."""
    app = FastAPI(title="Tradewind", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", models, response_class=HTMLResponse)
    app.add_api_route("/dags/{dag_id}", model, response_class=HTMLResponse, dependencies=MAY_SEE)
    app.add_api_route(
        "/dags/{dag_id}/runs/{run_id}/{task_id}",
        result,
        response_class=HTMLResponse,
        dependencies=MAY_SEE,
    )
    return app


def models(user: GetUserDep) -> HTMLResponse:
    """All models whose DAGs this person may see."""
    visible = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    names = {dag_id.partition(".")[0] for dag_id in visible}
    rows = [row for row in overview.status_rows(Stores.open()) if row["model"] in names]
    return _page(pages.models_page(rows))


def model(dag_id: DagId) -> HTMLResponse:
    """One model: what it is for, its champion, its last runs, its ledger."""
    name = _model_of(dag_id)
    stores = Stores.open()
    rows = [row for row in overview.status_rows(stores) if row["model"] == name]
    if not rows:
        raise HTTPException(404, f"there is no model {name}")
    events = overview.event_rows(stores, model=name, limit=100)
    runs = overview.run_rows(stores, model=name)
    return _page(pages.model_page(rows[0], runs=runs, events=events))


def result(dag_id: DagId, run_id: str, task_id: str) -> HTMLResponse:
    """What one task of one run said, whole."""
    name = _model_of(dag_id)
    stores = Stores.open()
    outcome = overview.outcome_of(stores, model=name, stage=task_id, run_id=run_id)
    if outcome is None:
        return _page(pages.nothing_yet_page(task=task_id, run_id=run_id))
    return _page(overview.page_of(stores, outcome))


def _model_of(dag_id: str) -> str:
    return dag_id.partition(".")[0]


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers=HEADERS)
