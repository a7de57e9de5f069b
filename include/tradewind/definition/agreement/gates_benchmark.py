"""The pinned days are learned from by nobody, and must leave something to learn from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tradewind.definition.learning import Train

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found


def _selection_is_left_some_days(file: File) -> Found:
    start, end = (file.at("gates", "benchmark", name) for name in ("start", "end"))
    select = file.at("train", "select_days")
    days = Train().select_days if select is None else select
    if not (isinstance(start, date) and isinstance(end, date) and isinstance(days, int)):
        return
    if (end - start).days >= days > 0:
        said = (
            f"{(end - start).days} days are pinned, and the {days} days of `train.select_days` can "
            "all be among them one night: nothing would be left to select on; pin fewer"
        )
        yield ("gates", "benchmark", "end"), said


CHECKS: Checks = (_selection_is_left_some_days,)
