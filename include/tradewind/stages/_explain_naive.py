"""What the naive rule says of a row, and how it comes to that.

The rule is the champion's own, or the one that was fitted for the night and kept beside its log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.explanation import ExplainedNaive
from tradewind.stages._explain_rows import shown_value
from tradewind.stages._fallback import Fallback
from tradewind.stores.casting import cast_features
from tradewind.stores.fallback import group_names
from tradewind.stores.reasons import TOLERANCE

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import ScoredNight
    from tradewind.stores.lake import Lake
    from tradewind.stores.trainings import LoadedModel

_NOT_KEPT = "the rule that was fitted that night from the labels known then; it was not kept"


def rule_of_night(
    night: ScoredNight, champion: LoadedModel | None, *, problem: str | None, lake: Lake
) -> Fallback | str:
    """The naive rule by which a night went, or why it cannot be had.

    Args:
        night: It.
        champion: Its champion, with which a rule travels; None where there was none, or it cannot
            be loaded.
        problem: Why not.
        lake: Where a rule that was fitted for the night lies.
    """
    if night.rule_uri is not None:
        try:
            return Fallback.from_json(lake.read_json(night.rule_uri))
        except TradewindError as error:
            return f"the rule that was fitted that night cannot be read: {error}"
    if str(night.champion) in night.version_problems:
        return _NOT_KEPT
    if problem is not None:
        return f"the rule that travels with its champion; {problem}"
    own = None if champion is None else Fallback.of_version(champion)
    return own or _NOT_KEPT


def explained_naive(
    model: ModelDefinition, rule: Fallback | str, frame: pd.DataFrame, *, score: float | None
) -> ExplainedNaive:
    """What the naive rule says, and how it comes to that.

    Args:
        model: The definition whose features they are.
        rule: The rule by which the night went, or why it cannot be had.
        frame: The one row, with the features that the rule was asked with.
        score: The rule's, as the night recorded it.
    """
    if isinstance(rule, str):
        return ExplainedNaive(score=score, decision=None, threshold=None, words=rule)
    decision = None if rule.threshold is None or score is None else int(score >= rule.threshold)
    [computed] = rule.score(frame).tolist()
    agrees = score is None or abs(computed - score) <= TOLERANCE
    return ExplainedNaive(
        score=score,
        decision=decision,
        threshold=rule.threshold,
        words=_words(model, rule, frame),
        computed=computed,
        tolerance=TOLERANCE,
        problem=None
        if agrees
        else f"of the same features the rule says {computed:.9g} now, and {score:.9g} was recorded",
    )


def _words(model: ModelDefinition, fallback: Fallback, frame: pd.DataFrame) -> str:
    rule = fallback.rule
    if not rule.rows:
        return "no label was known that night: the declared value is answered"
    rows = "rows" if fallback.fitted else "training rows"
    mean = "rate" if model.problem == "binary" else "mean"
    told = "fitted that night from the labels known then, " if fallback.fitted else ""
    told += f"the {mean} of "
    if not rule.by:
        return f"{told}all {rule.rows:,} {rows}"
    types = {name: fallback.types[name] for name in rule.by}
    _, [name] = group_names(cast_features(frame, types), rule.by)
    group = {
        column: shown_value(model, column, one)
        for column, one in zip(rule.by, json.loads(name), strict=True)
    }
    where = ", ".join(
        f"{column} {'missing' if one is None else one}" for column, one in group.items()
    )
    if name not in rule.groups:
        return f"{told}all {rule.rows:,} {rows}: none of them had {where}"
    return f"{told}the {rows} with {where}, mixed with that of all {rule.rows:,}"
