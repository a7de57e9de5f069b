"""What a column's drift comes to, in one sentence for a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tradewind.stats.tallies import CategoryTally, NumericTally

if TYPE_CHECKING:
    from tradewind.stats.drift import Finding
    from tradewind.stats.tallies import Tally


def sentence(
    name: str,
    lead: Finding,
    *,
    state: str,
    resolution: float,
    floor: float,
    reference: Tally,
    current: Tally,
) -> str:
    """Say what was found of a column.

    Args:
        name: The column's.
        lead: The part that speaks for the column.
        state: Of the column.
        resolution: The least effect that the rows can show.
        floor: From which size on an effect is a difference.
        reference: The reference's tally.
        current: The window's.
    """
    if state == "difference":
        return f"{name}: {_moved(lead, reference, current)}; {_beyond(lead)}."
    if state == "no_difference":
        return f"{name}: no difference of {floor:.3g} or more in {current.rows:,} rows."
    if math.isinf(resolution):
        return f"{name}: {current.rows:,} rows are too few to show a difference of any size."
    return (
        f"{name}: {current.rows:,} rows are too few: they show differences from {resolution:.2g} "
        f"on, and {floor:.3g} is asked for."
    )


def _moved(lead: Finding, reference: Tally, current: Tally) -> str:
    part, size = lead.effect.part, f"{lead.effect.size:.2g}"
    if part == "nulls":
        was, now = reference.nulls / reference.rows, current.nulls / current.rows
        return f"missing in {now:.1%} of the rows, and in {was:.1%} of the reference's"
    if isinstance(reference, NumericTally) and isinstance(current, NumericTally):
        return (
            f"its values lie {size} standard deviations from the reference's "
            f"(mean {current.mean:.4g}, was {reference.mean:.4g})"
        )
    category = lead.effect.category
    if part == "category" and category is not None:
        was, now = _share(reference, category), _share(current, category)
        return f"{category} makes up {now:.1%} of the rows, and {was:.1%} of the reference's"
    return f"the mix of its categories lies {size} from the reference's"


def _share(tally: Tally, category: str) -> float:
    counts = tally.counts if isinstance(tally, CategoryTally) else {}
    return counts.get(category, 0) / max(tally.present, 1)


def _beyond(lead: Finding) -> str:
    if lead.alarm_level is None:
        return "too few past slices of this length to say whether that is unusual: no alarm"
    size, level = f"{lead.effect.size:.2g}", f"{lead.alarm_level:.2g}"
    if lead.alarm:
        return f"an effect of {size}, beyond the {level} that its own past slices allow: alarm"
    return f"an effect of {size}, within the {level} that its own past slices allow"
