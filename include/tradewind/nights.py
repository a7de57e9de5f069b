"""The frozen values of the nights: what was served, what became of it, what was decided and why.

Like those of `tradewind.records` they are small and travel through any channel; rows stay in the
lake, under the addresses that are named here.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from tradewind.records import Difference, Estimate, Head, Identity, Moment, Part, Record

Source = Literal["champion", "canary", "shadow", "fallback", "control"]
"""Who decided for a row. `control` is the naive rule on the declared control share."""

# --------------------------------------------------------------------------------------- serving


class Arm(Record):
    """A version that scores beside the champion.

    Attributes:
        name: `shadow:7`, `canary:7`, or `previous:6` for a champion's predecessor.
        kind: A shadow is recorded on all rows and never served; a canary is served to its share.
        share: Of the entities that a canary serves, by a stable hash; 0 for a shadow.
        since: The as-of moment from which it scores.
    """

    name: str
    version: int
    kind: Literal["shadow", "canary"]
    share: float
    since: Moment


class SegmentRule(Record):
    """A segment that is served otherwise than by the champion, with a reason and an end.

    Attributes:
        feature: Whose value makes the segment, such as `origin`.
        value: The value, as text.
        served_by: `fallback`, or the number of an older version.
        until: From this moment on the rule is void.
    """

    feature: str
    value: str
    served_by: int | Literal["fallback"]
    reason: str
    until: Moment


class ReadySegment(Record):
    """A segment never seen in training that may be served by the model all the same."""

    feature: str
    value: str


class LiveState(Record):
    """Who decides at a moment, by the ledger alone.

    Attributes:
        champion: The version that decides; None before the first.
        champion_since: The as-of moment from which it does.
        champion_uri: MLflow's logged model behind it.
        previous: The version that was really live before it and was not taken back since.
        switched_off: Why the model may not decide at all; None where it may.
        hold_until: No promotion before this moment.
        hold_reason: Why.
        retired: Why the model is retired; None where it is not.
        arms: Versions that score beside the champion.
        segments: Segments served otherwise, those only whose time has not run out.
        ready: Segments that passed the readiness test since the champion's promotion.
        accepted: Breaches that a person accepted as the new contract, as `detector:column`.
    """

    model: str
    as_of: Moment
    champion: int | None
    champion_since: Moment | None = None
    champion_uri: str | None = None
    previous: int | None = None
    switched_off: str | None = None
    hold_until: Moment | None = None
    hold_reason: str | None = None
    retired: str | None = None
    arms: list[Arm] = []
    segments: list[SegmentRule] = []
    ready: list[ReadySegment] = []
    accepted: list[str] = []


class Breach(Record):
    """A part of the data's contract that does not hold tonight.

    Attributes:
        detector: Which check found it, such as `null_rate` or `unit_change`.
        cause: What seems to have happened, in a word or two, such as `unit change`.
        source: The source it was found in; None where it was found in the features.
        column: The column; None where it is about whole rows.
        since: The first night of this breach in a row.
        sentence: What was seen, against what was expected.
    """

    detector: str
    cause: str
    source: str | None = None
    column: str | None = None
    since: Moment | None = None
    sentence: str

    @property
    def name(self) -> str:
        """What a person accepts, or an incident is named by: `detector:column`."""
        return f"{self.detector}:{self.column or self.source or 'rows'}"


class NightInputs(Record):
    """What a night can be scored on, also where something is wrong with it.

    Attributes:
        digest: Of the manifest and of what is broken.
        uri: The manifest in the lake: Parquet files by source, of the rows that go on.
        quarantine: Files of rows set aside, by source; their entities are served by the fallback.
        snapshot_digest: Of the parts behind it.
        rows: Rows that go on, by source.
        stale: Sources that did not answer, or not in the declared shape: their newest parts of an
            earlier observation are used.
        broken: Contract breaches that keep the model from deciding tonight.
        warnings: One line each.
        report_uri: The validation's whole result, where there is one.
    """

    digest: str
    uri: str
    quarantine: dict[str, str]
    snapshot_digest: str
    rows: dict[str, int]
    stale: dict[str, str]
    broken: list[Breach]
    warnings: list[str]
    report_uri: str | None = None


class NightFeatures(Record):
    """The night's entities with their features.

    Attributes:
        digest: Of the logical content.
        uri: Parquet in the lake: the entity key, event_time, prediction_time, the features, and
            `set_aside` (why validation set the row aside; null for a sound one).
        start: The night is of prediction times from `start` (exclusive)
        end: to `end` (inclusive), which is the as-of moment.
        rows: How many entities.
        set_aside: How many of them failed validation.
        definition_digest: Of the definition whose SQL gave them.
        broken: What was wrong with the rows themselves, such as an entity that came twice.
        warnings: One line each.
    """

    digest: str
    uri: str
    start: Moment
    end: Moment
    rows: int
    set_aside: int
    definition_digest: str
    broken: list[Breach] = []
    warnings: list[str] = []


class ScoredNight(Record):
    """A night's served decisions; the first record of a night is final.

    Attributes:
        night: The as-of moment.
        uri: The prediction log of the night, Parquet in the lake.
        features_uri: The features that were scored.
        features: The columns that were scored, by the definition of `definition_digest`.
        served: Served decisions by source.
        fallback_reasons: Rows by reason, in plain words.
        champion: The version that decided where a model did.
        arms: Arms that scored beside it.
        version_problems: Why a version could not score, by version.
        breaches: The contract breaches that were known when the night was served.
        contract_uri: What the night's features were like, day by day, for later nights; None where
            the champion has nothing to hold them against.
        rule_uri: The naive rule, where it was fitted for this night; None where the night went by
            its champion's own, and in records from before it was kept.
        mean_score: Of the served rows; None where there was none.
        seconds: What it took.
        peak_memory_mb: Of the process.
    """

    model: str
    night: Moment
    start: Moment
    digest: str
    uri: str
    features_uri: str
    features: list[str]
    definition_digest: str
    rows: int
    served: dict[str, int]
    fallback_reasons: dict[str, int]
    champion: int | None
    arms: list[Arm]
    version_problems: dict[str, str] = {}
    breaches: list[Breach] = []
    contract_uri: str | None = None
    rule_uri: str | None = None
    mean_score: float | None = None
    seconds: float = 0.0
    peak_memory_mb: float = 0.0


# ------------------------------------------------------------------------------------ monitoring


class ColumnDrift(Record):
    """How one column of the last window compares with the champion's reference.

    Two things are kept apart: a `difference` (the two samples differ by at least an effect) and an
    `alarm` (a difference beyond what this column's own past slices show).

    Attributes:
        effect: The effect's estimate, corrected for what the sample size alone would produce.
        effect_floor: From which on it is a difference.
        alarm_level: From which on it is an alarm; None where too few slices can say.
        values: `psi`, `jensen_shannon`, `wasserstein`, `ks`, `chi_squared`, `null_rate`,
            `null_rate_reference`: those that the column's kind has.
        importance: The column's share of what the model loses without it; None where unknown.
        sentence: For a person.
    """

    column: str
    role: Literal["feature", "prediction", "label"]
    kind: Literal["numeric", "categorical", "boolean"]
    rows: int
    reference_rows: int
    state: Literal["too_few_rows", "no_difference", "difference"]
    alarm: bool
    effect: float | None
    effect_floor: float
    alarm_level: float | None
    p_value: float | None
    values: dict[str, float]
    new_categories: list[str] = []
    vanished_categories: list[str] = []
    importance: float | None = None
    sentence: str


class LabelCounts(Record):
    """What became of the predictions of the watched nights; only `matured` ones are judged."""

    predictions: int
    matured: int
    pending: int
    expired: int
    revised: int = 0
    """Labels that were another at an earlier night: judged by the newest known at the as-of."""
    orphans: int = 0
    """Labels of entities that were never predicted."""


class Performance(Record):
    """How the champion does on matured rows.

    Attributes:
        figures: Estimates by metric.
        naive: The naive rule's, on the same rows.
        previous: The previous champion's, where it scores in shadow.
        judged: The deciding metric at promotion, with its interval.
        against_naive: The deciding metric's difference; above zero the champion is better.
        below_bound: Whether the deciding metric is worse than the judged figure's bound allows.
        slices: The deciding metric by slice, such as `origin=JFK`.
        estimated: The deciding metric from the calibrated scores alone, before labels mature: an
            estimate, and called one.
        sentence: For a person.
    """

    metric: str
    greater_is_better: bool
    rows: int
    units: int
    start: Moment | None
    end: Moment | None
    figures: dict[str, Estimate]
    naive: dict[str, Estimate]
    previous: dict[str, Estimate] | None = None
    previous_version: int | None = None
    judged: Estimate | None = None
    against_naive: Difference | None = None
    below_bound: bool = False
    slices: dict[str, Estimate] = {}
    estimated: Estimate | None = None
    estimated_rows: int = 0
    missing: dict[str, str] = {}
    sentence: str


class Guard(Record):
    """The watch over a fresh promotion, or over an arm: a comparison that may be looked at nightly.

    Attributes:
        first: The version that is watched.
        second: The one that it is compared with, on the same matured rows.
        mean_difference: Loss of the first above the second, a row; above zero the first is worse.
        low: Of the anytime-valid interval, and `high`.
        state: What the interval says.
        error: The stated probability of ever saying it wrongly.
        detectable: The loss that the units so far could show.
    """

    first: int
    second: int
    metric: str
    units: int
    rows: int
    mean_difference: float | None
    low: float | None
    high: float | None
    state: Literal["first_worse", "first_better", "undecided"]
    error: float
    detectable: float | None = None
    sentence: str


HarmState = Literal["harm", "within", "unknown"]


class HarmIndicator(Record):
    """A declared figure by which harm would be seen, on the champion's matured rows.

    Attributes:
        where: The group, such as `sex = 2`.
        figure: None where the rows are too few, which is `unknown` and never `within`.
        state: `harm` where the whole interval lies beyond the declared limit.
        then: What harm does.
    """

    name: str
    metric: str
    where: str
    rows: int
    units: int
    figure: Estimate | None
    state: HarmState
    then: Literal["alert", "switch_off"]
    sentence: str


class Monitoring(Record):
    """What one night's look came to: the evidence of the decision, by value.

    Attributes:
        uri: The whole, with the plots' figures, as JSON in the lake.
        champion: Who decided; None before the first.
        champion_since: From when on.
        breaches: Where the data's contract does not hold tonight.
        drift: Every watched column.
        labels: Of the nights of the performance window.
        performance: None where no label has matured, or there is no champion.
        probation: The watch over the champion's promotion, while its probation lasts.
        arms: The watch over each arm, by its name.
        ready: Segments that passed the readiness test tonight.
        indicators: What the harm review declares to be watched.
        people: Fairness figures and coverage by protected attribute, in plain values.
        value: What the model's decisions were worth above the naive rule's, with interval.
        operations: Rows, seconds, memory, failures, age of the model, callers.
        problems: What could not be looked at, and why: never read as all being well.
    """

    model: str
    as_of: Moment
    digest: str
    uri: str
    champion: int | None
    champion_since: Moment | None
    night: ScoredNight | None
    breaches: list[Breach]
    drift: list[ColumnDrift]
    labels: LabelCounts
    performance: Performance | None
    probation: Guard | None = None
    arms: dict[str, Guard] = {}
    ready: list[ReadySegment] = []
    indicators: list[HarmIndicator] = []
    people: dict[str, dict[str, float | str]] = {}
    value: Estimate | None = None
    value_currency: str | None = None
    operations: dict[str, float | str] = {}
    problems: list[str] = []


# -------------------------------------------------------------------------------------- deciding

Action = Literal[
    "nothing",
    "quarantine",
    "switch_off",
    "retrain",
    "wider_search",
    "roll_back",
    "back_off",
    "call_human",
]


class PastNight(Record):
    """What a night's look came to, as far as later nights need it.

    Attributes:
        alarmed: Columns in alarm that matter to the model.
        broken: Breaches of the contract, as `detector:column`.
        causes: What asked for a retrain that night: `no_champion`, `performance`, `drift`.
        judged: Which of these the night could judge at all; of the others it says nothing.
    """

    as_of: Moment
    alarmed: list[str]
    broken: list[str]
    causes: list[str] = []
    judged: list[str] = []


class PastRetrain(Record):
    """A training, and what became of it.

    Attributes:
        decided: The moment that it stands for.
        cause: Of the decision that launched it; of any other training who started it, `hand` or
            `schedule`.
        outcome: As a registration says it (`promoted`, `blocked` ...), or `failed`, `refused`,
            `running`.
        seconds: Of computing; 0 while it runs.
    """

    decided: Moment
    run_id: str
    cause: str
    outcome: str
    wider: bool = False
    seconds: float = 0.0


class Grounds(Record):
    """All that a decision stands on; the same grounds give the same decision.

    Attributes:
        monitoring: Tonight's look.
        past: The looks of earlier nights, oldest first.
        retrains: Every launch, oldest first; for a night that is made up for, also of later ones.
        others: The trainings of the window that no decision launched, by hand or on schedule, and
            the last one before it that came to a verdict, oldest first.
        live: Who decides tonight.
        in_flight: The run that holds the model's lease, if any.
        launched_lately: When the newest launch was written, of a model whose nights run on a
            schedule and only where that is within the cool-down by the ledger's clock.
        barred: Why the version before the champion may not come back; None where it may.
    """

    monitoring: Monitoring
    past: list[PastNight]
    retrains: list[PastRetrain]
    others: list[PastRetrain] = []
    live: LiveState
    in_flight: str | None = None
    launched_lately: Moment | None = None
    barred: str | None = None


class Alternative(Record):
    """What might have been decided, and why it was not."""

    action: Action
    why_not: str


class GovernorWord(Record):
    """Whether a launch may go on, by the limits that are declared.

    Attributes:
        rule: Which limit spoke: `cooldown`, `window`, `in_flight`, `budget`, `back_off`,
            `attempts`, or `none`.
        until: When it would be allowed again, where time heals it.
    """

    allowed: bool
    rule: str
    sentence: str
    until: Moment | None = None


class Decision(Record):
    """What was decided for one model in one night.

    Attributes:
        actions: In order; more than one where a rollback is followed by a retrain.
        layer: Which layer failed, where one did.
        cause: The evidence that decided, in a word: `contract`, `probation`, `performance`,
            `drift`, `age`, `no_champion`, `not_looked` or `none`.
        reason: In a sentence.
        governor: What the governor said where a launch was wanted.
        roll_back_to: The version, where it rolls back.
        run_id: Of the training that is launched, which is named before it starts.
        grounds_digest: Of what it stands on, kept in the lake at `grounds_uri`.
    """

    model: str
    as_of: Moment
    actions: list[Action]
    layer: Literal["data", "platform", "model", "none"]
    cause: str
    reason: str
    alternatives: list[Alternative]
    governor: GovernorWord | None = None
    roll_back_to: int | None = None
    wider: bool = False
    run_id: str | None = None
    grounds_digest: str = ""
    grounds_uri: str = ""

    @property
    def launches(self) -> bool:
        """Whether a training is launched."""
        return bool({"retrain", "wider_search"} & set(self.actions))


# ------------------------------------------------------------------------------------- releasing

ReleaseAction = Literal[
    "promote",
    "roll_back",
    "hold",
    "start_canary",
    "start_shadow",
    "stop_arm",
    "fall_back",
    "resume",
    "retire",
    "segment",
    "accept_contract",
    "exclude",
    "readmit",
]


class ReleaseOrder(Record):
    """What a person (or the monitor) orders for a model.

    Attributes:
        version: Whom to promote, to roll back to, or to start as an arm.
        until: End of a hold, of a segment's rule or of an accepted breach.
        share: Of a canary.
        feature: The segment's feature, and `value` its value.
        served_by: Who serves the segment: `fallback`, or the number of an older version.
        breach: `detector:column`, the breach that is the contract, or with `resume` is one again.
        source: Whose parts are left out, or come back, by its name in the definition.
        first_day: The first UTC day of them; from the source's first where nothing is said.
        last_day: The last UTC day of them, which is among them; without an end where nothing is.
        parts: Digests of single parts, or their addresses in the lake, in the place of days.
        exclusion: The number of the event by which the parts that come back were left out.
        by: As `RunRequest.by`.
    """

    model: str
    action: ReleaseAction
    as_of: Moment
    actor: str
    reason: str
    run_id: str
    version: int | None = None
    until: Moment | None = None
    share: float | None = None
    feature: str | None = None
    value: str | None = None
    served_by: str | None = None
    breach: str | None = None
    source: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    parts: list[str] = []
    exclusion: int | None = None
    by: Identity | None = None


class LeftOut(Record):
    """Parts of a source that no manifest holds, whichever model reads it.

    Attributes:
        source: What the model that ordered it calls the source.
        place: Where the source is, however a model reads it.
        first_day: The first UTC day; None for the source's first.
        last_day: The last UTC day, which is left out too; None where there is no end.
        parts: Addresses of single parts, in the place of days: a day that is observed anew is
            another part.
    """

    source: str
    place: str
    first_day: date | None = None
    last_day: date | None = None
    parts: list[str] = []

    @property
    def what(self) -> str:
        """For a sentence, such as `customers from 2024-02-01 to 2024-02-05`."""
        if self.parts:
            return f"{len(self.parts)} part{'s' * (len(self.parts) > 1)} of {self.source}"
        if self.first_day and self.first_day == self.last_day:
            return f"{self.source} of {self.first_day}"
        since = f" from {self.first_day}" if self.first_day else ""
        until = f" to {self.last_day}" if self.last_day else " on" * bool(since)
        return f"{self.source}{since}{until}" if since or until else f"all of {self.source}"

    def covers(self, part: Part) -> bool:
        """Whether a part of this source is left out."""
        if self.parts:
            return part.uri in self.parts
        late_enough = self.first_day is None or part.day >= self.first_day
        return late_enough and (self.last_day is None or part.day <= self.last_day)


class Exclusion(LeftOut):
    """Parts that are left out, as the ledger has it.

    Attributes:
        event_id: By which the exclusion is named when it ends.
        model: For which it was ordered.
        as_of: The moment from which on it holds.
        tainted: Versions by model that were trained on the parts, when it was ordered.
    """

    event_id: int
    model: str
    as_of: Moment
    actor: str
    reason: str
    tainted: dict[str, list[int]] = {}


class TaintedVersion(Record):
    """A version that was trained on parts that are left out.

    Attributes:
        state: What the version is now, in words.
        decides: Whether it decides for anybody.
        rows: That the parts hold which it may have learned from.
        whole: Whether all that it was trained on can still be told; otherwise it may have seen
            them, and counts as tainted.
    """

    model: str
    version: int
    state: str
    decides: bool
    rows: int
    whole: bool


class Cutting(Record):
    """What leaving parts out, or taking them back in, came to.

    Attributes:
        exclusion: What is left out, or was.
        already: Whether it was left out before this order.
        parts: How many parts it covers, by their newest observation; `rows` in them.
        tainted: Every version of every model that was trained on them, as they were before.
        done: What was changed of who decides, in order.
        others: What is to be pressed for other models, by model.
        training: Why a training without the parts is to begin; None where none is.
    """

    exclusion: Exclusion
    already: bool
    parts: int
    rows: int
    tainted: list[TaintedVersion]
    done: list[str] = []
    others: dict[str, str] = {}
    training: str | None = None


class Released(Record):
    """What an order came to, and under which permission.

    Attributes:
        cutting: Where data were left out, or taken back in.
    """

    order: ReleaseOrder
    before: LiveState
    after: LiveState
    sentence: str
    permitted: str = ""
    cutting: Cutting | None = None


class RankedVersion(Record):
    """A version among the last, on rows that none of them was trained on.

    Attributes:
        place: From 1, the best; None where it could not be scored.
        champion: Whether it decides now.
        may_return: Whether a rollback can go to it: it was live before, and not taken back since.
        figure: The deciding metric, with its interval.
        against_champion: Its difference to the champion; above zero it is better.
        problem: Why it could not be scored.
    """

    version: int
    place: int | None
    champion: bool
    may_return: bool
    figure: Estimate | None = None
    against_champion: Difference | None = None
    problem: str | None = None


class Ranking(Record):
    """The last versions side by side, best first, for whoever is about to roll back.

    Attributes:
        rows: The matured rows that they were scored on, from `start` on; `units` of them.
    """

    model: str
    as_of: Moment
    metric: str
    greater_is_better: bool
    rows: int
    units: int
    start: Moment | None
    versions: list[RankedVersion]
    sentence: str


# -------------------------------------------------------------------------------------- alerting

Severity = Literal["info", "warning", "critical"]
Layer = Literal["data", "platform", "model"]


class Symptom(Record):
    """Something that is wrong tonight, and what to do about it.

    Attributes:
        key: Names the cause, such as `contract:unit change`; the same cause has the same key.
        layer: Which layer failed.
        way_out: What to press.
        details: One line each.
    """

    key: str
    title: str
    layer: Layer
    severity: Severity
    way_out: str
    details: list[str] = []


class Incident(Record):
    """One cause, from its first sight to its end.

    Attributes:
        key: Names the cause, such as `contract:unit_change:temp`; one open incident a key.
        layer: Which layer failed.
        way_out: What to press.
        seen: How often it was seen since it was opened.
        to_tell: Whether somebody is still to hear of it: that it began, became worse, or is over.
    """

    model: str
    key: str
    title: str
    layer: Layer
    severity: Severity
    owner: str
    way_out: str
    runbook: str
    state: Literal["open", "acknowledged", "closed"]
    opened: Moment
    updated: Moment
    seen: int
    details: list[str] = []
    acknowledged_by: str | None = None
    silenced_until: Moment | None = None
    to_tell: bool = True

    @property
    def is_silent(self) -> bool:
        """Whether nobody is to be told of it now."""
        return self.silenced_until is not None and self.silenced_until > self.updated


class Alerted(Record):
    """What a night changed about what is wrong.

    Attributes:
        news: Incidents that a person is still to hear of: opened, worse, or over; silenced ones
            are not among them.
        open: Every incident that is open now, by key.
        closed: Keys of those that ended tonight.
        head: The newest entry of the ledger's chain that the lake keeps; None where none is kept.
    """

    news: list[Incident]
    open: list[str]
    closed: list[str]
    head: Head | None = None
