"""Who is champion: a version is promoted, or gives the place back to one that had it before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradewind.errors import PromotionRefusedError
from tradewind.live import KINDS, ROLL_BACK, is_rollback
from tradewind.promotion.following import CHAMPION, follow, write_applied
from tradewind.promotion.rules import compare, refusal_of, require_no_later, rollback_target
from tradewind.records import Moment, Record
from tradewind.stores.barred import why_barred
from tradewind.stores.events import APPLIED, INTENDED
from tradewind.stores.logged_models import why_deleted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.stores.ledger import ChampionRecord, Event, Ledger
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

PROMOTE = "promote"


class Promotion(Record):
    """A version that became champion, by a promotion or by a rollback.

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
    fencing_token: int | None = None,
    run_id: str | None = None,
    by_hand: bool = False,
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
        fencing_token: Of the lease that a training holds; None for who needs none.
        run_id: The run that promotes.
        by_hand: A person promotes, which brings a retired model back.

    Raises:
        LeaseLostError: Another run has had the model's lease since.
        PromotionRefusedError: The champion is another one, or stands for a later moment; nothing
            is promoted until a date; the version was rolled back after it had been promoted on the
            same evidence; it was trained on data that is left out; or its files are erased.
        RegistryError: MLflow does not know the version, or refuses. In the second case the
            decision stands in the ledger, and the next `reconcile` makes the alias follow.
        LedgerError: The ledger cannot be reached.
    """
    with stores.ledger.lock(model) as ledger:
        if fencing_token is not None:
            ledger.require_lease(model, fencing_token=fencing_token)
        current = ledger.champion(model)
        compare(model, version, current, expected_previous=expected_previous, as_of=as_of)
        _require_unbarred(ledger, model, version)
        refusal = refusal_of(
            ledger.events(model=model, kind=KINDS),
            model=model,
            version=version,
            evidence_digest=evidence_digest,
            as_of=as_of,
            by_hand=by_hand,
        )
        if refusal is not None:
            raise PromotionRefusedError(refusal.sentence, champion=expected_previous)
        said = {
            "action": PROMOTE,
            "evidence_digest": evidence_digest,
            "fencing_token": fencing_token,
            "run_id": run_id,
            "by_hand": by_hand,
        }
        return _move(
            stores, ledger, model, version, current, said, as_of=as_of, actor=actor, reason=reason
        )


def roll_back(
    *,
    stores: Stores,
    model: str,
    as_of: datetime,
    actor: str,
    reason: str,
    to: int | None = None,
    expected: int | None = None,
    run_id: str | None = None,
) -> Promotion:
    """Give the champion's place back to a version that had it before; no verdict is needed.

    Whoever was champion after that version is taken back, and needs a new verdict to return. Doing
    the same rollback again (the same run, or the same two versions as of the same moment) changes
    nothing. A training that was judged against the version taken back is refused when it comes to
    promote.

    Args:
        stores: The ledger and the registry.
        model: The model.
        as_of: The moment the rollback stands for, not before the champion's.
        actor: Who rolls back.
        reason: Why.
        to: A version that was live before; the champion's predecessor where nothing is said.
        expected: The champion that is to be taken back; whoever it is where nothing is said.
        run_id: The run that rolls back.

    Raises:
        PromotionRefusedError: There is no such version; the champion is another one, stands for a
            later moment, or is there by a rollback already and no version is named; or the version
            was trained on data that is left out.
        RegistryError: As for `promote`.
        LedgerError: The ledger cannot be reached.
    """
    with stores.ledger.lock(model) as ledger:
        events = ledger.events(model=model, kind=KINDS)
        current = ledger.champion(model)
        done = _same_rollback(events, as_of=as_of, to=to, expected=expected, run_id=run_id)
        if done is not None:
            return _finished(stores, ledger, done)
        target = rollback_target(model, events, to=to, expected=expected)
        assert current is not None  # noqa: S101 (there is a champion where there is a target)
        _require_unbarred(ledger, model, target)
        require_no_later(model, target, current, as_of=as_of)
        said = {
            "action": ROLL_BACK,
            "from": current.version,
            "evidence_digest": _grounds_of(events, target),
            "fencing_token": None,
            "run_id": run_id,
            "by_hand": False,
        }
        return _move(
            stores, ledger, model, target, current, said, as_of=as_of, actor=actor, reason=reason
        )


def _require_unbarred(ledger: Ledger, model: str, version: int) -> None:
    if (why := why_barred(ledger, model, version)) is not None:
        raise PromotionRefusedError(f"{model}: {why}")


def _move(
    stores: Stores,
    ledger: Ledger,
    model: str,
    version: int,
    current: ChampionRecord | None,
    said: dict[str, Any],
    *,
    as_of: datetime,
    actor: str,
    reason: str,
) -> Promotion:
    """Write the decision, move the alias, write that it was moved; under the model's lock."""
    previous = current.version if current else None
    # Asked before anything is written: a version that MLflow does not know is never intended.
    registered = stores.registry.version(model, version)
    if why := why_deleted(registered.tags):
        raise PromotionRefusedError(
            f"{model}: the files of version {version} were let go of ({why}): train anew"
        )
    model_uri = str(registered.model_uri)
    intended = ledger.append(
        model=model,
        kind=INTENDED,
        as_of=as_of,
        actor=actor,
        reason=reason,
        payload={"version": version, "previous": previous, "model_uri": model_uri, **said},
    )
    stores.registry.set_alias(model, CHAMPION, version)
    applied = write_applied(ledger, model, intended, found=previous, repaired_by=None)
    follow(stores, ledger, model)
    log.info("%s: version %s is champion after %s: %s", model, version, previous, reason)
    return _promotion(intended, applied)


def _same_rollback(
    events: Sequence[Event],
    *,
    as_of: datetime,
    to: int | None,
    expected: int | None,
    run_id: str | None,
) -> Event | None:
    """The rollback that was asked for, where it was done before."""
    moves = [event for event in events if event.kind == INTENDED]
    for event in reversed(moves):
        if not is_rollback(event):
            continue
        said = event.payload
        if run_id is not None and said["run_id"] == run_id:
            return event
        # Whoever does not say whom it takes back means the champion of now.
        if event is not moves[-1] and expected is None:
            continue
        named = expected in (None, said["from"]) and to == said["version"]
        if named and event.as_of == as_of:
            return event
    return None


def _finished(stores: Stores, ledger: Ledger, intended: Event) -> Promotion:
    """What a rollback came to; if it was interrupted, MLflow follows the newest decision now."""
    model = str(intended.model)
    applied = ledger.events(model=model, kind=APPLIED, after=intended.id, limit=1)
    if not applied:
        newest = ledger.events(model=model, kind=INTENDED, newest_first=True, limit=1)[0]
        found = stores.registry.alias(model, CHAMPION)
        stores.registry.set_alias(model, CHAMPION, newest.payload["version"])
        by = newest.actor
        applied = [write_applied(ledger, model, newest, found=found, repaired_by=by)]
    follow(stores, ledger, model)
    return _promotion(intended, applied[0])


def _promotion(intended: Event, applied: Event) -> Promotion:
    return Promotion(
        model=str(intended.model),
        version=intended.payload["version"],
        previous=intended.payload["previous"],
        as_of=intended.as_of,
        intended_event=intended.id,
        applied_event=applied.id,
    )


def _grounds_of(events: Sequence[Event], version: int) -> str:
    """What a version was promoted on when it was promoted last."""
    grounds = [
        event.payload["evidence_digest"]
        for event in events
        if event.kind == INTENDED and event.payload["version"] == version
    ]
    return str(grounds[-1])
