"""Small drawings as inline SVG: no script, no request, readable in light and dark.

Their colours are classes of the frame's style, and every mark has a title that says its figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM, _TOP = 560, 120, 44, 6, 18, 8


def daily_bars(
    days: Sequence[tuple[str, int]], *, low: float, high: float, is_good: bool, label: str
) -> Markup:
    """Rows a day as bars, the last one judged, with the limits as dashed lines.

    Args:
        days: Day and count, oldest first.
        low: The least that is enough.
        high: The most that is not too much; drawn where a bar comes near it.
        is_good: Whether the last day lies between them.
        label: What a reader who cannot see it is told.
    """
    tallest = max([count for _, count in days] + [low, 1])
    top = max(tallest, high) if tallest > high * 0.8 else tallest
    step = (_WIDTH - _LEFT - _RIGHT) / len(days)
    bars = [
        _bar(day, count, at=_LEFT + place * step, width=step, top=top)
        for place, (day, count) in enumerate(days[:-1])
    ]
    day, count = days[-1]
    kind = "now" if is_good else "bad"
    bars.append(_bar(day, count, at=_WIDTH - _RIGHT - step, width=step, top=top, kind=kind))
    lines = [_limit(value, top=top) for value in (low, high) if value <= top]
    content = Markup("").join([*bars, *lines, _days(days)])
    return svg(content, width=_WIDTH, height=_HEIGHT, label=label)


def _y(value: float, *, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / top


def _bar(day: str, count: int, *, at: float, width: float, top: float, kind: str = "bar") -> Markup:
    y = _y(count, top=top)
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1">'
        "<title>{}: {} rows</title></rect>"
    ).format(kind, at + 1, y, max(width - 2, 1), _HEIGHT - _BOTTOM - y, day, f"{count:,}")


def _limit(value: float, *, top: float) -> Markup:
    y = _y(value, top=top)
    return Markup(
        '<line class="rule" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
        '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(_LEFT, _WIDTH - _RIGHT, y, y, _LEFT - 4, y + 4, f"{value:,.0f}")


def _days(days: Sequence[tuple[str, int]]) -> Markup:
    return Markup(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(_LEFT, _HEIGHT - 4, days[0][0], _WIDTH - _RIGHT, _HEIGHT - 4, days[-1][0])


def svg(content: Markup, *, width: float, height: float, label: str) -> Markup:
    """Frame a drawing.

    Args:
        content: Its marks, escaped.
        width: Of its own units, as `height`; shown at that many pixels.
        height: See `width`.
        label: What a reader who cannot see it is told.
    """
    return Markup(
        '<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, width, height, escape(label), content)
