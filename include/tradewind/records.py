"""The frozen values that stages hand to each other.

Small by rule: they travel through Airflow's XCom, and data never does. Each names what it refers to
by a URI in the lake and the digest of that thing's logical content, with the counts a person wants
to see. `model_dump(mode="json")` and `model_validate` take them through any channel.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = f"a moment without a time zone: {moment.isoformat()}"
        raise ValueError(msg)
    return moment.astimezone(UTC)


Pipeline = Literal["train", "score", "monitor"]
"""What a run goes through, stage by stage."""
Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A point in time, always in UTC; one without a time zone is refused."""


class Record(BaseModel):
    """Base of every value passed between stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(Record):
    """Who asks for something, as whatever knows them says; never as they say themselves.

    Attributes:
        kind: What knows them: Airflow's auth manager, the operating system, or a commit.
        name: Airflow's name of who triggered the run, the operating system's of who runs the
            process, or `Name <mail>`; None where Airflow names nobody.
        roles: In Airflow; None where it does not tell.
    """

    kind: Literal["airflow", "shell", "commit"]
    name: str | None
    roles: list[str] | None = None

    def __str__(self) -> str:
        """`ann`, or `shell:ann`."""
        if self.name is None:
            return "somebody whom Airflow does not name"
        return f"shell:{self.name}" if self.kind == "shell" else self.name


class RunRequest(Record):
    """What somebody asks for: a run of one model at one moment.

    Attributes:
        run_id: Names the run everywhere: the pipeline, a slash, and Airflow's own run id where
            Airflow runs it. Airflow's are unique within one DAG only.
        as_of: The moment the run stands at; it sees nothing that became known later.
        actor: Who asked.
        reason: Why.
        window_days: Overrides the definition's training window, in days.
        candidate: Trains this one of the declared candidates only.
        wider: Searches as `retrain.wider` declares, because the usual search did not help.
        override: Why the governor's cool-down does not hold for this run by hand.
        trigger: Whether a person, the schedule or a decision started it.
        pipeline: What the run goes through.
        by: Who that is, for what is permitted; None where code asks, for which a shell answers.
    """

    model: str
    run_id: str
    as_of: Moment
    actor: str
    reason: str
    window_days: int | None = None
    candidate: str | None = None
    wider: bool = False
    override: str | None = None
    trigger: Literal["hand", "schedule", "decision"] = "hand"
    pipeline: Pipeline = "train"
    by: Identity | None = None


class Admission(Record):
    """A run that may go on: it holds the model's lease and a frozen definition.

    Attributes:
        definition_digest: Of the frozen model.yaml and features.sql; only this travels on.
        fencing_token: Grows with every lease of this model; an older one can change nothing. None
            for a run that takes no lease, because it never waits for a training.
        warning: What is wrong with the model's folder, where its last good definition is used.
        permitted: Under which permission a training by hand was let in.
    """

    request: RunRequest
    definition_digest: str
    fencing_token: int | None
    warning: str | None = None
    permitted: str = ""

    @property
    def model(self) -> str:
        """The model's name."""
        return self.request.model

    @property
    def as_of(self) -> datetime:
        """The moment the run stands at."""
        return self.request.as_of


class Refusal(Record):
    """A run that was not admitted, and why."""

    request: RunRequest
    reason: str


class Part(Record):
    """One source, one UTC day, whole, as observed at a moment.

    Attributes:
        source_id: Names the source by where it is, not by the model that reads it.
        day: The UTC day; for a reference table the day of the observation.
        as_of: The moment the observation stands for; `recorded_at` is when it was really made.
        change_token: What the source said of the day's state (its kind says how).
        digest: Of the logical content: columns, types, rows in key order.
        uri: The Parquet file, relative to the lake.
        min_event_time: Smallest of the time column (None for a reference table).
        columns: Arrow types by column name.
    """

    source_id: str
    day: date
    as_of: Moment
    recorded_at: Moment
    change_token: str
    digest: str
    uri: str
    rows: int
    min_event_time: Moment | None
    max_event_time: Moment | None
    columns: dict[str, str]


EXCLUDED = "(excluded)"
"""Where a snapshot's manifest says what is left out; no source has such a name."""


