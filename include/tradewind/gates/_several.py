"""Gates that compare several things: one line each, and one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.gates._evidence import number, within
from tradewind.records import GateResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.records import Evidence


_TOLD = 3
"""How many things that do not hold are told in the sentence; the table has all of them."""


@dataclass(frozen=True)
class Compared:
    """One thing that a gate looked at.

    Attributes:
        what: It, in a few words.
        figure: What was found.
        limit: What it may be.
        holds: Whether it is within.
        words: What was found and what follows, as a sentence.
        interval: Around the figure.
        besides: What else decided, for the table.
    """

    what: str
    figure: float
    limit: float
    holds: bool
    words: str
    interval: tuple[float, float] | None = None
    besides: str = ""


def answer(
    gate: str,
    evidence: Evidence,
    compared: Sequence[Compared],
    *,
    sound: str,
    ground: str,
    looked_at: tuple[int, int] | None = None,
) -> GateResult:
    """Give one answer of several comparisons: one that does not hold blocks.

    Args:
        gate: Its name.
        evidence: For what it stands on.
        compared: At least one; the figure shown is the first failed one's, or else the first's.
        sound: The sentence where all of them hold.
        ground: What it stands on, as a sentence.
        looked_at: On how many rows of how many units, where those are not the judged rows.
    """
    failed = [one for one in compared if not one.holds]
    shown = (failed or list(compared))[0]
    said = _told(failed) if failed else sound
    rows, units = looked_at or (evidence.rows, evidence.units)
    return GateResult(
        gate=gate,
        outcome="blocked" if failed else "passed",
        sentence=f"{said} {ground}",
        figure=shown.figure,
        threshold=shown.limit,
        interval=shown.interval,
        rows=rows,
        units=units,
        table=[_line(one) for one in compared],
    )


def _told(failed: Sequence[Compared]) -> str:
    words = [one.words for one in failed[:_TOLD]]
    if len(failed) > _TOLD:
        words.append(f"The table names {len(failed) - _TOLD} more.")
    return " ".join(words)


def _line(one: Compared) -> dict[str, str]:
    return {
        "looked at": one.what,
        "found": within(one.figure, one.interval),
        "limit": number(one.limit),
        "besides": one.besides,
        "holds": "yes" if one.holds else "no",
    }
