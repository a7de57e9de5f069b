"""How a score came about, as inline SVG: each bar begins where the one above it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tradewind.reports.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _NAMES, _FIGURES, _ROW, _TOP, _LONGEST = 720, 270, 64, 22, 6, 40


@dataclass(frozen=True)
class Step:
    """One bar.

    Attributes:
        name: What stands beside it.
        effect: How far it goes, to the right where above zero.
    """

    name: str
    effect: float


def waterfall(steps: Sequence[Step], *, start: Step, end: str, label: str) -> Markup:
    """Draw the way from a start to an end.

    Args:
        steps: The bars, from above.
        start: Where it begins; its effect is that figure.
        end: What stands beside the end, which is where the last bar ends.
        label: What a reader who cannot see it is told.
    """
    reached = [start.effect]
    for step in steps:
        reached.append(reached[-1] + step.effect)
    low, high = min(reached), max(reached)
    span = high - low or 1.0
    across = _WIDTH - _NAMES - _FIGURES

    def x(value: float) -> float:
        return _NAMES + across * (value - low) / span

    rows = [_named(0, start.name, f"{start.effect:.3g}"), _line(0, x(start.effect))]
    for place, step in enumerate(steps, start=1):
        rows.append(_named(place, step.name, f"{step.effect:+.3g}"))
        rows.append(_bar(place, step, x(reached[place - 1]), x(reached[place])))
    last = len(steps) + 1
    rows += [_named(last, end, f"{reached[-1]:.3g}"), _line(last, x(reached[-1]))]
    height = _TOP + (last + 1) * _ROW
    return svg(Markup("").join(rows), width=_WIDTH, height=height, label=label)


def _y(place: int) -> float:
    return _TOP + place * _ROW


def _named(place: int, name: str, figure: str) -> Markup:
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return Markup(
        '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(_NAMES - 8, _y(place) + 14, short, _WIDTH, _y(place) + 14, figure)


def _bar(place: int, step: Step, start: float, end: float) -> Markup:
    kind = "up" if step.effect > 0 else "down"
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="1">'
        "<title>{}: {}</title></rect>"
    ).format(
        kind,
        min(start, end),
        _y(place) + 3,
        max(abs(end - start), 1.0),
        _ROW - 6,
        step.name,
        f"{step.effect:+.4g}",
    )


def _line(place: int, at: float) -> Markup:
    return Markup('<line class="rule" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(
        at, at, _y(place) + 1, _y(place) + _ROW - 1
    )
