"""A gate that is switched off: by whom, why and until when."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from tradewind.definition.base import Section


class Waiver(Section):
    """Switches one gate off for a while. It is shown wherever the model is shown."""

    gate: str
    """Which one."""
    by: str = Field(min_length=1)
    """Who answers for it, by name."""
    because: str = Field(min_length=1)
    """Why the model may go without it."""
    until: date
    """The last day, in the model's time zone, that it holds; from the next on the gate blocks
    again as it would have."""

    @property
    def sentence(self) -> str:
        """Who switched it off, for how long and why."""
        return f"Switched off by {self.by} until {self.until}: {self.because}"
