"""How a score came about: every feature, how usual it is, and how much it moved the score.

Nothing of what was served is made again: the effects are told anew of the very features that were
scored, by the same version, and must lead to the score that was served.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from tradewind.definition.meaning import value_says
from tradewind.errors import EvidenceError
from tradewind.explanation import ExplainedFeature, ExplainedScore
from tradewind.learning.reference import PROFILE_FILE, columns_of
from tradewind.stages._explain_rows import PERSONAL, personal_columns, shown_value
from tradewind.stats.profiles import FrameProfile
from tradewind.stats.tallies import CategoryTally, NumericTally
from tradewind.stores.casting import cast_features
from tradewind.stores.reasons import TOLERANCE, BlendEffects, Explainer, margin
from tradewind.stores.scorer import predict
from tradewind.stores.shapley import SampledEffects

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from tradewind.definition.meaning import Meaning
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.profiles import ColumnProfile
    from tradewind.stores.scorer import Scorer
    from tradewind.stores.trainings import LoadedModel

_FEW = 0.001


def explained_score(
    loaded: LoadedModel, frame: pd.DataFrame, *, version: int, served: float
) -> tuple[ExplainedScore, np.ndarray]:
    """The way from the mean to a served score.

    Args:
        loaded: The version that decided.
        frame: The one row that it scored, with its features.
        version: Its number.
        served: What was served.

    Returns:
        The way, with whatever does not agree, and the effects, shape (features,).

    Raises:
        EvidenceError: The version was stored without what its reasons are told against.
    """
    scorer, problem = loaded.scorer, loaded.metadata["problem"]
    explainer, features = scorer.explainer, cast_features(frame, loaded.metadata["features"])
    try:
        mean, effects = explainer.explain(features)
    except ValueError as error:
        raise EvidenceError(f"version {version}: {error}") from error
    inner = explainer.estimator
    reached = float(margin(inner, features)[0])
    before = float(predict(inner, features, problem=problem)[0])
    after = float(predict(scorer.estimator, features, problem=problem)[0])
    told = ExplainedScore(
        version=version,
        scale=_scale(reached, before, problem),
        mean=mean,
        margin=reached,
        before=before,
        after=after,
        served=served,
        calibration=_calibration(scorer),
        exact=_is_exact(explainer),
        tolerance=TOLERANCE,
        problems=_problems(mean + float(effects[0].sum()), reached, after, served),
    )
    return told, effects[0]


def explained_features(
    model: ModelDefinition,
    frame: pd.DataFrame,
    loaded: LoadedModel | None,
    effects: np.ndarray | None,
    *,
    meaning: Mapping[str, Meaning],
) -> list[ExplainedFeature]:
    """Every feature of a row: the one that moved the score most first, where that is known.

    Args:
        model: The definition whose features they are.
        frame: The one row.
        loaded: The version whose training rows it is held against; None where there is none.
        effects: How much each moved the score, shape (features,).
        meaning: What columns are, as far as the owner said it.
    """
    types, known = model.features.types, _profiles(loaded)
    columns = columns_of(frame, types)
    found = []
    for place, (name, kind) in enumerate(types.items()):
        value = shown_value(model, name, _value(frame[name].iloc[0]))
        usual, share = _usual(known[name], value, columns[name]) if name in known else (None, None)
        if name in personal_columns(model):
            value, usual, share = PERSONAL, PERSONAL, None
        told = meaning.get(name)
        found.append(
            ExplainedFeature(
                name=name,
                kind=kind,
                value=value,
                usual=usual,
                place=share,
                effect=None if effects is None else float(effects[place]),
                what=told.is_ if told else None,
                says=value_says(told.values, value) if told and value is not None else None,
            )
        )
    return found if effects is None else sorted(found, key=lambda one: -abs(one.effect or 0.0))


# ----------------------------------------------------------------------------------- how it adds up


def _problems(added: float, reached: float, after: float, served: float) -> list[str]:
    found = []
    if not abs(added - reached) <= TOLERANCE:
        found.append(
            f"the effects add up to {added:.9g} and the score before calibration is {reached:.9g}: "
            "these reasons do not explain this score"
        )
    if not abs(after - served) <= TOLERANCE:
        found.append(
            f"from the same features the same version now says {after:.9g} and {served:.9g} was "
            "served: these reasons do not explain what was served"
        )
    return found


def _scale(reached: float, before: float, problem: str) -> Any:
    """What the margin is, by how the score follows from it."""
    if math.isclose(reached, before, abs_tol=TOLERANCE):
        return "probability" if problem == "binary" else "value"
    if problem == "binary":
        sigmoid = 1 / (1 + math.exp(-reached)) if reached > -700 else 0.0  # noqa: PLR2004
        return "log-odds" if math.isclose(sigmoid, before, abs_tol=TOLERANCE) else "own"
    close = reached < 700 and math.isclose(math.exp(reached), before, rel_tol=TOLERANCE)  # noqa: PLR2004
    return "log of the value" if close else "own"


def _calibration(scorer: Scorer) -> str | None:
    if scorer.explainer.estimator is scorer.estimator:
        return None
    return str(getattr(scorer.estimator, "method", "yes"))


def _is_exact(explainer: Explainer) -> bool:
    effects = explainer.effects
    if isinstance(effects, BlendEffects):
        return all(_is_exact(part) for _, part in effects.parts)
    return not isinstance(effects, SampledEffects)


# ------------------------------------------------------------------------------------- how usual


def has_profile(loaded: LoadedModel) -> bool:
    """Whether a version's training rows are known, so that a value can be held against them."""
    return PROFILE_FILE in loaded.scorer.beside


