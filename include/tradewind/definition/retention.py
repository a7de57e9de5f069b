"""How long a model keeps what it makes and reads; the longest word of all models counts for parts.

An age is a declaration of what need not be kept, never an order to break something: what a version
that decides or could decide needs, what a training's window reads and what is still watched stays
whatever its age (`tradewind.stages.keep_house`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tradewind.definition.base import Duration, Section

Kind = Literal[
    "raw",
    "validated",
    "quarantine",
    "features",
    "predictions",
    "monitoring",
    "reports",
    "models",
    "evidence",
]
"""What ages are declared of; the keys of `Retention`."""

_DAY = timedelta(days=1)


def _whole_days(age: timedelta | str) -> timedelta | str:
    if isinstance(age, timedelta) and (age < _DAY or age % _DAY):
        msg = "an age is one or more whole days, such as '90 days', or `keep`"
        raise ValueError(msg)
    return age


Age = Annotated[Literal["keep"] | Duration, AfterValidator(_whole_days)]


def _days(number: int) -> Age:
    age: Age = Field(default=f"{number} days", validate_default=True)
    return age


class Retention(Section):
    """How old what is kept may become, in whole days; `keep` is for good.

    Ages count from the day or night that something is of, and not from when it was written.
    """

    raw: Age = _days(730)
    """Parts as they were read from the sources: two years, so that a season can be held against the
    one before it. Of a source that several models read, the longest age counts."""
    validated: Age = _days(90)
    """Rows that went on after validation. They are made again from the parts."""
    quarantine: Age = _days(90)
    """Rows that validation set aside: a quarter, to put them right where they come from. Nothing is
    learned from them."""
    features: Age = _days(180)
    """Feature sets of trainings and of nights: half a year, as far back as explaining a decision
    and diagnosing a fall of quality ask for the features themselves."""
    predictions: Age = _days(730)
    """What nights and calls served: two years, in which somebody may ask why they were refused."""
    monitoring: Age = _days(400)
    """What nights looked like, their matured rows, and what players answered on judged rows: a year
    and a month, so that a night can be held against that of a year ago."""
    reports: Age = _days(400)
    """Reports of validations, which name the keys of rows that were set aside or repaired."""
    models: Age = _days(400)
    """The files of models that can no longer decide, counted from the last moment that they did,
    else from their training: a version that is neither deciding, nor scoring beside the champion,
    nor the one to roll back to; and candidates that never became one."""
    evidence: Age = "keep"
    """What answers for a decision: manifests, judged figures, examinations, verdicts, model cards,
    what approvals were asked with, and the grounds of decisions. They hold figures and digests, and
    next to nothing of single people. The ledger is kept in any case."""

    def age(self, kind: Kind) -> timedelta | None:
        """How old something of a kind may become; None where it is kept for good."""
        said: timedelta | Literal["keep"] = getattr(self, kind)
        return None if said == "keep" else said
