"""What became of a model's versions: what each is now, who moved it, the nights that it scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING

from tradewind.errors import DefinitionError, LedgerError, UnavailableError
from tradewind.lineage._origins import named_in
from tradewind.lineage_records import Happened, NightUse, VersionState
from tradewind.live import KINDS, newest_moment, state_of, taken_back
from tradewind.stores.events import (
    APPROVAL_KINDS,
    ARM_STARTED,
    ARM_STOPPED,
    INTENDED,
    SEGMENT_RULED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from tradewind.lineage_records import Role
    from tradewind.nights import LiveState, ScoredNight
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger

_MOVES = (INTENDED, ARM_STARTED, ARM_STOPPED)


@dataclass(frozen=True)
class Careers:
    """The versions of one model, by its ledger; each thing is read once."""

    ledger: Ledger
    model: str

    @cached_property
    def named(self) -> Mapping[int, str | None]:
        """Every version that the ledger names, with the run that brought it in."""
        return named_in(self._events)

    def state(self, version: int) -> VersionState:
        """What a version is now, at the newest moment that the ledger knows of the model."""
        now = self._now
        arms = [arm for arm in now.arms if arm.version == version]
        if now.champion == version:
            off = "; the model is " * bool(now.retired or now.switched_off)
            off += "retired" if now.retired else "switched off" if now.switched_off else ""
            return VersionState(
                word="champion", sentence=f"champion since {_when(now.champion_since)}{off}"
            )
        if arms:
            named = ", ".join(f"{arm.name} since {_when(arm.since)}" for arm in arms)
            return VersionState(word="arm", sentence=f"scores beside the champion as {named}")
        reigns = self._reigns(version)
        if not reigns:
            return VersionState(word="never_live", sentence="never live")
        spans = " and ".join(f"from {_when(start)} to {_when(end)}" for start, end in reigns)
        back = ", and rolled back" * (version in self._taken_back)
        return VersionState(word="former_champion", sentence=f"was champion {spans}{back}")

    def moves(self, version: int) -> list[Happened]:
        """What brought a version in, or took it back, oldest first."""
        return [_happened(one) for one in self._events if _moves(one, version)]

    def approvals(self, *, run_id: str | None, verdict: str | None) -> list[Happened]:
        """What people were asked and answered about a run's candidate, or its verdict."""
        found = self.ledger.events(model=self.model, kind=APPROVAL_KINDS)
        return [
            _happened(one)
            for one in found
            if (run_id is not None and one.payload.get("run_id") == run_id)
            or (verdict is not None and one.payload.get("verdict_digest") == verdict)
        ]

    def nights(self, version: int) -> list[NightUse]:
        """Every night in which a version scored, oldest first."""
        return [use for night in self._scored for use in self._in_night(night, version)]

    @cached_property
    def _events(self) -> list[Event]:
        return self.ledger.events(model=self.model, kind=KINDS)

    @cached_property
    def _scored(self) -> list[ScoredNight]:
        return self.ledger.nights(self.model)

    @cached_property
    def _taken_back(self) -> set[int]:
        return {version for version, _ in taken_back(self._events)}

    @cached_property
    def _now(self) -> LiveState:
        moment = newest_moment(self.ledger, self.model)
        return state_of(self.model, self._events, as_of=moment, probation=self._probation)

    @property
    def _probation(self) -> timedelta | None:
        try:
            frozen = self.ledger.last_good(self.model)
        except UnavailableError:
            raise
        except (DefinitionError, LedgerError):
            return None
        return frozen.model.promotion.probation if frozen else None

    def _reigns(self, version: int) -> list[tuple[datetime, datetime | None]]:
        moves = [event for event in self._events if event.kind == INTENDED]
        return [
            (event.as_of, later.as_of if later else None)
            for event, later in zip_longest(moves, moves[1:])
            if int(event.payload["version"]) == version
        ]

    def _in_night(self, night: ScoredNight, version: int) -> Iterator[NightUse]:
        def use(role: Role, rows: int | None) -> NightUse:
            return NightUse(night=night.night, role=role, rows=rows, log_uri=night.uri)

        segments = self._segments.get(night.night, frozenset())
        if night.champion == version:
            # The night counts a segment's rows with the champion's.
            yield use("champion", None if segments else night.served.get("champion", 0))
        if version in segments:
            yield use("segment", None)
        for arm in night.arms:
            if arm.version == version:
                rows = night.served.get("canary", 0) if arm.kind == "canary" else 0
                yield use(arm.kind, rows)

    @cached_property
    def _segments(self) -> Mapping[datetime, frozenset[int]]:
        """The versions that had a segment of their own, by night."""
        if not any(event.kind == SEGMENT_RULED for event in self._events):
            return {}
        found = {}
        for night in (one.night for one in self._scored):
            known = [event for event in self._events if event.as_of <= night]
            rules = state_of(self.model, known, as_of=night).segments
            versions = (rule.served_by for rule in rules)
            found[night] = frozenset(one for one in versions if isinstance(one, int))
        return found


def _moves(event: Event, version: int) -> bool:
    if event.kind not in _MOVES:
        return False
    if event.kind == INTENDED and event.payload.get("from") == version:
        return True
    named = event.payload.get("version") or str(event.payload.get("name", "")).partition(":")[2]
    return str(named) == str(version)


def _happened(event: Event) -> Happened:
    return Happened(
        event_id=event.id,
        kind=str(event.payload.get("action") or event.kind),
        as_of=event.as_of,
        recorded_at=event.recorded_at,
        actor=event.actor,
        reason=event.reason,
        run_id=event.payload.get("run_id"),
    )


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "a moment that is not recorded"
