"""Finds what it costs to load and serve the candidate where nothing else is installed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.gates.service import Found, Served
from tradewind.stores.clean_interpreter import Load, Visit, visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from tradewind.stages._case import Case

TASK = "load_test"
_MOMENTS = ("event_time", "prediction_time")


def gather(case: Case) -> Found:
    """Fetch the logged model, as the nights do, and serve it in a clean interpreter.

    Raises:
        EvidenceError: The candidate is no logged model, or does not say what it requires.
        ModelRefusedError: Its files are not those that were logged.
        UnavailableError: MLflow does not answer.
    """
    if case.run is None:
        raise EvidenceError("the candidate was not logged, so that nobody can load it")
    with tempfile.TemporaryDirectory(prefix="tradewind-served-") as folder:
        place, _ = case.run.stores.registry.fetch(case.trained.model_uri, Path(folder, "logged"))
        return serve(case, place, Path(folder))


def serve(case: Case, model: Path, folder: Path, *, load: Load | None = None) -> Found:
    """Serve a fetched model in a clean interpreter.

    Args:
        case: Its rows, and what it answered when it was judged.
        model: The folder that MLflow loads it from.
        folder: Where to work; the caller throws it away.
        load: How it is asked; as the definition says where nothing is given.
    """
    asked = case.model.gates.service
    load = load or Load(load_seconds=asked.load_seconds, threads=asked.threads)
    chosen = _spread(len(case.rows), asked.rows)
    work = folder / "interpreter"
    work.mkdir()
    came = visit(model, _sent(case, chosen), folder=work, load=load)
    recorded = case.answers["candidate"][case.judged][chosen]
    whole = came.failure is None and not came.closure.unmet
    return Found(
        rows=len(chosen),
        pinned=came.closure.pinned,
        packages=len(came.closure.distributions),
        unmet=list(came.closure.unmet),
        failure=came.failure,
        disk_bytes=sum(file.stat().st_size for file in model.rglob("*") if file.is_file()),
        served=_served(came, recorded, threads=load.threads) if whole else None,
    )


def _spread(rows: int, wanted: int) -> npt.NDArray[np.intp]:
    """Places evenly spread over the judged rows, so that every day is asked about."""
    return np.unique(np.linspace(0, rows - 1, min(rows, wanted)).astype(np.intp))


def _sent(case: Case, chosen: npt.NDArray[np.intp]) -> pd.DataFrame:
    """What a caller sends of the rows: features, and of whom and when they are."""
    named = dict.fromkeys([*case.model.entity_key, *_MOMENTS, *case.model.features.types])
    return case.rows.iloc[chosen][[*named]]


def _served(came: Visit, recorded: npt.NDArray[np.float64], *, threads: int) -> Served:
    told = came.told
    # Of two blocks the quieter one: the other may have met something else that the machine did.
    block = min(told["blocks"], key=_p99)
    return Served(
        load_seconds=told["load_seconds"],
        p50_seconds=float(np.median(block)),
        p99_seconds=_p99(block),
        calls=len(block),
        rows_per_second=told["rows"] / told["seconds"],
        load_calls=told["load_calls"],
        threads=threads,
        memory_bytes=told["memory_bytes"],
        **_compared(told["answers"], recorded),
    )


def _p99(seconds: list[float]) -> float:
    """The 99th percentile, never below a call that was made: of few calls the slowest."""
    return float(np.quantile(seconds, 0.99, method="higher"))


def _compared(answers: list[Any], recorded: npt.NDArray[np.float64]) -> Mapping[str, Any]:
    """Hold every answer, alone and under load, against what was recorded of its row."""
    given = [(row, score, rule) for row, score, rule in answers if score is not None]
    rows = np.array([row for row, _, _ in given], dtype=np.intp)
    scores = np.array([score for _, score, _ in given], dtype=np.float64)
    distance = np.abs(scores - recorded[rows]) / np.maximum(1.0, np.abs(recorded[rows]))
    return {
        "answered": len(np.unique(rows)),
        "by_rule": len({row for row, _, rule in answers if rule}),
        "missing": len(answers) - len(given),
        "worst_difference": float(distance.max(initial=0.0)),
    }
