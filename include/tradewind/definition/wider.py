"""The wider search: what is tried once where a training did not clear its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.definition.learning import Window
    from tradewind.definition.schema import ModelDefinition

_TIMES = 3


def widened(model: ModelDefinition) -> ModelDefinition:
    """The definition with `retrain.wider` put in the place of what it declares otherwise.

    Three times the usual trials where no number is declared, over the usual candidates and those
    that are declared for this, on the window that is declared for it.
    """
    wider, search = model.retrain.wider, model.train.search
    trials = wider.trials or search.trials * _TIMES
    changes = {
        "search": search.model_copy(update={"trials": trials}),
        "candidates": {**model.candidates, **wider.candidates},
        "window": _window(model),
    }
    return model.model_copy(update={"train": model.train.model_copy(update=changes)})


def _window(model: ModelDefinition) -> Window:
    days, usual = model.retrain.wider.window_days, model.train.window
    return usual.model_copy(update={"days": days, "start": None}) if days else usual
