"""What a search or an erasure comes to: where, how often and how much; never a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.stores.needles import Needles


@dataclass(frozen=True)
class Finding:
    """A place that holds, or held, something of a subject.

    Attributes:
        place: Such as `database tradewind_airflow_database, public.dag_run.conf`; whatever of it is
            the subject's own reads `(erased)`.
        count: Of a database the rows, of everything else the occurrences.
        kept: Why it still stands there; empty where it was erased, or was only looked for.
        model_uri: The logged model whose own files hold it, `models:/m-…`: they cannot be changed,
            only deleted.
    """

    place: str
    count: int
    kept: str = ""
    model_uri: str | None = None


@dataclass(frozen=True)
class Searched:
    """How much of a place was looked at.

    Attributes:
        bytes: As they lie there, before anything is decompressed; of a database as it sends them.
    """

    place: str
    files: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Unsearched:
    """A place that could not be looked at, or not all of it, and why."""

    place: str
    why: str


@dataclass(frozen=True)
class Proof:
    """What was looked at, what was found there, and what could not be looked at."""

    searched: tuple[Searched, ...]
    found: tuple[Finding, ...]
    unsearched: tuple[Unsearched, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found where it was looked for."""
        return not self.found

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """As plain values."""
        return {
            "searched": [asdict(each) for each in self.searched],
            "found": [asdict(each) for each in self.found],
            "unsearched": [asdict(each) for each in self.unsearched],
        }


class LookedAt(Protocol):
    """What looking into one file came to."""

    @property
    def bytes(self) -> int:
        """Of the file as it lies there."""

    @property
    def count(self) -> int:
        """How often needles stand in it, and in its name."""

    @property
    def unread(self) -> str:
        """Why some of it could not be looked into; empty where all was."""


def together(
    place: str, files: Iterable[tuple[str, LookedAt]]
) -> tuple[Searched, list[Finding], list[Unsearched]]:
    """What looking into files comes to, all in all.

    Args:
        place: What they are, in a word.
        files: Each with where it lies, in words that hold nothing of the subject's. One is held at
            a time.
    """
    number = size = 0
    found, unread = [], []
    for where, looked in files:
        number, size = number + 1, size + looked.bytes
        if looked.count:
            found.append(Finding(where, looked.count))
        if looked.unread:
            unread.append(Unsearched(where, looked.unread))
    return Searched(place, files=number, bytes=size), found, unread


class Place(Protocol):
    """Somewhere that something of a subject may stand."""

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """How much there is to look at, what holds a needle, and what could not be looked at."""

    def erase(self, needles: Needles) -> list[Finding]:
        """Take needles out; what was found, and why it is kept where it still stands."""
