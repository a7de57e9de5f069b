"""The frozen values of a lineage: where a version came from, and what a part of the lake led to.

What of a chain cannot be found any more is said in `gaps`, one sentence each; nothing is left out
in silence.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from tradewind.records import Moment, Pretrained, Record, Stretch

Reach = Literal["learned", "ahead", "judged", "unused", "unknown"]
"""How far the rows of a part could come in a training, by when they were known:

- `learned`: they lie before the judge stretch, and could reach fit, select or calibration, as rows
  of their own or as what features look back on;
- `ahead`: they lie in the judge stretch or later, and are judged on, at most: their labels came
  later. But something of them was known before it began, as a schedule is, and features could look
  at that by then;
- `judged`: none was known before the judge stretch began: the model was judged on them, at most;
- `unused`: none of them went on after validation;
- `unknown`: it cannot be told any more; to be on the safe side, they count as learned from.
"""
REACHES: tuple[Reach, ...] = ("learned", "ahead", "unknown", "judged", "unused")
"""The furthest first."""
TRAINED: frozenset[Reach] = frozenset({"learned", "ahead", "unknown"})
"""What could reach fit, select or calibration."""

Place = Literal["before", "fit", "select", "judge", "after"]
"""A stretch of prediction times; `before` is what features look back on."""
StateWord = Literal["champion", "arm", "former_champion", "never_live"]
Role = Literal["champion", "canary", "segment", "shadow"]
"""What a version did in a night; a shadow scores and decides nothing."""


class PartUse(Record):
    """One part that a training saw, and how far its rows came.

    Attributes:
        source: Its name in the definition; `source_id` names it in the lake.
        day: The UTC day; of a reference table, the day of the observation.
        observed: The moment that the observation stands for.
        rows: That the part holds, which is what the snapshot saw.
        went_on: How many were left after validation; None where that cannot be told any more.
        set_aside: How many validation quarantined.
        first_known: When the first row that went on became known; None of rows always known.
        places: The stretches that its times lie in, each a horizon earlier, as predictions are.
        through: The version by which it came here, where the model was not trained here.
        excluded: The event by which no manifest holds it any more; None where none says so.
    """

    source: str
    source_id: str
    day: date
    digest: str
    uri: str
    observed: Moment
    rows: int
    went_on: int | None
    set_aside: int | None
    first_known: Moment | None
    places: list[Place]
    reach: Reach
    why: str
    through: str | None = None
    excluded: int | None = None


class Span(Record):
    """Parts of one source that came equally far."""

    reach: Reach
    parts: int
    rows: int
    went_on: int | None
    first: date
    last: date


class SourceUse(Record):
    """All parts of one source that a training saw.

    Attributes:
        went_on: Rows left after validation; None where it cannot be told of every part.
        spans: The same, by how far they came.
        excluded: How many of the parts no manifest holds any more, by the event that says so.
    """

    source: str
    through: str | None
    parts: int
    rows: int
    went_on: int | None
    set_aside: int | None
    first: date
    last: date
    spans: list[Span]
    excluded: dict[int, int] = {}


class Held(Record):
    """Something in the lake, by its digest.

    Attributes:
        there: Whether it can still be found.
    """

    digest: str
    uri: str
    there: bool


class FeatureStep(Held):
    """The feature set that the model was fitted on; its digest is of the logical content.

    Attributes:
        rows: None where what was recorded of it is gone, as `labelled`, `pending` and `expired`.
    """

    rows: int | None = None
    labelled: int | None = None
    pending: int | None = None
    expired: int | None = None


class TrainingStep(Record):
    """The run that fitted the model.

    Attributes:
        run_id: As the ledger names it; `mlflow_run_id` is MLflow's.
        code_revision: The commit that the clone stood at.
        made_with: Python, requirements, packages, and the digest of the code that decides.
        pretrained: Where the model comes from, where it was not fitted here.
    """

    run_id: str | None
    mlflow_run_id: str | None
    model_uri: str | None
    as_of: Moment | None
    actor: str | None
    reason: str | None
    train_key: str | None
    candidate: str | None
    definition_digest: str | None
    code_revision: str | None
    made_with: dict[str, str]
    fit: Stretch | None
    select: Stretch | None
    judge: Stretch | None
    pretrained: Pretrained | None


class Happened(Record):
    """An event of the ledger about the version: an answer of a person, or a move."""

    event_id: int
    kind: str
    as_of: Moment
    recorded_at: Moment
    actor: str
    reason: str
    run_id: str | None


class NightUse(Record):
    """A night in which the version scored.

    Attributes:
        rows: For how many it decided; None where the night's record does not count them apart.
        log_uri: The night's prediction log, in the lake.
    """

    night: Moment
    role: Role
    rows: int | None
    log_uri: str

    @property
    def decided(self) -> bool:
        """Whether it decided for anybody, as far as the night's record can say."""
        return self.role != "shadow" and self.rows != 0


