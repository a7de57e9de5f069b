"""The leases of every model that reads a subject's rows, for as long as its erasure lasts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.errors import LeaseHeldError, LeaseLostError
from tradewind.stores.admitted import last_readable
from tradewind.stores.leases import LEASE_SLACK, Lease, LeaseHeld, lease_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from tradewind.erasure import ErasureOrder
    from tradewind.stores.ledger import Ledger


@dataclass
class Leases:
    """What an erasure holds: nobody trains a model meanwhile."""

    ledger: Ledger
    holder: str
    held: dict[str, Lease] = field(default_factory=dict)

    def renew(self) -> None:
        """Count their time from now again.

        Raises:
            LeaseLostError: Another run has had one of them since.
        """
        for model, lease in self.held.items():
            self.ledger.renew_lease(
                model,
                holder=self.holder,
                fencing_token=lease.fencing_token,
                ttl=_time(model, self.ledger),
            )


@contextmanager
def holding_leases(models: Sequence[str], order: ErasureOrder, ledger: Ledger) -> Iterator[Leases]:
    """Hold the leases of some models, all or none; they are given back however it ends.

    Raises:
        LeaseHeldError: Another run holds one; those taken before it are given back.
        LedgerError: The ledger cannot be reached.
    """
    # By the erasure, and not by the run: one that was killed is gone on with by another run.
    leases = Leases(ledger, f"forget/{order.reference}")
    try:
        for model in models:
            leases.held[model] = _taken(model, leases.holder, order, ledger)
        yield leases
    finally:
        for model, lease in leases.held.items():
            _given_back(model, lease, ledger)


def _taken(model: str, holder: str, order: ErasureOrder, ledger: Ledger) -> Lease:
    lease = ledger.acquire_lease(
        model,
        holder=holder,
        ttl=_time(model, ledger),
        as_of=ledger.now(),
        actor=order.actor,
        reason=f"somebody is forgotten: {order.reason}",
    )
    if isinstance(lease, LeaseHeld):
        raise LeaseHeldError(
            f"{model}: {lease.sentence}; nothing was changed: ask again when that is done, or take "
            f"the lease from a run that was killed with `tradewind unlock {model}`"
        )
    return lease


def _given_back(model: str, lease: Lease, ledger: Ledger) -> None:
    try:
        ledger.release_lease(model, holder=lease.holder, fencing_token=lease.fencing_token)
    except LeaseLostError:
        # A person broke it: it is not ours to give back.
        return


def _time(model: str, ledger: Ledger) -> timedelta:
    frozen = last_readable(ledger, model)
    return lease_time(frozen.model.schedule) if frozen else LEASE_SLACK
