"""Who decided, and why that one: the rule that applied, the event behind it, and who let it in.

Only what the ledger held when the night was recorded counts; what was written since changes nothing
of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradewind.explanation import ExplainedDecider
from tradewind.live import KINDS, is_rollback, line_of, state_of
from tradewind.stores.events import (
    APPROVAL_STANDS,
    APPROVED,
    ARM_STARTED,
    INTENDED,
    NIGHT_SCORED,
    RETIRED,
    SEGMENT_RULED,
    SWITCHED_OFF,
)
from tradewind.stores.fallback import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import LiveState, ScoredNight, SegmentRule
    from tradewind.stores.ledger import Event, Ledger

_KINDS = (*KINDS, APPROVED, APPROVAL_STANDS)


@dataclass(frozen=True)
class Past:
    """What the ledger held when a night was recorded.

    Attributes:
        recorded: The event that recorded the night; None where the ledger has none of its own.
        events: What can change who decides, and who approved, in the order of writing.
    """

    scored: ScoredNight
    model: ModelDefinition
    recorded: Event | None
    events: Sequence[Event]

    @classmethod
    def of(cls, ledger: Ledger, scored: ScoredNight, model: ModelDefinition) -> Past:
        """Read it.

        Raises:
            LedgerError: The ledger cannot be reached.
        """
        name, night = scored.model, scored.night
        own = ledger.events(model=name, kind=NIGHT_SCORED, since=night, as_of=night, limit=1)
        recorded = own[0] if own else None
        found = ledger.events(model=name, kind=_KINDS, as_of=night)
        kept = [one for one in found if recorded is None or one.id < recorded.id]
        return cls(scored, model, recorded, kept)

    @cached_property
    def state(self) -> LiveState:
        """Who was to decide."""
        return state_of(
            self.scored.model,
            self._of(*KINDS),
            as_of=self.scored.night,
            probation=self.model.promotion.probation,
        )

    def _of(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    def address(self, version: int) -> str | None:
        """The logged model behind a version, as far as the ledger knows it."""
        moves = [one for one in self._of(INTENDED) if one.payload["version"] == version]
        uri = moves[-1].payload.get("model_uri") if moves else None
        return None if uri is None else str(uri)

    def promotion(self) -> list[str]:
        """How the champion came in, and who approved of it."""
        line = line_of(self._of(*KINDS))
        if not line:
            return []
        event, said = line[-1], line[-1].payload
        how = "taken back to" if is_rollback(event) else "promoted"
        by_hand = " by hand" if said.get("by_hand") else ""
        run = f" in the run {said['run_id']}" if said.get("run_id") else ""
        return [
            (
                f"version {said['version']} is champion since {_at(event.as_of)}: {how}{by_hand} "
                f"by {event.actor}{run} (ledger event {event.id}, written "
                f"{_at(event.recorded_at)}): {event.reason}"
            ),
            f"it stood on the verdict {said['evidence_digest'][:12]}",
            *self._approvals(said["evidence_digest"]),
        ]

    def _approvals(self, verdict: str) -> list[str]:
        digests = {verdict}
        for event in reversed(self._of(APPROVAL_STANDS)):
            if event.payload["verdict_digest"] in digests:
                digests.add(event.payload["instead_of"])
        found = [one for one in self._of(APPROVED) if one.payload["verdict_digest"] in digests]
        told = [f"approved by {one.actor}, {_at(one.recorded_at)}: {one.reason}" for one in found]
        return told or ["no person was asked to approve it: the gates alone let it through"]

    def last(self, kind: str, **said: Any) -> Event | None:
        """The newest event of a kind with these particulars."""
        found = [one for one in self._of(kind) if said.items() <= one.payload.items()]
        return found[-1] if found else None


def decider_of(
    past: Past, row: Mapping[str, Any], features: pd.DataFrame | None
) -> ExplainedDecider:
    """Who decided for a row of the prediction log, and why that one.

    Args:
        past: What the ledger held.
        row: As the log has it.
        features: The same row with its features, by which segments are told; None where it is gone.
    """
    source, version, alias = row["source"], row["version"], row["alias"]
    if source in ("fallback", "control"):
        champion = past.scored.champion
        because = _fallback(past, row) if source == "fallback" else _control(past)
        beside = [] if champion is None else [f"version {champion}, the champion, did not decide"]
        return ExplainedDecider(
            source=source,
            version=None,
            alias=None,
            words="the naive rule",
            because=[*because, *beside, *past.promotion()],
        )
    if alias == "segment":
        words, because = f"version {version}, by a segment's rule", _segment(past, row, features)
    elif source == "canary":
        words, because = f"version {version}, a canary", _canary(past, str(alias))
    else:
        words, because = f"version {version}, the champion", past.promotion()
    return ExplainedDecider(
        source=source, version=version, alias=alias, words=words, because=because
    )


def _fallback(past: Past, row: Mapping[str, Any]) -> list[str]:
    told = [f"because {row['fallback_reason']}"]
    state = past.state
    for kind, is_so in ((RETIRED, state.retired), (SWITCHED_OFF, state.switched_off)):
        event = past.last(kind) if is_so is not None else None
        told += [_by("ordered", event)] if event else []
    for rule in state.segments:
        if str(row["fallback_reason"]).startswith(f"{rule.feature} {rule.value} is "):
            event = past.last(SEGMENT_RULED, feature=rule.feature, value=rule.value)
            told += [_by("ordered", event)] if event else []
    return told


def _control(past: Past) -> list[str]:
    return [
        (
            "its entity is in the control share (score.control_share), a stable share by hash for "
            f"which the naive rule decides so that the effect of {past.scored.model} can be "
            "measured"
        )
    ]


def _canary(past: Past, alias: str) -> list[str]:
    arm = next((one for one in past.state.arms if one.name == alias), None)
    share = "" if arm is None else f" of {arm.share:.0%} of the entities".replace("%", " %")
    event = past.last(ARM_STARTED, name=alias)
    told = [f"{alias} serves a stable share{share}, by hash, and this one is among them"]
    return [*told, *([_by("started", event)] if event else []), *past.promotion()]


def _segment(past: Past, row: Mapping[str, Any], features: pd.DataFrame | None) -> list[str]:
    rules = [one for one in past.state.segments if one.served_by == row["version"]]
    inside = [one for one in rules if features is None or _is_inside(one, features)]
    told = []
    for rule in inside:
        event = past.last(SEGMENT_RULED, feature=rule.feature, value=rule.value)
        told.append(
            f"{rule.feature} {rule.value} is served by version {rule.served_by} until "
            f"{_at(rule.until)}: {rule.reason}"
        )
        told += [_by("ordered", event)] if event else []
    return [*told, *past.promotion()]


def _is_inside(rule: SegmentRule, features: pd.DataFrame) -> bool:
    return rule.feature in features and as_text(features[rule.feature].iloc[0]) == rule.value


def _by(done: str, event: Event) -> str:
    return (
        f"{done} by {event.actor} (ledger event {event.id}, written {_at(event.recorded_at)}): "
        f"{event.reason}"
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
