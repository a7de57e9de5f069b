"""The section that says what every column is, so that no name on a card stands unexplained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.meaning import value_says
from tradewind.reports.card.blocks import Section, Table, Unsaid
from tradewind.reports.card.words import listed

if TYPE_CHECKING:
    from tradewind.cards import CardContents, SaidMeaning
    from tradewind.reports.card.blocks import Block

TITLE = "What the columns say"
WHERE = f"Columns and codes are explained under “{TITLE}”."


def columns(card: CardContents) -> Section:
    """Every column that the card names, with its codes."""
    known, named = card.meanings, _named(card)
    unknown = [name for name in named if name not in known]
    rows = [
        [name, ", ".join(uses), _told(known[name])] for name, uses in named.items() if name in known
    ]
    blocks: list[Block] = []
    if rows:
        stands = (
            "A key names what one answer is about. A feature is looked at by the model. A "
            "protected column tells groups of people apart."
        )
        blocks.append(Table(["column", "used as", "what it says"], rows, stands))
    if unknown:
        verb = "means" if len(unknown) == 1 else "mean"
        blocks.append(
            Unsaid(
                f"Nobody has said what {listed(unknown)} {verb} (`features.meaning` in "
                f"model.yaml): ask {card.owner}."
            )
        )
    return Section(TITLE, "Every column that this card names, in its owner's words.", blocks)


def valued(card: CardContents, column: str, value: str) -> str:
    """A value with what it says, where it is a code: `2 (no)`."""
    known = card.meanings.get(column)
    says = value_says(known.values, value) if known else None
    return f"{value} ({says})" if says else value


def _named(card: CardContents) -> dict[str, list[str]]:
    """The columns that the card names, features in the order of their importance: what each is."""
    uses: dict[str, list[str]] = {}
    for use, names in {
        "key": card.task.entity_key,
        "time of the event": [card.task.event_time],
        "feature": [one.feature for one in card.explained.weights],
        "protected": card.fairness.protected,
    }.items():
        for name in names:
            uses.setdefault(name, []).append(use)
    return uses


def _told(meaning: SaidMeaning) -> str:
    codes = "; ".join(f"{value}: {says}" for value, says in meaning.values.items())
    return f"{meaning.what} ({codes})" if codes else meaning.what
