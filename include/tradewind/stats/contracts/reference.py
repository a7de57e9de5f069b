"""The contract's reference: what the days of the training rows were like, one by one.

Nothing is pooled that a single day could not show. Detectors ask whether tonight is unlike every
day that was seen, so the reference keeps days, evenly over the whole of the training and densely
at its end, and the few things that hold on all of them.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.contracts.dependence import associations
from tradewind.stats.contracts.figures import Figures, figures_of, from_json
from tradewind.stats.contracts.manners import manners_of
from tradewind.stats.contracts.rows import Floats, Ints, LocalTimes, Rows, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEAST_DAYS = 5
MOST_DAYS = 120
RECENT_DAYS = 28
"""Of the kept days, at the end, without a gap."""
MOST_VALUES = 400
"""A column with more values than these has no list of known ones."""
_DIGITS = 7
_STRONG, _STRONG_SELF = 0.25, 0.4
_PAIRS_A_COLUMN = 6
_TELLS, _MOSTLY = 0.95, 0.9
_MINUTES, _HOUR = 1440, 60


def contract_reference(
    frame: Mapping[str, Any],
    kinds: Mapping[str, str],
    *,
    times: LocalTimes,
    key: Sequence[str] = (),
) -> dict[str, Any]:
    """Learn what the days of sound rows are like.

    Args:
        frame: The columns of `kinds` and of `key`, each of shape (rows,).
        kinds: `numeric`, `categorical` or `boolean`, by watched column.
        times: When the rows were.
        key: The columns that name a row.

    Returns:
        A record for JSON, well below half a megabyte for thirty columns and a year.

    Raises:
        EvidenceError: Fewer than five days, or a column is missing.
    """
    numeric = [name for name, kind in kinds.items() if kind != "categorical"]
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    rows = rows_of(frame, numeric=numeric, categorical=categorical, minute=times.minute, key=key)
    day = np.asarray(times.day)[np.argsort(times.minute, kind="stable")]
    kept = _kept_days(np.unique(day))
    parts = [(moment, rows.part(np.flatnonzero(day == moment))) for moment in kept]
    matrices = np.array([associations(part) for _, part in parts])
    pairs = _watched_pairs(np.abs(matrices))
    figures = [
        figures_of(part, weekday=weekday_of(moment), strength=chosen(matrix, pairs))
        for (moment, part), matrix in zip(parts, matrices, strict=True)
    ]
    days = [{"day": str(d), **each.as_json()} for d, each in zip(kept, figures, strict=True)]
    kept_rows = [part for _, part in parts]
    record = {
        "version": 1,
        "numeric": numeric,
        "categorical": categorical,
        "key": list(key),
        "pairs": [[int(i), int(j)] for i, j in pairs],
        "known": _known_values(rows, day),
        "manners": manners_of(matrices, figures),
        "clocks": list(_clocks(kept_rows)),
        "days": days,
    }
    return {**record, "digest": hashlib.sha256(json.dumps(record).encode()).hexdigest()[:16]}


def read_days(reference: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Figures:
    """All days that are known: the reference's, and later nights whose figures fit it."""
    later = [night for night in history if night.get("reference") == reference["digest"]]
    return from_json([*reference["days"], *later])


