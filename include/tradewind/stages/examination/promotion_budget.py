"""What is left of the year's error, and what the judged rows say at one comparison's part of it.

A comparison is written into the ledger before its result is known, so that none is forgotten. The
same candidate against the same champion is one comparison, however often it is looked at.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from croniter import croniter

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import gap
from tradewind.gates.beats_champion import no_comparison
from tradewind.gates.promotion_budget import Found, affords
from tradewind.stats.inference import difference
from tradewind.stores.events import COMPARED

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._case import Case, Run
    from tradewind.stores.ledger import Event

TASK = "probe"
_YEAR = timedelta(days=365)
_SOME_YEAR = datetime(2023, 1, 1, tzinfo=UTC)


def gather(case: Case) -> Found:
    """Find what the year has left, and bound the difference to the champion by it.

    Raises:
        EvidenceError: The champion cannot be judged, or there is no ledger to count in.
        LedgerError: The ledger cannot be reached.
    """
    planned = planned_comparisons(case.model)
    error = case.model.gates.promotion_budget.error
    found = Found(level=error / planned, planned=planned, earlier=0, spent=0.0)
    if no_comparison(case.evidence) is not None:
        return found
    if case.run is None:
        raise EvidenceError("without a ledger nobody knows how many comparisons there were")
    found = _counted(found, case, case.run)
    if not affords(found.level, spent=found.spent, error=error):
        return found
    against = gap(case.evidence, against="champion")
    _write_down(found, case, case.run)
    bounded = difference(
        against.value, against.standard_error, case.draws, confidence=1 - found.level
    )
    return found.model_copy(update={"against": bounded})


def planned_comparisons(model: ModelDefinition) -> int:
    """How many comparisons 365 days may hold: what is declared, or what runs by itself at most."""
    declared = model.gates.promotion_budget.comparisons
    if declared != "auto":
        return declared
    launches = math.ceil(_YEAR / model.retrain.window * model.retrain.at_most)
    return launches + _scheduled(model.schedule.train)


def _scheduled(cron: str | None) -> int:
    if cron is None:
        return 0
    # At most one a day: a training judges whole days, and there is one new day a day.
    ticks = croniter(cron, _SOME_YEAR - timedelta.resolution)
    days, tick = set(), ticks.get_next(datetime)
    while tick < _SOME_YEAR + _YEAR:
        days.add(tick.date())
        tick = ticks.get_next(datetime)
    return len(days)


def _counted(found: Found, case: Case, run: Run) -> Found:
    earlier = [event for event in _last_year(run) if not _is_same(event, case)]
    if not earlier:
        return found
    oldest = min(event.as_of for event in earlier) + _YEAR
    return found.model_copy(
        update={
            "earlier": len(earlier),
            "spent": sum(event.payload["level"] for event in earlier),
            "frees": oldest.astimezone(case.model.zone).date(),
        }
    )


def _last_year(run: Run) -> list[Event]:
    as_of = run.admission.as_of
    known = run.stores.ledger.events(
        model=run.admission.model, kind=COMPARED, as_of=as_of, since=as_of - _YEAR
    )
    # One that is a year old to the moment is free again.
    return [event for event in known if event.as_of > as_of - _YEAR]


def _is_same(event: Event, case: Case) -> bool:
    said = event.payload
    pair = (said["train_key"], said["champion"])
    return pair == (case.trained.train_key, case.evidence.champion_version)


def _write_down(found: Found, case: Case, run: Run) -> None:
    told = [event.payload["level"] for event in _last_year(run) if _is_same(event, case)]
    if max(told, default=0.0) >= found.level:
        return
    run.stores.ledger.append(
        model=run.admission.model,
        kind=COMPARED,
        as_of=run.admission.as_of,
        actor=run.admission.request.actor,
        reason=(
            f"compared with version {case.evidence.champion_version} at an error of "
            f"{found.level:.2g}, number {found.earlier + 1} of {found.planned} in 365 days"
        ),
        payload={
            "level": found.level,
            "train_key": case.trained.train_key,
            "champion": case.evidence.champion_version,
            "run_id": run.admission.request.run_id,
        },
    )
