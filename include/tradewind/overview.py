"""What the command line and the UI show of the platform, read from the ledger and the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.definition.loader import load_definition, model_folders
from tradewind.errors import DefinitionError, LakeError
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
            "versions": version_rows(stores, name),
        }
        for name, (model, problem) in _definitions(stores).items()
    ]


def status_rows(stores: Stores) -> list[dict[str, Any]]:
    """Every model as the UI shows it: from the ledger and the folders alone, without MLflow."""
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
                "mlflow_url": f"{stores.settings.mlflow_url}/#/models/{name}",
                "last": newest[0] if newest else None,
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


def outcome_of(
    stores: Stores, *, model: str, stage: str, run_id: str | None = None
) -> StageOutcome | None:
    """What a stage of a run said; the newest run's where none is named."""
    found = stores.ledger.outcomes(model=model, run_id=run_id, stage=stage, limit=1)
    return found[0] if found else None


def report_page(stores: Stores, *, model: str, stage: str, run_id: str | None = None) -> str:
    """A stage's report as one HTML page, rendered now, because now somebody looks.

    Raises:
        LakeError: This stage of this run has left no report.
    """
    outcome = outcome_of(stores, model=model, stage=stage, run_id=run_id)
    if outcome is None:
        raise LakeError(
            f"{model}, {stage}{f' of {run_id}' if run_id else ''}: no such result in the ledger; "
            "see `tradewind history` for what ran"
        )
    return page_of(stores, outcome)


def page_of(stores: Stores, outcome: StageOutcome) -> str:
    """The page of one outcome: its whole report where it has one, else its lines."""
    if outcome.stage == "validate" and outcome.report_uri:
        from tradewind.reports.validation import render

        return render(stores.lake.read_json(outcome.report_uri))
    if outcome.stage in ("evaluate", "gate") and outcome.report_uri:
        return _verdict_page(stores, outcome)
    from tradewind.reports.pages import outcome_page

    return outcome_page(outcome)


def _verdict_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.verdict import render

    evaluate = outcome_of(stores, model=outcome.model, stage="evaluate", run_id=outcome.run_id)
    gate = outcome_of(stores, model=outcome.model, stage="gate", run_id=outcome.run_id)
    return render(_json_of(stores, evaluate) or {}, _json_of(stores, gate))


def _json_of(stores: Stores, outcome: StageOutcome | None) -> Any:
    uri = outcome.report_uri if outcome else None
    return stores.lake.read_json(uri) if uri else None


def _judged(stores: Stores, model: str, champion: ChampionRecord | None) -> str | None:
    """What the champion was judged by when it was promoted."""
    if champion is None or champion.run_id is None:
        return None
    outcome = outcome_of(stores, model=model, stage="evaluate", run_id=champion.run_id)
    return outcome.lines[0] if outcome else None


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
