"""Lines of several players in one drawing, as inline SVG: no script, no request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tradewind.reports.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM, _TOP = 420, 300, 52, 12, 36, 10


@dataclass(frozen=True)
class Axis:
    """One direction of a drawing.

    Attributes:
        low: Where it begins.
        high: Where it ends.
        name: What it shows.
        ticks: Values that are written beside it, with their words.
    """

    low: float
    high: float
    name: str
    ticks: Sequence[tuple[float, str]]

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low or 1)


def shares(name: str) -> Axis:
    """An axis from nothing to all."""
    return Axis(0, 1, name, [(part / 4, f"{part / 4:.0%}") for part in range(5)])


def figures(name: str, values: Sequence[float]) -> Axis:
    """An axis over these values, from zero where they are all above it."""
    low, high = min(*values, 0.0), max(values)
    steps = [low + part * (high - low) / 4 for part in range(5)]
    return Axis(low, high, name, [(step, f"{step:.3g}") for step in steps])


def days(names: Sequence[str]) -> Axis:
    """An axis of days, the first, middle and last of them named."""
    last = len(names) - 1
    shown = sorted({0, last // 2, last})
    return Axis(0, last, "day", [(place, names[place]) for place in shown])


def line_plot(
    players: Mapping[str, Sequence[tuple[float, float]]],
    *,
    across: Axis,
    upward: Axis,
    label: str,
    diagonal: bool = False,
    dots: bool = False,
) -> Markup:
    """Draw a line for each player.

    Args:
        players: Points by player; the player's name is the class of its line.
        across: What lies from left to right.
        upward: What lies from bottom to top.
        label: What a reader who cannot see it is told.
        diagonal: Whether to draw where both axes say the same.
        dots: Whether to mark the points, each with its figures as a title.
    """
    parts = [_grid(across, upward)]
    if diagonal:
        low, high = max(across.low, upward.low), min(across.high, upward.high)
        parts.append(_line([(low, low), (high, high)], "rule", across, upward))
    # The first player is drawn last: where lines lie on each other, its own is seen.
    for name in reversed(list(players)):
        points = players[name]
        parts.append(_line(points, f"line {name}", across, upward))
        if dots:
            parts.extend(_dot(name, x, y, across, upward) for x, y in points)
    content = Markup("").join(parts)
    return svg(content, width=_WIDTH, height=_HEIGHT, label=label)


def _x(value: float, axis: Axis) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, axis: Axis) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _BOTTOM - _TOP)


def _line(points: Sequence[tuple[float, float]], kind: str, across: Axis, upward: Axis) -> Markup:
    path = " ".join(f"{_x(x, across):.1f},{_y(y, upward):.1f}" for x, y in points)
    return Markup('<polyline class="{}" fill="none" points="{}"/>').format(kind, path)


def _dot(name: str, x: float, y: float, across: Axis, upward: Axis) -> Markup:
    title = f"{name}: {across.name} {x:.3g}, {upward.name} {y:.3g}"
    return Markup(
        '<circle class="point {}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>'
    ).format(name, _x(x, across), _y(y, upward), title)


def _grid(across: Axis, upward: Axis) -> Markup:
    level = Markup('<line class="axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for value, words in upward.ticks:
        y = _y(value, upward)
        parts += [level.format(_LEFT, right, y, y), _text(_LEFT - 5, y + 4, "end", words)]
    for value, words in across.ticks:
        anchor = {across.low: "start", across.high: "end"}.get(value, "middle")
        parts.append(_text(_x(value, across), bottom + 15, anchor, words))
    parts.append(_text((_LEFT + right) / 2, _HEIGHT - 4, "middle", across.name))
    return Markup("").join(parts)


def _text(x: float, y: float, anchor: str, words: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        x, y, anchor, words
    )
