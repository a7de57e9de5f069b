"""Erasures that were interrupted go on, by the marks that were kept before anything changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.stages._forget_leases import holding_leases
from tradewind.stages._forget_steps import Held, carry_out
from tradewind.stages._forget_whom import Declarations
from tradewind.stores.erasures import erasure_of
from tradewind.stores.subjects import ERASING, Subjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.erasure import Erased
    from tradewind.stores.stores import Stores
    from tradewind.stores.subjects import Subject


def finish_interrupted(stores: Stores) -> tuple[list[str], list[str]]:
    """Finish every erasure that was begun and is not done.

    Returns:
        The references of those that are done now, and a sentence for each that stays open.

    Raises:
        LedgerError: The ledger cannot be reached, or an erasure is being carried out.
    """
    with stores.ledger.lock(ERASING):
        return finish_begun(stores)


def finish_begun(stores: Stores, *, besides: str | None = None) -> tuple[list[str], list[str]]:
    """As `finish_interrupted`, for whoever holds the lock.

    Args:
        stores: All of the platform's.
        besides: A reference that is looked after by the caller.
    """
    subjects, finished, still_open = Subjects.open(stores.settings), [], []
    for subject in subjects.begun():
        if erasure_of(stores.ledger, subject.token) is not None:
            subjects.delete(subject.token)
        elif subject.token != besides:
            try:
                finish_one(subject, Declarations.of(stores).models(subject.kind), stores)
            except TradewindError as error:
                still_open.append(f"{subject.token} stays open: {error}")
            else:
                finished.append(subject.token)
    return finished, still_open


def finish_one(subject: Subject, models: Sequence[str], stores: Stores) -> Erased:
    """Go on with an erasure that was begun, in the name of who began it.

    Raises:
        TradewindError: As `tradewind.stages.forget.forget`.
    """
    held = Held.model_validate(subject.held)
    with holding_leases(models, held.order, stores.ledger) as leases:
        return carry_out(subject, held, leases, stores)
