"""Every model with its owner, champion, versions, runs and history, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.definition.loader import load_definition, model_folders
from tradewind.errors import DefinitionError
from tradewind.overview.nights import last_night, open_incidents, tonight
from tradewind.overview.results import outcome_of
from tradewind.policy.permitting import in_short
from tradewind.reports.cutting import left_out_line
from tradewind.reports.page import result_address
from tradewind.stores.admitted import last_readable
from tradewind.stores.exclusions import exclusions, place_of
from tradewind.stores.ledger import ROUTINE

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import StageOutcome
    from tradewind.stores.ledger import ChampionRecord
    from tradewind.stores.stores import Stores


def model_rows(stores: Stores) -> list[dict[str, Any]]:
    """Every model with its owner, champion and versions, as plain values."""
    return [
        {
            "model": name,
            "owner": model.owner if model else None,
            "purpose": model.purpose.decision if model else None,
            "problem": problem,
            "champion": _champion(stores, name),
            "switched_off": tonight(stores.ledger, name, model).switched_off,
            "versions": version_rows(stores, name),
        }
        for name, (model, problem) in _definitions(stores).items()
    ]


def status_rows(stores: Stores) -> list[dict[str, Any]]:
    """Every model as the UI shows it: from the ledger and the folders alone, without MLflow.

    Beside plain values each row has `tonight` (a LiveState), `night` (the last NightRow, or None)
    and `incidents` (those that are open).
    """
    rows = []
    for name, (model, problem) in _definitions(stores).items():
        champion = stores.ledger.champion(name, as_of=None)
        newest = stores.ledger.outcomes(model=name, limit=1)
        rows.append(
            {
                "model": name,
                "owner": model.owner if model else None,
                "purpose": model.purpose.decision if model else None,
                "problem": problem,
                "champion": champion.version if champion else None,
                "champion_since": champion.since if champion else None,
                "judged": _judged(stores, name, champion),
                "card": _card(stores, name, champion),
                "waivers": _waivers(stores, name, champion, model),
                "may": _may(stores, name),
                "left_out": _left_out(stores, name, model),
                "mlflow_url": f"{stores.settings.mlflow_url}/#/models/{name}",
                "last": newest[0] if newest else None,
                "tonight": tonight(stores.ledger, name, model),
                "night": last_night(stores, name),
                "incidents": open_incidents(stores.ledger, name),
            }
        )
    return rows


def run_rows(stores: Stores, *, model: str, limit: int = 20) -> list[dict[str, Any]]:
    """A model's last runs, newest first: how far each came, and what it said."""
    runs: dict[str, list[StageOutcome]] = {}
    for outcome in stores.ledger.outcomes(model=model, limit=limit * 10):
        runs.setdefault(outcome.run_id, []).append(outcome)
    return [
        {
            "run_id": run_id,
            "as_of": outcomes[0].as_of,
            "stage": outcomes[0].stage,
            "lines": outcomes[0].lines,
            "stages": [outcome.stage for outcome in reversed(outcomes)],
        }
        for run_id, outcomes in list(runs.items())[:limit]
    ]


def version_rows(stores: Stores, model: str) -> list[dict[str, Any]]:
    """A model's versions, newest first."""
    return [
        {
            "version": version.version,
            "aliases": list(version.aliases),
            "waived": version.tags.get("waived"),
            "as_of": version.tags.get("as_of"),
            "model_uri": version.model_uri,
            "url": stores.registry.version_url(model, version.version),
        }
        for version in sorted(
            stores.registry.versions(model), key=lambda v: v.version, reverse=True
        )
    ]


def event_rows(stores: Stores, *, model: str, limit: int) -> list[dict[str, Any]]:
    """A model's decisions, newest first, as plain values; leases and outcomes are left out."""
    events = stores.ledger.events(model=model, without=ROUTINE, newest_first=True, limit=limit)
    return [
        {
            "id": event.id,
            "recorded_at": event.recorded_at.isoformat(),
            "as_of": event.as_of.isoformat(),
            "kind": event.kind,
            "actor": event.actor,
            "reason": event.reason,
            "payload": event.payload,
        }
        for event in events
    ]


def _judged(stores: Stores, model: str, champion: ChampionRecord | None) -> str | None:
    """What the champion was judged by when it was promoted."""
    if champion is None or champion.run_id is None:
        return None
    outcome = outcome_of(stores, model=model, stage="evaluate", run_id=champion.run_id)
    return outcome.lines[0] if outcome else None


def _card(stores: Stores, model: str, champion: ChampionRecord | None) -> str | None:
    """Where the champion's card is; None where the run that promoted it made none."""
    if champion is None or champion.run_id is None:
        return None
    made = outcome_of(stores, model=model, stage="card", run_id=champion.run_id)
    return result_address(model, champion.run_id, "card") if made else None


def _left_out(stores: Stores, name: str, model: ModelDefinition | None) -> list[str]:
    """What is left out of the model's sources, and which of its versions saw it, a line each."""
    places = {place_of(spec) for spec in model.sources.values()} if model else set()
    found = exclusions(stores.ledger)
    return [left_out_line(one, name) for one in found if one.model == name or one.place in places]


def _may(stores: Stores, name: str) -> str | None:
    """Who may do what, by the definition that counts; None before one was admitted."""
    frozen = last_readable(stores.ledger, name)
    return in_short(frozen.model.permissions, frozen.model.risk_tier) if frozen else None


def _waivers(
    stores: Stores, name: str, champion: ChampionRecord | None, model: ModelDefinition | None
) -> list[str]:
    """Which gates are switched off by the definition, or were when the champion passed."""
    declared = {one.gate: one.sentence for one in model.gates.waivers} if model else {}
    if champion is None or champion.run_id is None:
        return [f"{gate}: {said}" for gate, said in declared.items()]
    outcome = outcome_of(stores, model=name, stage="gate", run_id=champion.run_id)
    results = outcome.result.get("results", []) if outcome else []
    passed = {one["gate"]: one["sentence"] for one in results if one["outcome"] == "waived"}
    alike = {gate for gate, said in declared.items() if passed.get(gate) == said}
    without = f"Version {champion.version} passed without it."
    return [
        *(f"{gate}: {said}" for gate, said in declared.items() if gate not in alike),
        *(f"{gate}: {said.rstrip('.')}. {without}" for gate, said in passed.items()),
    ]


def _champion(stores: Stores, model: str) -> int | None:
    newest = stores.ledger.champion(model, as_of=None)
    return newest.version if newest else None


def _definitions(stores: Stores) -> dict[str, tuple[ModelDefinition | None, str | None]]:
    found: dict[str, tuple[ModelDefinition | None, str | None]] = {}
    for name, folder in model_folders(stores.settings.config_dir).items():
        try:
            found[name] = (load_definition(folder).model, None)
        except DefinitionError as error:
            found[name] = (None, str(error))
    return found
