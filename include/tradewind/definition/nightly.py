"""What happens night after night: scoring, watching, retraining, promoting, alerting."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tradewind.definition.base import Duration, Identifier, Section
from tradewind.definition.learning import Candidate

Share = Annotated[float, Field(ge=0, lt=1)]
UserId = Annotated[str, Field(min_length=1)]
Way = Literal["log", "file", "email", "slack", "webhook"]


class NewSegments(Section):
    """When a value that training never saw may be served by the model."""

    labels: int = Field(default=200, ge=30)
    """Matured rows of the segment that the readiness test asks for."""
    error: float = Field(default=0.05, gt=0, lt=0.5)
    """The test's stated error: handing over a segment in which the model is worse than the rule."""


class Score(Section):
    """How a night is scored, and where the model must not decide."""

    every: Duration = Field(default="1 day", validate_default=True)
    """A night is the prediction times of so long, up to the as-of moment: whole days from local
    midnight to local midnight, or a part of a day, counted from local midnight."""
    reasons: int = Field(default=3, ge=0, le=20)
    """Reasons a row: the features that moved its prediction most. 0 leaves them out."""
    max_age: Duration = Field(default="180 days", validate_default=True)
    """A champion promoted longer ago than this is too old to decide; the fallback does."""
    unseen: Literal["fallback", "model"] = "fallback"
    """Who decides for a category that training never saw."""
    outside_range: float = Field(default=0.5, ge=0)
    """A number further outside its training range than this share of the range's width is decided
    by the fallback."""
    control_share: Share = 0.0
    """Of the entities, by a stable hash, that the naive rule decides for, so that the effect of the
    model can be measured where its decisions change the world."""
    new_segments: NewSegments = NewSegments()
    deadline: Duration = Field(default="3 hours", validate_default=True)
    """A night that is not scored so long after it was due raises an alert."""


class Drift(Section):
    """When two samples differ, and when that is worth an alarm."""

    window: Duration = Field(default="7 days", validate_default=True)
    """The scored rows that are compared with the champion's reference."""
    difference: float = Field(default=0.05, gt=0)
    """The least effect that is a difference, in standard deviations or their like; see
    `tradewind.stats.drift`."""
    false_alarms: float = Field(default=1.0, gt=0)
    """Expected false alarms in thirty nights, over all columns together."""
    matters: Share = 0.02
    """A feature matters whose share of the model's importance is at least this."""


class Watch(Section):
    """How the champion's figures on matured rows are held against what it was promoted on."""

    window: Duration = Field(default="28 days", validate_default=True)
    """Matured rows of so many nights."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """The deciding metric is below its bound where even the better end of its interval is worse
    than the worse end of the judged one."""
    least_units: int = Field(default=14, ge=5)
    """Fewer matured days than these bear no verdict on the model."""
    slices: list[str] = []
    """Features by whose values the deciding metric is shown."""
    expired_share: Share = 0.10
    """A greater share of predictions whose label never came is a breach."""


class Contract(Section):
    """What the data must keep to, beside the expectations of `validate`."""

    sensitivity: float = Field(default=5.0, gt=0)
    """How many robust standard deviations of the reference's own days a day's figure may be off."""
    ignore: list[str] = []
    """Columns that are not held against the reference's days."""


class Monitor(Section):
    """What is looked at each night."""

    drift: Drift = Drift()
    performance: Watch = Watch()
    contract: Contract = Contract()


class DriftPolicy(Section):
    """When drift retrains: `persisting` in features that matter, a plain `share`, or `never`."""

    policy: Literal["persisting", "share", "never"] = "persisting"
    nights: int = Field(default=3, ge=1)
    """For `persisting`: an alarm in so many of the last `of` nights, the latest among them."""
    of: int = Field(default=5, ge=1)
    above: Share = 0.10
    """For `share`: more than this share of the features in alarm; one night is enough."""

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.nights > self.of:
            msg = f"`nights: {self.nights}` of the last `of: {self.of}` can never be reached"
            raise ValueError(msg)
        return self


class WiderSearch(Section):
    """What is tried once where a retrain did not clear the cause."""

    trials: int | None = Field(default=None, ge=1, le=1000)
    """Configurations in all; three times the usual ones where nothing is said."""
    candidates: dict[Identifier, Candidate] = {}
    """More estimators, beside the usual ones."""
    window_days: int | None = Field(default=None, ge=30)
    """Another training window."""


class Retrain(Section):
    """When a retrain is launched, and the governor's limits on it."""

    cadence: Literal["never"] | Duration = Field(default="35 days", validate_default=True)
    """A champion that was neither trained nor challenged for so long is trained anew."""
    drift: DriftPolicy = DriftPolicy()
    wider: WiderSearch = WiderSearch()
    cooldown: Duration = Field(default="14 days", validate_default=True)
    """Between two launches."""
    at_most: int = Field(default=6, ge=1)
    """Launches within `window`."""
    window: Duration = Field(default="90 days", validate_default=True)
    budget: Duration = Field(default="12 hours", validate_default=True)
    """Computing time of the launches within `window`."""
    back_off: float = Field(default=2.0, ge=1)
    """Each launch that did not clear its cause makes the cool-down so many times longer."""
    attempts: int = Field(default=3, ge=1)
    """After so many launches in a row that did not clear the cause, a human is called."""


class Promotion(Section):
    """How a candidate that no gate blocks becomes champion, and how it is watched then."""

    mode: Literal["direct", "shadow", "canary"] = "direct"
    """`shadow` and `canary` let it score beside the champion first, until a comparison that may be
    looked at nightly says which is better."""
    share: Share = 0.05
    """Of the entities that a canary serves."""
    probation: Duration = Field(default="28 days", validate_default=True)
    """While it lasts, a champion whose guard metric is worse than its predecessor's on the same
    matured rows is rolled back."""
    error: float = Field(default=0.05, gt=0, lt=0.5)
    """The probability that a promotion of an equal model is ever rolled back, or an arm decided
    wrongly."""
    approval: Literal["by_risk", "required"] = "by_risk"
    """`required` asks one reviewer also where `risk_tier` asks none."""
    reviewers: list[UserId] = []
    """Who may approve: users by the id that Airflow's auth manager gives them. Nobody approves of a
    candidate whose training they started themselves."""
    approve_within: Duration = Field(default="3 days", validate_default=True)
    """No answer for so long is a rejection."""

    @model_validator(mode="after")
    def _people_have_time(self) -> Self:
        if self.approve_within <= timedelta(0):
            msg = "`approve_within` leaves nobody the time to answer"
            raise ValueError(msg)
        return self


class Alerts(Section):
    """Whom to tell, and how."""

    via: list[Way] = ["log", "file"]
    email: str | None = None
    """The Airflow connection of a mail server (`smtp`); the recipients are in `to`."""
    to: list[str] = []
    slack: str | None = None
    """The Airflow connection of a Slack incoming webhook."""
    webhook: str | None = None
    """The Airflow connection of any HTTP receiver of JSON."""
    runbook: str = ""
    """Where the model's own runbook is; the guide's page where nothing is said."""

    @model_validator(mode="after")
    def _each_way_has_its_connection(self) -> Self:
        for way in ("email", "slack", "webhook"):
            if (way in self.via) != (getattr(self, way) is not None):
                msg = f"`via: [{way}]` and `{way}: <connection>` belong together"
                raise ValueError(msg)
        if ("email" in self.via) != bool(self.to):
            msg = "`via: [email]` and `to: [addresses]` belong together"
            raise ValueError(msg)
        return self
