"""Successive halving: many configurations on few rows, the better ones on more, the best on all.

Jamieson and Talwalkar (2016), with two differences. Rows, not iterations, are the resource: each
rung sees three times as many of the fit stretch, spread evenly over its time. And every rung is
scored on the whole select stretch, so that figures of one rung compare; the judge stretch is never
touched. The last rung sees every row that a fit may see, and its winner is the model: what was
compared is what goes on, without a second fit.

A declared blend is tried last, on the best configuration of each of its members, and is the model
unless another trial is surely better.
"""

from __future__ import annotations

import math
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sklearn.model_selection import ParameterGrid, ParameterSampler

from tradewind.definition.learning import BLEND
from tradewind.errors import DefinitionError, SearchTimeoutError
from tradewind.learning.blend import blended, outdone, require_log_odds
from tradewind.learning.estimators import build_pipeline, fit_candidate
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from sklearn.pipeline import Pipeline

    from tradewind.definition.learning import Candidate
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.sample import Sample

FACTOR = 3
# Fewer rows than this rank configurations by luck.
_FEWEST_ROWS = 2_000


@dataclass(frozen=True)
class Rung:
    """What one rung of the search is given: the best so many configurations, on so many rows."""

    configurations: int
    rows: int


@dataclass
class Trial:
    """One configuration and how it fared, the losers too.

    Attributes:
        candidate: The declared name of its estimator.
        params: The searched parameters.
        scores: The deciding metric on the select stretch, rung by rung.
        rows: How many rows of the fit stretch it saw, rung by rung.
        seconds: What its fits took, together.
        warnings: What scikit-learn had to say of them.
        won: Whether it is the search's winner.
        error: Why it could not be fitted or scored.
    """

    number: int
    candidate: str
    params: Mapping[str, Any]
    scores: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    won: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Found:
    """What a search comes to: the fitted winner, and every trial."""

    estimator: Any
    winner: Trial
    trials: Sequence[Trial]


def search(
    model: ModelDefinition,
    *,
    fit: Sample,
    select: Sample,
    objective: Callable[[np.ndarray, np.ndarray], float],
    greater_is_better: bool,
    trials: Sequence[Trial],
    ready: Mapping[str, Any] | None = None,
) -> Found:
    """Try configurations within the budget and return the fitted winner.

    Args:
        model: Its candidates, budget and seed.
        fit: The fit stretch; no more rows than a fit may see.
        select: The select stretch, on which every trial is scored.
        objective: Takes label and score of the select stretch to the deciding metric.
        greater_is_better: Of that metric.
        trials: What to try, as `draw_trials` drew it; how each fared is written into it at once, so
            that a search which fails half way has its finished ones to show.
        ready: Estimators that are fitted already, by candidate: they are scored like the others.

    Raises:
        DefinitionError: An estimator refuses its parameters, or one that is fitted these rows.
        SearchTimeoutError: It took longer than `train.search.timeout`, looked at after each fit.
    """
    deadline = time.monotonic() + model.train.search.timeout.total_seconds()
    sign = 1 if greater_is_better else -1
    trying = _Trying(model, fit, select, objective, sign, deadline, ready or {})
    alive = [trial for trial in trials if trial.candidate != BLEND]
    for rung in plan_rungs(len(alive), rows=len(fit.label)):
        alive = alive[: rung.configurations]
        trying.fitted = {trial.number: trying.fit_and_score(trial, rung.rows) for trial in alive}
        # A stable sort: of two equal ones the first drawn goes first, on every machine.
        alive.sort(key=trying.order)
    blend = next((trial for trial in trials if trial.candidate == BLEND), None)
    if blend is not None:
        trying.fitted[blend.number] = trying.blend(blend, trials)
    # With a member that was fitted for the blend alone: it has seen every row, and may win as well.
    finals = [trial for trial in trials if trial.number in trying.fitted]
    winner = min(finals, key=lambda trial: (trying.order(trial), trial.number))
    if blend is not None and not trying.outdoes(winner, blend):
        winner = blend
    winner.won = True
    return Found(trying.fitted[winner.number], winner, trials)


