"""Who decides at a moment, read from the ledger's events alone.

What each kind of event says of it, in its payload:

- `intended`: `version`, `model_uri`, `evidence_digest`, `action` (`promote`, which is meant where
  nothing is said, or `roll_back`), `by_hand`;
- `held`: `until`; `switched_off`, `retired`: nothing more, the event's reason is the reason;
- `resumed`: nothing, which lifts all three of them; or a `feature` and a `value`, whose rule it is
  that ends; or a `breach`, which is one again;
- `arm_started`: `name`, `version`, `kind`, `share`; `arm_stopped`: `name`;
- `segment_ruled`: `feature`, `value`, `served_by`, `until`; `segment_ready`: `feature`, `value`;
- `contract_accepted`: `breach`, and `until` where its end was named.

Events count in the order in which they were written, each from the moment that it stands for.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tradewind.definition.moments import next_night
from tradewind.nights import Arm, LiveState, ReadySegment, SegmentRule
from tradewind.stores.events import (
    ARM_STARTED,
    ARM_STOPPED,
    CONTRACT_ACCEPTED,
    HELD,
    INTENDED,
    NIGHT_SCORED,
    RESUMED,
    RETIRED,
    SEGMENT_READY,
    SEGMENT_RULED,
    SWITCHED_OFF,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.ledger import Event, Ledger

ROLL_BACK = "roll_back"
"""An `intended` event's action that takes promotions back."""

KINDS = (
    INTENDED,
    HELD,
    SWITCHED_OFF,
    RESUMED,
    RETIRED,
    ARM_STARTED,
    ARM_STOPPED,
    SEGMENT_RULED,
    SEGMENT_READY,
    CONTRACT_ACCEPTED,
)
"""What can change who decides."""

_NIGHTS = 31


def live_state(
    ledger: Ledger,
    model: str,
    *,
    as_of: datetime | None = None,
    probation: timedelta | None = None,
) -> LiveState:
    """Say who decides at a moment.

    Args:
        ledger: What happened.
        model: Whose state.
        as_of: The moment; what stands for a later one does not count. All that is known, at the
            newest moment known of the model, where nothing is said.
        probation: How long a champion's predecessor scores in shadow after a promotion; no such
            arm where nothing is said.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    found = ledger.events(model=model, kind=KINDS, as_of=as_of)
    moment = as_of or newest_moment(ledger, model)
    return state_of(model, found, as_of=moment, probation=probation)


def newest_moment(ledger: Ledger, model: str) -> datetime:
    """The latest moment that the ledger knows of a model: its last night, or its last change.

    A model's clock is that of its nights, which may lie in the past.
    """
    known = [event.as_of for event in ledger.events(model=model, kind=KINDS)]
    return max([*known, *_last_nights(ledger, model)], default=None) or ledger.now()


def order_moment(ledger: Ledger, model: ModelDefinition) -> datetime:
    """The moment for which an order of today stands: now, or the next night if that is earlier.

    So an order takes effect by the next night that is scored, also where nights of the past are
    gone through, and changes nothing of a night that was served. It is never before the champion's.

    Args:
        ledger: What happened, and the clock.
        model: Whose order, and when its nights are.
    """
    champion, now = ledger.champion(model.name), ledger.now()
    since = [champion.since] if champion else []
    last = max(_last_nights(ledger, model.name) or since, default=None)
    moment = now if last is None else min(now, next_night(last, model))
    return max([moment, *since])


def _last_nights(ledger: Ledger, model: str) -> list[datetime]:
    # A night that was made up for may have been scored after a later one.
    found = ledger.events(model=model, kind=NIGHT_SCORED, newest_first=True, limit=_NIGHTS)
    return [event.as_of for event in found]


def state_of(
    model: str,
    events: Sequence[Event],
    *,
    as_of: datetime,
    probation: timedelta | None = None,
) -> LiveState:
    """Say what events come to; `live_state` is this, with the events of the ledger.

    Args:
        model: Whose they are.
        events: Those of `KINDS` that count, in the order in which they were written.
        as_of: Rules and holds that end by this moment are void.
        probation: As for `live_state`.
    """
    line = line_of(events)
    champion = line[-1] if line else None
    off, retired = _last_word(events, SWITCHED_OFF), retired_by(events)
    hold = hold_at(events, as_of)
    return LiveState(
        model=model,
        as_of=as_of,
        champion=_version(champion) if champion else None,
        champion_since=champion.as_of if champion else None,
        champion_uri=champion.payload.get("model_uri") if champion else None,
        previous=_version(line[-2]) if len(line) > 1 else None,
        switched_off=off.reason if off else None,
        hold_until=until_of(hold) if hold else None,
        hold_reason=hold.reason if hold else None,
        retired=retired.reason if retired else None,
        arms=_arms(events, line, as_of=as_of, probation=probation),
        segments=_segments(events, as_of=as_of),
        ready=_ready(events, champion),
        accepted=sorted(accepted_at(events, as_of)),
    )


def line_of(events: Sequence[Event]) -> list[Event]:
    """The champions in a line, the present one last, each before it its predecessor.

    A promotion adds one. A rollback takes away everybody after its target, so that who was taken
    back is nobody's predecessor until a new promotion brings it in again.
    """
    line: list[Event] = []
    for event in _moves(events):
        line = _moved(line, event)
    return line


def taken_back(events: Sequence[Event]) -> set[tuple[int, str]]:
    """Versions that were rolled back, each with the evidence that it may not return on."""
    found: set[tuple[int, str]] = set()
    grounds: set[tuple[int, str]] = set()
    line: list[Event] = []
    for event in _moves(events):
        before, line = line, _moved(line, event)
        if is_rollback(event):
            gone = {_version(one) for one in before} - {_version(one) for one in line}
            found |= {(version, digest) for version, digest in grounds if version in gone}
        else:
            grounds.add((_version(event), event.payload["evidence_digest"]))
    return found


def _moves(events: Sequence[Event]) -> Iterator[Event]:
    return (event for event in events if event.kind == INTENDED)


def _moved(line: list[Event], event: Event) -> list[Event]:
    versions = [_version(earlier) for earlier in line]
    if is_rollback(event):
        kept = line[: versions.index(_version(event))] if _version(event) in versions else []
    else:
        kept = [earlier for earlier in line if _version(earlier) != _version(event)]
    return [*kept, event]


def hold_at(events: Sequence[Event], as_of: datetime) -> Event | None:
    """The hold under which nothing is promoted at a moment, if there is one."""
    last = _last_word(events, HELD)
    return last if last is not None and until_of(last) > as_of else None


def retired_by(events: Sequence[Event]) -> Event | None:
    """The event that retired a model, unless it was brought back since."""
    return _last_word(events, RETIRED)


def until_of(event: Event) -> datetime:
    """The moment from which on a hold, a segment's rule or an acceptance is void."""
    return datetime.fromisoformat(event.payload["until"])


