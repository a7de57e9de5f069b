"""The sections about how good a candidate is: figures, gates, worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.card.blocks import Facts, Section, Table, Unsaid, Words
from tradewind.reports.card.words import (
    BETTER,
    METRICS,
    OUTCOMES,
    PLAYERS,
    amount,
    ground,
    sentence,
    told,
)
from tradewind.reports.counts import count
from tradewind.reports.page import figure

if TYPE_CHECKING:
    from tradewind.cards import CardContents, Figure, Judged
    from tradewind.records import Difference
    from tradewind.reports.card.blocks import Block


def figures(card: CardContents) -> Section:
    """Everybody's figures on the same rows."""
    said = card.judged
    players = [name for name in PLAYERS if any(name in one.players for one in said.figures)]
    rows = [[_metric(one, said), *(_figure(one, name) for name in players)] for one in said.figures]
    blocks: list[Block] = [
        Table(
            ["metric", *(_player(name, said) for name in players)],
            rows,
            f"On the same {ground(said.rows, said.units, said.unit)}, unseen in training. "
            f"Intervals of {said.confidence:.0%}, by {said.draws:,} draws of blocks of "
            f"{count(said.block, said.unit)}.",
        ),
        Words(_against("the naive rule", said.against_naive, said)),
    ]
    if said.champion_version is None:
        blocks.append(Words("There was no champion: it would be the first."))
    elif said.champion_problem:
        blocks.append(Words(f"The champion could not be judged: {said.champion_problem}.", "warn"))
    else:
        who = f"the champion, version {said.champion_version}"
        blocks.append(Words(_against(who, said.against_champion, said)))
    about = "The candidate beside the naive rule and the champion, all asked about the same rows."
    return Section("How good it is", about, blocks)


def gates(card: CardContents) -> Section:
    """What every gate asks and says."""
    rows = [
        [
            one.result.gate,
            sentence(one.asks),
            OUTCOMES[one.result.outcome],
            sentence(one.result.sentence),
            ground(one.result.rows, one.result.units, card.judged.unit)
            if one.result.outcome in ("passed", "blocked") and one.result.rows
            else "no rows",
        ]
        for one in card.gates
    ]
    said = "No gate blocks it." if card.passed else "At least one gate blocks it."
    return Section(
        "Gates",
        "Every check between the candidate and the registry: what it asks, what it says, and why.",
        [
            Words(said, "good" if card.passed else "bad"),
            Table(
                ["gate", "it asks", "it says", "why", "on"],
                rows,
                "One that blocks, blocks the candidate.",
            ),
        ],
    )


def worth(card: CardContents) -> Section:
    """What its decisions are worth."""
    about = (
        "What the decisions on the judged rows are worth, by what the owner says of each outcome."
    )
    said = card.value
    if said is None:
        if card.task.problem != "binary":
            none = "Worth is declared of yes-or-no decisions only (`value` in model.yaml)."
            return Section("What it is worth", about, [Words(none)])
        asked = (
            "Nobody has said what a right and a wrong decision are worth (`value` in model.yaml): "
            f"ask {card.owner}."
        )
        return Section("What it is worth", about, [Unsaid(asked)])
    outcomes = [
        (words, f"{said.outcomes[name]:+,g} {said.currency}")
        for name, words in _OUTCOME_WORDS.items()
    ]
    rows = [
        [PLAYERS[name], amount(one), amount(one, each=1000 / said.rows)]
        for name, one in said.players.items()
    ]
    stands = (
        f"In {said.currency}, on {ground(said.rows, said.units, card.judged.unit)}; intervals of "
        f"{card.judged.confidence:.0%}."
    )
    blocks: list[Block] = [
        Facts(outcomes),
        Table(["decisions of the", "on all judged rows", "a thousand rows"], rows, stands),
    ]
    return Section("What it is worth", about, blocks)


_OUTCOME_WORDS = {
    "true_positive": "rightly decided yes",
    "false_positive": "wrongly decided yes",
    "true_negative": "rightly decided no",
    "false_negative": "wrongly decided no",
}


def _metric(one: Figure, said: Judged) -> str:
    meaning = one.meaning or METRICS.get(one.metric, "a metric of the owner's own")
    decides = ", which decides" if one.metric == said.metric else ""
    return f"{one.metric}{decides}: {meaning} ({BETTER[one.greater_is_better]})"


def _figure(one: Figure, player: str) -> str:
    found = one.players.get(player)
    return told(found) if found else f"missing: {one.missing.get(player, 'not computed')}"


def _player(name: str, said: Judged) -> str:
    version = f", version {said.champion_version}" if name == "champion" else ""
    return f"{PLAYERS[name]}{version}"


def _against(who: str, gap: Difference | None, said: Judged) -> str:
    if gap is None:
        return f"By {said.metric} it could not be compared with {who}."
    way, worst = ("better" if gap.value >= 0 else "worse"), figure(abs(gap.low), 3)
    if gap.low > 0:
        bound = f"surely by {worst}"
    else:
        bound = f"{'though it' if gap.value >= 0 else 'and'} may be worse by {worst}"
    return (
        f"By {said.metric} it is {way} than {who} by {figure(abs(gap.value), 3)}, {bound} "
        f"(with {said.confidence:.0%} confidence). These rows would show a difference of "
        f"{figure(gap.smallest_detectable, 3)} four times out of five."
    )
