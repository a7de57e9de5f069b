"""When a model runs must be something that a clock can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from tradewind.definition.base import parse_duration

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found

_DAY = timedelta(days=1)
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_TICKS = 30


def _schedule_is_cron(file: File) -> Found:
    for key in ("train", "score"):
        expression = file.text("schedule", key)
        said = _no_cron(expression) if expression is not None else None
        if said is not None:
            yield ("schedule", key), f"{expression!r} is no cron expression: {said}"


def _nights_are_of_the_clock(file: File) -> Found:
    every = _every(file)
    if every is not None and (not every or (every % _DAY if every > _DAY else _DAY % every)):
        said = (
            f"{file.text('score', 'every')!r} is neither whole days nor a part of a day: nights "
            "would wander around the clock"
        )
        yield ("score", "every"), said


def _each_night_has_its_tick(file: File) -> Found:
    expression, every = file.text("schedule", "score"), _every(file)
    if expression is None or every is None or _no_cron(expression) is not None:
        return
    shortest = min(second - first for first, second in pairwise(_ticks(expression)))
    if every and shortest > every:
        said = (
            f"{expression!r} comes less often than a night ends (score.every: "
            f"{file.text('score', 'every') or '1 day'}), so nights would never be scored"
        )
        yield ("schedule", "score"), said


def _every(file: File) -> timedelta | None:
    """How long a night is; None where what is said is no length."""
    try:
        every = parse_duration(file.text("score", "every") or "1 day")
    except ValueError:
        return None
    return every if isinstance(every, timedelta) else None


def _ticks(expression: str) -> list[datetime]:
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415

    ticks = croniter(expression, _SOME_DAY)
    try:
        return [ticks.get_next(datetime) for _ in range(_TICKS)]
    except CroniterBadDateError:  # 30 February
        return [_SOME_DAY, datetime.max.replace(tzinfo=UTC)]


def _no_cron(expression: str) -> str | None:
    # Loaded only where there is a schedule to read.
    from croniter import CroniterError, croniter  # noqa: PLC0415

    try:
        croniter(expression)
    except (CroniterError, ValueError) as error:
        return str(error).replace(f"[{expression}] ", "")
    return None


CHECKS: Checks = (_schedule_is_cron, _nights_are_of_the_clock, _each_night_has_its_tick)
