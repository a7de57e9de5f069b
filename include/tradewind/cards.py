"""What a model card says, as frozen values: gathered once, rendered whenever somebody looks.

Everything here is evidence, or the definition's own words; nothing is typed for a card. What nobody
has said is None or empty, and the page says whom to ask.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from tradewind.records import (
    Difference,
    Estimate,
    GateResult,
    Moment,
    PointInTimeProof,
    Pretrained,
    Record,
    Reference,
    Stretch,
)

# ------------------------------------------------------------------- what the definition says


class SaidPurpose(Record):
    """What the model is for, in its owner's words."""

    decision: str
    for_whom: str | None
    how_many: str | None
    success: str | None
    intended_use: list[str]
    not_for: list[str]
    limits: list[str]


class SaidIndicator(Record):
    """A figure by which harm would be seen, and what it is on the judged rows.

    Attributes:
        metric: A key of the rates by group.
        group: Whose it is, in words.
        limit: What is allowed, in words.
        then: What happens at night where it is beyond that, in words.
        rows: Judged rows of the group.
        figure: None where there is none, and `missing` says why.
    """

    name: str
    metric: str
    group: str
    limit: str
    then: str
    rows: int
    figure: Estimate | None
    missing: str


class SaidHarm(Record):
    """The harm review.

    Attributes:
        indicators: What the nights watch for it; of older cards one sentence each.
    """

    by: str
    on: date
    until: date
    helps: list[str]
    neutral: list[str]
    harms: list[str]
    indicators: list[SaidIndicator | str]


class SaidAcceptance(Record):
    """The error that the business accepted."""

    metric: str
    at_least: float | None
    at_most: float | None
    by: str
    on: date
    review: date


class SaidMeaning(Record):
    """What a column is, and what its codes say, by the value as it is printed."""

    what: str
    values: dict[str, str]


class SaidTask(Record):
    """What is predicted, of what, when.

    Attributes:
        horizon_seconds: How long before the event.
        label_meaning: What the label says, in the owner's words.
        selective: Whether a label is only ever seen after a positive decision.
    """

    problem: Literal["binary", "regression"]
    entity_key: list[str]
    event_time: str
    horizon_seconds: float
    timezone: str
    label: str
    label_meaning: str | None = None
    label_relation: str
    selective: bool


class SaidFallback(Record):
    """Who decides where the model does not."""

    rule: str
    by: list[str]
    otherwise: float | None


class SaidWaiver(Record):
    """A gate that somebody switched off."""

    gate: str
    by: str
    because: str
    until: date


class SaidRelease(Record):
    """How a candidate of this model reaches those it serves.

    Attributes:
        mode: `direct`, `shadow` or `canary`.
        approvals: How many people must approve.
        reviewers: Who may.
    """

    risk_tier: str
    mode: str
    approvals: int
    reviewers: list[str]


# ------------------------------------------------------------------------------- data and making


class SourceData(Record):
    """What was read of one source.

    Attributes:
        source_id: Where it is.
        parts: One a day (one an observation of a table without days).
        digest: Of its parts' digests, in order.
        first: Smallest of its time column; None for a table without one.
        kept: Rows that went on after validation.
        quarantined: Rows set aside.
    """

    name: str
    source_id: str
    parts: int
    rows: int
    digest: str
    first: Moment | None
    last: Moment | None
    kept: int
    quarantined: int


class Data(Record):
    """What the candidate was made from and judged on.

    Attributes:
        repaired: Cells put right, by `source.column`.
        warnings: Of validation, one line each.
        fit: What it learned from; `select` is what it was chosen on, `judge` what it never saw.
    """

    sources: list[SourceData]
    snapshot: Reference
    validated: Reference
    features: Reference
    features_version: str
    rows: int
    labelled: int
    pending: int
    expired: int
    proof: PointInTimeProof
    repaired: dict[str, int]
    warnings: list[str]
    fit: Stretch
    select: Stretch
    judge: Stretch


class Making(Record):
    """How the candidate was made, and with what.

    Attributes:
        members: The import paths of the estimators that it is made of, by name; empty where
            nothing was fitted.
        revision: The commit of the code, `-dirty` after it where files differed, or `unknown`.
        made_with: Python, machine, digest of the locked requirements and of the code that decides,
            version of each package that learns or scores.
    """

    candidate: str
    origin: str
    members: dict[str, str] = Field(default={})
    params: dict[str, Any] | None
    trials: int
    calibration: str
    decision_threshold: float | None
    train_key: str
    run_id: str
    model_uri: str
    definition_digest: str
    revision: str
    made_with: dict[str, str]
    pretrained: Pretrained | None


# ----------------------------------------------------------------------------------- what matters


class Weight(Record):
    """How much the model loses where one feature is shuffled.

    Attributes:
        kind: `numeric`, `categorical` or `boolean`.
        loss: By how much its loss grows, with an interval.
    """

    feature: str
    kind: str
    loss: Estimate


