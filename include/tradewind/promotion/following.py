"""What MLflow is told of the ledger's state, for whoever serves from there.

All of it is a projection: it is made to follow after every change, and again by `reconcile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.live import live_state
from tradewind.stores.events import APPLIED

if TYPE_CHECKING:
    from tradewind.nights import LiveState
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

CHAMPION = "champion"
"""MLflow's alias of the version that decides."""
CHALLENGER = "challenger"
"""MLflow's alias of the version that was started last beside it."""
SERVING = "tradewind.serving"
"""The registered model's tag that says `fallback` while the model may not decide."""
SERVING_REASON = "tradewind.serving_reason"
"""The tag that says why."""


def follow(stores: Stores, ledger: Ledger, model: str) -> None:
    """Make the challenger's alias and the kill switch's tags what the ledger says.

    Args:
        stores: The registry.
        ledger: Holds the model's lock, so that no older state is told after a newer one.
        model: Whose state.

    Raises:
        RegistryError: MLflow does not answer, or refuses; the ledger's word stands all the same,
            and the next `reconcile` tells it again.
    """
    state = live_state(ledger, model)
    _follow_arms(stores, state)
    _follow_switch(stores, state)


def write_applied(
    ledger: Ledger, model: str, intended: Event, *, found: int | None, repaired_by: str | None
) -> Event:
    """Write that MLflow's alias is where an `intended` event wants it.

    Args:
        ledger: Holds the model's lock.
        model: Whose alias.
        intended: The decision.
        found: Where the alias stood before.
        repaired_by: Who finished what another had begun.
    """
    repaired = repaired_by is not None
    return ledger.append(
        model=model,
        kind=APPLIED,
        as_of=intended.as_of,
        actor=repaired_by or intended.actor,
        reason="an interrupted promotion was finished" if repaired else intended.reason,
        payload={
            "intended": intended.id,
            "version": intended.payload["version"],
            "found": found,
            "repaired": repaired,
        },
    )


def _follow_arms(stores: Stores, state: LiveState) -> None:
    wanted = state.arms[-1].version if state.arms else None
    if stores.registry.alias(state.model, CHALLENGER) == wanted:
        return
    known = {version.version for version in stores.registry.versions(state.model)}
    if wanted in known:
        stores.registry.set_alias(state.model, CHALLENGER, wanted)
    else:
        stores.registry.remove_alias(state.model, CHALLENGER)


def _follow_switch(stores: Stores, state: LiveState) -> None:
    told = stores.registry.model_tags(state.model)
    if told is None:
        return  # never registered: there is nothing that could serve
    reason = state.retired or state.switched_off
    wanted = {} if reason is None else {SERVING: "fallback", SERVING_REASON: reason}
    for name in (SERVING, SERVING_REASON):
        if name in wanted and told.get(name) != wanted[name]:
            stores.registry.set_model_tag(state.model, name, wanted[name])
        elif name not in wanted and name in told:
            stores.registry.remove_model_tag(state.model, name)
