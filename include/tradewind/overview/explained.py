"""One served decision's story, by the words of whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.moments import parse_moment
from tradewind.errors import DefinitionError, LedgerError, RequestError

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.explanation import Explained, KeyMatches
    from tradewind.nights import ScoredNight
    from tradewind.stores.stores import Stores


def decision_story(
    stores: Stores, model: str, key: str | None = None, *, as_of: str | None = None
) -> Explained | KeyMatches:
    """Tell how a served decision came about, or which entities the key may mean; takes seconds.

    Args:
        stores: Where everything is kept.
        model: Whose decision.
        key: The entity's key, whole or in part (see `tradewind.stages.explain`); where nothing is
            said, that of the night's row with the highest score of a version.
        as_of: A date or a moment; where nothing is said, the newest night that served the key.

    Raises:
        RequestError: The key is not one of this model's, or the moment is none.
        LedgerError: No such night was scored, or it did not serve this key, or no version decided.
        LakeError: What the night served is gone.
    """
    from tradewind.stages.explain import explain, highest_key

    moment = None
    if as_of:
        try:
            moment = parse_moment(as_of, _definition(stores, model))
        except DefinitionError as error:
            raise RequestError(str(error)) from error
    if key is None:
        scored = _night(stores, model, moment)
        key, moment = highest_key(stores, scored), scored.night
        if key is None:
            when = f"{moment:%Y-%m-%d %H:%M} UTC"
            raise LedgerError(f"{model}: no version decided for anybody on {when}: name a key")
    return explain(stores, model, key, as_of=moment)


def _night(stores: Stores, model: str, moment: datetime | None) -> ScoredNight:
    if moment is None:
        scored = next(iter(stores.ledger.nights(model, limit=1)), None)
    else:
        scored = stores.ledger.night(model, moment)
    if scored is None:
        if moment is None:
            raise LedgerError(f"{model}: no night was scored: run `tradewind run {model} score`")
        raise LedgerError(
            f"{model}: no night of {moment:%Y-%m-%d %H:%M} UTC was scored: `tradewind history "
            f"{model}` lists those that were, as night_scored"
        )
    return scored


def _definition(stores: Stores, model: str) -> ModelDefinition:
    """The definition that the model's last run was admitted with: it says whose midnight is meant.

    Raises:
        RequestError: There was no run.
    """
    frozen = stores.ledger.last_good(model)
    if frozen is None:
        raise RequestError(f"{model}: no night was scored: run `tradewind run {model} score`")
    return frozen.model
