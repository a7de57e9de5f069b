"""Horizontal bars with a limit each, as inline SVG: no script, no request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tradewind.reports.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _ROW, _LEFT, _RIGHT = 560, 18, 170, 12


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        value: Its length.
        limit: From which on it is too long; None where there is none.
        is_bad: Whether it is drawn as one that is.
        words: What its title says.
    """

    name: str
    value: float
    limit: float | None
    is_bad: bool
    words: str


def limited_bars(bars: Sequence[Bar], *, label: str) -> Markup:
    """Draw bars below each other, each with its own limit as a dashed line.

    Args:
        bars: In their order, at least one.
        label: What a reader who cannot see it is told.
    """
    top = max([bar.value for bar in bars] + [bar.limit or 0.0 for bar in bars] + [1e-9])
    height = _ROW * len(bars) + 4
    content = Markup("").join(_bar(bar, place, top) for place, bar in enumerate(bars))
    return svg(content, width=_WIDTH, height=height, label=label)


def _bar(bar: Bar, place: int, top: float) -> Markup:
    y, reach = place * _ROW + 3, _WIDTH - _LEFT - _RIGHT
    drawn = Markup(
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}" rx="1"><title>{}</title></rect>'
    ).format(
        _LEFT - 6, y + 11, bar.name, "bad" if bar.is_bad else "bar",
        _LEFT, y, max(bar.value, 0.0) / top * reach, _ROW - 6, bar.words,
    )  # fmt: skip
    if bar.limit is None:
        return drawn
    at = _LEFT + bar.limit / top * reach
    line = Markup('<line class="rule" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>')
    return drawn + line.format(at, at, y - 2, y + _ROW - 4)