class VersionState(Record):
    """What a version is now."""

    word: StateWord
    sentence: str


class Lineage(Record):
    """The path to a version and from it, from the sources to the nights.

    Attributes:
        registered_by: The run that registered it; another one than trained it where that was
            reused.
        registered_at: By MLflow's clock; None where the version is not in MLflow any more.
        snapshots: What the training saw; a second one where a later run of the same inputs
            registered it.
        validated: As `snapshots`, the rows that went on.
        repaired: Cells repaired, by `source.column`.
        judged: The evaluation's headline.
        passed: Whether the gates let it through; None where the verdict is gone.
        gates: What each gate said, by gate.
        base: The version that the model was taken from, with the gaps of its own path among ours.
        approvals: What people were asked and answered, oldest first.
        moves: What brought it in, or took it back, oldest first.
    """

    model: str
    version: int
    state: VersionState
    registered_by: str | None
    registered_at: Moment | None
    sources: list[SourceUse]
    parts: list[PartUse]
    snapshots: list[Held]
    validated: list[Held]
    repaired: dict[str, int]
    features: FeatureStep | None
    training: TrainingStep
    evaluation: Held | None
    judged: str | None
    verdict: Held | None
    passed: bool | None
    gates: dict[str, str]
    base: str | None
    approvals: list[Happened]
    moves: list[Happened]
    nights: list[NightUse]
    gaps: list[str]

    @property
    def found_again(self) -> bool:
        """Whether another run than the training registered it, because its inputs were the same."""
        return None not in (self.registered_by, self.training.run_id) and (
            self.registered_by != self.training.run_id
        )


class SeenBy(Record):
    """A version whose training saw some of the parts that were asked about.

    Attributes:
        uses: Of those parts, how far each came.
        whole: Whether every manifest behind it could be read; otherwise it may have seen more.
        gaps: What of its chain cannot be found any more.
    """

    model: str
    version: int
    state: VersionState
    as_of: Moment | None
    uses: list[PartUse]
    whole: bool
    nights: list[NightUse]
    gaps: list[str]

    @property
    def reach(self) -> Reach:
        """How far the furthest of the parts came; `unknown` is further than judged on."""
        missing: list[Reach] = [] if self.whole else ["unknown"]
        return min([*missing, *(use.reach for use in self.uses)], key=REACHES.index)

    @property
    def trained(self) -> bool:
        """Whether a row of theirs could reach fit, select or calibration, or it cannot be told."""
        return self.reach in TRAINED


class SourceDays(Record):
    """What the snapshots of all versions hold of one source."""

    source: str
    source_id: str
    first: date
    last: date


class PartLineage(Record):
    """What parts of the lake led to.

    Attributes:
        asked: In the words of who asked.
        parts: Those that were found in a snapshot, by address: rows.
        versions: Every version that saw one of them, and those of which it cannot be told.
        unseen: Addresses of such parts that are in the lake, where no snapshot names one.
        there_is: What the snapshots hold instead, where they hold no such part.
    """

    asked: str
    parts: dict[str, int]
    versions: list[SeenBy]
    unseen: list[str] = []
    there_is: list[SourceDays] = []
