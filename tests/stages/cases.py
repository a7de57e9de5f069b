"""Candidates put before their examiners without a registry: fitted here, and asked at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.learning.account import result_of
from tradewind.learning.fit import Fitted, fit_model
from tradewind.learning.naive import naive_of
from tradewind.records import TrainedModel
from tradewind.stages._case import Case
from tradewind.stages._champion import Champion, Scores
from tradewind.stages._judging import evidence_of, judge_players
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.splits import Split


@dataclass(frozen=True)
class Loaded:
    """An estimator that is asked as a loaded model is."""

    estimator: Any
    types: Mapping[str, Any]
    problem: str

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        features = cast_features(frame, self.types)
        return pd.DataFrame({"score": predict(self.estimator, features, problem=self.problem)})


@dataclass(frozen=True)
class Spoilt:
    """A model whose answers were tampered with, row by row."""

    whole: Loaded
    spoil: Callable[[pd.DataFrame, np.ndarray], np.ndarray]

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        score = self.whole.score(frame)["score"].to_numpy()
        return pd.DataFrame({"score": self.spoil(frame, score)})


def case_of(
    model: ModelDefinition,
    frame: pd.DataFrame,
    *,
    as_of: datetime,
    fitted: Fitted | None = None,
    spoil: Callable[[pd.DataFrame, np.ndarray], np.ndarray] | None = None,
    champion: Callable[[pd.DataFrame], np.ndarray] | None = None,
) -> Case:
    """Fit a candidate (or take a fitted one), spoil its answers, and judge it.

    Args:
        model: Its definition.
        frame: A feature set.
        as_of: The end of the judge stretch.
        fitted: One that was fitted on the same frame at the same moment.
        spoil: Takes raw rows and the candidate's scores to other scores.
        champion: Takes raw rows to what the champion answers.
    """
    fitted = fitted or fit_model(model, frame, as_of=as_of)
    whole = Loaded(fitted.estimator, model.features.types, model.problem)
    scorer = whole if spoil is None else Spoilt(whole, spoil)
    return judged_case(model, fitted, scorer, champion=champion, as_of=as_of)


def judged_case(
    model: ModelDefinition,
    fitted: Fitted,
    scorer: Any,
    *,
    as_of: datetime,
    champion: Callable[[pd.DataFrame], np.ndarray] | None = None,
) -> Case:
    """Judge whatever answers beside the naive rule, and a champion where there is one."""
    split, judge = fitted.split, fitted.split.judge
    scored = {
        "candidate": Scores(
            scorer.score(judge)["score"].to_numpy(dtype=float), fitted.decision_threshold
        ),
        "naive": _naive(model, split),
    }
    who = Champion("never")
    if champion is not None:
        scored["champion"] = Scores(champion(judge), fitted.decision_threshold)
        who = Champion("judged", 1, "models:/m-1", None, scored["champion"], split.boundaries.judge)
    judged = judge_players(model, judge, scored, who)
    day = as_of.astimezone(model.zone).date()
    result = result_of(fitted, scored["candidate"].score, train_key="k" * 32)
    return Case(
        model=model,
        split=split,
        scorer=scorer,
        answers={name: scores.score for name, scores in scored.items()},
        judged=np.ones(len(judge), dtype=bool),
        thresholds={name: scores.threshold for name, scores in scored.items()},
        evidence=evidence_of(model, judged, who, day=day),
        trained=TrainedModel(run_id="r", model_uri="models:/m-2", **result),
    )


def _naive(model: ModelDefinition, split: Split) -> Scores:
    rule, threshold = naive_of(model, split)
    return Scores(rule.score(split.judge), threshold)
