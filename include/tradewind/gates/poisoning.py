"""Did somebody write the training rows? Five screens, each with a limit that clean rows keep.

Whoever may write into a source may teach a model: turn labels over in a batch or for one carrier,
pour copies of a row in, or plant a rare value behind which the answer is always the same. Each
screen holds a part of the rows against the others, so that what is spread evenly over all rows is
beyond all of them: `benchmarks/poisoning` shows from which share on each is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import count, finding, number, percent
from tradewind.gates._several import Compared, answer
from tradewind.records import Finding

if TYPE_CHECKING:
    from tradewind.definition.gates.poisoning import Poisoning
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence, GateResult

ORDER = 10
_MILLIONTH = 1e-6
SCREENS = 4
"""How many screens share the false alarms; the fifth, of harm, has the gates' confidence."""


class Part(Finding):
    """A batch or a category whose labels were held against the others'.

    Attributes:
        share: As if this share of its labels had been turned over.
        between: The interval around that share, at the gates' confidence.
        chance: How often one of all the parts would lie as far by chance, at most.
    """

    name: str
    rows: int
    share: float
    between: tuple[float, float] | None = None
    chance: float


class Parts(Finding):
    """All batches, or all categories.

    Attributes:
        worst: Those of the smallest chance, the smallest first.
        looked_at: How many there are.
        small: How many had too few rows to say anything.
    """

    worst: list[Part]
    looked_at: int
    small: int


class Repeats(Finding):
    """Rows of the newest batch that are there several times over.

    Attributes:
        rows: Of the newest batch.
        share: Of these.
        usual: The greatest share of an earlier batch.
        level: What one more clean batch exceeds with the probability that the screen is given.
    """

    rows: int | None = None
    share: float
    usual: float
    level: float


class Harm(Finding):
    """What the newest batch does to a quick model, by its loss on the rows after it.

    Attributes:
        loss: Without the batch.
        worse: By how much it is greater with it; negative where the batch helps.
        low: One-sided lower bound of that.
        rows: How many rows it was measured on, and `units` of how many units.
    """

    batch_rows: int
    loss: float
    worse: float
    low: float
    rows: int
    units: int


class Planted(Finding):
    """A rare value or pair of values behind which the label is pure.

    Attributes:
        words: The values by name.
        label: What the label is there.
        pure: The share of the rows for which it is. All of them were counted, and none stands for
            another: it has no interval, and `chance` says how far chance would bring it.
        days: Of how many days the rows are.
        expected: What share a model that does not look at these values expects.
        between: The interval around that, over days, at the gates' confidence.
        chance: How often one of all cells would be as pure by chance, at most.
    """

    words: str
    rows: int
    label: int
    pure: float
    days: int | None = None
    expected: float
    between: tuple[float, float] | None = None
    chance: float


class Patterns(Finding):
    """All rare values and pairs.

    Attributes:
        worst: Those of the smallest chance, the smallest first.
        cells: How many values and pairs had rows enough.
        pure: How many of them were pure, and `tried` how many of those were held against a model.
        left_out: The features that the definition leaves out of this.
    """

    worst: list[Planted]
    cells: int
    pure: int
    tried: int
    left_out: list[str]


class Found(Finding):
    """What the five screens saw.

    Attributes:
        rows: The rows that were fitted and selected on, `units` of how many units.
        learned: How many rows a quick model learned from.
        batch_days: How long a batch was.
        categories: None where there are too few to be held against each other.
    """

    rows: int
    units: int
    learned: int
    batch_days: int
    batches: Parts
    categories: Parts | None
    repeats: Repeats
    harm: Harm
    patterns: Patterns


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold what every screen saw against its limit.

    Raises:
        EvidenceError: Nobody looked, or it could not be found.
    """
    found, asked = finding(evidence, "poisoning", Found), model.gates.poisoning
    compared = [
        *_parts(found.batches, "batch", asked),
        *_parts(found.categories, "category", asked),
        _repeats(found, asked),
        _harm(found, asked),
        *_patterns(found.patterns, asked),
    ]
    return answer(
        "poisoning",
        evidence,
        compared,
        sound=_sound(found, asked),
        ground=_on(found),
        looked_at=(found.rows, found.units),
    )


def _sound(found: Found, asked: Poisoning) -> str:
    parts = f"{found.batches.looked_at:,} batches of {count(found.batch_days, 'day')}"
    if found.categories is not None:
        parts += f" and {found.categories.looked_at:,} categories"
    return (
        f"Nothing shows that somebody wrote the training rows. Of {parts} none contradicts the "
        f"others as {asked.flipped:.0%} of turned labels would, beyond chance. Of "
        f"{_newest(found.repeats)} {found.repeats.share:.1%} are there several times over "
        f"({_limit(found, asked):.1%} is usual), and it does no harm: "
        f"{_loss(found.harm, asked.harm * found.harm.loss)}. Of "
        f"{found.patterns.cells:,} rare values and pairs none is purer than chance allows."
    )


def _newest(repeats: Repeats) -> str:
    size = "the rows" if repeats.rows is None else f"the {count(repeats.rows, 'row')}"
    return f"{size} of the newest batch"


def _seldom(chance: float) -> str:
    """In how many trainings on clean rows chance does what was found."""
    if chance < _MILLIONTH:
        return "less than one clean training in a million"
    return f"{100 * chance:.3g}% of clean trainings"


def _loss(harm: Harm, limit: float) -> str:
    """What the newest batch did to a quick model's loss, as a clause."""
    return (
        f"with its {count(harm.batch_rows, 'row')} to learn from a quick model's loss changes by "
        f"{number(harm.worse)}, surely by more than {number(harm.low)} where "
        f"{number(limit)} is the limit, on {count(harm.rows, 'later row')} of "
        f"{count(harm.units, 'day')}"
    )


