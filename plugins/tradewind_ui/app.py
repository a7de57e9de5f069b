"""The pages' routes: each reads the ledger, renders one page, and asks who is there first.

Whoever may see a DAG may see its model. Nothing here changes anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse

from tradewind import overview
from tradewind.errors import TradewindError
from tradewind.reports import pages
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

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
# So is a diagnosis, which fits models: the last page of each model is kept, with its moment.
_DIAGNOSING = Lock()
_DIAGNOSED: dict[str, tuple[tuple[str | None, int], HTMLResponse]] = {}
_DIAGNOSIS_BUSY = "another diagnosis is being computed: reload this page in a minute"
# And a decision's story, which loads a model and the night's rows; nothing of it is kept.
_EXPLAINING = Lock()
_EXPLAINING_BUSY = "another decision is being explained: reload this page in a moment"
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
        "/dags/{dag_id}/explained",
        explained,
        response_class=HTMLResponse,
        dependencies=MAY_SEE,
    )
    app.add_api_route(
        "/dags/{dag_id}/scorecard",
        scorecard,
        response_class=HTMLResponse,
        dependencies=MAY_SEE,
    )
    app.add_api_route(
        "/dags/{dag_id}/diagnosis",
        diagnosis,
        response_class=HTMLResponse,
        dependencies=MAY_SEE,
    )
    app.add_api_route(
        "/dags/{dag_id}/versions/{version}/lineage",
        lineage,
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
    with _alone(_RANKING, _BUSY, seconds=60):
        return _page(pages.versions_page(overview.ranked(stores, name)))


def explained(dag_id: DagId, key: str | None = None, as_of: str | None = None) -> HTMLResponse:
    """How one served decision came about, without a key the one with the highest score."""
    from tradewind.explanation import Explained
    from tradewind.reports.explained import explained_page, matches_page

    name = _model_of(dag_id)
    try:
        with _alone(_EXPLAINING, _EXPLAINING_BUSY, seconds=10):
            told = overview.decision_story(Stores.open(), name, key, as_of=as_of)
    except TradewindError as error:
        return _page(pages.refused_page(title=f"{name}: one decision", sentence=str(error)))
    return _page(explained_page(told) if isinstance(told, Explained) else matches_page(told))


def diagnosis(dag_id: DagId, as_of: str | None = None) -> HTMLResponse:
    """Why the champion's loss is another than when it was judged, as of a date or a moment."""
    name = _model_of(dag_id)
    try:
        stores = Stores.open()
        stand = as_of, overview.diagnosis_stand(stores, name)
        known, page = _DIAGNOSED.get(name, (None, None))
        if page is None or known != stand:
            page = _diagnosed(stores, name, as_of)
            _DIAGNOSED[name] = stand, page
    except TradewindError as error:
        return _page(pages.refused_page(title=f"{name}: diagnosis", sentence=str(error)))
    return page


def _diagnosed(stores: Stores, name: str, as_of: str | None) -> HTMLResponse:
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment
    from tradewind.reports import diagnosed

    moment = parse_moment(as_of, current_definition(name, stores=stores)) if as_of else None
    with _alone(_DIAGNOSING, _DIAGNOSIS_BUSY, seconds=60):
        return _page(diagnosed.render(overview.diagnosed(stores, name, moment)))


def scorecard(dag_id: DagId) -> HTMLResponse:
    """How well a model is tested and watched, from what its runs left."""
    from tradewind.as_of import current_definition
    from tradewind.reports.scorecard import render
    from tradewind.scorecard import scorecard_of

    name = _model_of(dag_id)
    try:
        stores = Stores.open()
        found = scorecard_of(current_definition(name, stores=stores), stores)
    except TradewindError as error:
        return _page(pages.refused_page(title=f"{name}: ML test score", sentence=str(error)))
    return _page(render(found))


def lineage(dag_id: DagId, version: int) -> HTMLResponse:
    """Where a version came from, and the nights that it decided."""
    from tradewind.lineage import lineage_of
    from tradewind.reports.lineage import lineage_page

    name = _model_of(dag_id)
    try:
        found = lineage_of(name, version, Stores.open())
    except TradewindError as error:
        return _page(pages.refused_page(title=f"{name}: lineage", sentence=str(error)))
    return _page(lineage_page(found))


def result(dag_id: DagId, run_id: str, task_id: str) -> HTMLResponse:
    """What one task of one run said, whole."""
    name, pipeline = _model_of(dag_id), dag_id.partition(".")[2]
    stores = Stores.open()
    own = f"{pipeline}/{run_id}"
    outcome = overview.outcome_of(stores, model=name, stage=task_id, run_id=own)
    if outcome is None:
        return _page(pages.nothing_yet_page(task=task_id, run_id=run_id))
    return _page(overview.page_of(stores, outcome))


@contextmanager
def _alone(lock: Lock, busy: str, *, seconds: int) -> Iterator[None]:
    """Compute one page of a kind at a time in this process; who comes meanwhile may ask again."""
    if not lock.acquire(blocking=False):
        raise HTTPException(503, busy, headers={"Retry-After": str(seconds)})
    try:
        yield
    finally:
        lock.release()


def _model_of(dag_id: str) -> str:
    return dag_id.partition(".")[0]


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers=HEADERS)
