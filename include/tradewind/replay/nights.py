"""A stretch of nights, one after the other: scored, looked at, decided, and trained where decided.

Nothing here is simulated: each night sees what was known at its own moment and no more, because
every stage looks at the moment that it is given. Replay on stores of their own: what is decided
for a night is decided for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.definition.moments import midnight, nights_between
from tradewind.nights import Decision, Monitoring, ScoredNight
from tradewind.pipeline import run_pipeline
from tradewind.records import Refusal, Registration, RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Pipeline, Record
    from tradewind.stores.stores import Stores

_ACTOR = "replay"


@dataclass(frozen=True)
class ReplayedNight:
    """One night, and what it led to.

    Attributes:
        outcome: What became of the training that the decision launched; None where it launched
            none.
    """

    night: datetime
    scored: ScoredNight
    monitoring: Monitoring
    decision: Decision
    outcome: str | None = None


def replay(
    model: ModelDefinition, *, first: date, last: date, stores: Stores
) -> Iterator[ReplayedNight]:
    """Run every night of a stretch, oldest first.

    Args:
        model: Whose nights; its folder is the definition that they are run with.
        first: The local day whose first moment is the first night's as-of.
        last: That of the last night, included. Between the two are all there are.
        stores: Stores of the replay's own.

    Yields:
        Each night as it is done, so that a long replay can be followed and stopped.
    """
    for night in nights_between(midnight(first, model), midnight(last, model), model):
        yield replay_night(model, night, stores=stores)


def replay_night(model: ModelDefinition, night: datetime, *, stores: Stores) -> ReplayedNight:
    """Run one night: score, look, decide, and train where that is decided."""
    scored = _run(model, night, "score", stores=stores)["predict"]
    looked = _run(model, night, "monitor", stores=stores)
    decision, monitoring = looked["decide"], looked["monitor"]
    assert isinstance(scored, ScoredNight)  # noqa: S101 (what the stages return)
    assert isinstance(decision, Decision)  # noqa: S101
    assert isinstance(monitoring, Monitoring)  # noqa: S101
    outcome = train(decision, stores=stores) if decision.launches else None
    return ReplayedNight(night, scored, monitoring, decision, outcome)


def train(decision: Decision, *, stores: Stores) -> str:
    """Run the training that a decision launches; says what became of it."""
    request = RunRequest(
        model=decision.model,
        run_id=f"train/{decision.run_id}",
        as_of=decision.as_of,
        actor=_ACTOR,
        reason=decision.reason,
        wider=decision.wider,
        trigger="decision",
    )
    records = run_pipeline(request, stores=stores)
    if isinstance(records["admit"], Refusal):
        return "refused"
    registered = records["register"]
    assert isinstance(registered, Registration)  # noqa: S101 (what the stage returns)
    return registered.outcome


def _run(
    model: ModelDefinition, night: datetime, pipeline: Pipeline, *, stores: Stores
) -> dict[str, Record]:
    request = RunRequest(
        model=model.name,
        run_id=f"{pipeline}/replay__{night:%Y-%m-%dT%H:%M:%S}Z",
        as_of=night,
        actor=_ACTOR,
        reason="a night of the past, run again",
        trigger="schedule",
        pipeline=pipeline,
    )
    return run_pipeline(request, stores=stores)