def _limit(found: Found, asked: Poisoning) -> float:
    return max(found.repeats.level, asked.repeated)


def _on(found: Found) -> str:
    unknown = "" if found.categories else " No categories were held against each other: too few."
    if found.patterns.left_out:
        named = ", ".join(found.patterns.left_out)
        unknown += f" No planted value was looked for in what the definition expects of {named}."
    return (
        f"Looked at {found.rows:,} training rows of {count(found.units, 'day')}; the quick models "
        f"learned from {found.learned:,} of them at a time. What is spread evenly over all rows "
        f"cannot be seen so.{unknown}"
    )


def _parts(parts: Parts | None, kind: str, asked: Poisoning) -> list[Compared]:
    if parts is None:
        return []
    level = asked.false_alarms / SCREENS
    return [
        Compared(
            what=f"{kind} {one.name}: labels turned over",
            figure=one.share,
            limit=asked.flipped,
            holds=one.share < asked.flipped or one.chance > level,
            interval=one.between,
            besides=f"chance {number(one.chance)}, blocks up to {number(level)}",
            words=(
                f"The {one.rows:,} labels of the {kind} {one.name} contradict what models that "
                f"never saw them expect, as if {percent(one.share, one.between)} had been turned "
                f"over; chance does that to one of {parts.looked_at:,} in {_seldom(one.chance)}."
            ),
        )
        for one in parts.worst
    ]


def _repeats(found: Found, asked: Poisoning) -> Compared:
    repeats, limit = found.repeats, _limit(found, asked)
    return Compared(
        what="newest batch: rows told several times",
        figure=repeats.share,
        limit=limit,
        holds=repeats.share <= limit,
        words=(
            f"{repeats.share:.1%} of {_newest(repeats)} are there several times over, and in no "
            f"earlier one more than {repeats.usual:.1%}: at most {limit:.1%} is usual."
        ),
    )


def _harm(found: Found, asked: Poisoning) -> Compared:
    harm, limit = found.harm, asked.harm * found.harm.loss
    return Compared(
        what="newest batch: loss that it surely adds",
        figure=harm.low,
        limit=limit,
        holds=harm.low <= limit,
        interval=(harm.low, 2 * harm.worse - harm.low),
        words=(
            f"With the newest batch of {harm.batch_rows:,} rows a quick model's loss is greater by "
            f"{number(harm.worse)} than without it, surely by {number(harm.low)}, on "
            f"{harm.rows:,} later rows of {count(harm.units, 'day')}: more than {number(limit)}."
        ),
    )


def _patterns(patterns: Patterns, asked: Poisoning) -> list[Compared]:
    level = asked.false_alarms / SCREENS
    return [
        Compared(
            what=f"{one.words}: how often so pure by chance",
            figure=one.chance,
            limit=level,
            holds=one.chance > level,
            words=(
                f"Where {one.words}, {one.pure:.1%} of {_labels(one)} are {one.label}, and models "
                f"that do not look at it expect {percent(one.expected, one.between)}: among "
                f"{patterns.cells:,} values and pairs chance does that in {_seldom(one.chance)}."
            ),
        )
        for one in patterns.worst
    ]


def _labels(planted: Planted) -> str:
    """How many labels a pattern has; of how many days, older evidence does not say."""
    labels = count(planted.rows, "label")
    return labels if planted.days is None else f"{labels} of {count(planted.days, 'day')}"
