"""The drawings of a card as inline SVG: no script, no request, light or dark as the reader is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

from tradewind.reports.card.words import told
from tradewind.reports.drawing import svg
from tradewind.reports.page import figure, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.cards import Curve, Point
    from tradewind.records import Estimate

_WIDE, _ROW, _NAMES, _EDGE = 680, 22, 240, 14
_LEFT, _RIGHT, _TOP, _PLOT, _GAP, _SHARES, _FOOT = 62, 12, 12, 170, 14, 44, 40
_HEIGHT = _TOP + _PLOT + _GAP + _SHARES + _FOOT
_LONGEST_NAME, _LONGEST_TICK, _MOST_TICKS = 38, 9, 13


@dataclass(frozen=True)
class _Scale:
    """Takes figures to places in a drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return self.start + (self.end - self.start) * (value - self.low) / span


def whiskers(rows: Sequence[tuple[str, Estimate]], *, label: str, across: str) -> Markup:
    """Draw figures below each other, each with its interval, from zero on.

    Args:
        rows: Name and figure, at least one.
        label: What a reader who cannot see it is told.
        across: What the figures are.
    """
    low = min(0.0, *(one.low for _, one in rows))
    high = max(0.0, *(one.high for _, one in rows))
    x, bottom = _Scale(low, high, _NAMES, _WIDE - _EDGE), _ROW * len(rows) + 6
    parts = [_rule(x(0.0), 0, bottom)]
    for place, (name, one) in enumerate(rows):
        parts += _whisker(name, one, x, place * _ROW + _ROW / 2 + 2)
    ends = ((low, "start"), (high, "end"))
    parts += [_text(x(value), bottom + 14, anchor, figure(value, 2)) for value, anchor in ends]
    parts.append(_text((x(low) + x(high)) / 2, bottom + 14, "middle", across))
    return svg(Markup("").join(parts), width=_WIDE, height=bottom + 22, label=label)


def dependence(curve: Curve, *, answer: str, label: str) -> Markup:
    """Draw the mean answer over a feature's values, with the share of rows at each below it.

    Args:
        curve: At least one point.
        answer: What the answers are.
        label: What a reader who cannot see it is told.
    """
    points, xs = curve.points, _across(curve.points)
    low = min(point.answer.low for point in points)
    high = max(point.answer.high for point in points)
    margin = 0.06 * (high - low)
    y = _Scale(low - margin, high + margin, _TOP + _PLOT, _TOP)
    parts = [*_levels(y), _upright(answer, _TOP + _PLOT / 2)]
    parts += _band(points, xs, y) if curve.kind == "numeric" else _reaches(points, xs, y)
    parts += [_dot(curve.feature, point, x, y) for point, x in zip(points, xs, strict=True)]
    parts += _share_bars(curve, xs)
    parts += _ticks(points, xs)
    parts.append(_text((_LEFT + _WIDE - _RIGHT) / 2, _HEIGHT - 6, "middle", curve.feature))
    return svg(Markup("").join(parts), width=_WIDE, height=_HEIGHT, label=label)


def _whisker(name: str, one: Estimate, x: _Scale, y: float) -> list[Markup]:
    left, right = sorted((x(0.0), x(one.value)))
    bar = Markup(
        '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="10" rx="1">'
        "<title>{}: {}</title></rect>"
    )
    line = Markup('<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    return [
        _text(_NAMES - 8, y + 4, "end", _short(name, _LONGEST_NAME)),
        bar.format(left, y - 5, max(right - left, 0.5), name, told(one)),
        line.format(x(one.low), x(one.high), y, y),
    ]


def _across(points: Sequence[Point]) -> list[float]:
    """Where each point lies: a number by its value, a category by its turn."""
    places = [turn if p.place is None else p.place for turn, p in enumerate(points)]
    if len(points) == 1:
        return [(_LEFT + _WIDE - _RIGHT) / 2]
    x = _Scale(places[0], places[-1], _LEFT + 22, _WIDE - _RIGHT - 22)
    return [x(place) for place in places]


