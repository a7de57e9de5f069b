"""What a model carries with it beside the estimator, as plain values in its `model.json`.

The naive rule and its threshold, what the model was trained on, and what its reasons are told
against: all of the fit stretch, so that wherever the model is served it can say where it must not
decide, and something else decides there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.learning.naive import naive_of
from tradewind.stores.casting import cast
from tradewind.stores.fallback import Known
from tradewind.stores.prediction_schema import key_kinds
from tradewind.stores.reasons import told_against

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.fit import Fitted


def carried(fitted: Fitted, model: ModelDefinition) -> dict[str, Any]:
    """What travels with a finished model, beside what `account.metadata_of` says of it.

    Args:
        fitted: The finished model, with its stretches.
        model: Features, label, the naive rule.

    Returns:
        `naive` (the rule, fitted on the fit stretch as it is when it is judged, and its
        `decision_threshold`), `known` and `explains`, of the rows that the estimator was fitted on;
        for whoever serves it on line `entity_key` (what each column holds) and `serving` (when a
        row is outside, as declared).
    """
    split = fitted.split
    rule, threshold = naive_of(model, split)
    rows = cast(split.fit.tail(model.train.search.rows), model.features.types)
    return {
        "naive": {**rule.to_json(), "decision_threshold": threshold},
        "known": Known.of(rows).to_json(),
        "entity_key": key_kinds(split.fit, model.entity_key),
        "serving": {"outside_range": model.score.outside_range, "unseen": model.score.unseen},
        "explains": told_against(fitted.estimator, model.features.types, rows.frame),
    }
