"""Why a champion's quality changed, as of a moment or of now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.live import newest_moment
from tradewind.stores.events import CONTRACT_ACCEPTED, INTENDED, NIGHT_MONITORED

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.diagnosis import Diagnosis
    from tradewind.stores.stores import Stores


def diagnosis_stand(stores: Stores, model: str) -> int:
    """The newest event that can change a diagnosis: a look, a promotion, or an accepted breach."""
    kinds = (NIGHT_MONITORED, INTENDED, CONTRACT_ACCEPTED)
    found = stores.ledger.events(model=model, kind=kinds, newest_first=True, limit=1)
    return found[0].id if found else 0


def diagnosed(stores: Stores, model: str, as_of: datetime | None = None) -> Diagnosis:
    """Take the change in the champion's loss apart; this takes some seconds.

    Args:
        stores: Where looks, trainings and rows are.
        model: Whose champion.
        as_of: By what was known then; at the newest moment of the model where nothing is said.

    Raises:
        EvidenceError: There is nothing to compare.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    from tradewind.stages.diagnose import diagnose

    return diagnose(stores, model, as_of=as_of or newest_moment(stores.ledger, model))
