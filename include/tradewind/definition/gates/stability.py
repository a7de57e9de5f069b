"""What the gate `stability` asks for."""

from __future__ import annotations

from pydantic import Field, model_validator

from tradewind.definition.base import Section


class Stability(Section):
    """How much a decision may depend on chance.

    The model is fitted again as it was, and must answer as it did to the last bit. Then it is
    fitted on fewer rows several times, with another seed and with parts of its past left out, and
    each is held against its like. How far two agree is told as a share of what chance alone would
    make of it: 0 where they answer every row alike, 1 where one says nothing of the other.
    """

    rows: int = Field(default=20_000, ge=1_000)
    """Rows that the fits to be compared see at most, spread evenly over the fit stretch. Fewer cost
    less, and are stricter if anything: what is learned from fewer rows depends on chance more."""
    stretches: int = Field(default=5, ge=2, le=50)
    """Into how many stretches of equally many days the fit stretch is cut."""
    left_out: int = Field(default=2, ge=1, le=50)
    """How many of them are left out, one at a time, for each costs a fit: the newest, then others
    that are spread evenly back to the oldest."""
    by_seed: float = Field(default=0.25, gt=0)
    """Most that another seed may change."""
    by_stretch: float = Field(default=0.5, gt=0)
    """Most that a stretch left out may change."""
    errors: float = Field(default=2.0, gt=0)
    """By how many standard errors of its figure on the judged rows a model may get worse by either,
    in the deciding metric."""

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> Stability:
        if self.left_out > self.stretches:
            msg = f"`left_out` is {self.left_out}, and there are {self.stretches} stretches"
            raise ValueError(msg)
        return self
