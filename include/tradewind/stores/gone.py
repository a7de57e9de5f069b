"""What stands for a file that the lake let go of: `gone/<path>.json` says it, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FOLDER = "gone"
# Heads of the ledger's chain: whoever could take one away could write the chain anew.
KEPT_FOR_GOOD = ("audit/heads/", f"{FOLDER}/")


@dataclass(frozen=True)
class LetGo:
    """That a file was let go of.

    Attributes:
        now: What is read in its place; None for nothing.
        why: The reason, without anything of what the file held.
        at: When, in ISO's format.
    """

    now: str | None
    why: str
    at: str

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> LetGo:
        """What the lake has at `record_of` a path."""
        return cls(now=told["now"], why=told["why"], at=told["at"])


def record_of(path: str) -> str:
    """Where in the lake it stands what became of a path."""
    return f"{FOLDER}/{path}.json"


def record(now: str | None, *, why: str, at: datetime) -> dict[str, Any]:
    """What stands there."""
    return {"now": now, "why": why, "at": at.isoformat()}
