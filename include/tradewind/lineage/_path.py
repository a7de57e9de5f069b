"""From a version to everything that it came from, and to everything that came of it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tradewind.lineage import _origins
from tradewind.lineage._reached import reached
from tradewind.lineage._steps import Steps
from tradewind.lineage._summed import summed
from tradewind.lineage._uses import reading
from tradewind.lineage._versions import Versions
from tradewind.lineage_records import Lineage, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.lineage._origins import Origin
    from tradewind.lineage._uses import Reader
    from tradewind.lineage_records import PartUse
    from tradewind.stores.lake import Lake
    from tradewind.stores.stores import Stores


def lineage_of(model: str, version: int, stores: Stores) -> Lineage:
    """Walk from a version to its parts, rows, code, approvals and nights.

    Args:
        model: Whose version.
        version: MLflow's number; one that MLflow has no more is told from the ledger.
        stores: Ledger, lake and registry.

    Raises:
        RequestError: The model has no such version, and never had.
        UnavailableError: A store does not answer.
    """
    versions = Versions(stores)
    origin = versions.origin(model, version)
    careers = versions.careers(model)
    with reading(stores) as reader:
        came = reached(origin, reader=reader, versions=versions)
        repaired = _repaired(origin, reader)
    step = Steps(origin, stores.lake)
    verdict = step.held("verdict", origin.tags.get("verdict_digest") or _said(origin, "gate"))
    judged, passed, gates = step.judged(verdict)
    base = versions.base_of(origin)
    lineage = Lineage(
        model=model,
        version=version,
        state=careers.state(version),
        registered_by=origin.registered_by,
        registered_at=origin.registered_at,
        sources=summed(came.uses),
        parts=came.uses,
        snapshots=step.ways("snapshot"),
        validated=step.ways("validated"),
        repaired=repaired,
        features=step.features(),
        training=_training(origin),
        evaluation=step.held(
            "evaluation", origin.tags.get("evaluation_digest") or _said(origin, "evaluate")
        ),
        judged=judged,
        verdict=verdict,
        passed=passed,
        gates=gates,
        base=base.name if base else None,
        approvals=careers.approvals(
            run_id=origin.registered_by, verdict=verdict.digest if verdict else None
        ),
        moves=careers.moves(version),
        nights=careers.nights(version),
        gaps=[],
    )
    lost = _lost_parts(came.uses, stores.lake)
    unregistered = (
        []
        if versions.is_registered(model, version)
        else [f"{origin.name} is not in MLflow any more: what follows is told from the ledger"]
    )
    gaps = [*unregistered, *came.gaps, *lost, *step.gaps]
    return lineage.model_copy(update={"gaps": list(dict.fromkeys(gaps))})


def _training(origin: Origin) -> TrainingStep:
    way = origin.ways[0]
    admitted = origin.outcomes.get("admit")
    request: Mapping[str, Any] = admitted.result.get("request", {}) if admitted else {}
    made = _origins.tag(origin, "made_with")
    return TrainingStep(
        run_id=way.run_id,
        mlflow_run_id=origin.mlflow_run_id,
        model_uri=origin.model_uri,
        as_of=way.as_of,
        actor=_origins.tag(origin, "actor") or request.get("actor"),
        reason=_origins.tag(origin, "reason") or request.get("reason"),
        train_key=origin.said.get("train_key"),
        candidate=origin.said.get("candidate"),
        definition_digest=way.definition,
        code_revision=_origins.code_revision(origin),
        made_with=json.loads(made) if made else {},
        fit=origin.stretch("fit"),
        select=origin.stretch("select"),
        judge=origin.stretch("judge"),
        pretrained=origin.pretrained,
    )


def _repaired(origin: Origin, reader: Reader) -> dict[str, int]:
    record = reader.validated(origin.ways[0])
    return {} if isinstance(record, str) else dict(record["repaired"])


def _said(origin: Origin, stage: str) -> str | None:
    """The digest that a stage of the run handed on."""
    outcome = origin.outcomes.get(stage)
    return outcome.result.get("digest") if outcome else None


def _lost_parts(uses: Sequence[PartUse], lake: Lake) -> list[str]:
    """Parts whose rows are not in the lake any more, a sentence a source."""
    by_source: dict[tuple[str, str], list[PartUse]] = defaultdict(list)
    for use in uses:
        by_source[use.source, use.source_id].append(use)
    gaps = []
    for (source, identity), parts in by_source.items():
        files = set(lake.list(f"sources/{identity}"))
        lost = [use.uri for use in parts if use.uri not in files and lake.standing(use.uri) is None]
        if lost:
            gaps.append(
                f"{len(lost):,} of {len(parts):,} parts of {source} are not in the lake any more, "
                f"such as {lost[0]}"
            )
    return gaps
