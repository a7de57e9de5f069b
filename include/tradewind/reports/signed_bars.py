"""Changes as bars from a line of zero, each with its interval, as inline SVG: no script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tradewind.reports.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.records import Estimate

_WIDTH, _ROW, _LEFT, _RIGHT = 640, 20, 220, 12


@dataclass(frozen=True)
class SignedBar:
    """One change.

    Attributes:
        is_strong: Whether it is drawn as one that counts.
        words: What its title says.
    """

    name: str
    figure: Estimate
    is_strong: bool
    words: str


def signed_bars(bars: Sequence[SignedBar], *, label: str) -> Markup:
    """Draw changes below each other, to the right where they are above zero.

    Args:
        bars: In their order, at least one.
        label: What a reader who cannot see it is told.
    """
    low = min(0.0, *(min(bar.figure.low, bar.figure.value) for bar in bars))
    high = max(0.0, *(max(bar.figure.high, bar.figure.value) for bar in bars))
    height = _ROW * len(bars) + 4
    zero = _place(0.0, low, high)
    line = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="0" y2="{}"/>').format(
        zero, zero, height
    )
    content = line + Markup("").join(_bar(bar, place, low, high) for place, bar in enumerate(bars))
    return svg(content, width=_WIDTH, height=height, label=label)


def _bar(bar: SignedBar, place: int, low: float, high: float) -> Markup:
    y, zero = place * _ROW + 4, _place(0.0, low, high)
    ends = sorted([zero, _place(bar.figure.value, low, high)])
    reach = (_place(bar.figure.low, low, high), _place(bar.figure.high, low, high))
    middle = y + (_ROW - 8) / 2
    return Markup(
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>'
        '<line class="reach" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
    ).format(
        _LEFT - 6, y + 10, bar.name, "now" if bar.is_strong else "bar",
        ends[0], y, max(ends[1] - ends[0], 1.0), _ROW - 8, bar.words,
        *reach, middle, middle,
    )  # fmt: skip


def _place(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low or 1.0) * (_WIDTH - _LEFT - _RIGHT)
