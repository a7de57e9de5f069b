"""Three consecutive stretches of time: fit, select, judge. Never shuffled, never overlapping.

A row belongs to the stretch that holds its prediction time, and enters it only if its label was
known before the next stretch begins: what stands at the start of a stretch has then seen everything
before it, and nothing in it. Boundaries are midnights of the model's own time zone, so that a day,
the unit that is resampled, is never cut in two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from tradewind.definition.moments import midnight, window_start
from tradewind.errors import EvidenceError, LabelError
from tradewind.records import Stretch

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tradewind.definition.schema import ModelDefinition

MIN_JUDGE_UNITS = 28
_BINARY_CLASSES = 2


@dataclass(frozen=True)
class Boundaries:
    """Where the stretches begin and end: half open, in UTC.

    Attributes:
        fit: Start of the fit stretch; None for the earliest row there is.
        select: End of fit, start of select.
        judge: End of select, start of judge.
        end: End of judge: the moment that the run stands at.
    """

    fit: datetime | None
    select: datetime
    judge: datetime
    end: datetime


@dataclass(frozen=True)
class Split:
    """The labelled rows of each stretch, in the order of their prediction times.

    Attributes:
        boundaries: Where each stretch begins and ends.
        held_back: Labelled rows in none of them: their label came after the next stretch began.
        zone: Whose local days are the units.
        pinned: Labelled rows in none of them because their days are pinned (`gates.benchmark`):
            nobody learns from those; judged they may be.
    """

    fit: pd.DataFrame
    select: pd.DataFrame
    judge: pd.DataFrame
    boundaries: Boundaries
    held_back: int
    zone: ZoneInfo
    pinned: int = 0

    @property
    def stretches(self) -> dict[str, Stretch]:
        """Each stretch with its boundaries and counts."""
        edges = self.boundaries
        first = edges.fit or _moment(self.fit["prediction_time"].min())
        spans = {
            "fit": (first, edges.select, self.fit),
            "select": (edges.select, edges.judge, self.select),
            "judge": (edges.judge, edges.end, self.judge),
        }
        return {
            name: Stretch(
                start=start,
                end=end,
                rows=len(frame),
                units=int(local_days(frame["prediction_time"], zone=self.zone).nunique()),
            )
            for name, (start, end, frame) in spans.items()
        }


def local_days(times: pd.Series, *, zone: ZoneInfo) -> pd.Series:
    """The local day of each moment: midnight, without a zone.

    Args:
        times: Moments in UTC.
        zone: Whose days.
    """
    days: pd.Series = times.dt.tz_convert(zone).dt.tz_localize(None).dt.floor("D")
    return days


def boundaries(
    model: ModelDefinition, *, as_of: datetime, window_days: int | None = None
) -> Boundaries:
    """Count back from the as-of moment in whole local days.

    Args:
        model: Its `train` section says how long each stretch is.
        as_of: The end of the judge stretch.
        window_days: Days from the first of the fit stretch to the as-of, over what is declared.
    """
    train, today = model.train, as_of.astimezone(model.zone).date()
    judge_day = today - timedelta(days=train.judge_days)
    select_day = judge_day - timedelta(days=train.select_days)
    return Boundaries(
        fit=window_start(model, as_of=as_of, window_days=window_days),
        select=midnight(select_day, model),
        judge=midnight(judge_day, model),
        end=as_of.astimezone(UTC),
    )


def split_frame(
    frame: pd.DataFrame,
    model: ModelDefinition,
    *,
    as_of: datetime,
    window_days: int | None = None,
) -> Split:
    """Cut a feature set into the three stretches, and prove that they are apart.

    The same arguments give the same rows in the same order, so that whoever judges a model
    recovers exactly the rows that it was not trained on.

    Args:
        frame: A feature set: the entity key, `event_time`, `prediction_time`, features, `label`,
            `label_known_at`.
        model: What its stretches, key and problem are.
        as_of: The moment that the run stands at.
        window_days: Days from the first of the fit stretch to the as-of, over what is declared.

    Raises:
        LabelError: A stretch has no labelled row, or one class only.
        EvidenceError: The judge stretch has too few units, or two stretches share something.
    """
    edges = boundaries(model, as_of=as_of, window_days=window_days)
    labelled = frame[frame["label"].notna() & (frame["label_known_at"] <= edges.end)]
    labelled = labelled.sort_values(["prediction_time", *model.entity_key], kind="stable")
    pinned = is_pinned(labelled["prediction_time"], model)
    learned = labelled[~pinned]
    fit = _between(learned, edges.fit, edges.select, known_before=edges.select)
    select = _between(learned, edges.select, edges.judge, known_before=edges.judge)
    judge = _between(labelled, edges.judge, edges.end, known_before=None)
    since = _between(labelled, edges.fit, edges.end, known_before=None)
    left_out = len(_between(labelled[pinned], edges.fit, edges.judge, known_before=None))
    split = Split(
        fit=fit,
        select=select,
        judge=judge,
        boundaries=edges,
        held_back=len(since) - len(fit) - len(select) - len(judge) - left_out,
        zone=model.zone,
        pinned=left_out,
    )
    _require_rows(split, model)
    prove_separation(split, key=model.entity_key)
    return split


def is_pinned(times: pd.Series, model: ModelDefinition) -> pd.Series:
    """Say of each prediction time whether it is of the pinned days, from which nobody learns.

    Args:
        times: Moments in UTC.
        model: Declares the days, in its own zone; none where nothing is pinned.
    """
    days = model.gates.benchmark.days
    if days is None:
        return pd.Series(data=False, index=times.index, dtype=bool)
    start, end = (midnight(day, model) for day in days)
    return (times >= start) & (times < end)


def prove_separation(split: Split, *, key: list[str]) -> None:
    """Hold that no model is judged on rows that it was trained on, or on rows older than those.

    Args:
        split: Its three stretches, as they are used, whatever made them.
        key: The columns that with `event_time` name a row.

    Raises:
        EvidenceError: A row is in two stretches, a stretch reaches into the next, or a label of
            one became known after the next had begun.
    """
    names = ("fit", "select", "judge")
    frames = {name: getattr(split, name) for name in names}
    for earlier, later in pairwise(names):
        begins = frames[later]["prediction_time"].min()
        for column in ("prediction_time", "label_known_at"):
            reaches = frames[earlier][column].max()
            if not reaches < begins:
                raise EvidenceError(
                    f"the stretches {earlier} and {later} are not apart: {column} of {earlier} "
                    f"reaches {reaches}, and {later} begins at {begins}"
                )
    named = list(dict.fromkeys([*key, "event_time"]))
    _prove_rows_distinct(pd.concat([frames[name][named] for name in names], keys=names), named)


def _prove_rows_distinct(rows: pd.DataFrame, named: list[str]) -> None:
    twice = rows.duplicated(named, keep=False)
    if twice.any():
        example = rows[twice].iloc[0]
        places = rows.index.get_level_values(0)[twice].unique().tolist()
        raise EvidenceError(
            f"{int(twice.sum())} rows are there more than once, in {' and '.join(places)}: "
            + ", ".join(f"{name}={example[name]}" for name in named)
        )


def _between(
    frame: pd.DataFrame, start: datetime | None, end: datetime, *, known_before: datetime | None
) -> pd.DataFrame:
    times = frame["prediction_time"]
    keep = times < end
    if start is not None:
        keep &= times >= start
    if known_before is not None:
        keep &= frame["label_known_at"] < known_before
    return frame[keep]


def _require_rows(split: Split, model: ModelDefinition) -> None:
    starts = (split.boundaries.fit, split.boundaries.select, split.boundaries.judge)
    for name, start, end in zip(
        ("fit", "select", "judge"), starts, (*starts[1:], split.boundaries.end), strict=True
    ):
        span = f"{_day(start, model)} to {_day(end, model)}"
        _require_labels(getattr(split, name), model, where=f"the {name} stretch ({span})")
    units = split.stretches["judge"].units
    if units < MIN_JUDGE_UNITS:
        raise EvidenceError(
            f"{model.name}: the judge stretch ({_day(split.boundaries.judge, model)} to "
            f"{_day(split.boundaries.end, model)}) holds labelled rows of {units} days; "
            f"{MIN_JUDGE_UNITS} are needed to judge anything"
        )


def _require_labels(frame: pd.DataFrame, model: ModelDefinition, *, where: str) -> None:
    if frame.empty:
        raise LabelError(
            f"{model.name}: {where} has no row with a label known in time: ingest an earlier past, "
            f"or shorten train.judge_days ({model.train.judge_days}) and train.select_days "
            f"({model.train.select_days})"
        )
    counts = frame["label"].value_counts().to_dict()
    if model.problem == "binary" and len(counts) < _BINARY_CLASSES:
        only = ", ".join(f"{count:,} rows of {value!s}" for value, count in counts.items())
        raise LabelError(
            f"{model.name}: in {where} the label has one class only ({only}): two are needed to "
            f"learn or judge; look at label.expression ({model.label.expression})"
        )


def _day(moment: datetime | None, model: ModelDefinition) -> str:
    if moment is None:
        return "the first row"
    return f"{moment.astimezone(model.zone):%Y-%m-%d}"


def _moment(value: pd.Timestamp) -> datetime:
    return value.to_pydatetime().astimezone(UTC)
