"""Digests of logical content."""

from __future__ import annotations

import itertools
import math
import string
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewind.errors import LakeError
from tradewind.stores.digests import canonical_json, json_digest, table_digest

KINDS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(allow_nan=True),
    pa.string(): st.text(string.printable + "éü漢", max_size=6),
    pa.binary(): st.binary(max_size=4),
    pa.bool_(): st.booleans(),
    pa.timestamp("us", "UTC"): st.datetimes(
        datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001
    ),
    pa.decimal128(9, 2): st.decimals(-1000, 1000, places=2),
    pa.list_(pa.string()): st.lists(st.none() | st.text(max_size=2), max_size=3),
    pa.struct([("a", pa.int32())]): st.fixed_dictionaries({"a": st.none() | st.integers(0, 9)}),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4))
    rows = draw(st.integers(min_rows, 7))
    columns = [
        pa.array(draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows)), kind)
        for kind in kinds
    ]
    return pa.table(dict(zip("abcd", columns, strict=False)))


def in_pieces(table: pa.Table, at: list[int]) -> pa.Table:
    """The same rows in other chunks, each a slice with an offset of its own."""
    cuts = [0, *sorted(at), table.num_rows]
    pieces = [table.slice(a, b - a) for a, b in itertools.pairwise(cuts)]
    return pa.concat_tables([table.slice(0, 0), *pieces])


@given(tables(), st.lists(st.integers(0, 7), max_size=4))
def test_chunks_do_not_matter(table: pa.Table, cuts: list[int]) -> None:
    chunked = in_pieces(table, [min(cut, table.num_rows) for cut in cuts])

    assert table_digest(chunked) == table_digest(table)
    assert table_digest(chunked.to_reader()) == table_digest(table)
    assert table_digest(table.combine_chunks()) == table_digest(table)


@given(tables(), st.integers(1, 5))
def test_a_parquet_file_and_its_row_groups_do_not_matter(table: pa.Table, group: int) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group, compression="zstd")

    assert table_digest(pq.read_table(pa.BufferReader(sink.getvalue()))) == table_digest(table)


@given(tables(min_rows=1), st.data())
def test_any_other_value_is_another_digest(table: pa.Table, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(table.column_names))
    row = data.draw(st.integers(0, table.num_rows - 1))
    values = table.column(name).to_pylist()
    other = data.draw(st.none() | KINDS[table.schema.field(name).type])
    assume(not same(other, values[row]))
    values[row] = other
    changed = table.set_column(
        table.column_names.index(name), name, pa.array(values, table.schema.field(name).type)
    )

    assert table_digest(changed) != table_digest(table)


def same(one: object, other: object) -> bool:
    """As Arrow would keep them: any NaN is every NaN, and zero has a sign."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other and type(one) is type(other)


@given(tables(min_rows=2))
def test_the_order_of_rows_matters(table: pa.Table) -> None:
    backwards = table.take(list(range(table.num_rows))[::-1])
    pairs = zip(table.to_pylist(), backwards.to_pylist(), strict=True)
    assume(not all(same(a[name], b[name]) for a, b in pairs for name in a))

    assert table_digest(backwards) != table_digest(table)


@given(tables(), st.sampled_from(["rename", "drop a row", "retype", "append"]))
def test_names_types_and_counts_matter(table: pa.Table, change: str) -> None:
    changes = {
        "rename": lambda: table.rename_columns(["z", *table.column_names[1:]]),
        "drop a row": lambda: table.slice(1),
        "retype": lambda: table.set_column(0, "a", pa.nulls(table.num_rows, pa.date32())),
        "append": lambda: table.append_column("y", pa.nulls(table.num_rows)),
    }
    changed = changes[change]()
    assume(change != "drop a row" or table.num_rows)

    assert table_digest(changed) != table_digest(table)


def test_the_same_texts_cut_elsewhere_are_another_content() -> None:
    assert table_digest(pa.table({"a": ["ab", "c"]})) != table_digest(pa.table({"a": ["a", "bc"]}))


def test_a_null_is_neither_zero_nor_an_empty_text_nor_a_nan() -> None:
    for kind, value in ((pa.int64(), 0), (pa.string(), ""), (pa.float64(), math.nan)):
        filled, null = pa.array([value], kind), pa.array([None], kind)
        assert table_digest(pa.table({"a": filled})) != table_digest(pa.table({"a": null}))


def test_what_lies_behind_a_null_does_not_matter() -> None:
    bits = pa.array([True, False]).buffers()[1]
    behind = pa.array([1, 7], pa.int64()).buffers()[1]
    array = pa.Array.from_buffers(pa.int64(), 2, [bits, behind])

    assert table_digest(pa.table({"a": array})) == table_digest(pa.table({"a": [1, None]}))


def test_dictionaries_and_wide_offsets_do_not_matter() -> None:
    plain = pa.array(["x", None, "y", "x"])
    forms = [plain.dictionary_encode(), plain.cast(pa.large_string()), plain.cast(pa.string_view())]

    for form in forms:
        assert table_digest(pa.table({"a": form})) == table_digest(pa.table({"a": plain}))


def test_batches_need_a_schema() -> None:
    with pytest.raises(ValueError, match="nothing to digest"):
        table_digest([])


def test_a_type_that_cannot_be_digested_is_refused() -> None:
    column = pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))

    with pytest.raises(LakeError, match=r"map<.*> cannot be stored"):
        table_digest(pa.table({"a": column}))


def test_json_has_one_spelling() -> None:
    moment = datetime(2013, 7, 1, tzinfo=UTC)

    assert canonical_json({"b": moment, "a": [1, None, "é"]}) == (
        '{"a":[1,null,"é"],"b":"2013-07-01T00:00:00+00:00"}'
    )
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
    assert len(json_digest(1)) == 32


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        json_digest(math.nan)
    with pytest.raises(TypeError, match="Decimal has no form"):
        json_digest(Decimal(1))