class Snapshot(Record):
    """A manifest of parts: what a run sees of its sources.

    Attributes:
        digest: Of the parts' digests, by source and day.
        uri: The manifest in the lake: `{source: [Part, ...]}`; and the days that are left out, by
            source, under `EXCLUDED` where there are any.
        rows: By source.
        parts: How many the manifest names.
        read: How many were read from the sources now (the others were there already).
        stale: Why a source's parts are of an earlier observation, by source; only where a night
            must go on without it.
        excluded: How many parts a person's order leaves out, by source; only where there are any.
    """

    digest: str
    uri: str
    rows: dict[str, int]
    parts: int
    read: int
    stale: dict[str, str] = {}
    excluded: dict[str, int] = {}


class Reference(Record):
    """Points back to what a thing was made from: its address in the lake and its digest."""

    digest: str
    uri: str


class Validated(Record):
    """The rows that may be learned from, after repair and validation.

    Attributes:
        digest: Of the rows that go on, the repairs and the expectations.
        uri: The manifest in the lake: Parquet files by source, of the rows that go on.
        snapshot: What was validated.
        report_uri: The whole result as JSON; the page is rendered from it when somebody looks.
        rows: Rows that go on, by source.
        repaired: Cells repaired, by `source.column`.
        quarantined: Rows set aside, by source.
        warnings: One line each.
    """

    digest: str
    uri: str
    snapshot: Reference
    report_uri: str
    rows: dict[str, int]
    repaired: dict[str, int]
    quarantined: dict[str, int]
    warnings: list[str]


class PointInTimeProof(Record):
    """Features recomputed with every source cut at the rows' own prediction times.

    Attributes:
        moments: How many prediction times were tried.
        rows: How many rows were recomputed, and found equal.
    """

    moments: int
    rows: int


class FeatureTests(Record):
    """The owner's tests of what makes the features, all of which passed.

    Attributes:
        passed: How many there are.
        tested: Features of which one of them says a value.
    """

    passed: int
    tested: list[str]


class FeatureSet(Record):
    """The frame a model learns from, one row an entity.

    Attributes:
        digest: Of the logical content.
        version: Of the SQL, the declared types and the snapshot.
        uri: Parquet in the lake, ordered by prediction time and key. Columns: the entity key,
            event_time, prediction_time, the features, label, label_known_at.
        snapshot: What the rows were read from.
        validated: What of it was learned from.
        labelled: Rows whose label was known at the as-of moment.
        pending: Rows whose label may still come.
        expired: Rows whose label can no longer come; counted, never dropped in silence.
        tests: What was run before the rows were made; None where there is no tests.yaml.
    """

    digest: str
    version: str
    uri: str
    snapshot: Reference
    validated: Reference
    rows: int
    labelled: int
    pending: int
    expired: int
    proof: PointInTimeProof
    tests: FeatureTests | None = None


class Stretch(Record):
    """A half-open stretch of prediction times and the labelled rows in it."""

    start: Moment
    end: Moment
    rows: int
    units: int


class Pretrained(Record):
    """Where a model comes from that was not trained here.

    Attributes:
        source: Its address or its file.
        provenance: Who trained it, on what.
        licence: What allows its use.
        trained_until: It learned from nothing that is as late as this; None where that is unknown.
    """

    source: str
    provenance: str
    licence: str
    trained_until: Moment | None


class TrainedModel(Record):
    """A candidate: fitted, calibrated where that helped, logged; not judged yet.

    Attributes:
        train_key: Of everything that decides the outcome: definition, features, seed,
            requirements, Python, threads. The same key is the same model.
        candidate: The declared name of the estimator that won the search.
        params: The searched parameters it won with, of a blend by `member.parameter`; None for a
            model that was trained before they were recorded.
        run_id: MLflow's run.
        model_uri: MLflow's logged model (`models:/m-...`).
        prediction_digest: Of its scores on the judge rows.
        trials: How many configurations were tried.
        pretrained: Where the winner comes from, if it was not trained here.
    """

    train_key: str
    candidate: str
    params: dict[str, Any] | None = None
    run_id: str
    model_uri: str
    prediction_digest: str
    decision_threshold: float | None
    calibration: str
    trials: int
    pretrained: Pretrained | None = None
    fit: Stretch
    select: Stretch
    judge: Stretch


class Estimate(Record):
    """A figure with its two-sided interval, by resampling whole units."""

    value: float
    low: float
    high: float
    standard_error: float


class Difference(Record):
    """Candidate against another on the same rows; above zero the candidate is better.

    Attributes:
        low: One-sided lower bound at the gates' confidence.
        standard_error: Of the difference, by resampling units in pairs.
        smallest_detectable: What these rows would show four times out of five.
    """

    value: float
    low: float
    standard_error: float
    smallest_detectable: float


ChampionState = Literal["never", "judged", "is_candidate", "unusable"]


