"""The model must load where nothing else is installed, and answer fast enough, and as recorded.

Five limits: cold load, the 99th percentile of calls about one row, rows a second under concurrent
load, size on disk, peak memory. They are on the model and not on the machine's weather: single
calls are timed in two blocks after a warm-up, and the quieter block counts.

Whatever the figures, its answers there must be those that it was judged by. Answers are held
against the recorded ones before any fallback, relative to their size where that is above one:
sums over batches of other lengths may differ in their last bits, and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import count, finding, number
from tradewind.records import Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 15
SAME = 1e-9
_MEGABYTE = 1_000_000
_HUNDRED = 100


class Served(Finding):
    """How a model answered in a clean interpreter.

    Attributes:
        load_seconds: From the first import to a loaded model.
        p50_seconds: Median of the calls about one row, as `p99_seconds`.
        calls: How many such calls both stand on.
        load_calls: Calls of several rows each under load, by `threads` at once.
        memory_bytes: The most that the process ever held.
        answered: Distinct rows that were answered; `by_rule`, how many by the naive rule.
        missing: Answers that were none.
        worst_difference: Greatest distance of an answer from the recorded one.
    """

    load_seconds: float
    p50_seconds: float
    p99_seconds: float
    calls: int
    rows_per_second: float
    load_calls: int
    threads: int
    memory_bytes: int
    answered: int
    by_rule: int
    missing: int
    worst_difference: float


class Found(Finding):
    """What loading and serving the candidate came to.

    Attributes:
        rows: Judged rows that it was asked about.
        pinned: Requirements that it names.
        packages: Distributions that it could import: those, and what they need.
        unmet: Why a requirement cannot be met here.
        failure: Why it could not be loaded or asked; None where it could.
        disk_bytes: Size of all its files.
        served: None where it was not loaded or asked to the end.
    """

    rows: int
    pinned: int
    packages: int
    unmet: list[str]
    failure: str | None
    disk_bytes: int
    served: Served | None


@dataclass(frozen=True)
class _Limit:
    """One figure and its limit.

    Attributes:
        least: Whether the figure must reach the limit, and not stay below it.
    """

    what: str
    figure: float
    limit: float
    unit: str
    least: bool = False

    @property
    def held(self) -> bool:
        return self.figure >= self.limit if self.least else self.figure <= self.limit

    @property
    def words(self) -> str:
        asked = "at least" if self.least else "at most"
        return f"{self.what} {_short(self.figure)} {self.unit} ({asked} {_short(self.limit)})"


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold what serving the candidate costs against the limits, and its answers against its own.

    Raises:
        EvidenceError: How it is served was not found, or it was asked nothing.
    """
    found = finding(evidence, "service", Found)
    if found.unmet:
        return _blocked(evidence, f"Its requirements are not met here: {'; '.join(found.unmet)}.")
    if found.failure is not None or found.served is None:
        reason = found.failure or "no reason was recorded"
        return _blocked(evidence, f"{_place(found)} the model could not be served: {reason}.")
    if found.served.answered < 1 or found.served.calls < 1:
        raise EvidenceError("the model was asked about no row")
    return _judged(evidence, model, found, found.served)


def _judged(evidence: Evidence, model: ModelDefinition, found: Found, served: Served) -> GateResult:
    limits = _limits(model, found, served)
    missed = [limit for limit in limits if not limit.held]
    other = _other_answers(found, served)
    shown = (missed or limits)[0]
    said = f"Too much: {'; '.join(one.words for one in missed)}. " if missed else ""
    held = "; ".join(one.words for one in limits if one.held)
    said += f"Within its limits: {held}. " if held else ""
    return GateResult(
        gate="service",
        outcome="blocked" if missed or other else "passed",
        sentence=f"{said}{other or _same_answers(served)} {_ground(evidence, found, served)}",
        figure=shown.figure,
        threshold=shown.limit,
        rows=served.answered,
        units=evidence.units,
        table=[_line(one) for one in limits],
    )


def _limits(model: ModelDefinition, found: Found, served: Served) -> list[_Limit]:
    asked = model.gates.service
    memory, disk = served.memory_bytes / _MEGABYTE, found.disk_bytes / _MEGABYTE
    rate = served.rows_per_second
    return [
        _Limit(_slowest(served.calls), served.p99_seconds, asked.p99_seconds, "s"),
        _Limit("under load it answered", rate, asked.rows_per_second, "rows a second", least=True),
        _Limit("it loaded cold in", served.load_seconds, asked.load_seconds, "s"),
        _Limit("on disk it takes", disk, asked.disk_mb, "MB"),
        _Limit("in memory it took", memory, asked.memory_mb, "MB"),
    ]


def _slowest(calls: int) -> str:
    """Say what 99 of 100 calls stay within: of few calls the slowest."""
    if calls <= _HUNDRED:
        return f"the slowest of {count(calls, 'call')} about one row took"
    return f"99% of {calls:,} calls about one row took"


def _other_answers(found: Found, served: Served) -> str | None:
    """What is wrong with its answers; None where nothing is."""
    if served.missing > 0:
        return f"It gave no score {served.missing:,} times."
    if served.worst_difference > SAME:
        return (
            "It does not answer as it did when it was judged: a score is off by "
            f"{served.worst_difference:.2g}, and {SAME:.0e} is allowed; what is installed or "
            f"stored is not what it was judged with ({found.packages} packages)."
        )
    return None


def _same_answers(served: Served) -> str:
    said = f"All {served.answered:,} rows were answered as recorded"
    if not served.by_rule:
        return f"{said}."
    return f"{said}; for {served.by_rule:,} of them the naive rule decided, as it does on line."


def _ground(evidence: Evidence, found: Found, served: Served) -> str:
    return (
        f"{_place(found)} {served.answered:,} of {evidence.rows:,} judged rows were asked, "
        f"{served.calls:,} calls about one row (half of them below {_short(served.p50_seconds)} s) "
        f"and {served.load_calls:,} of several by {served.threads} callers at once."
    )


def _place(found: Found) -> str:
    return (
        f"In a clean interpreter with the {found.pinned} pinned requirements and what they need "
        f"({found.packages} packages),"
    )


def _blocked(evidence: Evidence, sentence: str) -> GateResult:
    return GateResult(
        gate="service",
        outcome="blocked",
        sentence=f"{sentence} None of the {evidence.rows:,} judged rows was answered to the end.",
        units=evidence.units,
    )


def _line(limit: _Limit) -> dict[str, str]:
    return {
        "what": limit.what,
        "measured": f"{_short(limit.figure)} {limit.unit}",
        "limit": f"{'at least' if limit.least else 'at most'} {_short(limit.limit)} {limit.unit}",
        "held": "yes" if limit.held else "no",
    }


def _short(value: float) -> str:
    return number(value)
