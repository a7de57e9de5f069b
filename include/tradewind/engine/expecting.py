"""Expectations held against the delivered sources: frames in, answers out.

Expectations that quarantine come first, so that all others look at the rows that go on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from tradewind.engine.database import quoted
from tradewind.engine.delivered import count, quarantine, seen
from tradewind.engine.identifiers import (
    column_types,
    expression_of,
    listed,
    plain,
    require_columns,
)
from tradewind.engine.steady import require_steady
from tradewind.errors import EmptyIntervalError
from tradewind.stores import expectations as suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb
    import pandas as pd

    from tradewind.definition.sources import Expectation, Source
    from tradewind.stores.expectations import Finding

EXAMPLES = 20
Consequence = Literal["none", "stop", "quarantine", "warn"]


@dataclass(frozen=True)
class Answer:
    """One expectation and what came of it.

    Attributes:
        number: Its place in the definition, from 1.
        finding: What Great Expectations found.
        examples: The first rows that are not as expected, with their keys.
        rows: The row numbers of all of them, for an expectation on a source.
    """

    number: int
    expectation: Expectation
    finding: Finding
    examples: list[dict[str, Any]]
    rows: list[int]

    @property
    def outcome(self) -> Literal["met", "not_met", "error"]:
        """Met, not met, or not to be computed."""
        if self.finding.met is None:
            return "error"
        return "met" if self.finding.met else "not_met"

    @property
    def consequence(self) -> Consequence:
        """What follows from it."""
        severity = self.expectation.severity
        if self.outcome == "error":
            return "stop"
        if severity == "quarantine":
            # Nothing to set aside though it is not met (every value is missing), or more rows than
            # `mostly` allows, are not a few bad rows: something broke.
            is_whole = not self.rows or "mostly" in self.expectation.args
            if self.outcome == "not_met" and is_whole:
                return "stop"
            return "quarantine" if self.rows else "none"
        return "none" if self.outcome == "met" else severity

    @property
    def sentence(self) -> str:
        """What was expected, in words, and of what."""
        return sentence_of(self.expectation, number=self.number)


def sentence_of(expectation: Expectation, *, number: int) -> str:
    """`weather.wind_speed: values to be at most 120`; a query is told by its place."""
    args = {name: value for name, value in expectation.args.items() if name != "column"}
    words = expectation.expect.removeprefix("expect_").replace("_", " ")
    column = expectation.args.get("column")
    query = f"the query of expectation {number} in model.yaml"
    where = expectation.on or query
    if isinstance(column, str):
        where = f"{where}.{column}" if expectation.on else f"{column} of {query}"
        words = words.removeprefix("column ")
    words = _bounded(words, args)
    told = ", ".join(f"{name} {_told(value)}" for name, value in args.items())
    return f"{where}: {words}" + (f" ({told})" if told else "")


def _bounded(words: str, args: dict[str, Any]) -> str:
    """What is asked, with its bounds in words, which are taken from the arguments."""
    if words.endswith(" to equal") and "value" in args:
        return f"{words} {_told(args.pop('value'))}"
    if not words.endswith(" between"):
        return words
    low, high = args.pop("min_value", None), args.pop("max_value", None)
    if low is not None and high is not None:
        return f"{words} {low} and {high}"
    sides = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
    return f"{words.removesuffix('between')}{sides[0]}" if sides else words


def _told(value: Any) -> str:
    if suite.is_reference(value):
        return f"as in {value['source']}.{value['column']}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 -- one line of a report


def hold(
    connection: duckdb.DuckDBPyConnection,
    expectations: Sequence[Expectation],
    *,
    sources: Mapping[str, Source],
) -> list[Answer]:
    """Hold all expectations against the delivered sources; set aside what is to be quarantined.

    Args:
        connection: With every source delivered, and `as_of` set.
        expectations: As the definition has them.
        sources: By name.

    Returns:
        An answer for each expectation, in the definition's order.

    Raises:
        SchemaChangedError: An expectation needs a column that its source does not have.
        DefinitionError: An expectation, or a query of one, is not valid.
        EvidenceError: A query returns no row, and its expectation needs some.
        EmptyIntervalError: Every row of a source was set aside.
    """
    numbered = list(enumerate(expectations, start=1))
    first = [pair for pair in numbered if pair[1].severity == "quarantine"]
    then = [pair for pair in numbered if pair[1].severity != "quarantine"]
    answers = _on_sources(connection, first, sources)
    _set_aside(connection, answers, sources)
    answers += _on_sources(connection, then, sources)
    answers += [_on_query(connection, *pair) for pair in then if pair[1].sql is not None]
    return sorted(answers, key=lambda answer: answer.number)


# -------------------------------------------------------------------------- on the rows of a source

Numbered = tuple[int, "Expectation"]


def _on_sources(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[Numbered], sources: Mapping[str, Source]
) -> list[Answer]:
    by_source: dict[str, list[Numbered]] = defaultdict(list)
    for number, item in asked:
        if item.on is not None:
            by_source[item.on].append((number, item))
    return [
        answer
        for name, pairs in by_source.items()
        for answer in _on_source(connection, name, pairs, key=sources[name].key)
    ]


def _on_source(
    connection: duckdb.DuckDBPyConnection, name: str, asked: Sequence[Numbered], *, key: list[str]
) -> list[Answer]:
    available = list(column_types(connection, f"SELECT * FROM {quoted(name)}"))  # noqa: S608 -- quoted
    of_columns = [pair for pair in asked if suite.is_of_columns(pair[1])]
    of_rows = [pair for pair in asked if not suite.is_of_columns(pair[1])]
    answers = []
    if of_columns:
        declared = [column for column in available if not column.endswith("__raw")]
        frame = _frame(connection, f"SELECT {listed(declared)} FROM {quoted(name)} LIMIT 1")  # noqa: S608 -- quoted
        answers += _answers(connection, name, frame, of_columns, rows=[], key=key)
    if of_rows:
        columns = _needed(of_rows, available, source=name)
        order = f"FROM {seen(name)} ORDER BY __row"
        frame = _frame(connection, f"SELECT {listed(['__row', *columns])} {order}")
        rows = frame.pop("__row").tolist()
        answers += _answers(connection, name, frame, of_rows, rows=rows, key=key)
    return answers


def _needed(asked: Sequence[Numbered], available: Sequence[str], *, source: str) -> list[str]:
    named: dict[str, None] = {}
    for _, item in asked:
        wanted = suite.columns_of(item)
        require_columns(wanted or [], available, source=source, needed_by=f"`{item.expect}`")
        named.update(dict.fromkeys(available if wanted is None else wanted))
    return list(named)


def _answers(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    frame: pd.DataFrame,
    asked: Sequence[Numbered],
    *,
    rows: Sequence[int],
    key: list[str],
) -> list[Answer]:
    resolved = [_resolved(connection, item) for _, item in asked]
    findings = suite.evaluate(frame, resolved, place=f"source {name}")
    answers = []
    for (number, item), finding in zip(asked, findings, strict=True):
        bad = [rows[position] for position in finding.positions] if rows else []
        columns = list(dict.fromkeys([*key, *(suite.columns_of(item) or [])]))
        examples = examples_of(connection, name, bad[:EXAMPLES], columns=columns)
        answers.append(Answer(number, item, finding, examples, bad))
    return answers


def _resolved(connection: duckdb.DuckDBPyConnection, expectation: Expectation) -> Expectation:
    """Put the values of another source's column where an argument stands for them."""
    args = {
        name: _values(connection, expectation, **value) if suite.is_reference(value) else value
        for name, value in expectation.args.items()
    }
    return expectation.model_copy(update={"args": args})


