"""Ledger and MLflow, held against each other: an interruption is finished, tampering reported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from tradewind.promotion.following import CHAMPION, follow, write_applied
from tradewind.promotion.rules import called
from tradewind.records import Record
from tradewind.stores.events import APPLIED, INTENDED, TAMPERING, TAMPERING_ENDED

if TYPE_CHECKING:
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

_ITSELF = "tradewind"


class Reconciliation(Record):
    """What a look at ledger and MLflow found.

    Attributes:
        state: `agrees`; `repaired` (an interrupted promotion was finished); `tampered` (the alias
            is not where the ledger put it).
        champion: The ledger's.
        alias: Where MLflow's alias stood when it was looked at.
        sentence: For a person.
    """

    model: str
    state: Literal["agrees", "repaired", "tampered"]
    champion: int | None
    alias: int | None
    sentence: str


def reconcile(*, stores: Stores, model: str) -> Reconciliation:
    """Compare MLflow's alias with the ledger; finish what was interrupted, report what was moved.

    Raises:
        RegistryError: MLflow refuses.
        LedgerError: The ledger cannot be reached.
    """
    with stores.ledger.lock(model) as ledger:
        decision = _last(ledger, model, INTENDED)
        alias = stores.registry.alias(model, CHAMPION)
        if decision is not None and not _is_applied(ledger, model, decision):
            result = _finish(stores, ledger, model, decision, alias=alias)
        elif alias == _version(decision):
            result = _agreed(ledger, model, decision, alias=alias)
        else:
            result = _report(ledger, model, decision, alias=alias)
        follow(stores, ledger, model)
    if result.state != "agrees":
        log.warning("%s", result.sentence)
    return result


def _last(ledger: Ledger, model: str, *kinds: str, after: int = 0) -> Event | None:
    found = ledger.events(model=model, kind=kinds, after=after, newest_first=True, limit=1)
    return found[0] if found else None


def _is_applied(ledger: Ledger, model: str, decision: Event) -> bool:
    # Both are written under the lock, so what is applied after a decision is that decision.
    return _last(ledger, model, APPLIED, after=decision.id) is not None


def _finish(
    stores: Stores, ledger: Ledger, model: str, decision: Event, *, alias: int | None
) -> Reconciliation:
    version = int(decision.payload["version"])
    if version not in {known.version for known in stores.registry.versions(model)}:
        return _report(ledger, model, decision, alias=alias)
    stores.registry.set_alias(model, CHAMPION, version)
    write_applied(ledger, model, decision, found=alias, repaired_by=_ITSELF)
    return Reconciliation(
        model=model,
        state="repaired",
        champion=version,
        alias=alias,
        sentence=(
            f"{model}: the promotion of version {version} was interrupted and is finished now; "
            f"MLflow's alias {CHAMPION!r} was at {called(alias)}"
        ),
    )


def _agreed(
    ledger: Ledger, model: str, decision: Event | None, *, alias: int | None
) -> Reconciliation:
    sentence = f"{model}: MLflow's alias {CHAMPION!r} is where the ledger put it: {called(alias)}"
    open_case = _open_case(ledger, model, decision)
    if open_case is not None:
        ledger.append(
            model=model,
            kind=TAMPERING_ENDED,
            as_of=ledger.now(),
            actor=_ITSELF,
            reason=sentence,
            payload={"alias": alias, "tampering": open_case.id},
        )
    return Reconciliation(
        model=model, state="agrees", champion=alias, alias=alias, sentence=sentence
    )


def _report(
    ledger: Ledger, model: str, decision: Event | None, *, alias: int | None
) -> Reconciliation:
    wanted = _version(decision)
    sentence = (
        f"{model}: MLflow's alias {CHAMPION!r} is at {called(alias)}, and the ledger says "
        f"{called(wanted)}: it was moved, or its version deleted, behind the ledger's back. The "
        "ledger stays right; find out who did it, and set the alias back"
    )
    open_case = _open_case(ledger, model, decision)
    if open_case is None or open_case.payload["alias"] != alias:
        ledger.append(
            model=model,
            kind=TAMPERING,
            as_of=ledger.now(),
            actor=_ITSELF,
            reason=sentence,
            payload={"alias": alias, "champion": wanted},
        )
    return Reconciliation(
        model=model, state="tampered", champion=wanted, alias=alias, sentence=sentence
    )


def _open_case(ledger: Ledger, model: str, decision: Event | None) -> Event | None:
    """The mismatch that was reported last since the decision, if it is still one."""
    after = 0 if decision is None else decision.id
    last = _last(ledger, model, TAMPERING, TAMPERING_ENDED, after=after)
    return last if last is not None and last.kind == TAMPERING else None


def _version(decision: Event | None) -> int | None:
    return None if decision is None else int(decision.payload["version"])