def _profiles(loaded: LoadedModel | None) -> Mapping[str, ColumnProfile]:
    if loaded is None or not has_profile(loaded):
        return {}
    stored = loaded.scorer.beside[PROFILE_FILE]
    return FrameProfile.from_json(json.loads(stored)).columns


def _usual(column: ColumnProfile, value: str | None, values: Any) -> tuple[str, float | None]:
    """How usual a value is among the training rows, in words, and its place there."""
    tally, rows = column.tally, column.tally.rows
    if value is None:
        return f"missing, as in {_share(tally.nulls / rows)} of {rows:,} training rows", None
    if isinstance(tally, NumericTally):
        return _place(tally, float(values[0]))
    told = column.count(values)
    assert isinstance(told, CategoryTally)  # noqa: S101 (counted as the reference was)
    count = sum(tally.counts.get(name, 0) for name in told.counts)
    if not count:
        return f"in none of {rows:,} training rows{' by name' if tally.rest else ''}", 0.0
    return f"the same in {_share(count / rows)} of {rows:,} training rows", count / rows


def _place(tally: NumericTally, number: float) -> tuple[str, float | None]:
    """Where a number lies among the training rows that have one."""
    if not tally.present:
        return f"none of {tally.rows:,} training rows has a value", None
    rows = f"{tally.present:,} training rows with a value"
    if number < tally.low:
        return f"below all {rows}, the least {tally.low:.4g}", 0.0
    if number > tally.high:
        return f"above all {rows}, the greatest {tally.high:.4g}", 1.0
    place = int(tally.bins.edges.searchsorted(number, "left"))
    # Of the bin that it lies in half counts, which is right for a value that has one of its own.
    below = float((tally.counts[:place].sum() + tally.counts[place] / 2) / tally.present)
    return f"above {_share(below)} of {rows}", below


def _share(value: float) -> str:
    """In per cent, never rounded to none or all."""
    if 0 < value < _FEW:
        return f"less than {_FEW:.1%}".replace("%", " %")
    if 1 - _FEW < value < 1:
        return f"more than {1 - _FEW:.1%}".replace("%", " %")
    digits = 0 if value in {0, 1} or 0.1 <= value <= 0.9 else 1  # noqa: PLR2004
    return f"{value:.{digits}%}".replace("%", " %")


def _value(value: Any) -> Any:
    """A cell of a frame as a plain value; None where it is missing."""
    if value is None or value != value:  # noqa: PLR0124 -- NaN and NaT are not equal to themselves
        return None
    return value.item() if hasattr(value, "item") else value
