"""What validation found, as one JSON value: stored by the stage, rendered by the page.

Nothing in it depends on the wall clock or on threads, so that the same rows give the same report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tradewind.engine.delivered import REASONS, count, delivered, repaired_cells, seen, set_aside
from tradewind.engine.expecting import EXAMPLES, Answer
from tradewind.engine.identifiers import listed, plain
from tradewind.engine.relations import RAW
from tradewind.engine.vitals import vitals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.sources import Repair
    from tradewind.engine.arrivals import Check
    from tradewind.engine.sensitive import Resemblance


# How many values of a list a line shows.
_FIRST = 5


@dataclass(frozen=True)
class Findings:
    """All that validation found, before anything is decided.

    Attributes:
        snapshot_rows: Rows that the snapshot holds, by source.
        sensitive: Columns that look personal, and are not declared so.
    """

    frozen: FrozenDefinition
    snapshot_rows: Mapping[str, int]
    answers: Sequence[Answer]
    volume: Sequence[Check]
    freshness: Sequence[Check]
    sensitive: Sequence[Resemblance] = ()

    @property
    def stopping(self) -> list[str]:
        """Why the run must not go on, one line each."""
        return self._lines("stop")

    @property
    def warnings(self) -> list[str]:
        """What somebody should look at, one line each."""
        return [*self._lines("warn"), *(each.sentence for each in self.sensitive)]

    @property
    def is_computed(self) -> bool:
        """Whether every expectation could be computed at all."""
        return not any(answer.outcome == "error" for answer in self.answers)

    def _lines(self, severity: Literal["stop", "warn"]) -> list[str]:
        checks = {"volume": self.volume, "freshness": self.freshness}
        of_checks = [
            f"{check.source}: {name}: {check.sentence}"
            for name, found in checks.items()
            for check in found
            if check.outcome == "failed" and check.severity == severity
        ]
        of_answers = [line_of(each) for each in self.answers if each.consequence == severity]
        return of_checks + of_answers


def line_of(answer: Answer) -> str:
    """An expectation, its figure and why it matters, in one line.

    It goes on to logs and to the ledger, where nothing can be erased: what stands in the rows
    themselves stays in the report.
    """
    is_counted = (
        answer.finding.error or answer.finding.note or answer.finding.unexpected is not None
    )
    is_number = isinstance(answer.finding.observed, int | float)
    told = figure_of(answer) if is_counted or is_number else "not met, as the report shows"
    line = f"{answer.sentence}: {told}"
    because = answer.expectation.because
    return f"{line}. {because.strip()}" if because else line


def figure_of(answer: Answer) -> str:
    """What an expectation found, in a few words."""
    found = answer.finding
    if found.error is not None:
        return f"could not be computed: {found.error}"
    if found.note is not None:
        return found.note
    if found.unexpected is not None and found.looked_at:
        share = found.unexpected / found.looked_at
        return f"{found.unexpected:,} of {found.looked_at:,} unexpected ({share * 100:.3g} %)"
    if found.unexpected is not None:
        return f"{found.unexpected:,} unexpected"
    return f"found {_short(found.observed)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}: {', '.join(map(_short, value[:_FIRST]))}" + "…" * (
            len(value) > _FIRST
        )
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def repairs_of(frozen: FrozenDefinition, source: str) -> list[Repair]:
    """The repairs of one source, in their order."""
    return [item for item in frozen.model.repair if item.source == source]


def report_of(
    connection: duckdb.DuckDBPyConnection, findings: Findings, *, heading: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything a person may want to see of a validation.

    Args:
        connection: With the sources delivered, and the bad rows set aside.
        findings: What was found.
        heading: Of which run: model, as-of, digest.
    """
    model = findings.frozen.model
    return {
        **heading,
        "verdict": "stopped" if findings.stopping else "passed",
        "stopping": findings.stopping,
        "warnings": findings.warnings,
        "sources": {name: _source(connection, name, findings) for name in model.sources},
        "repairs": [
            each
            for name, source in model.sources.items()
            for each in repaired_cells(connection, name, source, repairs_of(findings.frozen, name))
        ],
        "expectations": [_answer(answer) for answer in findings.answers],
        "volume": [check.as_json() for check in findings.volume],
        "freshness": [check.as_json() for check in findings.freshness],
        "sensitive": [each.as_json() for each in findings.sensitive],
        "quarantine": {
            name: found
            for name, source in model.sources.items()
            if (found := _quarantined(connection, name, key=source.key))["rows"]
        },
    }


def _source(connection: duckdb.DuckDBPyConnection, name: str, findings: Findings) -> dict[str, Any]:
    in_snapshot = findings.snapshot_rows[name]
    known = count(connection, delivered(name))
    columns = [each for each in vitals(connection, seen(name)) if each["column"] != "__row"]
    personal = findings.frozen.model.sources[name].personal
    return {
        "in_snapshot": in_snapshot,
        "not_known_yet": in_snapshot - known,
        "set_aside": count(connection, set_aside(name)),
        "rows": count(connection, seen(name)),
        # Of a personal column the least and the greatest value are somebody's.
        "columns": [
            {**each, "smallest": None, "largest": None}
            if each["column"].removesuffix(RAW) in personal
            else each
            for each in columns
        ],
    }


def _answer(answer: Answer) -> dict[str, Any]:
    found, asked = answer.finding, answer.expectation
    return {
        "number": answer.number,
        "on": asked.on,
        "sql": asked.sql,
        "expect": asked.expect,
        "args": asked.args,
        "severity": asked.severity,
        "because": asked.because,
        "sentence": answer.sentence,
        "outcome": answer.outcome,
        "consequence": answer.consequence,
        "figure": figure_of(answer),
        "observed": found.observed,
        "looked_at": found.looked_at,
        "unexpected": found.unexpected,
        "unexpected_share": _share(found.unexpected, found.looked_at),
        "error": found.error,
        "examples": answer.examples,
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _quarantined(
    connection: duckdb.DuckDBPyConnection, name: str, *, key: list[str]
) -> dict[str, Any]:
    reasons = connection.execute(
        f"SELECT reason, count(*) FROM (SELECT unnest({REASONS}) AS reason FROM {set_aside(name)}) "  # noqa: S608 -- quoted
        f"GROUP BY reason ORDER BY reason"
    ).fetchall()
    first = connection.sql(
        f"SELECT {listed(key)}, {REASONS} AS __why FROM {delivered(name)} AS rows "  # noqa: S608 -- quoted
        f"JOIN {set_aside(name)} ON __row = rows.rowid ORDER BY __row LIMIT {EXAMPLES}"
    ).to_arrow_table()
    return {
        "rows": count(connection, set_aside(name)),
        "reasons": dict(reasons),
        "examples": [{"reasons": row.pop("__why"), "key": plain(row)} for row in first.to_pylist()],
    }
