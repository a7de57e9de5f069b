"""Faults of single columns: missing, constant, flooded with new categories, dealt out anew."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats.contracts.dependence import scattered
from tradewind.stats.contracts.figures import PRINTS
from tradewind.stats.contracts.night import LEAST_ROWS, Found, Night, robust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stats.contracts.rows import Floats

_MORE_NULLS = 0.10
_TOGETHER, _JOINED = 0.6, 3
_SAME = 0.95
_FLOOD_VALUES, _FLOOD_ROWS = 10, 0.05
_LOST, _LOST_SHARE = 0.10, 0.35
_ENOUGH_ROWS = 100
_ORDINARY, _REPEATED, _SEVERAL = 0.25, 0.6, 2


# ------------------------------------------------------------------------------------------ nulls


def null_spike(night: Night) -> Iterator[Found]:
    """More missing values than on any known day."""
    spikes = [name for name in night.open if _more_nulls(night, name)]
    joined = _missing_together(night, spikes)
    if joined:
        shares = night.figures.null[[night.place(name) for name in joined]]
        sentence = (
            f"{', '.join(joined)} are missing together in {min(shares):.0%} of the rows: a source "
            "that they come from has no rows for this day"
        )
        yield Found("joined_rows", "missing day", joined, sentence)
    for name in spikes:
        if name not in joined:
            place = night.place(name)
            days = night.days.null[:, place]
            sentence = (
                f"{name} is missing in {night.figures.null[place]:.1%} of the rows; usual are "
                f"{np.median(days):.1%}, and {days.max():.1%} is the most of a known day"
            )
            yield Found("null_rate", "null spike", (name,), sentence)


def _more_nulls(night: Night, name: str) -> bool:
    place = night.place(name)
    share, days = float(night.figures.null[place]), night.days.null[:, place]
    if robust(share, days, least=0.01) <= night.sensitivity:
        return False
    least = max(_MORE_NULLS, 3 / math.sqrt(max(len(night.rows), 1)))
    # A stretch of time without values may be a natural one, and the wildest known day is the
    # measure; values that are missing here and there are not.
    most = float(np.quantile(days, 0.95) if _strewn(night, name) else days.max())
    return share > most + least * (1 - most)


def _strewn(night: Night, name: str) -> bool:
    if name in night.rows.categorical or not len(night.rows):
        return False
    return scattered(night.rows.number(name), night.rows)


def _missing_together(night: Night, spikes: list[str]) -> tuple[str, ...]:
    """Columns that are missing in nearly the same rows, most of them."""
    numeric = [
        name
        for name in spikes
        if name in night.rows.numeric and night.figures.null[night.place(name)] >= _TOGETHER
    ]
    if len(numeric) < _JOINED:
        return ()
    masks = np.isnan(np.array([night.rows.number(name) for name in numeric]))
    shared = masks.all(axis=0).sum() / masks.any(axis=0).sum()
    return tuple(numeric) if shared >= _SAME else ()


# --------------------------------------------------------------------------------------- constant


def constant(night: Night) -> Iterator[Found]:
    """One value, or nearly, where every known day has many."""
    for name in night.open:
        place = night.place(name)
        top = float(night.figures.top[place])
        known = len(night.rows) * (1 - night.figures.null[place])
        days = night.days.top[:, place]
        most = float(np.nanmax(days, initial=0.0))
        if known >= LEAST_ROWS and top >= max(_SAME, most + 0.3 * (1 - most)) and most < _SAME:
            sentence = (
                f"{name} has one value in {top:.1%} of the rows that have any; usual are "
                f"{np.nanmedian(days):.1%}, and {most:.1%} is the most of a known day"
            )
            yield Found("constant", "constant column", (name,), sentence)


# ------------------------------------------------------------------------------------- categories


def category_flood(night: Night) -> Iterator[Found]:
    """Many values that were never seen, in many rows; a few new ones are a matter of drift."""
    for name in (each for each in night.rows.categorical if each not in night.explained):
        known = night.known.get(name)
        found = _unheard_of(night, name, known) if known is not None else _too_many(night, name)
        if found is not None:
            yield Found("categories", "category flood", (name,), found)


def _unheard_of(night: Night, name: str, known: list[str]) -> str | None:
    place = night.rows.categorical.index(name)
    codes = night.rows.codes[:, place]
    new = ~np.isin(night.rows.categories[place], known)
    values = Counter(
        night.rows.categories[place][code] for code in codes if code >= 0 and new[code]
    )
    share = values.total() / max(1, len(codes))
    if len(values) < max(_FLOOD_VALUES, len(known) / 4) or share < _FLOOD_ROWS:
        return None
    return (
        f"{name} has {len(values)} values that were never seen, in {share:.1%} of the rows, such "
        f"as {', '.join(value for value, _ in values.most_common(3))}; {len(known)} are known"
    )


def _too_many(night: Night, name: str) -> str | None:
    """For a column with too many values to list: how many different ones a day has."""
    place = night.place(name)
    share = float(night.figures.distinct[place] / max(1, len(night.rows)))
    days = night.days.distinct[:, place] / night.days.rows
    far = robust(share, days, least=0.01) > night.sensitivity
    if not far or share < 1.25 * days.max():
        return None
    return (
        f"{name} has {night.figures.distinct[place]:.0f} different values in {len(night.rows)} "
        f"rows; {np.median(days):.0%} of the rows is usual, and {days.max():.0%} the most of a "
        "known day"
    )


# ------------------------------------------------------------------------------------- dependence


def shuffled(night: Night) -> Iterator[Found]:
    """A column that says nothing any more about any of those that it always went with."""
    if len(night.rows) < _ENOUGH_ROWS:
        return
    lost, kept = _dependence(night)
    while candidates := [name for name in lost if lost[name] and not kept[name]]:
        name = max(candidates, key=lambda each: len(lost[each]))
        pairs = lost.pop(name)
        for partner in {place for pair in pairs for place in pair}:
            others = lost.get(night.rows.columns[partner], set())
            others -= pairs
        yield Found("dependence", "shuffled column", (name,), _lost_sentence(night, name, pairs))


def _dependence(night: Night) -> tuple[dict[str, set[tuple[int, int]]], dict[str, int]]:
    """Of each column, the pairs that are lost tonight, and how many hold."""
    lost: dict[str, set[tuple[int, int]]] = {name: set() for name in night.open}
    kept = dict.fromkeys(lost, 0)
    varied = _varied(night)
    for number, (one, other) in enumerate(night.reference["pairs"]):
        if not (varied[one] and varied[other]):
            continue
        gone, holds = _fate(float(night.figures.strength[number]), night.days.strength[:, number])
        for name in {night.rows.columns[one], night.rows.columns[other]} & lost.keys():
            kept[name] += holds
            if gone:
                lost[name].add((one, other))
    return lost, kept


def _varied(night: Night) -> list[bool]:
    """Of each column, whether enough rows have another value than the commonest one.

    On a calm day a single gust goes with nothing, and was not dealt out anew for that.
    """
    present = (1 - night.figures.null) * len(night.rows)
    with np.errstate(invalid="ignore"):
        varied: list[bool] = ((1 - night.figures.top) * present >= LEAST_ROWS).tolist()
    return varied


def _fate(value: float, days: Floats) -> tuple[bool, bool]:
    """Whether a pair's strength is lost, and whether it holds; neither, where days vary a lot."""
    known = days[np.isfinite(days)]
    if not len(known) or math.isnan(value):
        return False, False
    weak = _LOST_SHARE * float(np.median(known))
    return value < min(weak, float(known.min()) - _LOST), value > max(weak, 2 * _LOST)


