"""One decision's story, as frozen values: gathered once, told wherever somebody looks.

Nothing here is made up afterwards: what was served is read from the night's own files, and what is
computed again (the reasons) is held against it.
"""

from __future__ import annotations

from typing import Literal

from tradewind.nights import Source
from tradewind.records import Moment, Record


class KeyMatches(Record):
    """Entities of a night whose key is like the one that was asked for.

    Attributes:
        asked: As it was written.
        rows: How many there are.
        keys: The first of them, in the short form that can be asked for.
    """

    model: str
    night: Moment
    asked: str
    rows: int
    keys: list[str]


class RawRow(Record):
    """A row of a source, as it was known at the prediction time.

    Attributes:
        values: By column, as text; null where the source has none.
        known_at: When it became known; None for a reference table that does not say.
        repaired: What a repaired cell was before, by column.
        set_aside: Why validation set the row aside; None for a sound one.
    """

    values: dict[str, str | None]
    known_at: Moment | None
    repaired: dict[str, str | None]
    set_aside: str | None


class RawRows(Record):
    """What a relation that the features read holds of an entity.

    Attributes:
        relation: A source, or `<source>_<late name>`.
        by: The columns in which its rows have the entity's own values; empty where they share none.
        rows: How many such rows were known at the prediction time.
        known: How many rows of it were known then in all.
        shown: The newest of the entity's, a handful.
    """

    relation: str
    by: list[str]
    rows: int
    known: int
    shown: list[RawRow]


class ExplainedFeature(Record):
    """A feature of the row that was scored.

    Attributes:
        value: As text; None where it is missing.
        what: What it is, in the owner's words; None where nobody said it.
        says: What its value says, where that is a code.
        usual: How usual that is among the rows that the version was trained on, in words; None
            where no version, or no profile of its rows, says it.
        place: The share of those rows with a smaller value, half of the equal ones among them; of
            a word or a truth value, the share with the same one. None where unknown.
        effect: How much it moved the score, on the margin's scale; None where no version decided.
    """

    name: str
    kind: str
    value: str | None
    usual: str | None
    place: float | None = None
    effect: float | None = None
    what: str | None = None
    says: str | None = None


class ExplainedScore(Record):
    """The way from the mean to the served score: `mean + every feature's effect = margin`.

    Attributes:
        version: Whose score.
        scale: What the margin is: `log-odds`, `probability`, `value`, `log of the value`, or `own`
            where it is none of these.
        mean: The margin where nothing is known of the row.
        margin: The score before calibration, on the scale that effects add up on.
        before: The score before calibration.
        after: The score after calibration, computed now.
        served: The score that was served.
        calibration: How it was calibrated; None where it was not.
        exact: Whether the effects are exact, or estimated over a fixed sample.
        tolerance: Up to which the sums must agree.
        problems: What does not agree, in plain words; empty where all does.
    """

    version: int
    scale: Literal["log-odds", "probability", "value", "log of the value", "own"]
    mean: float
    margin: float
    before: float
    after: float
    served: float
    calibration: str | None
    exact: bool
    tolerance: float
    problems: list[str]


class ExplainedDecider(Record):
    """Who decided, and why that one.

    Attributes:
        words: Who, in a few words, such as `version 3, the champion`.
        because: One sentence each, in their order: the rule, the event behind it, who approved.
    """

    source: Source
    version: int | None
    alias: str | None
    words: str
    because: list[str]


class ExplainedNaive(Record):
    """What the naive rule says of the row.

    Attributes:
        score: As the night recorded it.
        threshold: From which score on it decides for 1; None where unknown, or nothing is decided.
        words: How it comes to that.
        computed: What it says of the same features now; None where the rule is not there.
        tolerance: Up to which that must agree with what was recorded.
        problem: That it does not, in plain words; None where it does.
    """

    score: float | None
    decision: int | None
    threshold: float | None
    words: str
    computed: float | None = None
    tolerance: float | None = None
    problem: str | None = None


class OtherAnswer(Record):
    """What a version said that was not served: a shadow, or the champion beside a canary."""

    alias: str
    version: int
    score: float | None
    decision: int | None


class ExplainedLabel(Record):
    """What became of it.

    Attributes:
        state: `known`, `pending`, `expired` where it can no longer come, or `unknown` where no
            later night has looked.
        label: As text; None where it is not known.
        looked: The night whose rows say so.
        problem: Why no label can be told, where something is wrong with it.
    """

    state: Literal["known", "pending", "expired", "unknown"]
    label: str | None = None
    known_at: Moment | None = None
    looked: Moment | None = None
    problem: str | None = None


class Explained(Record):
    """One decision's story.

    Attributes:
        night: The as-of moment of the night that served it.
        key: The entity's key by column, as text.
        short_key: The same as one would type it.
        score: As it was served.
        decision: 1 or 0; None for a regression.
        threshold: The score from which on whoever decided says 1; None where unknown, or nothing
            is decided.
        model_score: What the version says of the row, also where it did not decide.
        fallback_reason: Why the fallback decided; None where it did not.
        raw: The rows of the sources; `raw_problem` why they cannot be shown.
        warnings: What validation said of that night.
        usual_problem: Why it is not known how usual its features are; None where it is known, and
            where no version stands for it.
        reasons: The way to the score, where a version decided; `reasons_problem` why not.
        owner: Whom to ask.
        contest: How to contest it.
        kept: Where what was read lies, by name.
    """

    model: str
    night: Moment
    key: dict[str, str]
    short_key: str
    event_time: Moment
    prediction_time: Moment
    score: float | None
    decision: int | None
    threshold: float | None
    model_score: float | None
    fallback_reason: str | None
    raw: list[RawRows]
    raw_problem: str | None
    warnings: list[str]
    features: list[ExplainedFeature]
    reasons: ExplainedScore | None
    reasons_problem: str | None
    decider: ExplainedDecider
    naive: ExplainedNaive
    others: list[OtherAnswer]
    label: ExplainedLabel
    owner: str
    contest: str
    kept: dict[str, str]
    usual_problem: str | None = None