def _levels(y: _Scale) -> list[Markup]:
    line, parts = Markup('<line class="axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'), []
    for step in range(5):
        value = y.low + (y.high - y.low) * step / 4
        parts.append(line.format(_LEFT, _WIDE - _RIGHT, y(value), y(value)))
        parts.append(_text(_LEFT - 6, y(value) + 4, "end", figure(value, 3)))
    return parts


def _band(points: Sequence[Point], xs: Sequence[float], y: _Scale) -> list[Markup]:
    """The interval as an area, and the mean as a line."""
    pairs = list(zip(points, xs, strict=True))
    over = [f"{x:.1f},{y(point.answer.high):.1f}" for point, x in pairs]
    under = [f"{x:.1f},{y(point.answer.low):.1f}" for point, x in reversed(pairs)]
    means = " ".join(f"{x:.1f},{y(point.answer.value):.1f}" for point, x in pairs)
    return [
        Markup('<polygon class="band" points="{}"/>').format(" ".join([*over, *under])),
        Markup('<polyline class="stroke" fill="none" points="{}"/>').format(means),
    ]


def _reaches(points: Sequence[Point], xs: Sequence[float], y: _Scale) -> list[Markup]:
    """The interval of each category, which no line joins to the next."""
    line = Markup('<line class="whisker" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
    pairs = zip(points, xs, strict=True)
    return [line.format(x, y(point.answer.low), y(point.answer.high)) for point, x in pairs]


def _dot(feature: str, point: Point, x: float, y: _Scale) -> Markup:
    title = f"{feature} {point.at}: {told(point.answer)}; {point.rows:,} rows here"
    dot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}</title></circle>')
    return dot.format(x, y(point.answer.value), title)


def _share_bars(curve: Curve, xs: Sequence[float]) -> list[Markup]:
    """The share of rows at each point, on a scale of their own."""
    rows = [point.rows for point in curve.points]
    every, most = sum(rows) + curve.left_out + curve.missing, max(*rows, 1)
    foot = _TOP + _PLOT + _GAP + _SHARES
    gaps = [right - left for left, right in pairwise(xs)]
    wide = max(min([*gaps, 40.0]) * 0.7, 2.0)
    bar = Markup(
        '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
        "<title>{}: {} of the rows</title></rect>"
    )
    parts = [
        bar.format(
            x - wide / 2, foot - _SHARES * point.rows / most, wide, _SHARES * point.rows / most,
            point.at, share(point.rows / every),
        )
        for point, x in zip(curve.points, xs, strict=True)
    ]  # fmt: skip
    base = Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    top = _text(_LEFT - 6, foot - _SHARES + 8, "end", share(most / every))
    return [
        *parts,
        base.format(_LEFT, _WIDE - _RIGHT, foot, foot),
        top,
        _upright("rows", foot - 20),
    ]


def _ticks(points: Sequence[Point], xs: Sequence[float]) -> list[Markup]:
    """The values in words, as many as have room."""
    y, parts, last = _TOP + _PLOT + _GAP + _SHARES + 14, [], -1e9
    step = -(-len(points) // _MOST_TICKS)
    for point, x in list(zip(points, xs, strict=True))[::step]:
        words = _short(point.at, _LONGEST_TICK)
        if x - last >= 6.5 * len(words) + 6:
            parts.append(_text(x, y, "middle", words))
            last = x + 3.2 * len(words)
    return parts


def _rule(x: float, top: float, bottom: float) -> Markup:
    line = Markup('<line class="rule" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(x, x, top, bottom)


def _upright(words: str, y: float) -> Markup:
    text = Markup(
        '<text x="11" y="{0}" transform="rotate(-90 11 {0})" text-anchor="middle">{1}</text>'
    )
    return text.format(y, words)


def _text(x: float, y: float, anchor: str, words: str) -> Markup:
    text = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return text.format(x, y, anchor, words)


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