def _lost_sentence(night: Night, name: str, pairs: set[tuple[int, int]]) -> str:
    told = []
    for one, other in sorted(pairs):
        number = night.reference["pairs"].index([one, other])
        usual = float(np.nanmedian(night.days.strength[:, number]))
        partner = night.rows.columns[other if night.rows.columns[one] == name else one]
        with_whom = "the row before it" if one == other else partner
        told.append(f"{with_whom} ({night.figures.strength[number]:.2f}, usual {usual:.2f})")
    return f"{name} has its usual values, and no longer goes with {', '.join(told)}"


# ------------------------------------------------------------------------------------ repeated day


def repeated_day(night: Night) -> Iterator[Found]:
    """Columns that never repeat a day are those of an earlier day, row for row."""
    columns = [place for place in range(len(night.rows.numeric)) if _tells_days(night, place)]
    if not columns:
        return
    shared = np.array([_overlap(night, place) for place in columns])
    repeats = (shared >= _REPEATED).sum(axis=0)
    day = int(np.argmax(repeats + shared.mean(axis=0)))
    several = len(columns) >= _SEVERAL
    enough = repeats[day] >= _SEVERAL if several else shared[0, day] >= 1.5 * _REPEATED
    if enough:
        again = [
            night.rows.numeric[columns[i]] for i in np.flatnonzero(shared[:, day] >= _REPEATED)
        ]
        sentence = (
            f"{', '.join(again)} repeat an earlier day's values minute by minute "
            f"({shared[:, day].max():.0%} of a sample), which no known day does"
        )
        yield Found("repeated_day", "duplicated day", (), sentence)


def _tells_days(night: Night, place: int) -> bool:
    """Whether no two days of a column share much, and tonight has enough values."""
    if (night.figures.prints[place] < 0).any():
        return False
    prints = night.days.prints[:, place]
    known, number = np.unique(prints, return_inverse=True)
    has = np.zeros((len(prints), len(known)))
    has[np.arange(len(prints))[:, None], number.reshape(prints.shape)] = 1.0
    has[:, known < 0] = 0.0
    shared = has @ has.T / PRINTS
    np.fill_diagonal(shared, 0.0)
    return bool(np.quantile(shared.max(axis=1), 0.9) <= _ORDINARY)


def _overlap(night: Night, place: int) -> Floats:
    """The share of tonight's prints of a column that each known day has too, shape (days,)."""
    tonight = night.figures.prints[place]
    shares = np.isin(night.days.prints[:, place], tonight).sum(axis=1) / PRINTS
    return np.asarray(shares, dtype=np.float64)
