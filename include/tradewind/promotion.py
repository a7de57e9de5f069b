"""The one way to make a version champion: the ledger decides, MLflow's alias follows.

`intended` is written, the alias moved, `applied` written, all under the model's lock in the
ledger's own database. `intended` is committed before MLflow is touched, so that a crash in between
leaves evidence: the next run's `reconcile` finishes what was begun. An alias that differs once
`applied` was written was moved behind the ledger's back; that is reported, and the ledger stays
right.

The new champion is compared with the one that the ledger names (compare-and-set), because MLflow's
aliases cannot be: reading one and then setting it lets two promotions of one predecessor win.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from tradewind.errors import PromotionRefusedError
from tradewind.records import Moment, Record
from tradewind.stores.events import APPLIED, INTENDED, TAMPERING, TAMPERING_ENDED

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.stores.ledger import ChampionRecord, Event, Ledger
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

CHAMPION = "champion"
"""MLflow's alias of the version that decides."""

_ITSELF = "tradewind"


class Promotion(Record):
    """A version that became champion.

    Attributes:
        previous: The champion before it; None for a model's first.
        intended_event: The ledger's event that made it champion.
        applied_event: The event that says MLflow's alias followed.
    """

    model: str
    version: int
    previous: int | None
    as_of: Moment
    intended_event: int
    applied_event: int


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


def promote(
    *,
    stores: Stores,
    model: str,
    version: int,
    expected_previous: int | None,
    as_of: datetime,
    actor: str,
    reason: str,
    evidence_digest: str,
    fencing_token: int,
    run_id: str | None = None,
) -> Promotion:
    """Make a version champion, if the champion is still the one that it was judged against.

    Args:
        stores: The ledger and the registry.
        model: The model.
        version: MLflow's version of it, which must exist.
        expected_previous: The champion that the evidence is about; None for a model's first.
        as_of: The moment the promotion stands for.
        actor: Who promotes.
        reason: Why.
        evidence_digest: Of what it is promoted on.
        fencing_token: Of the lease that the promoter holds.
        run_id: The run that promotes.

    Raises:
        LeaseLostError: Another run has had the model's lease since.
        PromotionRefusedError: The champion is another one, or stands for a later moment.
        RegistryError: MLflow does not know the version, or refuses. In the second case the
            decision stands in the ledger, and the next `reconcile` makes the alias follow.
        LedgerError: The ledger cannot be reached.
    """
    with stores.ledger.lock(model) as ledger:
        ledger.require_lease(model, fencing_token=fencing_token)
        current = ledger.champion(model)
        _compare(model, version, current, expected_previous=expected_previous, as_of=as_of)
        intended = ledger.append(
            model=model,
            kind=INTENDED,
            as_of=as_of,
            actor=actor,
            reason=reason,
            payload={
                "version": version,
                "previous": expected_previous,
                "model_uri": _model_uri(stores, model, version),
                "evidence_digest": evidence_digest,
                "fencing_token": fencing_token,
                "run_id": run_id,
            },
        )
        stores.registry.set_alias(model, CHAMPION, version)
        applied = _write_applied(ledger, model, intended, found=expected_previous, repaired=False)
    log.info("%s: version %s is champion after %s: %s", model, version, expected_previous, reason)
    return Promotion(
        model=model,
        version=version,
        previous=expected_previous,
        as_of=as_of,
        intended_event=intended.id,
        applied_event=applied.id,
    )


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
    if result.state != "agrees":
        log.warning("%s", result.sentence)
    return result


def _compare(
    model: str,
    version: int,
    current: ChampionRecord | None,
    *,
    expected_previous: int | None,
    as_of: datetime,
) -> None:
    named = None if current is None else current.version
    if named != expected_previous:
        raise PromotionRefusedError(
            f"{model}: version {version} was judged against {_called(expected_previous)}, but the "
            f"champion is {_called(named)}{_won(current)}: judge it again, against that one",
            champion=named,
        )
    if current is None:
        return
    if named == version:
        raise PromotionRefusedError(
            f"{model}: version {version} is the champion already{_won(current)}", champion=named
        )
    if as_of < current.since:
        raise PromotionRefusedError(
            f"{model}: version {version} stands for {as_of.isoformat()}, before the champion's "
            f"{current.since.isoformat()} (version {named}): an older night promotes nothing",
            champion=named,
        )


def _called(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"


def _won(current: ChampionRecord | None) -> str:
    if current is None:
        return ""
    return f" (by {current.actor}, {current.recorded_at:%Y-%m-%d %H:%M:%S} UTC)"


def _model_uri(stores: Stores, model: str, version: int) -> str:
    # Asked before anything is written: a version that MLflow does not know is never intended.
    return str(stores.registry.version(model, version).model_uri)


def _last(ledger: Ledger, model: str, *kinds: str, after: int = 0) -> Event | None:
    found = ledger.events(model=model, kind=kinds, after=after, newest_first=True, limit=1)
    return found[0] if found else None


def _is_applied(ledger: Ledger, model: str, decision: Event) -> bool:
    # Both are written under the lock, so what is applied after a decision is that decision.
    return _last(ledger, model, APPLIED, after=decision.id) is not None


def _write_applied(
    ledger: Ledger, model: str, intended: Event, *, found: int | None, repaired: bool
) -> Event:
    return ledger.append(
        model=model,
        kind=APPLIED,
        as_of=intended.as_of,
        actor=_ITSELF if repaired else intended.actor,
        reason="an interrupted promotion was finished" if repaired else intended.reason,
        payload={
            "intended": intended.id,
            "version": intended.payload["version"],
            "found": found,
            "repaired": repaired,
        },
    )


def _finish(
    stores: Stores, ledger: Ledger, model: str, decision: Event, *, alias: int | None
) -> Reconciliation:
    version = int(decision.payload["version"])
    if version not in {known.version for known in stores.registry.versions(model)}:
        return _report(ledger, model, decision, alias=alias)
    if alias != version:
        stores.registry.set_alias(model, CHAMPION, version)
    _write_applied(ledger, model, decision, found=alias, repaired=True)
    return Reconciliation(
        model=model,
        state="repaired",
        champion=version,
        alias=alias,
        sentence=(
            f"{model}: the promotion of version {version} was interrupted and is finished now; "
            f"MLflow's alias {CHAMPION!r} was at {_called(alias)}"
        ),
    )


def _agreed(
    ledger: Ledger, model: str, decision: Event | None, *, alias: int | None
) -> Reconciliation:
    sentence = f"{model}: MLflow's alias {CHAMPION!r} is where the ledger put it: {_called(alias)}"
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
        f"{model}: MLflow's alias {CHAMPION!r} is at {_called(alias)}, and the ledger says "
        f"{_called(wanted)}: it was moved, or its version deleted, behind the ledger's back. The "
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
