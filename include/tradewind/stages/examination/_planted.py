"""Rare values behind which the label is always the same, held against models blind to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tradewind.gates.poisoning import SCREENS, Patterns, Planted
from tradewind.stats.bootstrap import few_draws
from tradewind.stats.patterns import contradiction, pure_patterns
from tradewind.stats.proportions import share_of_rows
from tradewind.stats.rows import regression_rows, unit_numbers

if TYPE_CHECKING:
    from tradewind.records import Estimate
    from tradewind.stages.examination._training import Training
    from tradewind.stats.patterns import Pattern
    from tradewind.stats.rows import Floats, Integers

_SHOWN = 5
_TRIED = 100
"""How many pure patterns are held against a model at most; those of most days come first."""
_LEAST_DAYS = 20
"""A value of fewer days could be pure by the weather of each of them."""
_RARE = 0.25


@dataclass(frozen=True)
class _Held:
    """A pattern, held against models that do not look at it.

    Attributes:
        expected: How probable the pattern's label is on each of its rows, shape (rows,).
        chance: How often one of all cells would be as pure by chance, at most.
    """

    pattern: Pattern
    expected: Floats
    chance: float

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Each feature with the number of its value."""
        return list(zip(self.pattern.features, self.pattern.codes, strict=True))


def planted_patterns(training: Training) -> Patterns:
    """Look for rare values, and pairs of them, whose labels are purer than chance makes them.

    Raises:
        EvidenceError: What a model expects of a pattern cannot be said.
    """
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
    held = [_held(training, one, looked.cells) for one in looked.patterns[:_TRIED]]
    worst = _worst(held, level=training.asked.false_alarms / SCREENS)
    return Patterns(
        worst=[_told(training, one, values) for one in worst],
        cells=looked.cells,
        pure=len(looked.patterns),
        tried=len(held),
        left_out=list(expected),
    )


def _held(training: Training, pattern: Pattern, cells: int) -> _Held:
    score = training.judged.ask(pattern.rows, without=pattern.features)
    chance = contradiction(pattern, score, training.label, training.day)
    return _Held(pattern, score if pattern.label else 1 - score, min(chance * cells, 1.0))


def _worst(held: list[_Held], *, level: float) -> list[_Held]:
    """Choose what is shown: no pair of which one value alone says enough."""
    alone = {one.parts[0] for one in held if len(one.parts) == 1 and one.chance <= level}
    shown = [one for one in held if len(one.parts) == 1 or alone.isdisjoint(one.parts)]
    return sorted(shown, key=lambda one: one.chance)[:_SHOWN]


def _told(training: Training, held: _Held, values: dict[str, pd.Index]) -> Planted:
    pattern = held.pattern
    unit, days = unit_numbers(training.day[pattern.rows])
    expected = _expected(training, held, unit, len(days))
    return Planted(
        words=" and ".join(f"{name} = {_word(values[name][code])}" for name, code in held.parts),
        rows=len(pattern.rows),
        days=len(days),
        label=pattern.label,
        pure=pattern.pure,
        expected=expected.value,
        between=(expected.low, expected.high),
        chance=held.chance,
    )


def _expected(training: Training, held: _Held, unit: Integers, days: int) -> Estimate:
    """The share that models expect, under draws of the days that the pattern is met on."""
    return share_of_rows(
        regression_rows(training.label[held.pattern.rows], held.expected, unit=unit),
        held.expected,
        draws=few_draws(training.model, days),
        confidence=training.model.gates.confidence,
        name="the share that models expect",
    )


def _word(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)
