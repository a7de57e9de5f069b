"""What happens when a task of a model fails for good, or a night is late: an incident, told.

An exception never reads as all being well. Where the ledger itself is what failed, the incident is
told all the same, and only not kept.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from tradewind.errors import PromotionRefusedError, RequestError, TradewindError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from tradewind.definition.nightly import Alerts
    from tradewind.nights import Incident, Symptom
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)


class FailureNotifier(BaseNotifier):
    """Opens an incident for a task that failed after its last try, and tells of it."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self.model = model

    def notify(self, context: Context) -> None:
        """Open the incident and tell of it."""
        from tradewind.orchestration.plumbing import open_stores
        from tradewind.policy.triage import symptom_of_failure

        instance, cause = context["ti"], cause_of(context.get("exception"))
        if isinstance(cause, RequestError | PromotionRefusedError):
            return  # whoever asked reads why not; nothing is broken
        symptom = symptom_of_failure(
            cause,
            model=self.model,
            pipeline=instance.dag_id.partition(".")[2],
            stage=instance.task_id,
        )
        raise_alarm(self.model, symptom, context, stores=open_stores())


def cause_of(error: object) -> BaseException:
    """What really failed: our own error, out of Airflow's where it is wrapped in one."""
    if isinstance(error, TradewindError):
        return error
    cause = getattr(error, "__cause__", None) or error
    return cause if isinstance(cause, BaseException) else RuntimeError(str(cause))


def tell_of_late_night(context: dict[str, Any], *, model: str, within: str) -> None:
    """Open an incident for a night that is not scored in time; a deadline's callback.

    Of a run that is over its deadline after the night was scored nothing is told.

    Args:
        context: Airflow's, with the run as its API shows it.
        model: Whose night.
        within: The declared deadline, in words.
    """
    from tradewind.nights import Symptom
    from tradewind.orchestration.plumbing import open_stores

    run_id = context["dag_run"].get("dag_run_id", "?")
    stores = open_stores()
    if _is_scored(model, f"score/{run_id}", stores=stores):
        return
    symptom = Symptom(
        key="late:score",
        title=f"{model}: the night is not scored {within} after it was due",
        layer="platform",
        severity="critical",
        way_out=f"see which task of `{model}.score`, run {run_id}, waits or fails; where a source "
        "is late, the night goes on without it after its last try",
    )
    raise_alarm(model, symptom, context, stores=stores)  # type: ignore[arg-type]


def _is_scored(model: str, run_id: str, *, stores: Stores) -> bool:
    try:
        return bool(stores.ledger.outcomes(model=model, run_id=run_id, stage="predict", limit=1))
    except Exception:
        log.exception("the ledger cannot say whether %s scored its night", run_id)
        return False


def raise_alarm(model: str, symptom: Symptom, context: Context, *, stores: Stores) -> None:
    """Keep an incident where the ledger answers, and tell of it in any case."""
    from tradewind.orchestration.notifiers import tell

    incident, alerts = keep(model, symptom, stores=stores)
    if not incident.to_tell or incident.is_silent:
        return
    tell(alerts, [incident], context)
    try:
        stores.ledger.incidents.told(incident)
    except Exception:
        log.exception("the ledger does not know that %s was told", incident.key)


def keep(model: str, symptom: Symptom, *, stores: Stores) -> tuple[Incident, Alerts]:
    """Open or update a symptom's incident, where the ledger answers; and say how to tell of it."""
    alerts, owner = _addressees(model, stores=stores)
    return _kept(model, symptom, alerts, owner=owner, stores=stores), alerts


def _addressees(model: str, *, stores: Stores) -> tuple[Alerts, str]:
    """Whom to tell and whose it is; the log and the file where the definition cannot be had."""
    from tradewind.as_of import current_definition
    from tradewind.definition.nightly import Alerts

    try:
        definition = current_definition(model, stores=stores)
    except Exception:
        log.exception("the definition of %s cannot be had: told by log and file", model)
        return Alerts(), "unknown: its definition cannot be had"
    return definition.alerts, definition.owner


def _kept(model: str, symptom: Symptom, alerts: Alerts, *, owner: str, stores: Stores) -> Incident:
    from datetime import UTC, datetime

    from tradewind.stores.incidents import opened_for, runbook_of

    said = {"owner": owner, "runbook": runbook_of(symptom, alerts.runbook)}
    try:
        now = stores.ledger.now()
        return stores.ledger.incidents.see(model, symptom, as_of=now, **said)
    except Exception:
        log.exception("the ledger cannot keep the incident %s", symptom.key)
        return opened_for(model, symptom, as_of=datetime.now(tz=UTC), **said)
