"""decision → incidents: one a cause, opened, updated, and closed when the cause is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.nights import Alerted, Grounds, Symptom
from tradewind.policy.evidence import causes
from tradewind.policy.triage import symptom_of_definition, symptoms_of
from tradewind.stages._tainted import symptom_of
from tradewind.stores.chain_heads import disagreement, keep
from tradewind.stores.incidents import runbook_of

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import Decision, Monitoring
    from tradewind.records import Admission
    from tradewind.stores.stores import Stores

# What a night's look says nothing of. Tasks that failed: those incidents end with the task. The
# folder: an admission that finds it whole ends that one, and it may have broken since. And what
# it could not judge: nobody is told that something is over because nobody looked.
_NEVER = ("failed:", "late:", "definition")
_UNJUDGED = {"not_looked": ("contract:", "model:", "harm:"), "contract": ("model:", "harm:")}


def alert(
    admission: Admission,
    frozen: FrozenDefinition,
    monitoring: Monitoring,
    decision: Decision,
    *,
    stores: Stores,
) -> Alerted:
    """Bring the model's incidents to where the night leaves them, and keep the chain's head.

    Args:
        admission: The run, and the night.
        frozen: Names the owner and the runbook.
        monitoring: Tonight's look.
        decision: What was decided.
        stores: The ledger, and the lake that the head is kept in.
    """
    symptoms = [
        *symptoms_of(monitoring, decision),
        *_of_definition(admission),
        *_of_chain(admission.model, stores=stores),
        *_of_cutting(admission, stores=stores),
    ]
    for symptom in symptoms:
        _see(admission, frozen, symptom, stores=stores)
    unjudged = (*_NEVER, *_UNJUDGED.get(decision.cause, ()), *_unknown(monitoring))
    keys = {one.key for one in symptoms} | _behind(frozen, decision, stores=stores)
    closed = _close_others(admission, keys, unjudged=unjudged, stores=stores)
    known = stores.ledger.incidents.select(model=admission.model, closed=True)
    return Alerted(
        # Also what an earlier try was to tell and could not.
        news=[incident for incident in known if incident.to_tell and not incident.is_silent],
        open=[incident.key for incident in known if incident.state != "closed"],
        closed=closed,
        head=keep(stores.ledger, stores.lake),
    )


def _unknown(monitoring: Monitoring) -> list[str]:
    """Incidents of indicators that tonight's rows say nothing of; all where nobody looked."""
    if monitoring.problems:
        return ["harm:"]
    return [f"harm:{one.name}" for one in monitoring.indicators if one.state == "unknown"]


def _behind(frozen: FrozenDefinition, decision: Decision, *, stores: Stores) -> set[str]:
    """Causes that are there as well, behind the one that decided: they are not over."""
    grounds = Grounds.model_validate(stores.lake.read_json(decision.grounds_uri))
    return {f"model:{cause}" for cause in causes(grounds, frozen.model)}


def _of_definition(admission: Admission) -> list[Symptom]:
    if admission.warning is None:
        return []
    return [symptom_of_definition([admission.warning], model=admission.model)]


def _of_cutting(admission: Admission, *, stores: Stores) -> list[Symptom]:
    found = symptom_of(admission.model, as_of=admission.as_of, ledger=stores.ledger)
    return [found] if found else []


def _of_chain(model: str, *, stores: Stores) -> list[Symptom]:
    said = disagreement(stores.ledger, stores.lake)
    if said is None:
        return []
    return [
        Symptom(
            key="chain",
            title=f"{model}: the ledger is not what it was when its chain's head was kept",
            layer="platform",
            severity="critical",
            way_out="run `tradewind audit verify`, and ask whoever may write to the ledger's "
            "database or to the lake; believe no decision that it does not vouch for",
            details=[said],
        )
    ]


def _see(
    admission: Admission, frozen: FrozenDefinition, symptom: Symptom, *, stores: Stores
) -> None:
    stores.ledger.incidents.see(
        admission.model,
        symptom,
        as_of=admission.as_of,
        owner=frozen.model.owner,
        runbook=runbook_of(symptom, frozen.model.alerts.runbook),
    )


def _close_others(
    admission: Admission, keys: set[str], *, unjudged: tuple[str, ...], stores: Stores
) -> list[str]:
    incidents = stores.ledger.incidents
    reason = f"the night of {admission.as_of:%Y-%m-%d} shows nothing of it any more"
    gone = [
        incident.key
        for incident in incidents.select(model=admission.model)
        if incident.key not in keys and not incident.key.startswith(unjudged)
    ]
    return [
        key
        for key in gone
        if incidents.close(admission.model, key, as_of=admission.as_of, reason=reason) is not None
    ]
