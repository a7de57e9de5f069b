"""One model, whole: the typed form of `model.yaml`."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tradewind.definition.base import Column, Columns, Duration, Identifier, OrText, Section
from tradewind.definition.gates import Gates
from tradewind.definition.governance import Acceptance, HarmReview
from tradewind.definition.learning import (
    DEFAULT_CANDIDATES,
    Candidate,
    Fallback,
    Features,
    Label,
    Metrics,
    Problem,
    Train,
    Value,
)
from tradewind.definition.nightly import Alerts, Monitor, Promotion, Retrain, Score
from tradewind.definition.permissions import Permissions
from tradewind.definition.retention import Retention
from tradewind.definition.scorecard import ScorecardSection
from tradewind.definition.sources import Repair, Source, Validate

RiskTier = Literal["low", "high", "critical"]
Sentence = Annotated[str, Field(min_length=1)]
_PEOPLE: dict[RiskTier, int] = {"low": 0, "high": 1, "critical": 2}


class Purpose(Section):
    """Why this model exists, in its owner's words."""

    decision: str = Field(min_length=1)
    """Which decision it serves."""
    for_whom: str | None = None
    how_many: str | None = None
    """How many decisions a night."""
    success: str | None = None
    """How one would see that it works."""
    intended_use: list[Sentence] = []
    """What it may be used for, one use each; for the model card, as the two lists that follow."""
    not_for: list[Sentence] = []
    """What it must not be used for, though somebody might."""
    limits: list[Sentence] = []
    """What whoever uses it must know of where it fails, beyond what its figures show."""


class Resources(Section):
    """What a model's tasks may use."""

    pool: str = "default_pool"
    """The Airflow pool that its trainings wait for; a night waits for no training."""
    queue: str | None = None
    """The Celery queue that its trainings run on; it acts with the Celery executor only."""
    threads: int = Field(default=1, ge=1)
    """Threads of the numerical libraries."""
    memory: str = Field(default="2GB", pattern=r"^\d+(\.\d+)?\s*(MB|GB)$")
    """What DuckDB may hold before it goes to disk."""


class Schedule(Section):
    """When it runs, and how hard it tries."""

    train: str | None = None
    """A cron expression in the model's time zone; by hand only where nothing is said."""
    score: str | None = None
    """When a night is scored, as a cron expression; by hand only where nothing is said. Monitoring
    follows each scoring by itself."""
    first_night: date | None = None
    """With `score`: nights from here on that were missed are caught up, oldest first."""
    today: date | None = None
    """The day that stands for today where the data end in the past: a run for which nobody names
    an as-of date stands at its first moment. Left out, that is the last midnight."""
    retries: int = Field(default=2, ge=0, le=10)
    retry_delay: Duration = Field(default="1 minute", validate_default=True)
    """Before the first retry; each further one waits twice as long."""
    task_timeout: Duration = Field(default="1 hour", validate_default=True)
    """A task that takes longer fails."""

    @model_validator(mode="after")
    def _every_key_acts(self) -> Self:
        for key in ("train", "score"):
            if self.today is not None and getattr(self, key) is not None:
                msg = (
                    f"`today` stands still and `{key}` runs night after night: each would be the "
                    "same night again. Leave one of them out"
                )
                raise ValueError(msg)
        if (self.score is None) != (self.first_night is None):
            msg = (
                "`score` and `first_night` belong together: the first says when a night is scored, "
                "the second from when on a night that was missed is caught up"
            )
            raise ValueError(msg)
        if self.retries == 0 and "retry_delay" in self.model_fields_set:
            msg = "with `retries: 0` nothing is tried again, and `retry_delay` says nothing"
            raise ValueError(msg)
        return self


def _as_purpose(value: object) -> object:
    return {"decision": value} if isinstance(value, str) else value


@cache
def _time_zones() -> frozenset[str]:
    # To list them, all their files are looked for: longer than the rest of a definition takes.
    return frozenset(available_timezones())


class ModelDefinition(Section):
    """What `config/models/<name>/model.yaml` says, with every default filled in."""

    name: Identifier
    owner: str = Field(min_length=1)
    purpose: Annotated[Purpose, BeforeValidator(_as_purpose), OrText()]
    """A sentence, or its parts."""
    risk_tier: RiskTier = "low"
    """How bad a wrong model is. `low` promotes by itself, `high` needs the approval of one declared
    reviewer, `critical` that of two."""
    acceptance: Acceptance | None = None
    """The error that the business can live with; asked for from `risk_tier: high` on."""
    harm_review: HarmReview | None = None
    """Who is helped and who harmed; asked for from `risk_tier: high` on."""
    problem: Problem
    entity_key: Columns
    """The columns that name what a row of the features is about."""
    event_time: Column
    """The column of features.sql with the moment that the prediction is about."""
    horizon: Duration = Field(default="0 minutes", validate_default=True)
    """How long before the event the prediction is made."""
    timezone: str = "UTC"
    """Whose midnight a bare as-of date means."""
    sources: dict[Identifier, Source] = Field(min_length=1)
    repair: list[Repair] = []
    validate_: Validate = Field(default=Validate(), alias="validate")
    features: Features
    label: Label
    metrics: Metrics = Metrics()
    train: Train = Train()
    fallback: Fallback = Fallback()
    gates: Gates = Gates()
    value: Value | None = None
    score: Score = Score()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()
    promotion: Promotion = Promotion()
    permissions: Permissions = Permissions()
    retention: Retention = Retention()
    alerts: Alerts = Alerts()
    scorecard: ScorecardSection = ScorecardSection()
    resources: Resources = Resources()
    schedule: Schedule = Schedule()

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        zones = _time_zones()
        if value not in zones:
            near = get_close_matches(value, sorted(zones), n=1)
            hint = f"; did you mean {near[0]}?" if near else ", such as America/New_York"
            msg = f"{value!r} is no time zone of the IANA database{hint}"
            raise ValueError(msg)
        return value

    @field_validator("value")
    @classmethod
    def _binary_only(cls, value: Value | None, so_far: ValidationInfo) -> Value | None:
        if value is not None and so_far.data.get("problem", "binary") != "binary":
            msg = "it says what the four outcomes of a binary decision are worth"
            raise ValueError(msg)
        return value

    @property
    def personal_columns(self) -> frozenset[str]:
        """Every column that a source declares as personal, however it is taken in."""
        return frozenset().union(*(spec.personal for spec in self.sources.values()))

    @property
    def zone(self) -> ZoneInfo:
        """The model's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def approvals_needed(self) -> int:
        """How many different people must approve of a candidate before it is promoted."""
        return max(_PEOPLE[self.risk_tier], int(self.promotion.approval == "required"))

    @property
    def deciding_metric(self) -> str:
        """The metric that the gates compare by."""
        return self.metrics.decides or ("rmse" if self.problem == "regression" else "log_loss")

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The estimators to try, the default ones where none is declared."""
        if self.train.candidates:
            return dict(self.train.candidates)
        defaults = DEFAULT_CANDIDATES[self.problem]
        return {name: Candidate.model_validate(body) for name, body in defaults.items()}
