"""Are the nights happening? Asked from outside Airflow, which cannot tell when it is down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import psycopg2
from croniter import croniter

from tradewind.definition.loader import load_definition, model_folders
from tradewind.definition.moments import midnight, night_of
from tradewind.errors import DefinitionError, LakeError, TradewindError
from tradewind.reports.counts import count
from tradewind.settings import AIRFLOW_HEALTH, MLFLOW_HEALTH
from tradewind.stores.chain_heads import last_kept
from tradewind.stores.events import DECIDED, TAMPERING, TAMPERING_ENDED

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.ledger import Ledger, RecordedOutcome
    from tradewind.stores.stores import Stores

State = Literal["well", "late", "down", "broken", "by_hand"]
_SECONDS_TO_ANSWER = 10
_SLACK = timedelta(minutes=10)
# Two nights: one may fail.
_OLDEST_HEAD = timedelta(days=2)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True)
class Finding:
    """What is known of one thing.

    Attributes:
        subject: A model or a service.
        state: Only `late`, `down` and `broken` are ill.
        sentence: What was seen, and what to do.
    """

    subject: str
    state: State
    sentence: str

    @property
    def ill(self) -> bool:
        """Whether somebody should look."""
        return self.state in ("late", "down", "broken")


def examine(stores: Stores, *, now: datetime | None = None) -> list[Finding]:
    """Look at the services, and at every model's last run.

    Args:
        stores: The platform.
        now: The wall clock's moment; health is about it, unlike everything else here.
    """
    findings = [_mlflow(stores), *_airflow(stores), ledger := _ledger(stores)]
    moment = now or datetime.now(tz=UTC)
    if not ledger.ill:
        findings.append(_chain(stores, moment))
    for name, folder in model_folders(stores.settings.config_dir).items():
        try:
            model = load_definition(folder).model
        except DefinitionError as error:
            findings.append(Finding(name, "broken", str(error)))
            continue
        if not ledger.ill:
            findings.append(_model(model, stores.ledger, moment))
            findings += _served(model, stores.ledger, moment)
            findings += _incidents(model, stores.ledger)
    return findings


# ------------------------------------------------------------------------------------ one model


def _model(model: ModelDefinition, ledger: Ledger, now: datetime) -> Finding:
    tampering = _tampering(model.name, ledger)
    if tampering is not None:
        return Finding(model.name, "broken", tampering)
    return _nights(model, ledger, now)


def _nights(model: ModelDefinition, ledger: Ledger, now: datetime) -> Finding:
    finished = ledger.last_outcome(model.name, "register", pipeline="train")
    running, begun = _begun_since(model.name, finished, ledger)
    said = "; ".join(filter(None, (_said(finished), begun)))
    if model.schedule.train is None:
        return Finding(model.name, "by_hand", f"runs by hand only; {said}")
    due = _due(model.schedule.train, model, now, within=model.schedule.task_timeout)
    if running or (finished is not None and finished.recorded_at >= due):
        return Finding(model.name, "well", said)
    return Finding(
        model.name,
        "late",
        f"no run has finished since it was due at {due:%Y-%m-%d %H:%M %Z}; {said}. "
        "See whether the DAG is paused, and what its last run says.",
    )


def _due(cron: str, model: ModelDefinition, now: datetime, *, within: timedelta) -> datetime:
    """The newest tick of a schedule by which a run should have finished by now."""
    due: datetime = croniter(cron, now.astimezone(model.zone)).get_prev(datetime)
    while now - due < within + _SLACK:
        due = croniter(cron, due).get_prev(datetime)
    return due


def _served(model: ModelDefinition, ledger: Ledger, now: datetime) -> list[Finding]:
    """Whether the night that was due is scored, and decided; nothing where nights are by hand."""
    cron = model.schedule.score
    if cron is None:
        return []
    due = _due(cron, model, now, within=model.score.deadline)
    night = night_of(due, model)
    if model.schedule.first_night and night < midnight(model.schedule.first_night, model):
        return []
    scored = ledger.night(model.name, night)
    decided = ledger.events(model=model.name, kind=DECIDED, as_of=night, since=night, limit=1)
    return [
        _happened(
            f"{model.name}.score", night, f"{scored.rows:,} rows were served" if scored else None
        ),
        _happened(f"{model.name}.monitor", night, decided[0].reason if decided else None),
    ]


def _happened(subject: str, night: datetime, said: str | None) -> Finding:
    if said is not None:
        return Finding(subject, "well", f"the night of {_when(night)}: {said}")
    return Finding(
        subject,
        "late",
        f"the night of {_when(night)} did not happen: see whether {subject} is paused, and what "
        "its last run says",
    )


def _incidents(model: ModelDefinition, ledger: Ledger) -> list[Finding]:
    return [
        Finding(
            f"incident {incident.key}",
            "broken",
            f"{incident.title}; what to do: {incident.way_out}",
        )
        for incident in ledger.incidents.select(model=model.name)
        if incident.severity == "critical" and incident.state == "open" and not incident.is_silent
    ]


def _begun_since(
    model: str, finished: RecordedOutcome | None, ledger: Ledger
) -> tuple[bool, str | None]:
    """Whether a run is at it now, and what to say of one that began after the last finished one."""
    admitted = ledger.last_outcome(model, "admit", pipeline="train")
    if admitted is None or (finished and admitted.recorded_at <= finished.recorded_at):
        return False, None
    if "fencing_token" not in admitted.result:
        return False, f"{admitted.run_id} was refused: {admitted.lines[0]}"
    lease = ledger.lease(model)
    if lease is not None and lease.holder == admitted.run_id:
        return True, f"{admitted.run_id} runs since {_when(admitted.recorded_at)}"
    stages = ledger.outcomes(model=model, run_id=admitted.run_id, limit=1)
    return False, (
        f"{admitted.run_id}, admitted at {_when(admitted.recorded_at)}, did not finish: "
        f"the last stage it did is {stages[0].stage}"
    )


def _tampering(model: str, ledger: Ledger) -> str | None:
    kinds = (TAMPERING, TAMPERING_ENDED)
    newest = ledger.events(model=model, kind=kinds, newest_first=True, limit=1)
    return newest[0].reason if newest and newest[0].kind == TAMPERING else None


def _said(finished: RecordedOutcome | None) -> str:
    if finished is None:
        return "no run has ever finished"
    moment, line = _when(finished.recorded_at), finished.lines[0]
    return f"last finished at {moment}, as of {_when(finished.as_of)}: {line}"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# --------------------------------------------------------------------------------- the services


def _mlflow(stores: Stores) -> Finding:
    address = stores.settings.tracking_uri
    try:
        _ask(address, MLFLOW_HEALTH, variable="MLFLOW_TRACKING_URI")
    except (OSError, ValueError) as error:
        return Finding("mlflow", "down", str(error))
    return Finding("mlflow", "well", f"answers at {address}")


def _airflow(stores: Stores) -> list[Finding]:
    address = stores.settings.environment.get("TRADEWIND_AIRFLOW_URL", "")
    try:
        answer = _ask(address, AIRFLOW_HEALTH, variable="TRADEWIND_AIRFLOW_URL")
        said: dict[str, Any] = json.loads(answer)
    except (OSError, ValueError) as error:
        return [Finding("airflow api-server", "down", str(error))]
    found = [Finding("airflow api-server", "well", f"answers at {address}")]
    return found + [_component(name, said.get(name) or {}) for name in _COMPONENTS]


def _component(name: str, said: dict[str, Any]) -> Finding:
    subject, status = f"airflow {name.replace('_', '-')}", said.get("status")
    if status == "healthy":
        return Finding(subject, "well", "healthy")
    beat = said.get(f"latest_{name}_heartbeat") or "never"
    return Finding(subject, "down", f"{status or 'not there'}; its last sign of life: {beat}")


def _ask(address: str, path: str, *, variable: str) -> str:
    """What a server answers; an OSError or ValueError that names it where it does not."""
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"{variable} names no server")
    # A proxy is for the world outside, never for the loopback.
    own = [ProxyHandler({})] if urlsplit(address).hostname in _LOOPBACK else []
    request = Request(address.rstrip("/") + path)  # noqa: S310 (http is checked above)
    try:
        with build_opener(*own).open(request, timeout=_SECONDS_TO_ANSWER) as answer:
            return str(answer.read().decode())
    except OSError as error:
        raise OSError(f"{address} does not answer: {error}") from error


def _chain(stores: Stores, now: datetime) -> Finding:
    """Whether the ledger's chain is what was kept of it in the lake, and how old that is."""
    try:
        last = last_kept(stores.ledger, stores.lake)
    except LakeError as error:
        return Finding("chain", "down", str(error))
    if last.wrong is not None:
        way_out = "`tradewind audit verify` says which events"
        return Finding("chain", "broken", f"{last.wrong}: {way_out}")
    head = last.head
    kept = (
        f"the lake keeps entry {head.position} of {_when(head.at)}" if head else "no head is kept"
    )
    after = stores.ledger.chain.after(head.position if head else 0)
    if after.oldest is None or now - after.oldest <= _OLDEST_HEAD:
        return Finding("chain", "well", f"{kept}, and {count(after.events, 'event')} came later")
    return Finding(
        "chain",
        "late",
        f"{kept}: the {after.events:,} events since {_when(after.oldest)} are held by nothing "
        "outside the database. See whether a model's `alert` runs at the end of its nights, and "
        "keep what `tradewind audit head` prints meanwhile",
    )


def _ledger(stores: Stores) -> Finding:
    try:
        stores.ledger.events(limit=1)
    except (TradewindError, psycopg2.Error) as error:
        return Finding("ledger", "down", str(error).strip())
    return Finding("ledger", "well", "answers")
