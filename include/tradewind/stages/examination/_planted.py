"""Rare values behind which the label is always the same, held against models blind to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.gates.poisoning import SCREENS, Patterns, Planted
from tradewind.stats.patterns import Pattern, contradiction, pure_patterns

if TYPE_CHECKING:
    from tradewind.stages.examination._training import Training

_SHOWN = 5
_TRIED = 100
"""How many pure patterns are held against a model at most; those of most days come first."""
_LEAST_DAYS = 20
"""A value of fewer days could be pure by the weather of each of them."""
_RARE = 0.25


def planted_patterns(training: Training) -> Patterns:
    """Look for rare values, and pairs of them, whose labels are purer than chance makes them."""
    expected = training.asked.expected
    columns = {
        str(name): pd.factorize(training.features[name], use_na_sentinel=False)
        for name in training.features
        if name not in expected
    }
    looked = pure_patterns(
        {name: code for name, (code, _) in columns.items()},
        training.label,
        training.day,
        least=_LEAST_DAYS,
        purity=training.asked.purity,
        most=_RARE,
    )
    values = {name: known for name, (_, known) in columns.items()}
    tried = looked.patterns[:_TRIED]
    planted = [_held(training, one, values, looked.cells) for one in tried]
    return Patterns(
        worst=_worst(tried, planted, level=training.asked.false_alarms / SCREENS),
        cells=looked.cells,
        pure=len(looked.patterns),
        tried=len(tried),
        left_out=list(expected),
    )


def _worst(tried: list[Pattern], planted: list[Planted], *, level: float) -> list[Planted]:
    """Choose what is shown: no pair of which one value alone says enough."""
    both = list(zip(tried, planted, strict=True))
    alone = {_parts(own)[0] for own, found in both if len(own.codes) == 1 and found.chance <= level}
    shown = [found for own, found in both if len(own.codes) == 1 or alone.isdisjoint(_parts(own))]
    return sorted(shown, key=lambda found: found.chance)[:_SHOWN]


def _parts(pattern: Pattern) -> list[tuple[str, int]]:
    return list(zip(pattern.features, pattern.codes, strict=True))


def _held(training: Training, pattern: Pattern, values: dict[str, pd.Index], cells: int) -> Planted:
    score = training.judged.ask(pattern.rows, without=pattern.features)
    chance = contradiction(pattern, score, training.label, training.day)
    expected = float(np.mean(score if pattern.label else 1 - score))
    words = " and ".join(
        f"{name} = {_word(values[name][code])}"
        for name, code in zip(pattern.features, pattern.codes, strict=True)
    )
    return Planted(
        words=words,
        rows=len(pattern.rows),
        label=pattern.label,
        pure=pattern.pure,
        expected=expected,
        chance=min(chance * cells, 1.0),
    )


def _word(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)
