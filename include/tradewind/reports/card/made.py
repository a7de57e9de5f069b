"""The sections about what a candidate was made from, how, and what it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.card.blocks import Bullets, Drawing, Facts, Section, Table, Words
from tradewind.reports.card.columns import valued
from tradewind.reports.card.drawings import dependence, whiskers
from tradewind.reports.card.estimators import BLENDED, CALIBRATIONS, kind_of, setting_of
from tradewind.reports.card.words import METRICS, day, ground, listed, sentence, told
from tradewind.reports.counts import count
from tradewind.reports.page import figure, moment, share

if TYPE_CHECKING:
    from tradewind.cards import CardContents, Curve, Explained, Making
    from tradewind.records import Reference, Stretch
    from tradewind.reports.card.blocks import Block

_DRAWN = 15
_READ = (
    "What the run read, source by source, in UTC; `where` is the source's name in the lake. Rows "
    "that neither went on nor were quarantined became known after the moment that the run stood at."
)
_WARNINGS = (
    "Warnings of validation: what was expected of the rows (`validate.expectations` in "
    "model.yaml), what was found instead, and why it matters:"
)
_MADE_WITH = {
    "code": "code that decides what it predicts, its digest",
    "requirements": "locked requirements, their digest",
    "machine": "kind of processor",
}


def data(card: CardContents) -> Section:
    """What was read, what of it was learned from, and under which digests it is kept."""
    said = card.data
    rows = [
        [
            one.name,
            one.source_id,
            f"{one.rows:,} in {count(one.parts, 'part')}",
            f"{day(one.first)} to {day(one.last)}" if one.first and one.last else "no days",
            f"{one.kept:,}",
            f"{one.quarantined:,}",
            one.digest,
        ]
        for one in said.sources
    ]
    head = [
        "source",
        "where",
        "rows read",
        "days of its rows",
        "rows that went on",
        "quarantined",
        "digest of its parts",
    ]
    stretches = {
        "fit: learned from": said.fit,
        "select: chosen by": said.select,
        "judge: never seen, judged on": said.judge,
    }
    proof = said.proof
    blocks: list[Block] = [
        Table(head, rows, _READ),
        Table(
            ["stretch", "from", "until before", "rows with a label", "days"],
            [_stretch(name, one) for name, one in stretches.items()],
            "The three stretches of prediction times, one after the other, in UTC.",
        ),
        Words(
            f"The feature set has {said.rows:,} rows: {said.labelled:,} with a label, "
            f"{said.pending:,} that awaited one, {said.expired:,} that never got one. Point in "
            f"time: {proof.rows:,} rows at {proof.moments:,} moments were computed again without "
            "their future, and were all equal."
        ),
        Bullets(
            [f"{cell}: {count(cells, 'cell')}" for cell, cells in said.repaired.items()]
            or ["none"],
            "Repaired, as the definition says, with the raw value kept beside:",
        ),
        Bullets([sentence(one) for one in said.warnings] or ["none"], _WARNINGS),
        Facts(
            [
                ("snapshot (what was read)", _kept(said.snapshot)),
                ("validated rows", _kept(said.validated)),
                ("feature set", _kept(said.features)),
                ("evaluation (everybody's figures)", _kept(card.evaluation)),
                ("verdict (what the gates said)", _kept(card.verdict)),
            ]
        ),
    ]
    about = (
        "The rows that it was made from and judged on, counted, each under a digest in the lake."
    )
    return Section("Data", about, blocks)


def making(card: CardContents) -> Section:
    """How the candidate was made, and with what."""
    said = card.making
    threshold = said.decision_threshold
    facts = [
        *_kinds(said),
        ("found among", f"{count(said.trials, 'configuration')} that {_were(said.trials)} tried"),
        ("calibration", CALIBRATIONS.get(said.calibration, said.calibration)),
        (
            "decision threshold",
            "none: it decides nothing" if threshold is None else figure(threshold),
        ),
        ("code revision", said.revision),
        ("definition, its digest", said.definition_digest),
        *(
            (_MADE_WITH.get(name, f"version of {name}"), version)
            for name, version in said.made_with.items()
        ),
        ("training key (the same key is the same model)", said.train_key),
        ("run in MLflow", said.run_id),
        ("model in MLflow", said.model_uri),
    ]
    blocks: list[Block] = [Facts(facts), _settings(said)]
    if said.pretrained:
        known = said.pretrained
        until = moment(known.trained_until) if known.trained_until else "unknown"
        blocks.append(
            Words(
                f"It was not trained here. From: {known.source}. {sentence(known.provenance)} "
                f"Licence: {known.licence}. It learned from nothing later than: {until}.",
                "warn",
            )
        )
    about = "Everything that decides what it predicts: the same inputs make the same model again."
    return Section("How it was made", about, blocks)


def features(card: CardContents) -> Section:
    """What the model looks at, and how its answer moves."""
    said = card.explained
    drawn = [(one.feature, one.loss) for one in said.weights[:_DRAWN]]
    stands = _ground(said)
    known = card.meanings
    ranked = Table(
        ["feature", "what it says", "kind", f"growth of {said.metric}"],
        [
            [
                one.feature,
                known[one.feature].what if one.feature in known else "nobody has said it",
                one.kind,
                told(one.loss),
            ]
            for one in said.weights
        ],
        stands,
        folded=True,
    )
    left = len(said.weights) - len(drawn)
    more = f" The other {left} are in the table." if left > 0 else ""
    blocks: list[Block] = [
        Drawing(
            "What each feature is worth",
            whiskers(drawn, label="Importance by feature", across=f"growth of {said.metric}"),
            f"By how much {said.metric} ({METRICS[said.metric]}) grows where the values of one "
            f"feature are dealt out anew among the rows; {told(said.whole)} with nothing shuffled. "
            "Where the interval crosses zero, the feature may be worth nothing.",
            f"The thin line is the interval.{more}",
            ranked,
        ),
        *(_curve(one, card) for one in said.curves if one.points),
        *(
            Words(f"{one.feature}: no curve, because none of the sampled rows has a value of it.")
            for one in said.curves
            if not one.points
        ),
    ]
    about = (
        f"Which features the finished model leans on (importance), and how its mean answer moves "
        f"with the {len(said.curves)} that matter most (partial dependence)."
    )
    return Section("What it looks at", about, blocks)


def _curve(curve: Curve, card: CardContents) -> Drawing:
    said = card.explained
    every = sum(point.rows for point in curve.points) + curve.left_out + curve.missing
    answer = "mean score" if card.task.problem == "binary" else "mean answer"
    rows = [
        [
            valued(card, curve.feature, point.at),
            told(point.answer),
            f"{point.rows:,}",
            share(point.rows / every),
        ]
        for point in curve.points
    ]
    known = card.meanings.get(curve.feature)
    says = f"{sentence(known.what)} " if known else ""
    rarer = f"{count(curve.left_out, 'row')} {_have(curve.left_out)} a rarer value"
    left = [rarer] if curve.left_out else []
    left += [f"{curve.missing:,} {_have(curve.missing)} none"] if curve.missing else []
    aside = f" Not shown: {listed(left)}." if left else ""
    return Drawing(
        f"How the answer moves with {curve.feature}",
        dependence(curve, answer=answer, label=f"Partial dependence on {curve.feature}"),
        f"{says}The mean answer where every row is given this value of {curve.feature} and keeps "
        f"the rest. Where a value has no rows, nothing is known.{aside}",
        "The bars below are the share of rows at each value.",
        Table(
            [curve.feature, answer, "rows here or nearest", "share of rows"],
            rows,
            f"{ground(said.curve_rows, said.curve_units, said.unit)}, spread evenly over the "
            f"{said.of:,} judged ones; intervals of {said.confidence:.0%}.",
            folded=True,
        ),
    )


def _have(rows: int) -> str:
    return "has" if rows == 1 else "have"


def _ground(said: Explained) -> str:
    return (
        f"{ground(said.rows, said.units, said.unit)}, spread evenly over the {said.of:,} judged "
        f"ones; each feature shuffled {said.shuffles} times; intervals of {said.confidence:.0%}."
    )


def _stretch(name: str, one: Stretch) -> list[str]:
    ends = [moment(one.start), moment(one.end)]
    return [name, *ends, f"{one.rows:,}", f"{one.units:,}"]


def _kept(reference: Reference) -> str:
    return f"{reference.digest}, at {reference.uri}"


def _kinds(said: Making) -> list[tuple[str, str]]:
    """What kind of model it is; of a blend, what each of its members is as well."""
    if said.candidate in said.members or not said.members:
        return [("kind of model", f"{said.candidate}, by {kind_of(said.origin)}")]
    blended = f"{said.candidate}, {said.origin}: {BLENDED}"
    return [
        ("kind of model", blended),
        *((f"its {name}", kind_of(origin)) for name, origin in said.members.items()),
    ]


def _settings(said: Making) -> Table | Words:
    """The settings that were searched for: what was chosen, and what each does."""
    if not said.params:
        none = "none was searched for" if said.params == {} else "not recorded"
        return Words(f"Its settings: {none}. Those that are fixed stand in model.yaml.")
    rows = []
    for name, value in said.params.items():
        member, _, own = name.rpartition(".")
        origin = said.members.get(member or said.candidate, said.origin)
        rows.append([name, str(value), setting_of(own, origin)])
    return Table(
        ["setting", "value", "what it does"],
        rows,
        "Chosen by the search, on rows that the judged ones are not among; settings that are fixed "
        "stand in model.yaml (`train.candidates`).",
    )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
