"""Erasures, as the ledger's events tell them: by reference, when, and how much it was.

What each kind of event says in its payload, beside `reference` and `kind` (of subject):

- `erasure_asked`: nothing more;
- `erasure_begun`: `files` of the lake that held something, `versions` by model that were trained
  on it, `run_id`;
- `erased`: what it came to, as `tradewind.erasure.Erased`, and `run_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.erasure import Erased
from tradewind.stores.events import ERASED

if TYPE_CHECKING:
    from tradewind.stores.ledger import Event, Ledger


def erasure_of(ledger: Ledger, reference: str) -> Erased | None:
    """What the erasure by a reference came to; None where there was none.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    for event in ledger.events(kind=ERASED, newest_first=True):
        if event.payload["reference"] == reference:
            return _erased(event)
    return None


def erased_versions(ledger: Ledger, model: str) -> dict[int, Erased]:
    """A model's versions whose files are no more, because they held something of a subject.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    return {
        version: erased
        for erased in map(_erased, ledger.events(kind=ERASED))
        for version in erased.deleted.get(model, [])
    }


def _erased(event: Event) -> Erased:
    return Erased.model_validate({name: event.payload[name] for name in Erased.model_fields})
