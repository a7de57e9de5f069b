"""Where a change in mean loss lies: feature by feature for the inputs, slice by slice for the rest.

A feature's share is what the reference would lose otherwise were its mix alone the recent one. That
shares nothing out between features that move together, as Shapley values over causal mechanisms do
(Budhathoki, Janzing, Bloebaum and Ng, 2021; Zhang, Singh, Ghassemi and Joshi, 2023): those need a
causal graph, and what features bring together is left as a part of its own. A slice's change is
that of what its rows lose beyond what was to be expected of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tradewind.stats.attribution import estimated, ratio
from tradewind.stats.inference import undefined
from tradewind.stats.simultaneous import joint_reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.records import Estimate
    from tradewind.stats.attribution import Mask, Weighted
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Integers

_BINS = 10
_MOST_CATEGORIES = 20


@dataclass(frozen=True)
class Change:
    """One figure on the rows themselves and in each draw, shape (1 + draws,), with its name."""

    name: str
    figures: Floats


@dataclass(frozen=True)
class SliceFigures:
    """A slice's figures before their intervals.

    Attributes:
        change: In the mean loss of its rows, other inputs left out.
        contribution: To the relation's part.
        excess: `change` less that of all other rows.
    """

    change: Floats
    contribution: float
    excess: Floats


def feature_change(
    reference: Weighted, recent: Weighted, codes: tuple[Integers, Integers]
) -> Floats:
    """Reweigh the reference by one feature alone, so that its mix is the recent one.

    Only rows on shared ground count as recent here. A bin without a reference row adds nothing: no
    loss of it is known.

    Args:
        reference: One stretch.
        recent: The other.
        codes: The bin of each reference and of each recent row, from 0; see `bins_of`.

    Returns:
        The change of the reference's mean loss, shape (1 + draws,).
    """
    bins = int(max(one.max(initial=0) for one in codes)) + 1
    inside = [[(one == place) * 1.0 for place in range(bins)] for one in codes]
    rows = reference.totals(*inside[0])
    losses = reference.totals(*(reference.loss * one for one in inside[0]))
    usual = ratio(losses.sum(axis=1), rows.sum(axis=1))[:, None]
    means = np.where(rows > 0, losses / np.maximum(rows, 1e-300), usual)
    now = recent.totals(*(recent.weight * one for one in inside[1]))
    found: Floats = ratio((now * (means - usual)).sum(axis=1), now.sum(axis=1))
    return found


def bins_of(reference: npt.NDArray[Any], recent: npt.NDArray[Any]) -> tuple[Integers, Integers]:
    """Number the bins of a column of two stretches: its values, or tenths of its numbers.

    Args:
        reference: Numbers, where NaN is missing, or texts, where an empty one is, shape (rows,).
        recent: As `reference`.

    Returns:
        The bin of each row of either, from 0; the missing have one of their own, and so, together,
        have all but the most frequent texts.
    """
    both = np.concatenate([reference, recent])
    if both.dtype.kind == "f":
        present = both[np.isfinite(both)]
        cuts = np.quantile(present, np.arange(1, _BINS) / _BINS) if len(present) else np.empty(0)
        place = np.searchsorted(np.unique(cuts), both, side="left")
        place = np.where(np.isfinite(both), place, len(cuts) + 1)
    else:
        names, numbers, counts = np.unique(both, return_inverse=True, return_counts=True)
        rank = np.empty(len(names), dtype=np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(names))
        place = np.minimum(rank[numbers], _MOST_CATEGORIES)
    codes = place.astype(np.int64)
    return codes[: len(reference)], codes[len(reference) :]


def slice_change(
    reference: Weighted, recent: Weighted, inside: tuple[Mask, Mask]
) -> SliceFigures | str:
    """Measure how the relation changed in one slice, and outside it.

    Args:
        reference: One stretch.
        recent: The other.
        inside: Of each reference and each recent row, whether it is in the slice.

    Returns:
        The figures, or why there are none.
    """
    sums = []
    for side, own in zip((reference, recent), inside, strict=True):
        within, outside = side.weight * own, side.weight * ~own
        sums.append(side.totals(within * side.residual, within, outside * side.residual, outside))
    before, now = sums
    change = ratio(now[:, 0], now[:, 1]) - ratio(before[:, 0], before[:, 1])
    others = ratio(now[:, 2], now[:, 3]) - ratio(before[:, 2], before[:, 3])
    for figures in (change, others):
        if undefined(figures):
            return "its rows, or all the others, are of too few days to draw from"
    contribution = now[0, 0] / (now[0, 1] + now[0, 3]) - before[0, 0] / (
        before[0, 1] + before[0, 3]
    )
    return SliceFigures(change, float(contribution), change - others)


def jointly(
    changes: Sequence[Change], draws: Draws, *, confidence: float
) -> Mapping[str, Estimate]:
    """Put intervals around figures that hold together, by name.

    Args:
        changes: With different names.
        draws: The ones with the fewer blocks of those that the figures come from.
        confidence: That all of the intervals hold.
    """
    if not changes:
        return {}
    figures = np.column_stack([one.figures for one in changes])
    reach = joint_reach(figures, draws, confidence=confidence, side="both")
    found = {}
    for one in changes:
        alone = estimated(one.name, one.figures, draws, confidence=confidence)
        value, wide = alone.value, reach * alone.standard_error
        found[one.name] = alone.model_copy(update={"low": value - wide, "high": value + wide})
    return found
