"""The sections that the definition speaks in: what for, for whom, its limits, how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.card.blocks import Bullets, Facts, Section, Table, Unsaid, Words
from tradewind.reports.card.words import (
    PROBLEMS,
    RATES,
    day,
    ground,
    length,
    listed,
    sentence,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.cards import CardContents, SaidIndicator
    from tradewind.reports.card.blocks import Block


def purpose(card: CardContents) -> Section:
    """What the model is for."""
    said = card.purpose
    facts = [
        ("decision that it serves", said.decision),
        ("for whom", said.for_whom or _nobody(card, "for whom", "purpose.for_whom")),
        ("how many a night", said.how_many or _nobody(card, "how many", "purpose.how_many")),
        (
            "it works when",
            said.success or _nobody(card, "how one would see that it works", "purpose.success"),
        ),
    ]
    return Section(
        "What it is for",
        "The decision that the model serves, in its owner's words, and what it is not made for.",
        [
            Facts([(name, sentence(text)) for name, text in facts]),
            _list(
                card,
                "It may be used for:",
                said.intended_use,
                "what it may be used for",
                "purpose.intended_use",
            ),
            _list(
                card,
                "It must not be used for:",
                said.not_for,
                "what it must not be used for",
                "purpose.not_for",
            ),
        ],
    )


def harm(card: CardContents) -> Section:
    """Whom the model helps and whom it harms."""
    about = "Who is better off with this model, who is not, and how one would see harm."
    review = card.harm
    if review is None:
        asked = _nobody(card, "whom it helps and whom it harms", "harm_review")
        return Section("Whom it helps and harms", about, [Unsaid(asked)])
    blocks: list[Block] = [
        Words(f"Reviewed by {review.by} on {review.on}; the review holds until {review.until}."),
        Bullets(review.helps, "It helps:"),
        _list(
            card,
            "It touches, and neither helps nor harms:",
            review.neutral,
            "whom it touches and neither helps nor harms",
            "harm_review.neutral",
        ),
        Bullets(review.harms, "It harms, or could harm:"),
        *_watched(card, review.indicators),
    ]
    return Section("Whom it helps and harms", about, blocks)


def accepted(card: CardContents) -> Section:
    """The error that the business accepted, and what stands between a candidate and its use."""
    said, release = card.acceptance, card.release
    if said is None:
        first: Block = Unsaid(_nobody(card, "which error the business accepts", "acceptance"))
    else:
        side, level = (
            ("at least", said.at_least) if said.at_most is None else ("at most", said.at_most)
        )
        first = Words(
            f"{said.by} accepted on {said.on} that {said.metric} is {side} {level:g}, until "
            f"{said.review}."
        )
    people = (
        f"{release.approvals} of {listed(release.reviewers)}"
        if release.approvals
        else "nobody: its gates alone let it through"
    )
    ways = {
        "direct": "it decides from the next night on",
        "shadow": "it first scores beside the champion, and decides nothing",
        "canary": "it first decides for a share of the rows, beside the champion",
    }
    return Section(
        "Who answers for it",
        "The owner, the error that somebody signed for, and who must approve before it decides.",
        [
            Facts(
                [
                    ("owner", card.owner),
                    ("risk tier", release.risk_tier),
                    ("who must approve", people),
                    ("once let through", ways.get(release.mode, release.mode)),
                ]
            ),
            first,
        ],
    )


def task(card: CardContents) -> Section:
    """What is predicted, of what, when."""
    said = card.task
    when = f"{length(said.horizon_seconds)} before it" if said.horizon_seconds else "at that moment"
    source = f"{said.label} of {said.label_relation}"
    predicted = f"{said.label_meaning} ({source})" if said.label_meaning else source
    blocks: list[Block] = [
        Facts(
            [
                ("it answers with", PROBLEMS[said.problem]),
                ("what it predicts (the label)", predicted),
                ("one answer is about", listed(said.entity_key)),
                ("the event is at", said.event_time),
                ("it is predicted", when),
                ("days are those of", said.timezone),
            ]
        )
    ]
    if not said.label_meaning:
        blocks.append(Unsaid(_nobody(card, "what the label says", "label.meaning")))
    about = "What one answer of the model says, about what, and when it is given."
    return Section("What it predicts", about, blocks)


def limits(card: CardContents) -> Section:
    """Where it fails, as its owner says, and what its evidence does not cover."""
    return Section(
        "Limits",
        "What whoever uses the model must know: what its owner says, and what its evidence lacks.",
        [
            _list(
                card, "Said by its owner:", card.purpose.limits, "where it fails", "purpose.limits"
            ),
            Bullets(list(_uncovered(card)), "What the evidence does not cover:"),
        ],
    )


def waivers(card: CardContents) -> Section:
    """Which gates are switched off, by whom, why, until when."""
    rows = [[one.gate, one.by, sentence(one.because), str(one.until)] for one in card.waivers]
    blocks: list[Block] = (
        [
            Table(
                ["gate", "switched off by", "because", "until"],
                rows,
                "A waiver counts until its last day.",
            )
        ]
        if rows
        else [Words("None: every gate is asked.")]
    )
    about = "A waiver switches a gate off: by name, for a reason, until a day."
    return Section("Waivers", about, blocks)


def switching_off(card: CardContents) -> Section:
    """How to stop it, step by step, and who decides then."""
    rule, model = card.fallback, card.model
    mean = "share of positives" if card.task.problem == "binary" else "mean"
    if rule.rule == "group":
        decides = (
            f"the {mean} among the rows that the serving version learned from, within each group "
            f"of {listed(rule.by)}; a small group is drawn towards the {mean} of all"
        )
    else:
        decides = f"the {mean} of all rows that the serving version learned from"
    if rule.otherwise is not None:
        decides += f"; {rule.otherwise:g} where no label is known at all"
    return Section(
        "How to switch it off",
        "The steps that stop the model, who decides instead, and how to take it back.",
        [
            Bullets(
                [
                    f"In Airflow: trigger the DAG `{model}.release`: action `fall_back`, a reason.",
                    f'In a shell: `tradewind release {model} fall_back --reason "why"`.',
                    "Either acts from the next night on; what was served already stays served.",
                ],
                "To switch it off:",
            ),
            Words(f"Then the naive rule decides: {decides}."),
            Bullets(
                [
                    "`resume` lets the champion decide again.",
                    "`roll_back` brings an earlier version back, with its own features.",
                    "`retire` ends the model for good.",
                ],
                "The other actions of the same DAG and command:",
            ),
            Words(f"Its owner is to be told: {card.owner}. The ledger keeps who did it and why."),
        ],
    )


def _uncovered(card: CardContents) -> Iterator[str]:
    data, judged = card.data, card.judged
    yield (
        f"Other times: it learned from rows of {day(data.fit.start)} to {day(data.fit.end)} and "
        f"was judged on {ground(judged.rows, judged.units, judged.unit)}, {day(data.judge.start)} "
        f"to {day(data.judge.end)}. Of other seasons nothing is known."
    )
    if data.expired:
        yield f"Rows without an outcome: {data.expired:,} never got a label, and are in no figure."
    if card.task.selective:
        yield (
            "Rows decided against: a label is seen after a positive decision only, so that the "
            "figures say nothing of the others."
        )
    small = [part for part in card.slices.parts if part.unknown]
    if small:
        every = len(card.slices.parts)
        yield f"Small parts: {len(small)} of {every} parts have too few rows for a figure."
    off = [one.result.gate for one in card.gates if one.result.outcome == "waived"]
    if off:
        yield f"What these gates would have found, which are switched off: {', '.join(off)}."
    idle = [one.result.gate for one in card.gates if one.result.outcome == "not_applicable"]
    if idle:
        yield f"What these gates ask, which do not apply to it as defined: {', '.join(idle)}."
    if card.making.revision.endswith("-dirty") or card.making.revision == "unknown":
        yield "The code: it was not as a commit holds it, so that nobody can look it up."
    yield (
        "Causes: importance and curves say what the model looks at. They do not say what would "
        "happen if somebody changed it."
    )


def _watched(card: CardContents, indicators: Sequence[SaidIndicator | str]) -> list[Block]:
    """What is watched for harm, each under the name that its owner gave it, and what is seen."""
    if not indicators:
        asked = _nobody(card, "by which figures harm would be seen", "harm_review.indicators")
        return [Unsaid(asked)]
    when = "Watched every night on rows whose truth is known by then"
    if older := [one for one in indicators if isinstance(one, str)]:
        return [Bullets(older, f"{when}:")]
    known = [one for one in indicators if not isinstance(one, str)]
    table = Table(
        _WATCHED_HEAD,
        [_line(one) for one in known],
        f"{when}; here on the judged rows, with intervals of {card.judged.confidence:.0%}. Harm is "
        "seen where the whole interval lies beyond what is allowed.",
    )
    metrics = dict.fromkeys(one.metric for one in known)
    return [table, Facts([(name.replace("_", " "), RATES.get(name, "a rate")) for name in metrics])]


_WATCHED_HEAD = (
    *("indicator", "figure", "of", "allowed"),
    *("on the judged rows", "rows", "beyond it at night"),
)


def _line(one: SaidIndicator) -> list[str]:
    seen = told(one.figure) if one.figure else f"unknown: {one.missing}"
    said = [one.name, one.metric.replace("_", " "), one.group, one.limit]
    return [*said, seen, f"{one.rows:,}", one.then]


def _list(card: CardContents, head: str, items: list[str], what: str, key: str) -> Block:
    return (
        Bullets([sentence(one) for one in items], head)
        if items
        else Unsaid(_nobody(card, what, key))
    )


def _nobody(card: CardContents, what: str, key: str) -> str:
    return f"Nobody has said {what} (`{key}` in model.yaml): ask {card.owner}."
