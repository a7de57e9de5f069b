"""The ML test score for a person: lines for a terminal, and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.scorecard_records import Point, Scorecard, SectionName

SECTIONS: Mapping[SectionName, str] = {
    "data": "Features and data",
    "model": "Model development",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring",
}
_TONES = {0.0: "bad", 0.5: "warn", 1.0: "good"}


def lines_of(card: Scorecard) -> list[str]:
    """The score, and every test by section: what was found, where, and what would raise it."""
    lines = headlines_of(card)
    for section in card.sections:
        lines += ["", f"{SECTIONS[section.name]}: {_points(section.total)} of 7"]
        for point in section.points:
            lines += _lines(point)
    return lines


def headlines_of(card: Scorecard) -> list[str]:
    """The score, what it is the least of, and as of when."""
    return [
        f"{card.model}: ML test score {_points(card.score)} of 7: {card.reading}",
        f"the least of four sums: {_sums(card)}",
        f"evidence as of {card.as_of:%Y-%m-%d %H:%M} UTC, documents as of {card.day}",
    ]


def render(card: Scorecard) -> str:
    """The page."""
    return render_page(
        "scorecard.html.j2",
        title=f"{card.model}: ML test score",
        card=card,
        titles=SECTIONS,
        tones=_TONES,
        weakest=" and ".join(SECTIONS[name].lower() for name in card.weakest),
    )


def _lines(point: Point) -> list[str]:
    number = point.test.rpartition("_")[2]
    lines = [
        f"  {_points(point.points):>3}  {number}. {point.name}",
        f"       {point.sentence}",
    ]
    for one in point.evidence:
        where = one.command or one.uri or one.words
        dated = f", as of {one.as_of:%Y-%m-%d %H:%M} UTC" if one.as_of else ""
        lines.append(f"       see: {where}{dated}")
    return lines + ([f"       for more: {point.way_up}"] if point.way_up else [])


def _sums(card: Scorecard) -> str:
    return ", ".join(f"{one.name} {_points(one.total)}" for one in card.sections)


def _points(value: float) -> str:
    return f"{value:g}"