@dataclass
class _Trying:
    """A search that is under way.

    Attributes:
        ready: What is fitted already, by candidate.
        fitted: What the last rung fitted, by the trial's number.
        answers: What each trial last scored the select stretch with, by its number.
    """

    model: ModelDefinition
    fit: Sample
    select: Sample
    objective: Callable[[np.ndarray, np.ndarray], float]
    sign: int
    deadline: float
    ready: Mapping[str, Any]
    fitted: dict[int, Any] = field(default_factory=dict)
    answers: dict[int, np.ndarray] = field(default_factory=dict)

    def fit_and_score(self, trial: Trial, rows: int) -> Any:
        """Fit a configuration on so many rows, and write down how it fared."""
        with _faring(trial):
            if trial.candidate in self.ready:
                pipeline = self._score_ready(trial)
            else:
                pipeline = _fit(trial, self.model, self.fit.spread(rows))
                self._score(trial, pipeline)
        _require_time(self.deadline, self.model)
        return pipeline

    def blend(self, trial: Trial, trials: Sequence[Trial]) -> Any:
        """Put the best configuration of each member together; one that fell out is fitted now."""
        best = {name: self._best_of(name, trials) for name in self.model.train.blend}
        for one in best.values():
            if one.number not in self.fitted:
                self.fitted[one.number] = self.fit_and_score(one, len(self.fit.label))
        trial.params = {
            f"{name}.{key}": value
            for name, one in best.items()
            for key, value in one.params.items()
        }
        with _faring(trial):
            together = blended(
                {name: self.fitted[one.number] for name, one in best.items()},
                problem=self.model.problem,
                features=self.fit.features,
                where=f"{self.model.name}: train.blend",
            )
            trial.rows.append(len(self.fit.label))
            self._score(trial, together)
        return together

    def outdoes(self, trial: Trial, blend: Trial) -> bool:
        """Whether a trial is surely better than the blend."""
        return outdone(
            self.answers[blend.number],
            self.answers[trial.number],
            self.select.label,
            problem=self.model.problem,
            days=self.select.days,
        )

    def _best_of(self, candidate: str, trials: Sequence[Trial]) -> Trial:
        own = [trial for trial in trials if trial.candidate == candidate]
        # Figures compare on the same rows only: first who came furthest, then who did best.
        return min(own, key=lambda trial: (-len(trial.scores), self.order(trial)))

    def order(self, trial: Trial) -> float:
        """Sorts the better one first."""
        return -self.sign * trial.scores[-1]

    def _score_ready(self, trial: Trial) -> Any:
        estimator = self.ready[trial.candidate]
        trial.rows.append(0)
        try:
            self._score(trial, estimator)
        except (ValueError, TypeError, AttributeError) as error:
            raise DefinitionError(
                f"{self.model.name}: train.candidates.{trial.candidate}: it does not answer rows "
                f"of these features: {error}"
            ) from error
        return estimator

    def _score(self, trial: Trial, estimator: Any) -> None:
        score = predict(estimator, self.select.features, problem=self.model.problem)
        self.answers[trial.number] = score
        trial.scores.append(self.objective(self.select.label, score))


def draw_trials(model: ModelDefinition, *, candidate: str | None = None) -> tuple[Trial, ...]:
    """Spend the budget of trials: one for each candidate, the rest in turn while there are any.

    Args:
        model: Its candidates, budget and seed.
        candidate: Tries this one of the declared candidates only.

    Raises:
        DefinitionError: The candidate is not declared, there are fewer trials than candidates, or
            one that is to be blended cannot be.
    """
    candidates = model.candidates
    if candidate is not None:
        candidates = {candidate: _declared(model, candidate)}
    shares = _shares(candidates, budget=model.train.search.trials)
    drawn = [
        (name, params)
        for name, body in candidates.items()
        for params in _sample(body, shares[name], seed=model.train.seed)
    ]
    if model.train.blend and candidate is None:
        _require_log_odds(model)
        drawn.append((BLEND, {}))
    return tuple(Trial(number, name, params) for number, (name, params) in enumerate(drawn, 1))


