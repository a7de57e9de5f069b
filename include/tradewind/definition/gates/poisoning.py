"""What the gate `poisoning` asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.definition.base import Column, Section


class Poisoning(Section):
    """What would show that somebody wrote the training rows."""

    false_alarms: float = Field(default=0.05, gt=0, lt=0.5)
    """How often clean rows may block by chance, over the four screens that count rare things: each
    is given a quarter. The measured share is in docs/gates.md."""
    batch_days: int = Field(default=7, ge=1, le=31)
    """How many days are one batch: what is newest, and what is held against the others. Shorter
    where the training rows are of fewer days than ten batches."""
    rows: int = Field(default=60_000, ge=1_000)
    """How many rows a quick model learns from at most: evenly spread over all of them."""
    flipped: float = Field(default=0.1, gt=0, lt=1)
    """The smallest share of turned labels in a batch or a category that blocks."""
    least_rows: int = Field(default=500, ge=50)
    """A category of fewer rows is not held against the others; it is counted."""
    repeated: float = Field(default=0.02, gt=0, lt=1)
    """The smallest share of the newest batch, told several times over, that blocks."""
    harm: float = Field(default=0.02, ge=0)
    """By which share of its loss the newest batch may surely worsen a quick model: a week of storm
    in a window of few weeks does by one in a hundred."""
    purity: float = Field(default=0.99, gt=0.5, le=1)
    """Which share of a rare pattern's labels must be the same for it to be looked at."""
    expected: dict[Column, Annotated[str, Field(min_length=1)]] = {}
    """Features of which a rare value may honestly have one label only, each with the reason: no
    planted value is looked for in them, and the verdict says so."""
