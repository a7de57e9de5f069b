"""Great Expectations, in process: the only module that imports it, and only when it is needed.

Its import takes seconds and its checks milliseconds, so every function here imports it inside. What
it reports is read with care, because by itself it would let things through:

* an exception inside a result looks like a failed expectation: here it is an error of its own;
* values that are missing are skipped, so that a column of nothing but nulls meets nearly all:
  here an expectation that had no value to look at is not met;
* its results come in an order of its own, and a suite swallows what it takes for a duplicate: here
  each result is found by the number that its expectation carries.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from tradewind.errors import DefinitionError, EvidenceError

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.sources import Expectation

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list")
# They look at a table's columns alone, so that one row of it is as good as all.
_OF_COLUMNS = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
_OF_COUNTS = frozenset({"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"})
_IN_SQL_ONLY = frozenset(
    {
        "expect_query_results_to_match_comparison",
        "expect_table_row_count_to_equal_other_table",
    }
)
_RESERVED = frozenset({"id", "meta", "description", "notes", "severity", "batch_id"})


@dataclass(frozen=True)
class Finding:
    """What one expectation found.

    Attributes:
        met: None where it could not be computed; then `error` says why.
        observed: The figure it looked at, for those that compare one.
        looked_at: How many values it compared; missing ones are not among them.
        unexpected: How many of them were not as expected.
        positions: Where in the frame the unexpected rows are, from 0, every one of them.
        note: What a person should know of the result.
    """

    met: bool | None
    error: str | None = None
    observed: Any = None
    looked_at: int | None = None
    unexpected: int | None = None
    positions: list[int] = field(default_factory=list)
    note: str | None = None


def evaluate(
    frame: pd.DataFrame, expectations: Sequence[Expectation], *, place: str
) -> list[Finding]:
    """Hold a frame against expectations.

    Args:
        frame: The rows; its index is not looked at.
        expectations: With their arguments resolved to plain values.
        place: What the frame is, for messages.

    Returns:
        One finding for each expectation, in their order.

    Raises:
        DefinitionError: An expectation does not exist, or does not take these arguments.
        EvidenceError: There is nothing to evaluate: no expectation, or no row for one of them.
    """
    if not expectations:
        raise EvidenceError(f"{place}: no expectation to evaluate; an empty suite proves nothing")
    _refuse_an_empty_frame(frame, expectations, place=place)
    frame = frame.reset_index(drop=True)
    suite = [_build(number, item, frame) for number, item in enumerate(expectations)]
    results = _run(frame, suite)
    found = {result.expectation_config.meta["number"]: result for result in results}
    return [_finding(found.get(number), item) for number, item in enumerate(expectations)]


def problems(expectations: Sequence[Expectation]) -> dict[int, str]:
    """What is wrong with expectations as they are written, by their place in the list.

    Names, arguments and severities are looked at; no data are.
    """
    found = {number: _problem(number, item) for number, item in enumerate(expectations)}
    return {number: text for number, text in found.items() if text is not None}


def is_of_columns(expectation: Expectation) -> bool:
    """Whether it looks at which columns there are, and at no row."""
    return expectation.expect in _OF_COLUMNS


def columns_of(expectation: Expectation) -> list[str] | None:
    """The columns an expectation looks at, in order; None where only all of them will do."""
    if isinstance(expectation.args.get("row_condition"), str):
        return None
    named: list[str] = []
    for argument in _COLUMN_ARGUMENTS:
        value = expectation.args.get(argument, [])
        named += [value] if isinstance(value, str) else [str(name) for name in value]
    named += _condition_columns(expectation.args.get("row_condition"))
    return list(dict.fromkeys(named))


def _condition_columns(condition: Any) -> list[str]:
    if isinstance(condition, Mapping):
        column = condition.get("column")
        own = [str(column["name"])] if isinstance(column, Mapping) and "name" in column else []
        return own + [name for value in condition.values() for name in _condition_columns(value)]
    if isinstance(condition, Sequence) and not isinstance(condition, str):
        return [name for value in condition for name in _condition_columns(value)]
    return []


def _great_expectations() -> Any:
    # Hundreds of INFO records at import would bury the task's log; one module sets its own level.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations  # noqa: PLC0415 -- seconds that only an evaluation need pay

    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    return great_expectations


@cache
def _context() -> Any:
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def _run(frame: pd.DataFrame, suite: list[Any]) -> list[Any]:
    frames = _context().data_sources.add_or_update_pandas("frames")
    batch = (
        frames.add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("whole")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    asked = _great_expectations().ExpectationSuite(name="asked", expectations=suite)
    try:
        return list(batch.validate(asked, result_format={"result_format": "COMPLETE"}).results)
    finally:
        # Else the context would keep the frame.
        _context().data_sources.delete("frames")


def _build(number: int, expectation: Expectation, frame: pd.DataFrame) -> Any:
    problem = _problem(number, expectation)
    if problem is not None:
        raise DefinitionError(problem)
    arguments = {
        name: _moments(value, frame, expectation) for name, value in expectation.args.items()
    }
    return _construct(number, expectation.expect, arguments)


def _construct(number: int, expect: str, arguments: Mapping[str, Any]) -> Any:
    _great_expectations()
    from great_expectations.expectations import registry  # noqa: PLC0415 -- idem

    # Without a description of its own, a suite drops an expectation that equals an earlier one.
    own = {"meta": {"number": number}, "description": f"expectation {number}"}
    return registry.get_expectation_impl(expect)(**arguments, **own)


def _problem(number: int, expectation: Expectation) -> str | None:
    name = expectation.expect
    known = _known()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{name}: Great Expectations knows no such expectation{hint}"
    if name in _IN_SQL_ONLY:
        return f"{name}: runs in SQL databases only; write what it compares as `sql: SELECT ...`"
    if taken := sorted(_RESERVED & expectation.args.keys()):
        return f"{name}: {', '.join(taken)} cannot be given under args"
    if expectation.severity == "quarantine" and not _points_at_rows(name):
        return (
            f"{name}: it judges a whole column or table and points at no row, so nothing can be "
            f"quarantined; use severity stop or warn"
        )
    return _argument_problem(number, expectation)


def _argument_problem(number: int, expectation: Expectation) -> str | None:
    try:
        _construct(number, expectation.expect, _stand_ins(expectation.args))
    except (ValueError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
        return f"{expectation.expect}: {'; '.join(lines) or error}"
    return None


def _stand_ins(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a list in place of each reference to another source's column."""
    return {name: [""] if is_reference(value) else value for name, value in arguments.items()}


