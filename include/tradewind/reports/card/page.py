"""A card as one HTML page, whole in itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from tradewind.reports.card.sections import sections_of
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from tradewind.cards import CardContents

_NAMES = re.compile(r"`([^`]+)`")


def to_html(card: CardContents) -> str:
    """Render the page: words, tables and drawings; nothing is loaded from anywhere."""
    return render_page(
        "card.html.j2",
        title=f"Model card: {card.model}",
        card=card,
        sections=sections_of(card),
        named=_named,
    )


def _named(text: str) -> Markup:
    """Escaped, with what stands in backticks as a name."""
    safe = str(escape(text))
    return Markup(_NAMES.sub(r"<code>\1</code>", safe))  # noqa: S704 -- it is escaped already
