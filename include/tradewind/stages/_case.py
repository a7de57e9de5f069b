"""A candidate under examination: the finished model, its rows, and what everybody answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tradewind.learning.fit import sample
from tradewind.learning.importance import losses_of, thinned
from tradewind.learning.splits import local_days
from tradewind.records import Evidence
from tradewind.stages._kept_back import kept_back
from tradewind.stats.bootstrap import FEWEST_BLOCKS, Draws, block_draws, few_draws
from tradewind.stats.rows import binary_rows, regression_rows, unit_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.importance import Losses
    from tradewind.learning.sample import Sample
    from tradewind.learning.splits import Split
    from tradewind.records import Admission, Evaluation, FeatureSet, TrainedModel, Validated
    from tradewind.stats.rows import Rows
    from tradewind.stores.stores import Stores


class Answering(Protocol):
    """A loaded model, as the nights ask it."""

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give `score`, one a row, for raw feature columns."""


@dataclass(frozen=True)
class Run:
    """What the run has come to so far, and where everything is kept."""

    admission: Admission
    frozen: FrozenDefinition
    validated: Validated
    feature_set: FeatureSet
    trained: TrainedModel
    evaluation: Evaluation
    stores: Stores


@dataclass(frozen=True)
class Case:
    """One candidate, with everything that may be asked of it.

    Attributes:
        model: What its definition says.
        split: The rows of its three stretches.
        scorer: It, loaded: raw feature columns in, scores out.
        answers: What each player answered on the judge stretch, in its order, by player:
            `candidate`, `naive`, and `champion` where it could be judged.
        judged: Of each row of the judge stretch, whether everybody is judged on it.
        thresholds: From which score each player decides for 1; None for a regression.
        evidence: What evaluation found; `evidence.day` is the day that the run stands at.
        trained: What training said of it.
    """

    model: ModelDefinition
    split: Split
    scorer: Answering
    answers: Mapping[str, npt.NDArray[np.float64]]
    judged: npt.NDArray[np.bool_]
    thresholds: Mapping[str, float | None]
    evidence: Evidence
    trained: TrainedModel
    run: Run | None = None

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The judged rows: key, times, features, label."""
        return self.split.judge[self.judged]

    @cached_property
    def players(self) -> dict[str, Rows]:
        """Everybody's answers on the judged rows, beside the truth."""
        unit, _ = unit_numbers(self.days)
        label = self.rows["label"].to_numpy(dtype=np.float64)
        make = binary_rows if self.model.problem == "binary" else regression_rows
        return {
            name: make(label, scores[self.judged], unit=unit, threshold=self.thresholds[name])
            for name, scores in self.answers.items()
        }

    @cached_property
    def days(self) -> npt.NDArray[np.str_]:
        """The local day of each judged row, shape (rows,)."""
        days = local_days(self.rows["prediction_time"], zone=self.model.zone)
        named: npt.NDArray[np.str_] = days.dt.strftime("%Y-%m-%d").to_numpy(dtype=str)
        return named

    @cached_property
    def draws(self) -> Draws:
        """The draws that the gates judge by, of the judged rows' units."""
        resample = self.model.metrics.resample
        return block_draws(
            self.players["candidate"].units,
            block=resample.block,
            draws=resample.draws,
            seed=self.model.train.seed,
        )

    @cached_property
    def fit(self) -> Sample:
        """The rows that the candidate was fitted on, as an estimator sees them."""
        return sample(self.model, self.split.fit.tail(self.model.train.search.rows))

    @cached_property
    def select(self) -> Sample:
        """The rows that it was selected on."""
        return sample(self.model, self.split.select)

    @cached_property
    def losses(self) -> Losses:
        """What the candidate loses without each feature, on rows of the select stretch."""
        some = thinned(len(self.split.select))
        unit, names = unit_numbers(self.select.days[some])
        return losses_of(
            self.score,
            self.split.select[list(self.model.features.types)].iloc[some],
            self.select.label[some],
            unit=unit,
            draws=self._few_draws(len(names)),
            problem=self.model.problem,
            seed=self.model.train.seed,
        )

    @property
    def importance(self) -> dict[str, float]:
        """Each feature's share of what the candidate loses without it, on the select stretch."""
        return self.losses.shares

    def _few_draws(self, units: int) -> Draws:
        """Draws of a stretch of few units, in shorter blocks there; none of a single unit."""
        if units < FEWEST_BLOCKS:
            return Draws.none(units)
        return few_draws(self.model, units)

    def score(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Ask the candidate about rows of raw feature columns: scores, shape (rows,)."""
        return self.scorer.score(frame)["score"].to_numpy(dtype=np.float64)

    def decide(self, score: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which scores the candidate decides for; binary problems only."""
        threshold = self.thresholds["candidate"]
        if threshold is None:
            msg = f"{self.model.name}: a {self.model.problem} model decides nothing"
            raise ValueError(msg)
        return score >= threshold


def open_case(run: Run) -> Case:
    """Put a candidate before its examiners.

    Raises:
        EvidenceError: The judge rows are not those that were kept back.
        ModelRefusedError: The candidate cannot be loaded.
        UnavailableError: MLflow or the lake does not answer.
    """
    lake, frozen, trained = run.stores.lake, run.frozen, run.trained
    split = kept_back(run.admission, frozen, run.feature_set, trained, stores=run.stores)
    scorer = run.stores.registry.load(trained.model_uri)
    answers = lake.read_table(run.evaluation.scores_uri).to_pandas()
    said = lake.read_json(run.evaluation.uri)
    return Case(
        model=frozen.model,
        split=split,
        scorer=scorer,
        answers={name: answers[name].to_numpy() for name in answers if name != "judged"},
        judged=answers["judged"].to_numpy(dtype=np.bool_),
        thresholds=said["thresholds"],
        evidence=Evidence.model_validate(said["evidence"]),
        trained=trained,
        run=run,
    )
