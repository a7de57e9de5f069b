"""The model card of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from tradewind.cards import CardContents
from tradewind.errors import LakeError, LedgerError
from tradewind.overview.results import outcome_of
from tradewind.records import Card

if TYPE_CHECKING:
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