def is_rollback(event: Event) -> bool:
    """Whether an `intended` event takes promotions back."""
    return event.payload.get("action") == ROLL_BACK


def accepted_at(events: Sequence[Event], moment: datetime) -> frozenset[str]:
    """Breaches that a person accepted as the new contract, as far as that holds at a moment.

    It holds for who decided when it was accepted, and for who came before: a champion trained later
    has learned the contract from its own rows, and what it still finds strange is to be looked at.

    Args:
        events: Those of `KINDS`, in the order in which they were written. What was accepted after
            the moment counts for it too: then the night is known to have been sound.
        moment: A night's, or that of an order.
    """
    found: set[str] = set()
    came = _first_named(events, line_of([one for one in events if one.as_of <= moment]))
    for event in events:
        if event.kind == CONTRACT_ACCEPTED:
            newer = came is None or event.id > came.id or event.as_of > came.as_of
            ended = event.payload.get("until") and until_of(event) <= moment
            found |= {event.payload["breach"]} if newer and not ended else set()
        elif event.kind == RESUMED and event.as_of <= moment:
            found.discard(event.payload.get("breach", ""))
    return frozenset(found)


def _first_named(events: Sequence[Event], line: Sequence[Event]) -> Event | None:
    """The event that first brought in the champion of a line, as such or as an arm."""
    if not line:
        return None
    version, kinds = _version(line[-1]), (INTENDED, ARM_STARTED)
    return next(one for one in events if one.kind in kinds and _version(one) == version)


def _version(event: Event) -> int:
    return int(event.payload["version"])


def _last_word(events: Sequence[Event], kind: str) -> Event | None:
    """The last event of a kind, unless something lifted it since."""
    for event in reversed(events):
        if event.kind == kind:
            return event
        if _lifts(event, kind):
            return None
    return None


def _lifts(event: Event, kind: str) -> bool:
    if event.kind == RESUMED:
        return not {"feature", "breach"} & event.payload.keys()
    # A person who promotes a retired model wants it back; a training that ends does not know.
    return kind == RETIRED and event.kind == INTENDED and bool(event.payload.get("by_hand"))


def _arms(
    events: Sequence[Event],
    line: Sequence[Event],
    *,
    as_of: datetime,
    probation: timedelta | None,
) -> list[Arm]:
    arms: dict[str, Arm] = {}
    for event in events:
        if event.kind == ARM_STARTED:
            arms[event.payload["name"]] = _arm(event)
        elif event.kind == ARM_STOPPED:
            arms.pop(event.payload["name"], None)
        elif event.kind == INTENDED:
            # Who decides does not score beside itself.
            new = _version(event)
            arms = {name: arm for name, arm in arms.items() if arm.version != new}
    return [*arms.values(), *_predecessor(line, as_of=as_of, probation=probation)]


def _arm(event: Event) -> Arm:
    said = event.payload
    return Arm(
        name=said["name"],
        version=said["version"],
        kind=said["kind"],
        share=said["share"],
        since=event.as_of,
    )


def _predecessor(
    line: Sequence[Event], *, as_of: datetime, probation: timedelta | None
) -> list[Arm]:
    """The predecessor of a champion on probation; whoever came by a rollback has proved itself."""
    if probation is None or len(line) < 2 or is_rollback(line[-1]):  # noqa: PLR2004 -- two of them
        return []
    since, version = line[-1].as_of, _version(line[-2])
    if as_of >= since + probation:
        return []
    return [Arm(name=f"previous:{version}", version=version, kind="shadow", share=0, since=since)]


def _segments(events: Sequence[Event], *, as_of: datetime) -> list[SegmentRule]:
    rules: dict[tuple[str, str], SegmentRule] = {}
    for event in events:
        if event.kind == RESUMED and "feature" in event.payload:
            rules.pop((event.payload["feature"], event.payload["value"]), None)
        elif event.kind == SEGMENT_RULED:
            said = event.payload
            rules[said["feature"], said["value"]] = SegmentRule(
                feature=said["feature"],
                value=said["value"],
                served_by=said["served_by"],
                reason=event.reason,
                until=until_of(event),
            )
    return [rule for rule in rules.values() if rule.until > as_of]


def _ready(events: Sequence[Event], champion: Event | None) -> list[ReadySegment]:
    if champion is None:
        return []
    said = [
        (event.payload["feature"], event.payload["value"])
        for event in events
        if event.kind == SEGMENT_READY and event.id > champion.id
    ]
    return [ReadySegment(feature=feature, value=value) for feature, value in dict.fromkeys(said)]
