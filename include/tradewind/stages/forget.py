"""Forget: somebody is erased from all that is kept, by a reference that says nothing of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tradewind.erasure import is_token
from tradewind.errors import RequestError
from tradewind.stages._forget_leases import holding_leases
from tradewind.stages._forget_steps import begin, carry_out
from tradewind.stages._forget_whom import Declarations
from tradewind.stages._permitted import Asked, require
from tradewind.stages.finish_erasures import finish_begun, finish_one
from tradewind.stores.erasures import erasure_of
from tradewind.stores.events import ERASURE_ASKED, ERASURE_WITHDRAWN
from tradewind.stores.subjects import ERASING, Subjects

if TYPE_CHECKING:
    from tradewind.erasure import Erased, ErasureOrder
    from tradewind.stores.stores import Stores
    from tradewind.stores.subjects import Subject

_WAY_IN = "`tradewind subject KIND` keeps somebody and says the reference"
_NOBODY = (
    "the reference stands for nobody: it was never given, was withdrawn, or is mistyped. "
    f"`tradewind erasures` lists those that there are; {_WAY_IN}"
)


def ask(kind: str, value: str, *, actor: str, stores: Stores) -> str:
    """Keep somebody who is to be forgotten, in the table that lets go of them.

    Args:
        kind: Of subject, as a source declares it.
        value: Their key, as the source holds it: capitals and blanks count.
        actor: Who asks.
        stores: The ledger, and the definitions.

    Returns:
        The reference, a random token; who is kept already keeps theirs.

    Raises:
        RequestError: No source names this kind of subject, or the value cannot be a key.
        LedgerError: The ledger cannot be reached.
    """
    Declarations.of(stores).require_kind(kind)
    token, is_new = Subjects.open(stores.settings).ask(kind, value)
    if is_new:
        stores.ledger.append(
            model=None,
            kind=ERASURE_ASKED,
            as_of=stores.ledger.now(),
            actor=actor,
            reason=f"a {kind} is to be forgotten",
            payload={"reference": token, "kind": kind},
        )
    return token


def forget(order: ErasureOrder, *, stores: Stores) -> Erased:
    """Erase whoever a reference stands for; a second time changes nothing.

    What an earlier run was interrupted in is finished first, by the marks that it went by.

    Args:
        order: The reference, who orders it and why.
        stores: All of the platform's.

    Returns:
        What it came to; of a reference that was used, what it came to then.

    Raises:
        RequestError: The reference stands for nobody, the reason names them, or a source still
            holds them: they would come back with the next night. Nothing was changed.
        NotPermittedError: Who orders it may not, for one of the models; the ledger says so.
        LeaseHeldError: One of the models is being trained. Nothing was changed.
        StillHeldError: Something is left where it could not be erased; the erasure stays open.
        UnavailableError: Something does not answer; the next run goes on from there.
    """
    _require_sense(order)
    with stores.ledger.lock(ERASING):
        finished, still_open = finish_begun(stores, besides=order.reference)
        more = {"finished": finished, "open": still_open}
        done = erasure_of(stores.ledger, order.reference)
        if done is not None:
            return done.model_copy(update={"already": True, **more})
        subject = Subjects.open(stores.settings).find(order.reference)
        if subject is None:
            raise RequestError(_NOBODY)
        return _forgotten(order, subject, stores).model_copy(update=more)


def withdraw(reference: str, *, actor: str, stores: Stores) -> None:
    """Take back a request that has not begun: its key is let go of, and an event says so.

    Args:
        reference: The token that stands for whoever was to be forgotten.
        actor: Who takes it back.
        stores: The ledger.

    Raises:
        RequestError: The reference stands for nobody, or its erasure has begun or is done.
        LedgerError: The ledger cannot be reached, or an erasure is being carried out.
    """
    _require_token(reference)
    with stores.ledger.lock(ERASING):
        subjects, done = Subjects.open(stores.settings), erasure_of(stores.ledger, reference)
        if done is not None:
            raise RequestError(
                f"{reference} was carried out at {done.at:%Y-%m-%d %H:%M} UTC: what was erased "
                "does not come back"
            )
        subject = subjects.find(reference)
        if subject is None:
            raise RequestError(_NOBODY)
        if subject.held is not None:
            raise RequestError(
                f"the erasure of {reference} has begun, and some of it may be gone: only what is "
                "kept beside the key tells what is left. Run `tradewind forget` with the same "
                "reference to finish it"
            )
        # The event first: where nothing comes after it, the row is there to be withdrawn again.
        stores.ledger.append(
            model=None,
            kind=ERASURE_WITHDRAWN,
            as_of=stores.ledger.now(),
            actor=actor,
            reason=f"the request that a {subject.kind} be forgotten is withdrawn",
            payload={"reference": reference, "kind": subject.kind},
        )
        subjects.delete(reference)


def _require_token(reference: str) -> None:
    # Somebody may have put the key in its place: what was given is not said again.
    if not is_token(reference):
        raise RequestError(f"that is no reference, which has 32 hexadecimal digits: {_WAY_IN}")


def _require_sense(order: ErasureOrder) -> None:
    _require_token(order.reference)
    if not order.reason.strip():
        raise RequestError("forgetting somebody needs a reason; the ledger keeps it")


def _forgotten(order: ErasureOrder, subject: Subject, stores: Stores) -> Erased:
    declared = Declarations.of(stores)
    models = declared.models(subject.kind)
    if subject.held is not None:
        return finish_one(subject, models, stores)
    _require_silent(order, subject)
    for model in models:
        _require_permitted(model, order, stores)
    with holding_leases(models, order, stores.ledger) as leases:
        return carry_out(subject, begin(subject, order, declared, stores), leases, stores)


def _require_silent(order: ErasureOrder, subject: Subject) -> None:
    """See that the reason, which is told again when they are gone, does not name them."""
    told = re.search(rf"(?<!\w){re.escape(subject.value)}(?!\w)", order.reason, re.IGNORECASE)
    if told:
        raise RequestError(
            "the reason holds the key of whom it is about, and is kept when they are gone: give "
            "another one"
        )


def _require_permitted(model: str, order: ErasureOrder, stores: Stores) -> None:
    require(
        Asked(
            action="erase",
            model=model,
            actor=order.actor,
            by=order.by,
            as_of=stores.ledger.now(),
            run_id=order.run_id,
        ),
        ledger=stores.ledger,
    )
