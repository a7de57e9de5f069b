"""A card in its order: first what a reviewer asks, then what the answers stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.records import account_of
from tradewind.reports.card import judged, made, parts, said
from tradewind.reports.card.blocks import Facts, Section, Words
from tradewind.reports.card.columns import columns
from tradewind.reports.card.words import BETTER, METRICS, TERMS, ground, sentence, told
from tradewind.reports.page import moment

if TYPE_CHECKING:
    from tradewind.cards import CardContents

_MATTER_MOST = 3


def sections_of(card: CardContents) -> list[Section]:
    """Every section, none of them empty."""
    return [
        brief(card),
        said.purpose(card),
        said.harm(card),
        said.accepted(card),
        said.task(card),
        columns(card),
        judged.figures(card),
        judged.worth(card),
        parts.rows(card),
        parts.people(card),
        judged.gates(card),
        said.waivers(card),
        made.features(card),
        made.data(card),
        made.making(card),
        said.limits(card),
        said.switching_off(card),
        Section("Terms", "Every term of this card, in one line.", [Facts(list(TERMS.items()))]),
    ]


def brief(card: CardContents) -> Section:
    """The heart of it."""
    about = f"The candidate of {card.model} as of {moment(card.as_of)}, owned by {card.owner}."
    verdict, figure, features = lines_of(card)[:3]
    first = Words(verdict, "good" if card.passed else "bad")
    return Section(
        "In brief", about, [first, Words(figure), Words(features), Facts(_terms_of_brief(card))]
    )


def _terms_of_brief(card: CardContents) -> list[tuple[str, str]]:
    """What the deciding metric and the features that matter most say."""
    deciding, known = card.judged.figures[0], card.meanings
    first = [one.feature for one in card.explained.weights[:_MATTER_MOST]]
    return [
        (deciding.metric, deciding.meaning or METRICS[deciding.metric]),
        *((name, known[name].what) for name in first if name in known),
    ]


def lines_of(card: CardContents) -> list[str]:
    """The heart of a card in a few lines, for a terminal and a task's page."""
    return [_verdict(card), _deciding(card), _features(card), *_unsaid(card)]


def _verdict(card: CardContents) -> str:
    outcomes = {one.result.gate: one.result.outcome for one in card.gates}
    return sentence(account_of(outcomes, passed=card.passed))


def _deciding(card: CardContents) -> str:
    said = card.judged
    own = said.figures[0].players
    others = [
        f"{name} {told(own[player])}"
        for player, name in (("champion", "the champion"), ("naive", "the naive rule"))
        if player in own
    ]
    return (
        f"{said.metric} {told(own.get('candidate'))}, {BETTER[said.greater_is_better]}; "
        f"{', '.join(others)}; on {ground(said.rows, said.units, said.unit)}."
    )


def _features(card: CardContents) -> str:
    said = card.explained
    first = ", ".join(f"{one.feature} {told(one.loss)}" for one in said.weights[:_MATTER_MOST])
    stands = ground(said.rows, said.units, said.unit)
    return f"What matters most, by the growth of {said.metric} without it: {first}; on {stands}."


def _unsaid(card: CardContents) -> list[str]:
    """What a reviewer will ask and the definition does not answer."""
    purpose = card.purpose
    asked = {
        "purpose.intended_use": purpose.intended_use,
        "purpose.not_for": purpose.not_for,
        "purpose.limits": purpose.limits,
        "harm_review": card.harm,
    }
    missing = [key for key, answer in asked.items() if not answer]
    return [f"Not said in model.yaml: {', '.join(missing)}; ask {card.owner}."] if missing else []
