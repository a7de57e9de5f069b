"""A model's nights as people look at them: who decides, what was served, decided, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.errors import LedgerError
from tradewind.live import live_state, newest_moment, order_moment
from tradewind.nights import Decision, Grounds
from tradewind.policy.decision import decide_on
from tradewind.stores import launches
from tradewind.stores.admitted import last_readable
from tradewind.stores.events import (
    DECIDED,
    INTENDED,
    LEASE_RELEASED,
    NIGHT_SCORED,
    RETRAIN_ENDED,
)
from tradewind.stores.leases import lease_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Incident, LiveState, PastRetrain, Ranking, ScoredNight
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

_SEVERITIES = ("critical", "warning", "info")
# A night that was made up for is written after later ones, so more are read than are shown.
_MADE_UP = 31
_STATES = ("open", "acknowledged", "closed")


@dataclass(frozen=True)
class NightRow:
    """One night of a model.

    Attributes:
        scored: What it served; None where it was not scored.
        decision: What was decided; None where it was not looked at.
        training: The training that the decision launched, and what became of it.
        runs: The run behind each of `predict` and `decide`, as the ledger names it.
    """

    night: datetime
    scored: ScoredNight | None
    decision: Decision | None
    training: PastRetrain | None = None
    runs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decided:
    """A decision with what it stands on, and what the same grounds come to now.

    Attributes:
        event: The ledger's record of it.
        grounds: As they were kept.
        again: The decision, made again from the grounds by the definition of that night.
        whole: Whether the kept grounds are those that the decision names by their digest.
    """

    event: Event
    decision: Decision
    grounds: Grounds
    again: Decision
    whole: bool

    @property
    def same(self) -> bool:
        """Whether the same grounds still give the same decision."""
        return self.whole and not self.differences

    @property
    def differences(self) -> dict[str, tuple[object, object]]:
        """What is decided otherwise now: by field, as it was and as it is."""
        was, now = self.decision.model_dump(mode="json"), self.again.model_dump(mode="json")
        return {name: (was[name], now[name]) for name in was if was[name] != now[name]}


def tonight(ledger: Ledger, name: str, model: ModelDefinition | None) -> LiveState:
    """Who decides for the next night.

    Args:
        ledger: What happened.
        name: The model.
        model: Its definition; None where that is broken, and the newest moment known stands in.
    """
    if model is None:
        return live_state(ledger, name)
    moment = order_moment(ledger, model)
    return live_state(ledger, name, as_of=moment, probation=model.promotion.probation)


def night_rows(stores: Stores, *, model: str, limit: int = 30) -> list[NightRow]:
    """A model's last nights, newest first, those too that were looked at and never scored."""
    scored = {one.night: one for one in stores.ledger.nights(model, limit=limit)}
    found = _decisions(stores.ledger, model, limit=limit)
    nights = sorted({*scored, *found}, reverse=True)[:limit]
    trainings = _trainings(stores.ledger, model, nights)
    runs = {stage: _runs(stores, model, stage, limit=limit) for stage in ("predict", "decide")}
    return [
        NightRow(
            night=night,
            scored=scored.get(night),
            decision=found.get(night),
            training=trainings.get(night),
            runs={stage: known[night] for stage, known in runs.items() if night in known},
        )
        for night in nights
    ]


def last_night(stores: Stores, model: str) -> NightRow | None:
    """The newest night that was scored or looked at; None before the first."""
    return next(iter(night_rows(stores, model=model, limit=1)), None)


def training_of(ledger: Ledger, decision: Decision) -> PastRetrain | None:
    """The training that a decision launched, and what became of it."""
    return _trainings(ledger, decision.model, [decision.as_of]).get(decision.as_of)


def incidents_of(
    ledger: Ledger, model: str | None = None, *, closed: bool = False
) -> list[Incident]:
    """Incidents of a model, or of all: what is open first, the gravest first."""
    return sorted(
        ledger.incidents.select(model=model, closed=closed),
        key=lambda one: (
            _STATES.index(one.state),
            _SEVERITIES.index(one.severity),
            -one.updated.timestamp(),
        ),
    )


def open_incidents(ledger: Ledger, model: str) -> list[Incident]:
    """What is wrong with a model now."""
    return incidents_of(ledger, model)


def decided(stores: Stores, model: str, night: datetime | None = None) -> Decided:
    """A night's decision, with its grounds, and made again from them.

    Args:
        stores: The ledger, and the lake where the grounds are.
        model: Whose decision.
        night: Which night; the newest that was decided where nothing is said.

    Raises:
        LedgerError: Nothing was decided for this night.
        LakeError: The grounds are not there, or damaged.
    """
    from tradewind.stores.digests import json_digest

    event = _decided_event(stores.ledger, model, night)
    decision = Decision.model_validate(event.payload["decision"])
    kept = stores.lake.read_json(decision.grounds_uri)
    grounds = Grounds.model_validate(kept)
    frozen = stores.ledger.definition(model, event.payload["definition_digest"])
    where = {"grounds_digest": decision.grounds_digest, "grounds_uri": decision.grounds_uri}
    return Decided(
        event=event,
        decision=decision,
        grounds=grounds,
        again=decide_on(grounds, frozen.model).model_copy(update=where),
        whole=json_digest(kept) == decision.grounds_digest,
    )


def ranking_stand(stores: Stores, model: str) -> int:
    """The newest event that can change a ranking: a night, a promotion, or a training's end."""
    kinds = (NIGHT_SCORED, INTENDED, RETRAIN_ENDED, LEASE_RELEASED)
    found = stores.ledger.events(model=model, kind=kinds, newest_first=True, limit=1)
    return found[0].id if found else 0


def ranked(stores: Stores, model: str) -> Ranking:
    """The last versions, best first, on rows that none of them was trained on; this takes a while.

    Raises:
        EvidenceError: There is nothing to rank.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    from tradewind.stages.ranking import rank_versions

    return rank_versions(stores, model, as_of=newest_moment(stores.ledger, model))


def _decided_event(ledger: Ledger, model: str, night: datetime | None) -> Event:
    found = ledger.events(
        model=model, kind=DECIDED, since=night, as_of=night, newest_first=True, limit=1
    )
    if not found:
        when = f"the night of {night:%Y-%m-%d %H:%M} UTC" if night else "any night"
        raise LedgerError(
            f"{model}: nothing was decided for {when}: run `tradewind run {model} monitor`"
        )
    return found[0]


def _decisions(ledger: Ledger, model: str, *, limit: int) -> dict[datetime, Decision]:
    found = ledger.events(model=model, kind=DECIDED, newest_first=True, limit=limit + _MADE_UP)
    return {one.as_of: Decision.model_validate(one.payload["decision"]) for one in found}


def _trainings(
    ledger: Ledger, model: str, nights: Sequence[datetime]
) -> dict[datetime, PastRetrain]:
    if not nights:
        return {}
    found = launches.retrains(
        ledger, model, as_of=max(nights), given_up=_time_of_a_lease(ledger, model)
    )
    return {one.decided: one for one in found}


def _time_of_a_lease(ledger: Ledger, model: str) -> timedelta | None:
    """After how long the decisions give a silent launch up; None where no definition says it."""
    frozen = last_readable(ledger, model)
    return lease_time(frozen.model.schedule) if frozen else None


def _runs(stores: Stores, model: str, stage: str, *, limit: int) -> dict[datetime, str]:
    """The newest run of a stage, by its night."""
    found = stores.ledger.outcomes(model=model, stage=stage, limit=limit + _MADE_UP)
    return {outcome.as_of: outcome.run_id for outcome in reversed(found)}
