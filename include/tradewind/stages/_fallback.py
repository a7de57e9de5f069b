"""The rule that decides where no model may: the champion's own, else one fitted now."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.errors import LabelError, TradewindError, UnavailableError
from tradewind.learning.fit import decision_threshold
from tradewind.learning.naive import fit_naive
from tradewind.stores.casting import cast_features
from tradewind.stores.fallback import NaiveRule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import NightInputs
    from tradewind.stages._versions import NightVersion
    from tradewind.stores.stores import Stores
    from tradewind.stores.trainings import LoadedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """The naive rule of a night.

    Attributes:
        threshold: From which score it decides for 1; None for a regression.
        types: The features that it was fitted on, and how each is read.
        note: What is to be said of it beside each reason; empty where nothing is.
        fitted: Whether it was fitted for the night, so that no version keeps it.
    """

    rule: NaiveRule
    threshold: float | None
    types: Mapping[str, str]
    note: str = ""
    fitted: bool = False

    @classmethod
    def of_version(cls, loaded: LoadedModel) -> Fallback | None:
        """The rule that travels with a version; None where it has none."""
        if loaded.scorer.naive is None:
            return None
        metadata = loaded.metadata
        threshold = metadata["naive"].get("decision_threshold")
        return cls(loaded.scorer.naive, threshold, metadata["features"])

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Fallback:
        """The rule that `to_json` wrote down."""
        rule = NaiveRule.from_json(told)
        return cls(rule, told["decision_threshold"], dict(told["features"]), fitted=True)

    def to_json(self) -> dict[str, Any]:
        """Plain values as a version keeps them of its own, and how the rule's features are read."""
        features = {name: self.types[name] for name in self.rule.by}
        return {
            **self.rule.to_json(),
            "decision_threshold": self.threshold,
            "features": features,
        }

    def score(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """One score a row."""
        needed = {name: self.types[name] for name in self.rule.by}
        return np.asarray(self.rule.score(cast_features(frame, needed)), dtype=np.float64)


def rule_of(
    champion: NightVersion | None,
    frozen: FrozenDefinition,
    inputs: NightInputs,
    *,
    as_of: datetime,
    stores: Stores,
) -> Fallback:
    """The rule of a night: the champion's, which was judged beside it, where there is one.

    Args:
        champion: If it could be loaded.
        frozen: The night's definition, for a rule that is fitted now.
        inputs: Whose labelled rows it is fitted on, as far as they are known at the night.
        as_of: The night.
        stores: The lake.

    Returns:
        Where no rule can be fitted, whatever the reason, the declared constant.

    Raises:
        UnavailableError: The lake does not answer.
    """
    own = None if champion is None else Fallback.of_version(champion.loaded)
    if own is not None:
        return own
    try:
        return _fitted(frozen, inputs, as_of=as_of, stores=stores)
    except UnavailableError:
        raise
    except Exception as error:  # without a rule nobody would be served at all
        expected = isinstance(error, TradewindError)
        log.warning("the naive rule cannot be fitted tonight: %r", error, exc_info=not expected)
        return _constant(frozen.model)


def _fitted(
    frozen: FrozenDefinition, inputs: NightInputs, *, as_of: datetime, stores: Stores
) -> Fallback:
    model, manifest = frozen.model, stores.lake.read_json(inputs.uri)
    rows = {name: stores.lake.dataset([manifest[name]]) for name in model.sources}
    resources = model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        relations.load(connection, frozen, rows)
        frame = features.build(connection, frozen, as_of=as_of).to_pandas()
    labelled = frame[frame["label"].notna()]
    if labelled.empty:
        raise LabelError(f"model {model.name}: no label is known as of {as_of.isoformat()}")
    rule = fit_naive(model, labelled)
    fitted = Fallback(rule, None, dict(model.features.types), fitted=True)
    label, score = labelled["label"].astype("float64").to_numpy(), fitted.score(labelled)
    # Where nothing was ever positive, F1 says nothing of any threshold: nothing is decided so.
    threshold = (
        decision_threshold(model, label, score) if label.any() else _above(model, score.max())
    )
    return replace(fitted, threshold=threshold)


def _constant(model: ModelDefinition) -> Fallback:
    """What is answered where not one label is known: a declared value, decided for nothing."""
    usual = 0.0 if model.problem == "regression" else 0.5
    answer = usual if model.fallback.otherwise is None else model.fallback.otherwise
    rule = NaiveRule(rule="prior", by=(), prior=answer, groups={}, rows=0)
    note = f"; no label is known yet, so that {answer:g} is answered"
    types = dict(model.features.types)
    return Fallback(rule, _above(model, answer), types, note, fitted=True)


def _above(model: ModelDefinition, answer: float) -> float | None:
    """The declared threshold, else one that no answer reaches; None for a regression."""
    if model.problem == "regression":
        return None
    declared = model.train.decision_threshold
    return float(np.nextafter(answer, np.inf)) if declared == "auto" else declared
