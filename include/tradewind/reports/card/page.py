"""A card as one HTML page, whole in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.card.sections import sections_of
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from tradewind.cards import CardContents


def to_html(card: CardContents) -> str:
    """Render the page: words, tables and drawings; nothing is loaded from anywhere."""
    return render_page(
        "card.html.j2",
        title=f"Model card: {card.model}",
        card=card,
        sections=sections_of(card),
    )
