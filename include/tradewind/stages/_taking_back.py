"""Versions that may not decide any more give their places back: what such an order changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.live import KINDS, line_of, live_state
from tradewind.promotion import follow, roll_back, stop_arm, switch_off
from tradewind.stores.events import ARM_STOPPED, INTENDED, RESUMED, SWITCHED_OFF

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

_DONE = (ARM_STOPPED, RESUMED, INTENDED, SWITCHED_OFF)


@dataclass(frozen=True)
class Unfit:
    """Versions of a model that may not decide any more.

    Attributes:
        versions: Those that may not.
        because: What is said of each, after `version 3`.
        nobody: What is said where no version that was live before may decide instead.
        as_of: The moment from which on it holds.
        actor: Who says so, in which run.
    """

    model: str
    versions: Collection[int]
    because: str
    nobody: str
    as_of: datetime
    actor: str
    run_id: str

    def why(self, version: int) -> str:
        """Why a version may not."""
        return f"version {version} {self.because}"


def take_back(unfit: Unfit, stores: Stores) -> None:
    """Let none of them decide, or score on its way there; a second time changes nothing.

    Raises:
        PromotionRefusedError: The champion changed meanwhile.
        RegistryError: MLflow does not answer; the same again goes on from there.
    """
    state = live_state(stores.ledger, unfit.model)
    for arm in state.arms:
        if arm.version in unfit.versions:
            stop_arm(
                stores=stores,
                model=unfit.model,
                version=arm.version,
                as_of=unfit.as_of,
                actor=unfit.actor,
                reason=unfit.why(arm.version),
                run_id=unfit.run_id,
            )
    for rule in state.segments:
        if rule.served_by in unfit.versions:
            _end_rule(unfit, rule.feature, rule.value, stores)
    if state.champion is not None and state.champion in unfit.versions:
        _replace(unfit, state.champion, stores)


def _end_rule(unfit: Unfit, feature: str, value: str, stores: Stores) -> None:
    with stores.ledger.lock(unfit.model) as ledger:
        ledger.append(
            model=unfit.model,
            kind=RESUMED,
            as_of=unfit.as_of,
            actor=unfit.actor,
            reason=f"the version that serves it {unfit.because}",
            payload={"feature": feature, "value": value, "run_id": unfit.run_id},
        )
        follow(stores, ledger, unfit.model)


def _replace(unfit: Unfit, champion: int, stores: Stores) -> None:
    """Give the place to the newest version that was live before and may decide, or to the rule."""
    line = line_of(stores.ledger.events(model=unfit.model, kind=KINDS))
    known = [int(event.payload["version"]) for event in line[:-1]]
    fit = [version for version in known if version not in unfit.versions]
    if fit:
        roll_back(
            stores=stores,
            model=unfit.model,
            to=fit[-1],
            expected=champion,
            as_of=unfit.as_of,
            actor=unfit.actor,
            reason=unfit.why(champion),
            run_id=unfit.run_id,
        )
        return
    switch_off(
        stores=stores,
        model=unfit.model,
        version=champion,
        as_of=unfit.as_of,
        actor=unfit.actor,
        reason=f"{unfit.why(champion)}; {unfit.nobody}",
        run_id=unfit.run_id,
    )


def done_by(run_id: str, model: str, ledger: Ledger) -> list[Event]:
    """What a run changed of who decides."""
    found = ledger.events(model=model, kind=_DONE)
    return [event for event in found if event.payload.get("run_id") == run_id]


def moves(event: Event) -> bool:
    """Whether an event of `done_by` took the champion's place."""
    return event.kind in (INTENDED, SWITCHED_OFF)


def sentence(event: Event) -> str:
    """An event of `done_by`, for a person."""
    said = event.payload
    if event.kind == INTENDED:
        return f"version {said['version']} decides again, in place of version {said['from']}"
    if event.kind == SWITCHED_OFF:
        return f"the naive rule decides: {event.reason}"
    if event.kind == ARM_STOPPED:
        return f"{said['name']} scores no more"
    return f"{said['feature']}={said['value']} is served as every other row again"
