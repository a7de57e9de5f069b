"""The kill switch, as a night presses it: the naive rule decides until a person resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.live import KINDS, state_of
from tradewind.promotion.following import follow
from tradewind.stores.events import SWITCHED_OFF

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.stores.ledger import Event
    from tradewind.stores.stores import Stores


def switch_off(
    *,
    stores: Stores,
    model: str,
    version: int | None,
    as_of: datetime,
    actor: str,
    reason: str,
    run_id: str | None = None,
) -> bool:
    """Let the naive rule decide for every row, and tell MLflow.

    Args:
        stores: The ledger and the registry.
        model: The model.
        version: The champion that the reason is about: where another one decides, nothing is done.
        as_of: The moment that it stands for.
        actor: Who switches it off.
        reason: Why. The same switch, for the same moment and reason, is pressed once.
        run_id: The run that does it.

    Returns:
        Whether this switch was pressed, now or before.

    Raises:
        RegistryError: MLflow does not answer. The switch stands in the ledger, and every night goes
            by that; the next `reconcile` makes MLflow follow.
        LedgerError: The ledger cannot be reached.
    """
    with stores.ledger.lock(model) as ledger:
        events = ledger.events(model=model, kind=KINDS)
        if not any(_is_same(event, as_of=as_of, reason=reason) for event in events):
            state = state_of(model, events, as_of=as_of)
            if state.champion != version or state.switched_off is not None:
                return False
            ledger.append(
                model=model,
                kind=SWITCHED_OFF,
                as_of=as_of,
                actor=actor,
                reason=reason,
                payload={"run_id": run_id},
            )
        follow(stores, ledger, model)
    return True


def _is_same(event: Event, *, as_of: datetime, reason: str) -> bool:
    return (event.kind, event.as_of, event.reason) == (SWITCHED_OFF, as_of, reason)