def plan_rungs(trials: int, *, rows: int) -> list[Rung]:
    """How many configurations see how many rows, rung by rung; the last sees them all.

    Args:
        trials: Configurations in all.
        rows: Rows of the fit stretch.
    """
    steps = 0
    while trials > FACTOR ** (steps + 1) and rows >= _FEWEST_ROWS * FACTOR ** (steps + 1):
        steps += 1
    return [
        Rung(math.ceil(trials / FACTOR**step), max(1, rows // FACTOR ** (steps - step)))
        for step in range(steps + 1)
    ]


def _require_log_odds(model: ModelDefinition) -> None:
    """Say before anything is fitted that a blend will not do."""
    members = {
        name: build_pipeline(
            model.candidates[name],
            {},
            types=model.features.types,
            problem=model.problem,
            seed=model.train.seed,
            where=f"{model.name}: train.candidates.{name}",
        )
        for name in model.train.blend
    }
    require_log_odds(members, problem=model.problem, where=f"{model.name}: train.blend")


def _declared(model: ModelDefinition, candidate: str) -> Candidate:
    if candidate not in model.candidates:
        raise DefinitionError(
            f"{model.name}: candidate {candidate!r} is not declared; "
            f"train.candidates has {', '.join(model.candidates)}"
        )
    return model.candidates[candidate]


def _shares(candidates: Mapping[str, Candidate], *, budget: int) -> dict[str, int]:
    if budget < len(candidates):
        raise DefinitionError(
            f"train.search.trials: {budget} cannot give each of the {len(candidates)} candidates "
            f"a trial ({', '.join(candidates)})"
        )
    sizes = {name: len(ParameterGrid(body.search)) for name, body in candidates.items()}
    shares = dict.fromkeys(candidates, 1)
    left = budget - len(candidates)
    while left and (open_ones := [name for name in candidates if shares[name] < sizes[name]]):
        for name in open_ones[:left]:
            shares[name] += 1
        left -= len(open_ones[:left])
    return shares


def _sample(candidate: Candidate, share: int, *, seed: int) -> list[dict[str, Any]]:
    grid = list(ParameterGrid(candidate.search))
    if share >= len(grid):
        return grid
    # Lists are sampled without replacement, so that no configuration is tried twice.
    return list(ParameterSampler(candidate.search, n_iter=share, random_state=seed))


@contextmanager
def _faring(trial: Trial) -> Iterator[None]:
    """Write down of a trial why it failed, if it does."""
    try:
        yield
    except Exception as error:
        trial.error = str(error) or repr(error)
        raise


def _fit(trial: Trial, model: ModelDefinition, sample: Sample) -> Pipeline:
    where = f"{model.name}: train.candidates.{trial.candidate}"
    candidate, seed = model.candidates[trial.candidate], model.train.seed
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        pipeline = fit_candidate(model, candidate, trial.params, sample, seed=seed, where=where)
    trial.seconds += time.perf_counter() - began
    trial.rows.append(len(sample.label))
    texts = [f"{w.category.__name__}: {w.message}" for w in said]
    trial.warnings = list(dict.fromkeys([*trial.warnings, *texts]))
    return pipeline


def _require_time(deadline: float, model: ModelDefinition) -> None:
    if time.monotonic() > deadline:
        raise SearchTimeoutError(
            f"{model.name}: the search took longer than train.search.timeout "
            f"({model.train.search.timeout}): lower train.search.trials or rows, or allow more"
        )
