"""Finds what candidate and champion come to on the pinned rows, now and when first measured."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.gates.benchmark import Champion, Found, Measured
from tradewind.learning.splits import is_pinned, local_days
from tradewind.stages._champion import find_champion
from tradewind.stages._pinned import stored
from tradewind.stages._versions import definition_of
from tradewind.stats.bootstrap import few_draws
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stats.rows import binary_rows, regression_rows, unit_numbers
from tradewind.stores.digests import table_digest
from tradewind.stores.mlflow_access import model_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._case import Case, Run
    from tradewind.stages._champion import Champion as Judged
    from tradewind.stats.panel import Panel
    from tradewind.stats.rows import Rows
    from tradewind.stores.registry import LoadedModel

TASK = "probe"


def gather(case: Case) -> Found:
    """Measure candidate and champion on the pinned rows, where there are some.

    The first figure of each version stays in the lake, at `pinned/<digest>/<metric>/<model>.json`:
    every later one is held against it.

    Raises:
        EvidenceError: The rows or a figure cannot be had; or the champion cannot be measured.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    if case.model.gates.benchmark.pinned is None:
        return Found()
    run = _run(case)
    table = stored(case.model, run.feature_set, stores=run.stores)
    frame = table.to_pandas()
    days = local_days(frame["prediction_time"], zone=case.model.zone)
    found = Found(
        digest=table_digest(table),
        rows=len(frame),
        days=int(days.nunique()),
        awaited=int((frame["label_known_at"] > run.admission.as_of).sum()),
        lacking=tuple(sorted({*case.model.features.types} - {*frame.columns})),
    )
    if found.lacking or found.awaited:
        return found
    learned = _learned_from(case, frame)
    return found.model_copy(update={"learned_from": learned, **_measured(case, run, frame)})


def _run(case: Case) -> Run:
    if case.run is None:
        raise EvidenceError("the candidate belongs to no run, so that nothing is stored of it")
    return case.run


def _learned_from(case: Case, frame: pd.DataFrame) -> int:
    """How many of the pinned rows are among those that the candidate learned from."""
    fit = case.split.fit.tail(case.model.train.search.rows)
    key = [*dict.fromkeys([*case.model.entity_key, "event_time"])]
    learned = pd.concat([fit[key], case.split.select[key]]).drop_duplicates()
    return len(frame[key].merge(learned, on=key, how="inner"))


def _measured(case: Case, run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    """The candidate's figure, and the champion's where there is one that may be measured."""
    model, metric = case.model, case.model.deciding_metric
    own = rows_of(model, frame, case.score(frame), case.thresholds["candidate"])
    who = find_champion(run.admission, run.trained, stores=run.stores)
    loaded, alone = _champion(case, run, who, frame)
    players = {"candidate": own}
    if loaded is not None:
        score = loaded.score(frame)["score"].to_numpy(dtype=np.float64)
        decides_from = loaded.metadata["decision_threshold"]
        players["champion"] = rows_of(model, frame, score, decides_from)
    panel = panel_of(model, players, files=run.frozen.files)
    candidate = Measured(**_figure(case, run, panel, "candidate", run.trained.model_uri))
    if loaded is None:
        return {"candidate": candidate, "unmeasured": alone}
    gap = panel.difference(metric, better="candidate", than="champion")
    figure = _figure(case, run, panel, "champion", loaded.model_uri)
    return {"candidate": candidate, "champion": Champion(version=who.version, gap=gap, **figure)}


def _champion(
    case: Case, run: Run, who: Judged, frame: pd.DataFrame
) -> tuple[LoadedModel | None, str | None]:
    """The champion, loaded; or None, and why it is not measured.

    Raises:
        EvidenceError: It needs what the pinned rows lack, or solves another problem.
    """
    if who.state == "is_candidate":
        return None, f"The candidate is the champion itself, version {who.version}."
    if who.state != "judged":
        return None, None
    loaded = run.stores.registry.load(who.model_uri or "")
    lacking = sorted({*loaded.metadata["features"]} - {*frame.columns})
    if lacking or loaded.metadata["problem"] != case.model.problem:
        reason = f"it needs {', '.join(lacking)}" if lacking else "it solves another problem"
        raise EvidenceError(
            f"the champion, version {who.version}, cannot be measured on the pinned rows: {reason}"
        )
    seen = _may_have_seen(run, loaded, frame)
    if not seen:
        return loaded, None
    return None, (
        f"The champion (version {who.version}) may have learned from {seen:,} of these rows, from "
        "before they were pinned, and is not compared here."
    )


def _may_have_seen(run: Run, loaded: LoadedModel, frame: pd.DataFrame) -> int:
    """How many of the pinned rows a model's training reached, and its definition did not spare."""
    own, times = definition_of(loaded, stores=run.stores), frame["prediction_time"]
    reached = ~is_pinned(times, own.model) & (times < _moment(loaded, "trained_until"))
    if "fit_start" in loaded.metadata:
        reached &= times >= _moment(loaded, "fit_start")
    return int(reached.sum())


def _moment(loaded: LoadedModel, name: str) -> datetime:
    return datetime.fromisoformat(loaded.metadata[name])


def rows_of(
    model: ModelDefinition, frame: pd.DataFrame, score: np.ndarray, threshold: float | None
) -> Rows:
    """Put one version's scores beside the truth of the pinned rows, day by day."""
    days = local_days(frame["prediction_time"], zone=model.zone)
    unit, _ = unit_numbers(days.dt.strftime("%Y-%m-%d").to_numpy(dtype=str))
    label = frame["label"].to_numpy(dtype=np.float64)
    make = binary_rows if model.problem == "binary" else regression_rows
    return make(label, score, unit=unit, threshold=threshold)


def panel_of(
    model: ModelDefinition, players: Mapping[str, Rows], *, files: Mapping[str, str] | None = None
) -> Panel:
    """Measure versions on the pinned rows by the deciding metric, under the same draws.

    Args:
        model: Metric, resampling, confidence.
        players: By name, `candidate` among them.
        files: The definition's, for a metric of the owner's own.

    Raises:
        EvidenceError: These rows do not allow a figure of somebody.
    """
    metric = model.deciding_metric
    panel = compare(
        players,
        metrics={metric: metrics_of(model, files)[metric]},
        draws=few_draws(model, players["candidate"].units),
        confidence=model.gates.confidence,
    )
    for name in players:
        if not panel.has(metric, name):
            reason = panel.missing[name][metric]
            raise EvidenceError(f"there is no {metric} of the {name} on the pinned rows: {reason}")
    return panel


def _figure(case: Case, run: Run, panel: Panel, player: str, uri: str) -> dict[str, Any]:
    """A version's figure now, and what the lake keeps of the first time, written now if it is."""
    metric, lake = case.model.deciding_metric, run.stores.lake
    now = panel.estimates(player)[metric]
    place = f"pinned/{case.model.gates.benchmark.pinned}/{metric}/{model_id(uri)}.json"
    if not lake.exists(place):
        lake.first_json(place, {"figure": now.value, "day": str(case.evidence.day)})
        return {"now": now}
    said = lake.read_json(place)
    return {"now": now, "recorded": said["figure"], "recorded_on": said["day"]}