class Evidence(Record):
    """What the gates are given: figures on the same judge rows for everybody.

    Attributes:
        candidate: Estimates by metric, as `naive` and `champion`.
        champion_state: `never`: the ledger knows of none. `unusable`: there is one and it cannot
            be judged on these rows; `champion_problem` says why.
        against_naive: The deciding metric's difference, as `against_champion`.
        money: Value of the decisions on the judge rows by player, where `value` is declared.
        missing: Why a figure is not there, by player and metric.
        day: The model's local day that the run stands at: what expires is held against it.
        findings: What was found for the gates that ask for more, by gate; each knows its shape.
        unfound: Why a finding is not there, by gate.
    """

    metric: str
    greater_is_better: bool
    confidence: float
    rows: int
    units: int
    unit: str
    candidate: dict[str, Estimate]
    naive: dict[str, Estimate]
    champion_state: ChampionState
    champion_version: int | None = None
    champion_problem: str | None = None
    champion: dict[str, Estimate] | None = None
    against_naive: Difference | None = None
    against_champion: Difference | None = None
    money: dict[str, Estimate] = {}
    currency: str | None = None
    missing: dict[str, dict[str, str]] = {}
    day: date
    findings: dict[str, dict[str, Any]] = {}
    unfound: dict[str, str] = {}


class Evaluation(Record):
    """Where the evidence is, and its headline.

    Attributes:
        uri: The evidence as JSON in the lake.
        headline: Figures for a person, one line.
        money: What the decisions are worth, one line, where `value` is declared.
        champion_version: Who was champion when the candidate was judged; it is promoted in place
            of that one only.
        scores_uri: What every player answered, a row each judge row in their order: `candidate`,
            `naive`, `champion` (where it was judged), and `judged`, whether the row counts.
    """

    digest: str
    uri: str
    scores_uri: str
    headline: str
    money: str | None = None
    champion_version: int | None = None


class Finding(Record):
    """Base of what one gate asks to be found; every figure in it is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Pinned(Record):
    """Rows that were pinned, on which versions of different times compare.

    Attributes:
        digest: Of the rows; it names them for good.
        uri: In the lake.
        days: How many whole days, from `start` to the day before `end`.
        left_out: Rows of those days without a label.
        features: How many features each row has.
    """

    model: str
    digest: str
    uri: str
    rows: int
    days: int
    start: date
    end: date
    left_out: int
    features: int


class Examination(Record):
    """Where the findings of one examination are.

    Attributes:
        uri: In the lake: `findings` and `unfound`, by gate.
        lines: What was looked at, and how long each took; one line a gate.
    """

    digest: str
    uri: str
    lines: list[str]


GateOutcome = Literal["passed", "blocked", "not_applicable", "waived"]


class GateResult(Record):
    """What one gate says.

    Attributes:
        sentence: For a manager: what was compared, and what follows.
        figure: What was compared (None where the evidence was missing).
        threshold: With what.
        interval: Around the figure.
        rows: How many rows it stands on, and `units` how many resampling units: the judged rows,
            unless it looked at others (the training rows) or at none.
        table: The figures behind it for a page, one row each, under the same headings.
    """

    gate: str
    outcome: GateOutcome
    sentence: str
    figure: float | None = None
    threshold: float | None = None
    interval: tuple[float, float] | None = None
    rows: int = 0
    units: int = 0
    table: list[dict[str, str]] = []


class Verdict(Record):
    """All gates' answers; one block blocks."""

    passed: bool
    digest: str
    uri: str
    results: list[GateResult]

    @property
    def account(self) -> str:
        """What the gates said, counted."""
        return account_of({one.gate: one.outcome for one in self.results}, passed=self.passed)


def account_of(outcomes: Mapping[str, str], *, passed: bool) -> str:
    """Tell of a verdict in one way: `no gate blocks it: 11 passed, 8 do not apply`.

    Args:
        outcomes: Each gate's outcome.
        passed: Whether the verdict does.
    """
    by: dict[str, list[str]] = {}
    for gate, outcome in outcomes.items():
        by.setdefault(outcome, []).append(gate)
    blocking = ", ".join(by.get("blocked", [])) or "a verdict that no gate passed"
    aside, off = len(by.get("not_applicable", [])), by.get("waived", [])
    counted = [
        *([f"{len(by['passed'])} passed"] if "passed" in by else []),
        *([f"{aside} {'does' if aside == 1 else 'do'} not apply"] if aside else []),
        *([f"{len(off)} switched off ({', '.join(off)})"] if off else []),
    ]
    said = "no gate blocks it" if passed else f"blocked by {blocking}"
    return f"{said}: {', '.join(counted)}" if counted else said


