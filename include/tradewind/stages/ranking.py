"""Ranking: the last versions on the same matured rows, for whoever is about to roll back.

The rows are those of the newest training that come after everything that any of the versions was
trained on; each version scores them with the features of its own definition.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from tradewind.errors import EvidenceError
from tradewind.live import KINDS, line_of
from tradewind.nights import RankedVersion, Ranking
from tradewind.records import Admission, FeatureSet, Record, TrainedModel, Validated
from tradewind.stages._champion import Champion, Scores, score_champion
from tradewind.stages._judging import judge_players

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._judging import Judged
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.registry import ModelVersion
    from tradewind.stores.stores import Stores

R = TypeVar("R", bound=Record)
_NOBODY = Champion("never")


def rank_versions(stores: Stores, model: str, *, as_of: datetime, last: int = 5) -> Ranking:
    """Rank the last versions by the deciding metric.

    Args:
        stores: Where trainings, versions and rows are.
        model: Whose versions.
        as_of: Of what was known at this moment.
        last: How many versions, the newest; the champion is among them in any case.

    Raises:
        EvidenceError: There was no training, or no version, as of this moment.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    run_id = _newest_training(stores.ledger, model, as_of=as_of)
    frozen = _definition(stores.ledger, model, run_id)
    rows = _rows(stores, model, run_id)
    validated = _said(stores.ledger, model, run_id, "validate", Validated)
    candidates = _versions(stores, model, as_of=as_of, last=last)
    scored = {
        version.version: score_champion(
            Champion("judged", version.version, version.model_uri),
            frozen,
            validated,
            rows,
            as_of=as_of,
            stores=stores,
        )
        for version in candidates
    }
    judged, start = _judge(frozen, rows, scored)
    return _ranking(stores.ledger, frozen.model, scored, judged, start=start, as_of=as_of)


def _newest_training(ledger: Ledger, model: str, *, as_of: datetime) -> str:
    """The run that trained last, by its night."""
    found = [
        outcome
        for outcome in ledger.outcomes(model=model, stage="train", limit=None)
        if outcome.as_of <= as_of
    ]
    if not found:
        raise EvidenceError(f"{model}: there was no training as of {as_of.isoformat()}")
    return max(found, key=lambda outcome: outcome.as_of).run_id


def _said(ledger: Ledger, model: str, run_id: str, stage: str, kind: type[R]) -> R:
    """What a stage of a run handed on."""
    (outcome,) = ledger.outcomes(run_id=run_id, model=model, stage=stage)
    return kind.model_validate(outcome.result)


def _definition(ledger: Ledger, model: str, run_id: str) -> FrozenDefinition:
    admission = _said(ledger, model, run_id, "admit", Admission)
    return ledger.definition(model, admission.definition_digest)


def _rows(stores: Stores, model: str, run_id: str) -> pd.DataFrame:
    """The labelled rows on which the newest candidate was not trained."""
    features = _said(stores.ledger, model, run_id, "features", FeatureSet)
    trained = _said(stores.ledger, model, run_id, "train", TrainedModel)
    frame: pd.DataFrame = stores.lake.read_table(features.uri).to_pandas()
    judge = (frame["prediction_time"] >= trained.judge.start) & frame["label"].notna()
    rows: pd.DataFrame = frame[judge].reset_index(drop=True)
    return rows


def _versions(stores: Stores, model: str, *, as_of: datetime, last: int) -> list[ModelVersion]:
    champion = stores.ledger.champion(model, as_of=as_of)
    known = [
        version
        for version in stores.registry.versions(model)
        if "as_of" not in version.tags or datetime.fromisoformat(version.tags["as_of"]) <= as_of
    ]
    newest = known[:last]
    decides = [one for one in known[last:] if champion and one.version == champion.version]
    if not newest:
        raise EvidenceError(f"{model}: no version was registered as of {as_of.isoformat()}")
    return [*newest, *decides]


def _judge(
    frozen: FrozenDefinition, rows: pd.DataFrame, scored: Mapping[int, Champion]
) -> tuple[Judged | None, datetime | None]:
    """Measure all that could be scored, on the rows after the last that any was trained on."""
    ends = [one.trained_until for one in scored.values() if one.trained_until and one.scores]
    if not ends:
        return None, None
    start = max(ends)
    keep = (rows["prediction_time"] >= start).to_numpy()
    players = {
        str(number): Scores(one.scores.score[keep], one.scores.threshold)
        for number, one in scored.items()
        if one.scores is not None
    }
    same = rows[keep].reset_index(drop=True)
    return judge_players(frozen.model, same, players, _NOBODY, files=frozen.files), start


def _ranking(
    ledger: Ledger,
    model: ModelDefinition,
    scored: Mapping[int, Champion],
    judged: Judged | None,
    *,
    start: datetime | None,
    as_of: datetime,
) -> Ranking:
    metric = model.deciding_metric
    line = [
        int(event.payload["version"])
        for event in line_of(ledger.events(model=model.name, kind=KINDS, as_of=as_of))
    ]
    greater = bool(judged and judged.panel.metrics[metric].greater_is_better)
    found = [_ranked(one, judged, metric, line) for one in scored.values()]
    best_first = sorted(
        (one for one in found if one.figure is not None),
        key=lambda one: one.figure.value if one.figure else 0.0,
        reverse=greater,
    )
    placed = [one.model_copy(update={"place": at}) for at, one in enumerate(best_first, start=1)]
    rows = next(iter(judged.players.values())) if judged else None
    return Ranking(
        model=model.name,
        as_of=as_of,
        metric=metric,
        greater_is_better=greater,
        rows=len(rows.label) if rows else 0,
        units=rows.units if rows else 0,
        start=start,
        versions=[*placed, *(one for one in found if one.figure is None)],
        sentence=_sentence(model.name, metric, placed, days=rows.units if rows else 0),
    )


def _ranked(one: Champion, judged: Judged | None, metric: str, line: list[int]) -> RankedVersion:
    version, champion = one.version or 0, line[-1] if line else None
    panel, name, against = judged.panel if judged else None, str(version), str(champion)
    figure = panel.estimates(name).get(metric) if panel and name in panel.figures else None
    gap = None
    if figure and panel and version != champion and against in panel.figures:
        gap = panel.difference(metric, better=name, than=against)
    problem = one.problem
    if figure is None and problem is None and panel:
        problem = panel.missing[name].get(metric)
    return RankedVersion(
        version=version,
        place=None,
        champion=version == champion,
        may_return=version in line[:-1],
        figure=figure,
        against_champion=gap,
        problem=problem,
    )


def _sentence(model: str, metric: str, placed: list[RankedVersion], *, days: int) -> str:
    if not placed:
        return f"{model}: no version could be scored on rows that it was not trained on"
    best = placed[0]
    figure = f"{best.figure.value:.4f}" if best.figure else ""
    return (
        f"{model}: of {len(placed)} versions on the same {days} days, version {best.version} does "
        f"best ({metric} {figure})"
    )
