"""A card as Markdown: the same blocks as the page, a table where the page has a drawing."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from tradewind.reports.card.blocks import Bullets, Drawing, Facts, Table, Unsaid, Words
from tradewind.reports.card.sections import sections_of
from tradewind.reports.plain import plain, table, with_names

if TYPE_CHECKING:
    from tradewind.cards import CardContents
    from tradewind.reports.card.blocks import Block


def to_markdown(card: CardContents) -> str:
    """The whole card. Words of people and of data are escaped: they format nothing."""
    parts = [f"# Model card: {plain(card.model)}"]
    for section in sections_of(card):
        parts += [f"## {section.title}", f"*{with_names(section.about)}*"]
        parts += [_shown(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


@singledispatch
def _shown(block: Block) -> str:
    raise TypeError(block)


@_shown.register
def _(block: Words) -> str:
    bold = "**" if block.tone else ""
    return f"{bold}{with_names(block.text)}{bold}"


@_shown.register
def _(block: Unsaid) -> str:
    return f"> {with_names(block.text)}"


@_shown.register
def _(block: Bullets) -> str:
    head = [with_names(block.head), ""] if block.head else []
    return "\n".join([*head, *(f"- {with_names(item)}" for item in block.items)])


@_shown.register
def _(block: Facts) -> str:
    return "\n".join(f"- **{with_names(name)}**: {with_names(text)}" for name, text in block.pairs)


@_shown.register
def _(block: Table) -> str:
    rows = [[with_names(cell) for cell in row] for row in block.rows]
    return (
        f"{table([with_names(name) for name in block.head], rows)}\n\n{with_names(block.caption)}"
    )


@_shown.register
def _(block: Drawing) -> str:
    return f"### {with_names(block.title)}\n\n{with_names(block.words)}\n\n{_shown(block.table)}"
