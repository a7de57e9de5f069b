"""Are the nights happening? Asked from outside Airflow, which cannot tell when it is down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

import psycopg2
from croniter import croniter

from tradewind.definition.loader import load_definition, model_folders
from tradewind.errors import DefinitionError, TradewindError

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import StageOutcome
    from tradewind.stores.stores import Stores

State = Literal["well", "late", "down", "broken", "by_hand"]
_SECONDS_TO_ANSWER = 10


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
    findings = [_mlflow(stores), ledger := _ledger(stores)]
    for name, folder in model_folders(stores.settings.config_dir).items():
        try:
            model = load_definition(folder).model
        except DefinitionError as error:
            findings.append(Finding(name, "broken", str(error)))
            continue
        if not ledger.ill:
            findings.append(_nights(model, stores, now or datetime.now(tz=UTC)))
    return findings


def _nights(model: ModelDefinition, stores: Stores, now: datetime) -> Finding:
    outcomes = stores.ledger.outcomes(model=model.name, limit=1)
    last = _said(outcomes[0]) if outcomes else "never ran"
    if model.schedule.train is None:
        return Finding(model.name, "by_hand", f"runs by hand only; {last}")
    local = now.astimezone(model.zone)
    due = croniter(model.schedule.train, local).get_prev(datetime)
    patience = model.schedule.task_timeout + timedelta(minutes=10)
    if now - due < patience:
        due = croniter(model.schedule.train, due).get_prev(datetime)
    seen = stores.ledger.last_sign(model.name)
    if seen is None or seen < due:
        return Finding(
            model.name,
            "late",
            f"nothing happened since it was due at {due:%Y-%m-%d %H:%M %Z}; {last}. "
            "See whether Airflow's scheduler runs and whether the DAG is paused.",
        )
    return Finding(model.name, "well", last)


def _said(outcome: StageOutcome) -> str:
    return f"last: {outcome.stage} of {outcome.as_of:%Y-%m-%d}, {outcome.lines[0]}"


def _mlflow(stores: Stores) -> Finding:
    address = stores.settings.tracking_uri
    if not address.startswith("http"):
        return Finding("mlflow", "down", "MLFLOW_TRACKING_URI names no server")
    try:
        with urlopen(Request(f"{address}/health"), timeout=_SECONDS_TO_ANSWER):  # noqa: S310 (http checked above)
            return Finding("mlflow", "well", f"answers at {address}")
    except (URLError, TimeoutError, OSError) as error:
        return Finding("mlflow", "down", f"{address} does not answer: {error}")


def _ledger(stores: Stores) -> Finding:
    try:
        stores.ledger.events(limit=1)
    except (TradewindError, psycopg2.Error) as error:
        return Finding("ledger", "down", str(error).strip())
    return Finding("ledger", "well", "answers")
