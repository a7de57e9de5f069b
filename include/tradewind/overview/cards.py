"""The model card of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from tradewind.cards import CardContents
from tradewind.errors import LakeError, LedgerError
from tradewind.overview.nights import tonight
from tradewind.overview.results import outcome_of
from tradewind.records import Card
from tradewind.stores.admitted import last_readable

if TYPE_CHECKING:
    from tradewind.nights import LiveState
    from tradewind.stores.stores import Stores


def card_of(stores: Stores, model: str, version: int | None = None) -> CardContents:
    """What the card of a version says.

    Args:
        stores: Ledger, registry and lake.
        model: Whose.
        version: Which; where none is named the champion, and where there is none either, the
            candidate that was judged last.

    Raises:
        RegistryError: MLflow does not answer, or knows of no such version.
        LedgerError: This version has no card, or nothing of this model has one.
        LakeError: The card is not there any more.
    """
    number = version if version is not None else _champion(stores, model)
    if number is None:
        return contents_of(stores, _newest(stores, model))
    tags = stores.registry.version(model, number).tags
    run_id = tags.get("dag_run_id")
    said = outcome_of(stores, model=model, stage="card", run_id=run_id) if run_id else None
    if said is None:
        raise LedgerError(
            f"{model}: version {number} has no card: its training made none; train it again"
        )
    card = Card.model_validate(said.result)
    if card.verdict_digest != tags.get("verdict_digest"):
        raise LedgerError(
            f"{model}: the card of {run_id} tells of another verdict than version {number} was "
            f"registered with; clear the task `card` of that run, or train it again"
        )
    return contents_of(stores, card)


def card_heading(stores: Stores, card: CardContents, version: int | None = None) -> str:
    """Whose card it is, and what the version is now.

    Args:
        stores: The ledger.
        card: As `card_of` gives it, of the same version.
        version: As `card_of` was asked.
    """
    frozen = last_readable(stores.ledger, card.model)
    live = tonight(stores.ledger, card.model, frozen.model if frozen else None)
    number = version if version is not None else _champion(stores, card.model)
    named = "the candidate that was judged last" if number is None else f"version {number}"
    return f"{card.model}, {named}, owned by {card.owner}: {_standing(live, number)}"


def _standing(live: LiveState, version: int | None) -> str:
    """What a version is by the next night: champion, beside it, for a segment, or nothing."""
    off = f"the model is retired: {live.retired}" if live.retired else ""
    if live.switched_off and not off:
        off = f"switched off: {live.switched_off}"
    if version is not None and live.champion == version:
        return f"the champion; {off or 'it decides'}"
    found = [f"beside the champion as {arm.name}" for arm in live.arms if arm.version == version]
    found += [
        f"decides where {rule.feature} is {rule.value}"
        for rule in live.segments
        if rule.served_by == version and version is not None
    ]
    there = f"; the champion is version {live.champion}" if live.champion else "; there is none"
    return f"{'; '.join(found) or 'not the champion'}{there}{f'; {off}' if off else ''}"


def contents_of(stores: Stores, card: Card) -> CardContents:
    """What a card says.

    Raises:
        LakeError: It is not there any more, or was made by a version of this software that wrote
            cards otherwise.
    """
    try:
        return CardContents.model_validate(stores.lake.read_json(card.uri))
    except ValidationError as error:
        raise LakeError(
            f"{card.uri} was made by another version of this software, and cannot be shown anew; "
            f"as it was made it lies beside the candidate's run in MLflow, in {card.place}"
        ) from error


def _champion(stores: Stores, model: str) -> int | None:
    champion = stores.ledger.champion(model, as_of=None)
    return champion.version if champion else None


def _newest(stores: Stores, model: str) -> Card:
    """The card of the candidate that was judged last, whatever became of it."""
    newest = stores.ledger.last_outcome(model, "card", pipeline="train")
    if newest is None:
        raise LedgerError(f"{model}: there is no champion, and no candidate has a card: train one")
    return Card.model_validate(newest.plain.result)
