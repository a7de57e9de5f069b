"""Nights of a model whose clocks change, and nights that are hours: rows, history, what is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.definition.folders import TEN_LINES
from tradewind.definition.loader import parse_definition
from tradewind.definition.moments import midnight, nights_between
from tradewind.nights import LiveState, NightInputs, ScoredNight
from tradewind.stages._breaches import signs_of
from tradewind.stages._night_features import write_night
from tradewind.stages._operations import operations_of
from tradewind.stages._watching import Look, PastLook
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills"


def definition(every: str):
    text = TEN_LINES + f"timezone: America/New_York\nscore: {{every: {every}}}\n"
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="here")


@pytest.mark.parametrize("day", [date(2013, 3, 10), date(2013, 11, 3)])
@pytest.mark.parametrize("every", ["1 day", "6 hours"])
def test_each_row_is_served_in_exactly_one_night_also_where_the_clocks_change(
    every: str, day: date, home: Settings
) -> None:
    stores, frozen = Stores.open(home), definition(every)
    first = midnight(day - 2 * DAY, frozen.model)
    last = midnight(day + 2 * DAY, frozen.model)
    moments = [first + n * HOUR / 2 for n in range(1, int((last - first) / HOUR * 2) + 1)]
    columns = {"bill": pa.array(range(len(moments))), "guests": [2.0] * len(moments),
               "paid_at": pa.array(moments, pa.timestamp("us", "UTC"))}  # fmt: skip
    rows = pa.table({**columns, "tip": [1.0] * len(moments)})
    stores.lake.write_parquet("validated/x/bills.parquet", rows)
    stores.lake.put_json("validated/x/manifest.json", {"bills": "validated/x/bills.parquet"})
    inputs = NightInputs(
        digest="x",
        uri="validated/x/manifest.json",
        quarantine={},
        snapshot_digest="s",
        stale={},
        rows={},
        broken=[],
        warnings=[],
    )
    served: list[int] = []
    for night in nights_between(first + HOUR, last, frozen.model):
        found = write_night(frozen, inputs, as_of=night, stores=stores)
        served += stores.lake.read_table(found.uri, ["bill"])["bill"].to_pylist()
    assert sorted(served) == list(range(len(moments)))


def a_look(every: str, home: Settings, *, past: list[PastLook], as_of: datetime) -> Look:
    night = ScoredNight(
        model="tips", night=as_of, start=as_of - HOUR, digest="d", uri="u", features_uri="f",
        features=[], definition_digest="x", rows=7, served={}, fallback_reasons={}, champion=None,
        arms=[],
    )  # fmt: skip
    first = night.model_copy(update={"night": as_of - 2 * DAY})
    return Look(
        frozen=definition(every), as_of=as_of,
        live=LiveState(model="tips", as_of=as_of, champion=None),
        night=night, nights=[first, night], past=past, accepted=frozenset(),
        stores=Stores.open(home),
    )  # fmt: skip


def test_missed_nights_are_counted_by_the_local_clock(home: Settings) -> None:
    after = datetime(2013, 11, 4, 5, tzinfo=UTC)
    hourly = operations_of(a_look("1 hour", home, past=[], as_of=after))
    assert (hourly["nights_scored"], hourly["nights_missed"]) == (2, 47)
    assert "nights of one day" in str(hourly["contract"])
    look = a_look("1 day", home, past=[], as_of=after)
    look.nights[0] = look.nights[0].model_copy(update={"night": after - 2 * DAY - HOUR})
    daily = operations_of(look)
    assert (daily["nights_missed"], "contract" in daily) == (1, False)


def test_an_hour_is_judged_by_the_same_hour_of_earlier_days(home: Settings) -> None:
    as_of = datetime(2013, 7, 1, 16, tzinfo=UTC)
    past = [
        PastLook(as_of - n * HOUR, "d", "u", None, [], [], {"rows": 100.0 if n % 24 == 0 else 5.0})
        for n in range(40 * 24, 0, -1)
    ]
    look = a_look("1 hour", home, past=past, as_of=as_of)
    (sign,) = signs_of(look, {"rows": 5.0})
    assert sign.expected == pytest.approx(100)
    assert sign.sudden == "beyond"
