"""What the gate `slices` asks for."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Section
from tradewind.definition.gates.comparisons import Floor


class Slices(Section):
    """How a model may do on parts of the judged rows, by the deciding metric.

    No known slice may surely be worse than the naive rule, or than the champion by more than
    `margin`. Beside those of `by` the groups of the most important features are looked at, and the
    worst that a search finds on the select stretch.
    """

    by: list[str] = []
    """Features, or protected columns, each of whose values (or fourths, of a number) is a slice."""
    important: int = Field(default=3, ge=0, le=20)
    """How many of the features that matter most are looked at as well."""
    margin: float = Field(default=0.05, ge=0)
    """How much worse than the champion's a slice may be, as a share of the naive rule's figure
    there."""
    floor: Floor | None = None
    """A level that the deciding metric must reach in every known slice, whoever else is worse."""
    least_rows: int = Field(default=300, ge=30)
    """A slice of fewer judged rows is unknown: it is shown, and neither passes nor blocks."""
    least_days: int = Field(default=14, ge=2)
    """As a slice of fewer judged days."""