class Card(Record):
    """Where the model card of a candidate is.

    Attributes:
        digest: Of everything that it is made from.
        uri: What it says, as JSON in the lake: pages are rendered from it.
        place: Where it lies beside the candidate's run in MLflow: `card.html`, `.md` and `.json`.
        verdict_digest: Of the verdict that it tells.
        lines: The heart of it, for a person.
    """

    digest: str
    uri: str
    place: str
    verdict_digest: str
    lines: list[str]


class Question(Record):
    """What people are asked before a candidate is promoted, or why nobody is.

    Attributes:
        sentence: Who may answer until when; or why nobody is asked.
        verdict_digest: Of the verdict that the question is about.
        seat: Which of the people needed is asked for, from 1.
        reviewers: Who may answer, by the ids of Airflow's users; nobody where nobody is asked.
        until: When silence becomes a rejection.
        page_uri: What they are shown, in the lake: `markdown`.
    """

    sentence: str
    verdict_digest: str
    seat: int = 1
    reviewers: list[str] = []
    until: Moment | None = None
    page_uri: str | None = None


Answer = Literal["not_asked", "approved", "rejected", "timed_out", "void"]


class Approval(Record):
    """What came of asking people about a candidate.

    Attributes:
        answer: `void` is the answer of somebody who may not give one; it counts for none.
        verdict_digest: Of the verdict that it is about.
        seat: Which of the people needed it is, from 1.
        by: Who answered, by the id of Airflow's user, or the shell's; None for nobody.
        name: Who that is.
        note: What they left.
        at: When they answered, or were taken to have.
        reason: Why nobody was asked, or why the answer is void.
    """

    answer: Answer
    verdict_digest: str
    seat: int = 1
    by: str | None = None
    name: str | None = None
    note: str | None = None
    at: Moment | None = None
    reason: str | None = None


class Rejudged(Record):
    """A candidate that people were asked about, ready to be registered.

    Attributes:
        admission: The run's, with the lease that it has now.
        evaluation: What counts now, as `verdict`: of the first judgement, or anew.
        sentence: Whether it was judged anew, and why.
    """

    admission: Admission
    evaluation: Evaluation
    verdict: Verdict
    sentence: str


class Registration(Record):
    """What became of the candidate.

    Attributes:
        outcome: `promoted`; `unchanged` (it is the champion already); `blocked` by a gate;
            `would_have` (the as-of lies before the champion's: a verdict, no promotion);
            `started_as_arm` (it scores beside the champion first); `held` (nothing is promoted
            until a date) and `retired` (the model is): a version that a person may promote later;
            `rolled_back_before` (it needs a new verdict to return); `awaits_approval` (no gate
            blocks it, and people are still to say so); `rejected` (by people, or by silence).
        version: MLflow's version of the candidate, where it was registered.
        champion: The champion's version now.
        warning: What of MLflow and the ledger did not agree before.
    """

    outcome: Literal[
        "promoted",
        "unchanged",
        "blocked",
        "would_have",
        "started_as_arm",
        "held",
        "retired",
        "rolled_back_before",
        "awaits_approval",
        "rejected",
    ]
    version: int | None
    champion: int | None
    reason: str
    warning: str | None = None


class StageOutcome(Record):
    """One stage's result for a person: what the task's page and the command line show.

    Attributes:
        lines: A few sentences with the figures.
        report_uri: What to look at further, in the lake.
        mlflow_run_id: The run to look at further, in MLflow.
        result: The record that was handed on.
    """

    model: str
    run_id: str
    stage: str
    as_of: Moment
    lines: list[str]
    report_uri: str | None = None
    mlflow_run_id: str | None = None
    result: dict[str, Any] = {}


class Head(Record):
    """An entry of the ledger's chain of events, as it is kept outside the database too.

    Attributes:
        position: Of the entry, from 1.
        event_id: Of the event that it stands for.
        at: When that event was recorded.
        hash: 64 hexadecimal digits that hang on every event up to this one.
    """

    position: int
    event_id: int
    at: Moment
    hash: str

    @property
    def sentence(self) -> str:
        """All of it, as a person keeps it."""
        return (
            f"entry {self.position} of the ledger's chain, event {self.event_id} of "
            f"{self.at:%Y-%m-%d %H:%M:%S} UTC: {self.hash}"
        )
