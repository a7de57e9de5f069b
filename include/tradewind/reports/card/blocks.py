"""What a card is built of, whichever way it is shown: sections of words, lists, tables, drawings.

Page and Markdown are made of the same blocks, so that neither says what the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

Tone = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True)
class Words:
    """A paragraph. Names in backticks are shown as names."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Unsaid:
    """What nobody has said, and whom to ask."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list, perhaps under words of its own."""

    items: Sequence[str]
    head: str | None = None


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Attributes:
        caption: What its figures stand on.
        folded: Whether a page shows it on demand only, because a drawing says the same.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    folded: bool = False


@dataclass(frozen=True)
class Drawing:
    """An inline SVG; in Markdown its table says the same.

    Attributes:
        words: What it tells, of the drawing and of the table alike.
        drawn: How the drawing is read; Markdown has none, and does not say it.
        table: Its figures.
    """

    title: str
    svg: Markup
    words: str
    drawn: str
    table: Table


Block = Words | Unsaid | Bullets | Facts | Table | Drawing


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Attributes:
        about: One sentence that says what it tells.
    """

    title: str
    about: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Its name in an address."""
        return self.title.casefold().replace(" ", "-")
