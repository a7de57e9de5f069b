"""A search's winner, fitted again: without the search, on given rows, with a given seed.

The same rows, seed and threads give the same model to the last bit: it is built by what the search
built it by.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from tradewind.definition.learning import BLEND
from tradewind.errors import EvidenceError
from tradewind.learning.blend import blended
from tradewind.learning.calibrate import calibrated_by
from tradewind.learning.estimators import fit_candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.sample import Sample
    from tradewind.records import TrainedModel

_UNCALIBRATED = "none"


def refit(
    model: ModelDefinition, winner: TrainedModel, fit: Sample, select: Sample, *, seed: int
) -> Any:
    """Fit a winner again, and calibrate it by the method that was kept.

    Args:
        model: Its definition.
        winner: Which candidate it is, with which parameters and which calibration.
        fit: What it learns from.
        select: What it is calibrated on.
        seed: Of whatever is random in it; `train.seed` for the model that was trained.

    Returns:
        The fitted scikit-learn object.

    Raises:
        EvidenceError: Its parameters were not recorded, or it was trained elsewhere.
        DefinitionError: The estimator refuses these rows, or is declared no more.
    """
    if winner.pretrained is not None:
        raise EvidenceError(f"{winner.pretrained.source} was not fitted here, and cannot be again")
    if winner.params is None:
        raise EvidenceError(
            "with which parameters the model won was not recorded when it was trained: train again"
        )
    with warnings.catch_warnings():
        # What there is to say of this configuration was said when it was tried first.
        warnings.simplefilter("ignore")
        fitted = _fitted(model, winner.candidate, winner.params, fit, seed)
        if winner.calibration == _UNCALIBRATED:
            return fitted
        return calibrated_by(
            winner.calibration, fitted, select.features, select.label, units=select.days
        )


def _fitted(
    model: ModelDefinition, name: str, params: Mapping[str, Any], fit: Sample, seed: int
) -> Any:
    where = f"{model.name}: train.candidates.{name}"
    if name != BLEND:
        candidate = model.candidates[name]
        return fit_candidate(model, candidate, params, fit, seed=seed, where=where)
    members = {
        member: _fitted(model, member, _of_member(member, params), fit, seed)
        for member in model.train.blend
    }
    where = f"{model.name}: train.blend"
    return blended(members, problem=model.problem, features=fit.features, where=where)


def _of_member(member: str, params: Mapping[str, Any]) -> dict[str, Any]:
    own = f"{member}."
    return {key.removeprefix(own): value for key, value in params.items() if key.startswith(own)}