def _values(
    connection: duckdb.DuckDBPyConnection, expectation: Expectation, *, source: str, column: str
) -> list[Any]:
    available = column_types(connection, f"SELECT * FROM {quoted(source)}")  # noqa: S608 -- quoted
    require_columns([column], available, source=source, needed_by=f"`{expectation.expect}`")
    rows = connection.execute(
        f"SELECT DISTINCT {quoted(column)} FROM {quoted(source)} "  # noqa: S608 -- quoted
        f"WHERE {quoted(column)} IS NOT NULL ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def examples_of(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[int], *, columns: list[str]
) -> list[dict[str, Any]]:
    """Some rows of a source that are seen, by their numbers, as JSON knows them."""
    if not rows:
        return []
    found = connection.sql(
        f"SELECT {listed(columns)} FROM {seen(name)} WHERE __row IN "  # noqa: S608 -- quoted
        f"(SELECT unnest($1::BIGINT[])) ORDER BY __row",
        params=[list(rows)],
    ).to_arrow_table()
    return [plain(row) for row in found.to_pylist()]


# ------------------------------------------------------------------------- on the result of a query


def _on_query(
    connection: duckdb.DuckDBPyConnection, number: int, expectation: Expectation
) -> Answer:
    place = f"model.yaml: validate.expectations: number {number} ({expectation.expect})"
    with expression_of(place):
        require_steady(connection, expectation.sql or "")
        result = connection.sql(expectation.sql or "").to_arrow_table()
    for column in suite.columns_of(expectation) or []:
        require_columns([column], result.column_names, source=place, needed_by="it")
    resolved = _resolved(connection, expectation)
    finding = suite.evaluate(_as_frame(result), [resolved], place=place)[0]
    examples = _examples_of_result(result, finding)
    return Answer(number, expectation, finding, examples, rows=[])


def _examples_of_result(result: pa.Table, finding: Finding) -> list[dict[str, Any]]:
    if finding.met and not finding.positions:
        return []
    # What judges the whole result points at no row of it: then its first rows are shown.
    shown = finding.positions[:EXAMPLES] or range(min(EXAMPLES, result.num_rows))
    return [plain(row) for row in result.take(list(shown)).to_pylist()]


# ----------------------------------------------------------------------------------- setting aside


def _set_aside(
    connection: duckdb.DuckDBPyConnection, answers: Iterable[Answer], sources: Mapping[str, Source]
) -> None:
    reasons: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        if answer.consequence == "quarantine" and answer.expectation.on is not None:
            for row in answer.rows:
                reasons[answer.expectation.on][row].append(answer.sentence)
    for name in sources:
        if name in reasons:
            quarantine(connection, name, dict(sorted(reasons[name].items())))
            _refuse_nothing_left(connection, name, next(iter(reasons[name].values())))


def _refuse_nothing_left(
    connection: duckdb.DuckDBPyConnection, name: str, reasons: Sequence[str]
) -> None:
    if not count(connection, seen(name)):
        raise EmptyIntervalError(
            f"source {name}: every row was set aside ({'; '.join(islice(reasons, 3))}); nothing "
            f"is left to learn from. Look at the source, or at the expectation"
        )


# ------------------------------------------------------------------------------------------- values


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    return _as_frame(connection.sql(query).to_arrow_table())


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """A pandas frame; decimals become floats, which means and deviations need."""
    fields = [
        pa.field(each.name, pa.float64()) if pa.types.is_decimal(each.type) else each
        for each in table.schema
    ]
    frame: pd.DataFrame = table.cast(pa.schema(fields)).to_pandas()
    return frame
