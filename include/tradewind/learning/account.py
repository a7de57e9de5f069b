"""What is told of a finished model: to MLflow, to whoever scores with it, to whoever judges it."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from tradewind.definition.learning import BLEND
from tradewind.stores.registry import TrialLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.fit import Fitted
    from tradewind.learning.search import Trial

_log = logging.getLogger(__name__)


def result_of(fitted: Fitted, scores: np.ndarray, *, train_key: str) -> dict[str, Any]:
    """A TrainedModel, but for the addresses that MLflow gives it.

    Args:
        fitted: The finished model.
        scores: Its scores on the judge stretch.
        train_key: Of everything that decided the outcome.
    """
    return {
        "train_key": train_key,
        "candidate": fitted.found.winner.candidate,
        "params": dict(fitted.found.winner.params),
        "prediction_digest": prediction_digest(scores),
        "decision_threshold": fitted.decision_threshold,
        "calibration": fitted.calibrated.method,
        "trials": len(fitted.found.trials),
        "pretrained": None
        if fitted.pretrained is None
        else fitted.pretrained.model_dump(mode="json"),
        **{name: s.model_dump(mode="json") for name, s in fitted.split.stretches.items()},
    }


def prediction_digest(scores: np.ndarray) -> str:
    """Name scores by their bits: two models that differ in the last one have another name."""
    return hashlib.blake2b(scores.tobytes(), digest_size=16).hexdigest()


def metadata_of(fitted: Fitted, model: ModelDefinition) -> dict[str, Any]:
    """What travels with the model: how to use it, and on which rows it must never be judged.

    Everything it learned from, fit and select alike, lies before `trained_until`.
    """
    stretches, split = fitted.split.stretches, fitted.split
    until = stretches["select"].end
    if fitted.pretrained is not None and fitted.pretrained.trained_until is not None:
        until = max(until, fitted.pretrained.trained_until)
    last_label = max(split.fit["label_known_at"].max(), split.select["label_known_at"].max())
    return {
        "model": model.name,
        "candidate": fitted.found.winner.candidate,
        "problem": model.problem,
        "features": dict(model.features.types),
        "decision_threshold": fitted.decision_threshold,
        "calibration": fitted.calibrated.method,
        "fit_start": stretches["fit"].start.isoformat(),
        "fit_end": stretches["fit"].end.isoformat(),
        "trained_until": until.isoformat(),
        "last_training_label": last_label.isoformat(),
        "params": params_of(fitted, model),
    }


def params_of(fitted: Fitted, model: ModelDefinition) -> dict[str, Any]:
    """What decided the outcome: estimator and parameters, seed, threads, stretches."""
    winner = fitted.found.winner
    estimator, fixed = _declared(winner, model)
    edges = {
        f"{name}.{edge}": getattr(stretch, edge).isoformat()
        for name, stretch in fitted.split.stretches.items()
        for edge in ("start", "end")
    }
    return {
        **fixed,
        **winner.params,
        "candidate": winner.candidate,
        "estimator": estimator,
        "seed": model.train.seed,
        "threads": model.resources.threads,
        "calibration": fitted.calibrated.method,
        "decision_threshold": fitted.decision_threshold,
        **edges,
    }


def _declared(winner: Trial, model: ModelDefinition) -> tuple[str, dict[str, Any]]:
    """What the winner is, and its parameters that were not searched."""
    if winner.candidate != BLEND:
        declared = model.candidates[winner.candidate]
        return declared.origin, declared.params
    members = {name: model.candidates[name] for name in model.train.blend}
    fixed = {
        f"{name}.{key}": one.params[key] for name, one in members.items() for key in one.params
    }
    return "mean of " + ", ".join(one.origin for one in members.values()), fixed


def metrics_of(fitted: Fitted, *, metric: str) -> dict[str, float]:
    """Figures of the select stretch, and how many rows stand behind them."""
    return {
        f"select.{metric}": fitted.found.winner.scores[-1],
        **{f"{name}.rows": float(s.rows) for name, s in fitted.split.stretches.items()},
        "held_back.rows": float(fitted.split.held_back),
        "pinned.rows": float(fitted.split.pinned),
        "trials": float(len(fitted.found.trials)),
        **{f"calibration.{t.method}.gain": t.gain for t in fitted.calibrated.trials},
    }


def trial_logs(trials: Sequence[Trial], *, metric: str) -> list[TrialLog]:
    """Every trial that was begun as MLflow is told of it: losers, and what failed, too."""
    decided = any(trial.won for trial in trials)
    begun = [trial for trial in trials if trial.scores or trial.error]
    return [_trial_log(trial, metric=metric, decided=decided) for trial in begun]


def tell(fitted: Fitted, *, metric: str) -> None:
    """Say in the log what was done, with its figures."""
    found, split = fitted.found, fitted.split.stretches
    _log.info(
        "fit on %s rows, selected on %s, %s kept for judging; %s labels came too late for theirs",
        *(f"{split[name].rows:,}" for name in ("fit", "select", "judge")),
        f"{fitted.split.held_back:,}",
    )
    if fitted.split.pinned:
        _log.info("%s rows of the pinned days were left out", f"{fitted.split.pinned:,}")
    _log.info(
        "%d trials: %s won, %s %.5f on the select stretch; calibration: %s; threshold: %s",
        len(found.trials),
        found.winner.candidate,
        metric,
        found.winner.scores[-1],
        fitted.calibrated.method,
        fitted.decision_threshold,
    )


def _outcome(trial: Trial, *, decided: bool) -> str:
    rung = len(trial.scores)
    if trial.error:
        return f"failed on rung {rung + 1}"
    if trial.won:
        return "won"
    return f"lost on rung {rung}" if decided else f"the search ended after rung {rung}"


def _trial_log(trial: Trial, *, metric: str, decided: bool) -> TrialLog:
    warned = {"tradewind.warnings": "\n".join(trial.warnings)} if trial.warnings else {}
    return TrialLog(
        name=f"{trial.number:02} {trial.candidate}",
        params={**trial.params, "candidate": trial.candidate},
        metrics={
            f"select.{metric}": trial.scores,
            "fit.rows": [float(rows) for rows in trial.rows],
            "fit.seconds": [trial.seconds],
        },
        tags={"tradewind.outcome": _outcome(trial, decided=decided), **warned},
        error=trial.error,
    )
