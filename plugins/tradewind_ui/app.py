"""The pages' routes: each reads the ledger, renders one page, and asks who is there first.

Whoever may see a DAG may see its model. Nothing here changes anything.
"""

from __future__ import annotations

from threading import Lock
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse

from tradewind import overview
from tradewind.errors import TradewindError
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
# A ranking loads models: one at a time in this process, and the last page of each model is kept as
# long as nothing that it stands on has changed.
_RANKING = Lock()
_RANKED: dict[str, tuple[int, HTMLResponse]] = {}
_BUSY = "another ranking is being computed: reload this page in a minute"
MAY_SEE = [Depends(requires_access_dag("GET"))]


def create_app() -> FastAPI:
    """The pages as an application of their own, below `/tradewind`."""
    app = FastAPI(title="Tradewind", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", models, response_class=HTMLResponse)
    app.add_api_route("/dags/{dag_id}", model, response_class=HTMLResponse, dependencies=MAY_SEE)
    app.add_api_route(
        "/dags/{dag_id}/versions",
        versions,
        response_class=HTMLResponse,
        dependencies=MAY_SEE,
    )
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
    """One model: its champion, who decides tonight, incidents, nights, runs, ledger."""
    name = _model_of(dag_id)
    stores = Stores.open()
    rows = [row for row in overview.status_rows(stores) if row["model"] == name]
    if not rows:
        raise HTTPException(404, f"there is no model {name}")
    events = overview.event_rows(stores, model=name, limit=100)
    shown = pages.model_page(
        rows[0],
        nights=overview.night_rows(stores, model=name),
        incidents=overview.incidents_of(stores.ledger, name, closed=True),
        runs=overview.run_rows(stores, model=name),
        events=events,
    )
    return _page(shown)


def versions(dag_id: DagId) -> HTMLResponse:
    """The last versions on the same rows, ranked now, because now somebody wants to roll back."""
    name = _model_of(dag_id)
    try:
        stores = Stores.open()
        stand = overview.ranking_stand(stores, name)
        known, page = _RANKED.get(name, (None, None))
        if page is None or known != stand:
            page = _ranked(stores, name)
            _RANKED[name] = stand, page
    except TradewindError as error:
        return _page(pages.refused_page(title=f"{name}: versions", sentence=str(error)))
    return page


def _ranked(stores: Stores, name: str) -> HTMLResponse:
    if not _RANKING.acquire(blocking=False):
        raise HTTPException(503, _BUSY, headers={"Retry-After": "60"})
    try:
        return _page(pages.versions_page(overview.ranked(stores, name)))
    finally:
        _RANKING.release()


def result(dag_id: DagId, run_id: str, task_id: str) -> HTMLResponse:
    """What one task of one run said, whole."""
    name, pipeline = _model_of(dag_id), dag_id.partition(".")[2]
    stores = Stores.open()
    own = f"{pipeline}/{run_id}"
    outcome = overview.outcome_of(stores, model=name, stage=task_id, run_id=own)
    if outcome is None:
        return _page(pages.nothing_yet_page(task=task_id, run_id=run_id))
    return _page(overview.page_of(stores, outcome))


def _model_of(dag_id: str) -> str:
    return dag_id.partition(".")[0]


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers=HEADERS)
