"""The candidate beside everything simpler, fitted on the same rows and judged on the same rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates.simplicity import Found, Simpler
from tradewind.learning.estimators import fit_candidate
from tradewind.learning.fit import decision_threshold, sample
from tradewind.learning.simpler import Complexity, Simple, complexity_of, simple_models
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stats.rows import binary_rows, regression_rows
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from tradewind.stages._case import Case
    from tradewind.stats.panel import Panel
    from tradewind.stats.rows import Rows

TASK = "refit"
_RULE = "the naive rule"
_NO_MODEL = (
    "let the naive rule decide until there are features that a model can make more of, for it "
    "costs no upkeep"
)


def gather(case: Case) -> Found:
    """Fit what is simpler than the candidate, and judge it beside it.

    Raises:
        EvidenceError: It is not known how complex the candidate is, or the deciding metric has no
            figure of one of them, or cannot say which of two is better.
        DefinitionError: A simpler one cannot be fitted on these rows.
    """
    own = _complexity(case)
    simple = [one for one in simple_models(case.model) if one.complexity < own]
    if own == Complexity.RULE:
        return Found(fitted_on=len(case.fit.label), simpler=[])
    players = {_RULE: case.players["naive"], **{one.name: _answers(case, one) for one in simple}}
    instead = {_RULE: _NO_MODEL, **{one.name: one.instead for one in simple}}
    panel = _judged(case, players)
    return Found(
        fitted_on=len(case.fit.label),
        simpler=[_simpler(case, panel, name, instead[name]) for name in players],
    )


def _complexity(case: Case) -> Complexity:
    trained = case.trained
    if trained.params is None:
        raise EvidenceError(
            "with which parameters the model won was not recorded when it was trained, and so "
            "neither is how complex it is: train again"
        )
    return complexity_of(case.model, trained.candidate, trained.params)


def _answers(case: Case, simple: Simple) -> Rows:
    """Fit a simple model, find its decision threshold as training does, and ask it."""
    model, own = case.model, case.players["candidate"]
    with warnings.catch_warnings():
        # That a sum of so many terms has not settled yet is nothing to tell the owner of another.
        warnings.simplefilter("ignore")
        fitted = fit_candidate(
            model,
            simple.candidate,
            simple.params,
            case.fit,
            seed=model.train.seed,
            where=f"{model.name}: {simple.name}",
        )
    chosen = predict(fitted, case.select.features, problem=model.problem)
    score = predict(fitted, sample(model, case.rows).features, problem=model.problem)
    threshold = decision_threshold(model, case.select.label, chosen)
    make = binary_rows if model.problem == "binary" else regression_rows
    return make(own.label, score, unit=own.unit, threshold=threshold)


def _judged(case: Case, players: dict[str, Rows]) -> Panel:
    metric = case.model.deciding_metric
    files = case.run.frozen.files if case.run else None
    return compare(
        {"candidate": case.players["candidate"], **players},
        metrics={metric: metrics_of(case.model, files)[metric]},
        draws=case.draws,
        confidence=case.model.gates.confidence,
    )


def _simpler(case: Case, panel: Panel, name: str, instead: str) -> Simpler:
    metric = case.model.deciding_metric
    advantage = panel.difference(metric, better="candidate", than=name)
    own = panel.estimates(name)[metric]
    return Simpler(
        name=name,
        instead=instead,
        value=own.value,
        interval=(own.low, own.high),
        advantage=advantage,
    )
