"""What keeps a version from becoming champion, whoever asks for it, and in what words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tradewind.errors import PromotionRefusedError
from tradewind.live import hold_at, line_of, retired_by, taken_back, until_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.stores.ledger import ChampionRecord, Event


@dataclass(frozen=True)
class Refusal:
    """Why a version may not become champion.

    Attributes:
        outcome: In a word, as a registration says it.
        sentence: For a person, with the way out.
    """

    outcome: Literal["held", "retired", "rolled_back_before"]
    sentence: str


def refusal_of(
    events: Sequence[Event],
    *,
    model: str,
    version: int,
    evidence_digest: str,
    as_of: datetime,
    by_hand: bool = False,
) -> Refusal | None:
    """Say what keeps a version from being promoted, apart from who is champion; None for nothing.

    Args:
        events: All of the model's that `tradewind.live.KINDS` names, also those of later moments:
            a hold counts from when it was written.
        model: The model.
        version: The version.
        evidence_digest: Of what it would be promoted on.
        as_of: The moment the promotion would stand for.
        by_hand: A person promotes, who may bring a retired model back.
    """
    hold, retired = hold_at(events, as_of), retired_by(events)
    if hold is not None:
        return Refusal(
            "held",
            f"{model}: nothing is promoted before {until_of(hold):%Y-%m-%d %H:%M} UTC, by "
            f"{hold.actor}: {hold.reason}; lift the hold with `resume`, or wait",
        )
    if retired is not None and not by_hand:
        return Refusal(
            "retired",
            f"{model} was retired by {retired.actor}: {retired.reason}; a person brings it back, "
            "with `promote` or `resume`",
        )
    if (version, evidence_digest) in taken_back(events):
        return Refusal(
            "rolled_back_before",
            f"{model}: version {version} was rolled back after it had been promoted on this very "
            f"evidence ({evidence_digest[:12]}): it needs a new verdict to return",
        )
    return None


def compare(
    model: str,
    version: int,
    current: ChampionRecord | None,
    *,
    expected_previous: int | None,
    as_of: datetime,
) -> None:
    """See that the champion is who it was taken for, another one, and not of a later moment.

    Raises:
        PromotionRefusedError: It is not so.
    """
    named = None if current is None else current.version
    if named != expected_previous:
        raise PromotionRefusedError(
            f"{model}: version {version} was judged against {called(expected_previous)}, but the "
            f"champion is {called(named)}{won(current)}: judge it again, against that one",
            champion=named,
        )
    if current is None:
        return
    if named == version:
        raise PromotionRefusedError(
            f"{model}: version {version} is the champion already{won(current)}", champion=named
        )
    require_no_later(model, version, current, as_of=as_of)


def require_no_later(model: str, version: int, current: ChampionRecord, *, as_of: datetime) -> None:
    """See that the champion does not stand for a later moment than what would replace it.

    Raises:
        PromotionRefusedError: It does.
    """
    if as_of < current.since:
        raise PromotionRefusedError(
            f"{model}: version {version} stands for {as_of.isoformat()}, before the champion's "
            f"{current.since.isoformat()} (version {current.version}): an older night promotes "
            "nothing",
            champion=current.version,
        )


def rollback_target(
    model: str, events: Sequence[Event], *, to: int | None, expected: int | None
) -> int:
    """The version that a rollback gives the place back to.

    Args:
        model: The model.
        events: As for `refusal_of`.
        to: A version that was live before; the champion's predecessor where nothing is said.
        expected: The champion that is to be taken back; whoever it is where nothing is said.

    Raises:
        PromotionRefusedError: There is no such version, or the champion is another one.
    """
    line = line_of(events)
    if not line:
        raise PromotionRefusedError(f"{model} has no champion yet that could be rolled back")
    champion = int(line[-1].payload["version"])
    if expected not in (None, champion):
        raise PromotionRefusedError(
            f"{model}: version {expected} was to be rolled back, but the champion is version "
            f"{champion} (by {line[-1].actor}): look again",
            champion=champion,
        )
    known = [int(event.payload["version"]) for event in line[:-1]]
    target = _predecessor(model, line, known) if to is None else to
    if target not in known:
        gone = target in {version for version, _ in taken_back(events)}
        raise PromotionRefusedError(
            f"{model}: the champion, version {champion}, cannot be rolled back to version {target}"
            f"{_why_not(target, champion, gone=gone)}; {_choice(known)}",
            champion=champion,
        )
    return target


def _predecessor(model: str, line: Sequence[Event], known: Sequence[int]) -> int:
    champion = line[-1]
    version = champion.payload["version"]
    if not known:
        raise PromotionRefusedError(
            f"{model}: there is nothing to roll back to, because no version was live before "
            f"version {version}; `fall_back` lets the naive rule decide",
            champion=version,
        )
    # Two people who press at the same moment mean one step back, not two.
    if (left := champion.payload.get("from")) is not None:
        raise PromotionRefusedError(
            f"{model}: {champion.actor} rolled version {left} back to version {version} already "
            f"({champion.reason}); to go further back, name the version: {_choice(known)}",
            champion=version,
        )
    return known[-1]


def _why_not(target: int, champion: int, *, gone: bool) -> str:
    if target == champion:
        return ", which is itself"
    return ", which was rolled back itself" if gone else ", which was never live before it"


def _choice(known: Sequence[int]) -> str:
    if not known:
        return "no other version was live before"
    return "live before were " + ", ".join(f"version {version}" for version in known)


def called(version: int | None) -> str:
    """A version in words."""
    return "no champion" if version is None else f"version {version}"


def won(current: ChampionRecord | None) -> str:
    """Who made the champion so, and when, in brackets."""
    if current is None:
        return ""
    return f" (by {current.actor}, {current.recorded_at:%Y-%m-%d %H:%M:%S} UTC)"
