"""The frozen values of keeping house: what was let go of, what stays although it is old, and why.

They hold counts and days, and no path: paths of predictions and parts are of people's data.
"""

from __future__ import annotations

from datetime import date

from tradewind.records import Moment, Record


class HouseRequest(Record):
    """Who asks for it, and for when.

    Attributes:
        as_of: A date or a moment, from which ages count for every model; where nothing is said, a
            model's `schedule.today`, else now.
        dry_run: Whether nothing is to be changed.
    """

    run_id: str
    actor: str
    as_of: str | None = None
    dry_run: bool = False


class Heap(Record):
    """Files of one kind.

    Attributes:
        kind: As `retention` names it, or `drafts` and `cache`.
        model: Whose they are; None of what is no single model's: parts, which several may read,
            what no run names any more, drafts.
        oldest: The first day, or night, that something in it is of.
        why: Of what stays: what keeps it.
    """

    kind: str
    model: str | None
    files: int
    bytes: int
    oldest: date | None = None
    newest: date | None = None
    why: str = ""


class HouseKept(Record):
    """What keeping house came to.

    Attributes:
        as_of: The moment, where one was named for all models; else when it was done.
        gone: What was let go of, or would be.
        stays: What is older than declared, and stays.
        versions: Versions whose files were let go of, by model; `0` is a candidate that never
            became one.
        errors: Why a model, or a kind of thing, was left as it is.
    """

    run_id: str
    as_of: Moment
    dry_run: bool
    gone: list[Heap]
    stays: list[Heap]
    versions: dict[str, list[int]]
    errors: dict[str, str]

    @property
    def files(self) -> int:
        """How many files went."""
        return sum(heap.files for heap in self.gone)

    @property
    def bytes(self) -> int:
        """How many bytes they had."""
        return sum(heap.bytes for heap in self.gone)