def known_values(
    reference: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """The values that columns with few of them have had, on the reference's days or later.

    What came on one later night only may be a slip, and is not known yet.
    """
    later = [night["new_values"] for night in history if night["reference"] == reference["digest"]]
    known = {}
    for name, values in reference["known"].items():
        nights = Counter(value for night in later for value in night.get(name, []))
        known[name] = sorted({*values, *(value for value, times in nights.items() if times > 1)})
    return known


def new_values(reference: Mapping[str, Any], rows: Rows) -> dict[str, list[Any]]:
    """What a night adds to the known values, by column."""
    found: dict[str, list[Any]] = {}
    for name, known in reference["known"].items():
        if name in rows.numeric:
            column = rows.number(name)
            here: set[Any] = set(rounded(np.unique(column[~np.isnan(column)])).tolist())
        else:
            place = rows.categorical.index(name)
            here = set(rows.categories[place][np.unique(rows.codes[:, place])].tolist())
        if new := sorted(here - set(known)):
            found[name] = new[:MOST_VALUES]
    return found


def weekday_of(day: Any) -> int:
    """0 for Monday."""
    return np.datetime64(day, "D").astype(date).weekday()  # type: ignore[no-any-return]


def _kept_days(days: Any) -> Any:
    if len(days) < LEAST_DAYS:
        raise EvidenceError(
            f"a contract is learned from the days of the training rows, at least {LEAST_DAYS}; "
            f"there are {len(days)}"
        )
    recent, older = days[-RECENT_DAYS:], days[:-RECENT_DAYS]
    room = MOST_DAYS - RECENT_DAYS
    if len(older) > room:
        older = older[np.linspace(0, len(older) - 1, room).round().astype(np.int64)]
    return np.append(older, recent)


def chosen(matrix: Floats, pairs: Sequence[Sequence[int]]) -> Floats:
    """The entries of the watched pairs, shape (pairs,)."""
    places = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    return np.asarray(matrix[places[:, 0], places[:, 1]])


# ------------------------------------------------------------------------ what holds on every day


def _watched_pairs(strengths: Floats) -> list[tuple[int, int]]:
    """The strongest pairs of each column among those that are strong on nearly every day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pair that no day knows is NaN
        low = np.nan_to_num(np.nanquantile(strengths, 0.05, axis=0))
    least = np.where(np.eye(len(low), dtype=bool), _STRONG_SELF, _STRONG)
    low = np.where(low >= least, low, 0.0)
    found = set()
    for one, row in enumerate(low):
        strongest = np.argsort(-row)[:_PAIRS_A_COLUMN]
        found |= {(min(one, int(j)), max(one, int(j))) for j in strongest if row[j] > 0}
    return sorted(found)


def _known_values(rows: Rows, day: Any) -> dict[str, list[Any]]:
    """Values that came on at least two days, of columns that have few."""
    numbers = _numeric_values(rows, day)
    return {**numbers, **_categories(rows, day)}


def _numeric_values(rows: Rows, day: Any) -> dict[str, list[float]]:
    found = {}
    for name, column in zip(rows.numeric, rows.numbers.T, strict=True):
        here = ~np.isnan(column)
        values = rounded(np.unique(column[here][:: max(1, int(here.sum()) // 20_000)]))
        if len(np.unique(values)) > 2 * MOST_VALUES:
            continue
        known = _on_several_days(rounded(column[here]), day[here])
        if len(known) <= MOST_VALUES:
            found[name] = [float(value) for value in known]
    return found


def _categories(rows: Rows, day: Any) -> dict[str, list[str]]:
    found = {}
    for place, name in enumerate(rows.categorical):
        here = rows.codes[:, place] >= 0
        known = _on_several_days(rows.codes[here, place], day[here])
        if len(known) <= MOST_VALUES:
            found[name] = sorted(rows.categories[place][known])
    return found


def _on_several_days(values: Any, day: Any) -> Any:
    distinct, number = np.unique(values, return_inverse=True)
    days, which = np.unique(day, return_inverse=True)
    pairs = np.unique(number * max(1, len(days)) + which)
    return distinct[np.bincount(pairs // max(1, len(days)), minlength=len(distinct)) > 1]


def rounded(values: Floats) -> Floats:
    """To seven significant digits, so that a value is the same however it was computed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        return np.where(values == 0, 0.0, np.round(values * size) / size)


def _clocks(days: Sequence[Rows]) -> Iterator[dict[str, Any]]:
    """Numeric columns that tell the time of day: in minutes or hours, with a fixed offset."""
    least = _MOSTLY * len(days)
    for name in days[0].numeric:
        for scale in (1, _HOUR):
            told = _offsets(days, name, scale, least=least)
            usual = float(np.median(told)) if len(told) else 0.0
            if np.count_nonzero(np.abs(told - usual) <= scale) >= least:
                yield {"column": name, "scale": scale, "offset": usual}
                break


def _offsets(days: Sequence[Rows], name: str, scale: int, *, least: float) -> Floats:
    """A column's offset on each day that it tells the time of; none if fewer days than `least`."""
    found: list[float] = []
    for seen, rows in enumerate(days):
        # Most columns are no clock, which a few days show.
        if len(found) + len(days) - seen < least:
            return np.array([])
        offset, share = clock_offset(rows.minute, rows.number(name) * scale)
        if share >= _TELLS:
            found.append(offset)
    return np.array(found)


def clock_offset(minute: Ints, told: Floats) -> tuple[float, float]:
    """How far a column is from the clock in the middle, and the share of rows within an hour of it.

    Args:
        minute: Of the local day, shape (rows,).
        told: The column, in minutes, shape (rows,).
    """
    known = ~np.isnan(told)
    if not known.any():
        return float("nan"), 0.0
    turn = 2 * np.pi / _MINUTES
    angle = (told[known] - minute[known]) * turn
    centre = np.angle(np.exp(1j * angle).mean()) / turn
    left = (told[known] - minute[known] - centre + _MINUTES / 2) % _MINUTES - _MINUTES / 2
    middle = np.median(left)
    return float(centre + middle), float(np.mean(np.abs(left - middle) < _HOUR))
