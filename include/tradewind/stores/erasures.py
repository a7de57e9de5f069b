"""Erasures, as the ledger's events tell them: by reference, when, and how much it was.

What each kind of event says in its payload, beside `reference` and `kind` (of subject):

- `erasure_asked`: nothing more;
- `erasure_begun`: `files` of the lake that held something, `versions` by model that were trained
  on it, `run_id`;
- `words_erased`: `events`, by the number of each the digests of the texts that were taken out from
  beside it (as `tradewind.stores.words.bare` writes them), and `run_id`; without `kind`;
- `erased`: what it came to, as `tradewind.erasure.Erased`, and `run_id`;
- `erasure_withdrawn`: nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.erasure import Erased, ErasureRequest
from tradewind.stores.events import (
    ERASED,
    ERASURE_ASKED,
    ERASURE_BEGUN,
    ERASURE_KINDS,
    ERASURE_WITHDRAWN,
    WORDS_ERASED,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.subjects import Kept, Subjects

_AGAIN = "`tradewind forget {reference} --reason ...`"
_OPEN = {
    "asked": "nobody ordered it, or it was refused (a source still holds them, a model is being "
    f"trained, or who ordered it may not): {_AGAIN} says which, and "
    "`tradewind subject --withdraw {reference}` takes it back",
    "begun": "it is being carried out, was interrupted, or something is left that could not be "
    f"erased: {_AGAIN} goes on with it, and says which",
    "erased": "its key is still kept: the next erasure, of whoever, or `tradewind housekeeping` "
    "deletes it",
    "gone": "its key is kept no more, and no event says why: nothing can go on; ask for it anew",
}


def erasure_of(ledger: Ledger, reference: str) -> Erased | None:
    """What the erasure by a reference came to; None where there was none.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    for event in ledger.events(kind=ERASED, newest_first=True):
        if event.payload["reference"] == reference:
            return _erased(event)
    return None


def words_erased(ledger: Ledger, reference: str) -> int:
    """How many texts of events an erasure took out, in all its runs.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    told = [event.payload for event in ledger.events(kind=WORDS_ERASED)]
    own = [each["events"].values() for each in told if each["reference"] == reference]
    return sum(len(digests) for some in own for digests in some)


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


def erasure_requests(ledger: Ledger, subjects: Subjects) -> list[ErasureRequest]:
    """Every request that somebody be forgotten, the newest first; nobody's key is read.

    Args:
        ledger: What its events tell.
        subjects: Those of the same ledger, who are not forgotten yet.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    # Read before the events: what is finished meanwhile is told by its event, and not as open.
    kept = {one.token: one for one in subjects.kept()}
    told: dict[str, dict[str, Event]] = {token: {} for token in kept}
    for event in ledger.events(kind=ERASURE_KINDS):
        told.setdefault(event.payload["reference"], {})[event.kind] = event
    found = [_request(one, events, kept.get(one)) for one, events in told.items()]
    return sorted(found, key=_since, reverse=True)


def _request(reference: str, events: Mapping[str, Event], kept: Kept | None) -> ErasureRequest:
    asked, begun = events.get(ERASURE_ASKED), events.get(ERASURE_BEGUN)
    erased, withdrawn = events.get(ERASED), events.get(ERASURE_WITHDRAWN)
    state, still = _standing(events, kept)
    return ErasureRequest.model_validate(
        {
            "reference": reference,
            "kind": kept.kind if kept else next(iter(events.values())).payload["kind"],
            "state": state,
            "asked_at": asked.recorded_at if asked else kept and kept.asked_at,
            "asked_by": asked and asked.actor,
            "begun_at": begun and begun.recorded_at,
            "ordered_by": begun and begun.actor,
            "reason": begun and begun.reason,
            "withdrawn_at": withdrawn and withdrawn.recorded_at,
            "withdrawn_by": withdrawn and withdrawn.actor,
            "erased": erased and _erased(erased),
            "open": still and _OPEN[still].format(reference=reference),
        }
    )


def _standing(events: Mapping[str, Event], kept: Kept | None) -> tuple[str, str | None]:
    """How far it has come; and what of `_OPEN` is to be said of it."""
    if ERASED in events:
        return "erased", "erased" if kept else None
    if kept is not None:
        state = "begun" if kept.begun else "asked"
        return state, state
    if ERASURE_WITHDRAWN in events:
        return "withdrawn", None
    return "begun" if ERASURE_BEGUN in events else "asked", "gone"


def _since(one: ErasureRequest) -> datetime:
    """When it was asked for; of one of which no event tells that, when it was done."""
    moments = (one.asked_at, one.begun_at, one.erased.at if one.erased else one.withdrawn_at)
    return next(moment for moment in moments if moment is not None)


def _erased(event: Event) -> Erased:
    # One of before something was counted does not say it.
    told = Erased.model_fields.keys() & event.payload.keys()
    return Erased.model_validate({name: event.payload[name] for name in told})
