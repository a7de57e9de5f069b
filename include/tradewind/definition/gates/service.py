"""What the gate `service` asks for."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Section


class Service(Section):
    """What loading and answering may cost, where nothing is installed but what the model names.

    The defaults are no aims: a sound model keeps them on a laptop that has other work too.
    """

    load_seconds: float = Field(default=60.0, gt=0)
    """How long a fresh interpreter may take until the model can be asked."""
    p99_seconds: float = Field(default=2.0, gt=0)
    """How long 99 of 100 calls about a single row may take at most, with the reasons told."""
    rows_per_second: float = Field(default=50.0, gt=0)
    """How many rows a second several callers at once must get answered, together."""
    disk_mb: float = Field(default=500.0, gt=0)
    """How many megabytes (of a million bytes) the logged model may take on disk."""
    memory_mb: float = Field(default=2_000.0, gt=0)
    """How many megabytes of memory the process that serves it may ever hold."""
    threads: int = Field(default=4, ge=2, le=64)
    """How many callers ask at once."""
    rows: int = Field(default=400, ge=50, le=10_000)
    """About how many of the judged rows it is asked, evenly spread over them; all of them where
    there are fewer."""
