"""The sections about parts: of the rows, and groups of people among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.card.blocks import Drawing, Facts, Section, Table, Unsaid, Words
from tradewind.reports.card.columns import WHERE
from tradewind.reports.card.drawings import whiskers
from tradewind.reports.card.words import (
    BETTER,
    MEASURES,
    ORIGINS,
    PLAYERS,
    RATES,
    sentence,
    told,
)
from tradewind.reports.page import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.cards import CardContents, GroupFigures, GroupGap, SliceFigure
    from tradewind.reports.card.blocks import Block

_DRAWN = 16
_GAP_HEAD = (
    *("measure", "column", "greatest gap", "between", "by", "rows of the two"),
    "most that is tolerated",
)


def rows(card: CardContents) -> Section:
    """How good it is on parts of the rows."""
    said, unit = card.slices, card.judged.unit
    about = (
        f"{said.metric} on parts of the judged rows, "
        "because a good figure of all rows hides the part that the model knows nothing of."
    )
    if not said.parts:
        return Section(
            "Parts of the rows", about, [Words(sentence(f"No figures: {said.absent}"), "warn")]
        )
    players = [name for name in PLAYERS if any(name in one.players for one in said.parts)]
    known = [(one, one.players["candidate"]) for one in said.parts if "candidate" in one.players]
    known.sort(key=lambda one: one[1].value, reverse=not said.greater_is_better)
    unknown = [one for one in said.parts if "candidate" not in one.players]
    table = Table(
        ["part", "why it was looked at", "rows", f"{unit}s", *(PLAYERS[name] for name in players)],
        [_part(one, players) for one in (*(one for one, _ in known), *unknown)],
        f"{said.metric} with intervals of {card.judged.confidence:.0%}; the worst parts were "
        f"looked for on {said.searched:,} other rows. {WHERE}",
        folded=True,
    )
    if not known:
        few = "Every part has too few rows for a figure."
        return Section("Parts of the rows", about, [Words(few, "warn"), table])
    last = _last(len(unknown), len(said.parts))
    shown = min(_DRAWN, len(known))
    drawing = Drawing(
        "The candidate, part by part",
        whiskers(
            [(one.name, value) for one, value in known[:_DRAWN]],
            label="The candidate by part",
            across=said.metric,
        ),
        f"The worst of the {len(known)} known parts come first{last}; "
        f"{BETTER[said.greater_is_better]}. A part's figure is to be compared with the naive "
        "rule's of the same part.",
        f"The {shown} worst of {len(known)} known parts {'is' if shown == 1 else 'are'} drawn. The "
        "thin line is the interval. The naive rule's figures are in the table.",
        table,
    )
    return Section("Parts of the rows", about, [drawing])


def _last(unknown: int, every: int) -> str:
    if not unknown:
        return ""
    are = "is unknown and stands" if unknown == 1 else "are unknown and stand"
    return f"; {unknown} of {every} {are} last"


def people(card: CardContents) -> Section:
    """How groups of people are treated."""
    said = card.fairness
    about = (
        "Whether groups of people are treated alike. Not all of these measures can be small at "
        "once where the groups' true shares differ; which of them matter is the owner's to say."
    )
    if not said.protected:
        asked = (
            "Nobody has named a column that tells groups of people apart (`features.protected` in "
            f"model.yaml), so that nothing is known of them: ask {card.owner}."
        )
        return Section("Groups of people", about, [Unsaid(asked)])
    if said.absent:
        return Section(
            "Groups of people", about, [Words(sentence(f"No figures: {said.absent}"), "warn")]
        )
    stands = f"Judged rows; intervals of {card.judged.confidence:.0%}."
    rates = list(
        dict.fromkeys(rate for one in said.groups for rate in (*one.figures, *one.unknown))
    )
    sizes = {(one.attribute, one.group): one.rows for one in said.groups}
    meanings = [(_spaced(rate), RATES.get(rate, "a rate")) for rate in rates]
    meanings += [
        (_spaced(one), MEASURES[one]) for one in dict.fromkeys(g.measure for g in said.gaps)
    ]
    blocks: list[Block] = [
        Table(
            ["column", "group", "rows", f"{card.judged.unit}s", *map(_spaced, rates)],
            [_group(one, rates) for one in said.groups],
            stands,
        ),
        Table(
            _GAP_HEAD,
            [_gap(one, sizes) for one in said.gaps],
            f"The greatest gap between any two groups that are large enough. {stands} {WHERE}",
        )
        if said.gaps
        else Words("No two groups are large enough to be compared.", "warn"),
        Facts(meanings),
    ]
    return Section("Groups of people", about, blocks)


def _part(one: SliceFigure, players: list[str]) -> list[str]:
    unknown = f"unknown: {one.unknown}" if one.unknown else "unknown"
    said = [told(one.players[name]) if name in one.players else unknown for name in players]
    return [one.name, ORIGINS.get(one.origin, one.origin), f"{one.rows:,}", f"{one.units:,}", *said]


def _group(one: GroupFigures, rates: list[str]) -> list[str]:
    said = [
        told(one.figures[rate])
        if rate in one.figures
        else f"unknown: {one.unknown.get(rate, 'nobody looked')}"
        for rate in rates
    ]
    return [one.attribute, one.group, f"{one.rows:,}", f"{one.units:,}", *said]


def _gap(one: GroupGap, sizes: Mapping[tuple[str, str], int]) -> list[str]:
    rows = sum(sizes.get((one.attribute, group), 0) for group in (one.high, one.low))
    limit = "not held" if one.limit is None else figure(one.limit)
    between = f"{one.high} (more) and {one.low}"
    return [
        _spaced(one.measure),
        one.attribute,
        told(one.gap),
        between,
        _spaced(one.rate),
        f"{rows:,}",
        limit,
    ]


def _spaced(name: str) -> str:
    return name.replace("_", " ")