def is_reference(value: Any) -> bool:
    """Whether an argument stands for the values of a source's column."""
    return isinstance(value, Mapping) and value.keys() == {"source", "column"}


def _known() -> list[str]:
    _great_expectations()
    import great_expectations.expectations.core  # noqa: F401, PLC0415 -- registers them
    from great_expectations.expectations import registry  # noqa: PLC0415 -- idem

    return list(registry.list_registered_expectation_implementations())


def _points_at_rows(name: str) -> bool:
    _great_expectations()
    from great_expectations.expectations import expectation as kinds  # noqa: PLC0415 -- idem
    from great_expectations.expectations import registry  # noqa: PLC0415 -- idem

    by_row = (
        kinds.ColumnMapExpectation,
        kinds.ColumnPairMapExpectation,
        kinds.MulticolumnMapExpectation,
    )
    return issubclass(registry.get_expectation_impl(name), by_row)


def _refuse_an_empty_frame(
    frame: pd.DataFrame, expectations: Sequence[Expectation], *, place: str
) -> None:
    if not frame.empty or len(frame.index):
        return
    of_rows = [item.expect for item in expectations if item.expect not in _OF_COUNTS]
    if of_rows:
        raise EvidenceError(
            f"{place}: there are no rows, and {of_rows[0]} needs some; expectations on nothing "
            f"would pass. Widen the window, or expect a row count"
        )


def _moments(value: Any, frame: pd.DataFrame, expectation: Expectation) -> Any:
    """Give bounds on a column with a time zone one too: without it, comparing them fails."""
    column = expectation.args.get("column") or expectation.args.get("column_A")
    if column not in frame.columns or not hasattr(frame[column].dtype, "tz"):
        return value
    if isinstance(value, list):
        return [_moments(item, frame, expectation) for item in value]
    return _in_utc(value)


def _in_utc(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), tzinfo=UTC)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _finding(result: Any, expectation: Expectation) -> Finding:
    if result is None:
        return Finding(met=None, error="Great Expectations returned no result for it")
    if errors := _errors(result):
        return Finding(met=None, error=errors[0])
    body = result.result or {}
    looked_at = _looked_at(body)
    met, note = bool(result.success), None
    if met and looked_at == 0:
        met, note = _of_nothing(body, expectation)
    return Finding(
        met=met,
        observed=_plain(body.get("observed_value")),
        looked_at=looked_at,
        unexpected=_plain(body.get("unexpected_count")),
        positions=sorted({int(row) for row in body.get("unexpected_index_list") or []}),
        note=note,
    )


def _errors(result: Any) -> list[str]:
    # One exception as it is, or one under each metric's name.
    told = result.exception_info or {}
    each = [told] if "raised_exception" in told else list(told.values())
    return [str(one["exception_message"]) for one in each if one.get("raised_exception")]


def _looked_at(body: Mapping[str, Any]) -> int | None:
    if body.get("element_count") is None:
        return None
    return int(body["element_count"]) - int(body.get("missing_count") or 0)


def _of_nothing(body: Mapping[str, Any], expectation: Expectation) -> tuple[bool, str]:
    if "row_condition" in expectation.args and not body["element_count"]:
        return True, "no row meets its row_condition"
    return False, f"every one of the {int(body['element_count']):,} values is missing"


def _plain(value: Any) -> Any:
    """A figure as JSON knows it: numpy's scalars become Python's, NaN and infinity words."""
    if hasattr(value, "item") and not isinstance(value, Mapping):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