class Point(Record):
    """The mean answer where every row has this value.

    Attributes:
        at: The value in words.
        place: The value of a number; None of a category.
        answer: With an interval.
        rows: How many of the sampled rows lie here or nearest to here.
    """

    at: str
    place: float | None
    answer: Estimate
    rows: int


class Curve(Record):
    """Partial dependence: the mean answer over the values of one feature.

    Attributes:
        left_out: Rows whose value is none of those shown (a rarer category).
        missing: Rows that have no value.
    """

    feature: str
    kind: str
    points: list[Point]
    left_out: int
    missing: int


class Explained(Record):
    """What the finished model looks at, on judged rows.

    Attributes:
        metric: Whose growth says what a feature is worth: `log_loss` or `rmse`.
        rows: How many of the judged rows were looked at, spread evenly over their time.
        of: How many there are.
        units: Of how many resampling units.
        whole: The loss on these rows with nothing shuffled.
        shuffles: How often each feature was shuffled.
        weights: Of every feature, the greatest first.
        curve_rows: How many rows the curves stand on, of `curve_units` units.
        curves: Of the features that matter most.
    """

    metric: str
    rows: int
    of: int
    units: int
    unit: str
    confidence: float
    whole: Estimate
    shuffles: int
    weights: list[Weight]
    curve_rows: int
    curve_units: int
    curves: list[Curve]


# --------------------------------------------------------------------------------- how good it is


class Figure(Record):
    """One metric of every player on the same rows.

    Attributes:
        meaning: What it says, of an owner's own metric; None of the usual ones.
        players: `candidate`, `naive`, and `champion` where there is one.
        missing: Why a player has none.
    """

    metric: str
    meaning: str | None
    greater_is_better: bool | None
    players: dict[str, Estimate]
    missing: dict[str, str]


class Judged(Record):
    """Everybody's figures, and what they stand on.

    Attributes:
        metric: That decides.
        block: How many neighbouring units are drawn together.
        figures: The deciding one first.
    """

    metric: str
    greater_is_better: bool
    rows: int
    units: int
    unit: str
    confidence: float
    block: int
    draws: int
    champion_version: int | None
    champion_problem: str | None
    figures: list[Figure]
    against_naive: Difference | None
    against_champion: Difference | None


class SliceFigure(Record):
    """The deciding figure on a part of the judged rows.

    Attributes:
        origin: Why it was looked at: `declared`, `important` or `found`.
        unknown: Why there is no figure.
    """

    name: str
    origin: str
    rows: int
    units: int
    players: dict[str, Estimate]
    unknown: str | None


class Slices(Record):
    """Figures by part.

    Attributes:
        metric: The deciding one; the usual loss where that is a function of the owner's own.
        searched: Rows on which the worst parts were looked for.
        absent: Why there are none.
    """

    metric: str
    greater_is_better: bool
    searched: int
    parts: list[SliceFigure]
    absent: str | None


class GroupFigures(Record):
    """How one group of people is treated; `unknown` says why a figure is missing."""

    attribute: str
    group: str
    rows: int
    units: int
    figures: dict[str, Estimate]
    unknown: dict[str, str]


class GroupGap(Record):
    """The greatest gap between two groups by one measure.

    Attributes:
        limit: The most that the owner tolerates; None where it is shown and not held.
    """

    attribute: str
    measure: str
    rate: str
    high: str
    low: str
    gap: Estimate
    limit: float | None


class Fairness(Record):
    """How groups of people are treated.

    Attributes:
        protected: The columns that name the groups.
        absent: Why nothing is known.
    """

    protected: list[str]
    groups: list[GroupFigures]
    gaps: list[GroupGap]
    absent: str | None


class GateSaid(Record):
    """One gate's answer, with what it asks.

    Attributes:
        asks: In one sentence.
    """

    asks: str
    result: GateResult


class Worth(Record):
    """What the decisions on the judged rows are worth.

    Attributes:
        outcomes: What each outcome of a decision is worth, by name.
        players: In all, by player.
    """

    currency: str
    outcomes: dict[str, float]
    players: dict[str, Estimate]
    rows: int
    units: int


# ------------------------------------------------------------------------------------- the whole


class CardContents(Record):
    """Everything that a card says of one candidate.

    Attributes:
        as_of: The moment that its run stood at.
        passed: Whether no gate blocks it.
        evaluation: Where its figures are; `verdict` is where its gates' answers are.
        meanings: Of columns, as far as the owner said them.
        value: None where the definition says nothing of worth.
    """

    model: str
    owner: str
    as_of: Moment
    passed: bool
    verdict: Reference
    evaluation: Reference
    purpose: SaidPurpose
    harm: SaidHarm | None
    acceptance: SaidAcceptance | None
    task: SaidTask
    meanings: dict[str, SaidMeaning] = Field(default={})
    fallback: SaidFallback
    release: SaidRelease
    waivers: list[SaidWaiver]
    data: Data
    making: Making
    explained: Explained
    judged: Judged
    slices: Slices
    fairness: Fairness
    gates: list[GateSaid]
    value: Worth | None
