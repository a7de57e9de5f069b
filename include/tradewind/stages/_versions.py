"""A version's own definition, and the versions that a night needs: loaded, with their own features.

Whatever keeps a version from scoring is a sentence, and the night goes on without it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradewind.errors import EvidenceError, UnavailableError
from tradewind.stages._night_features import write_aligned
from tradewind.stores.events import INTENDED
from tradewind.stores.model_cache import load_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import LiveState, NightFeatures, NightInputs
    from tradewind.stores.registry import LoadedModel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

_FEATURE_SECTIONS = {"entity_key", "event_time", "horizon", "sources", "features"}


@dataclass(frozen=True)
class NightVersion:
    """A version that scores tonight.

    Attributes:
        own: The definition that it was trained with.
        features_uri: Its own features of the night's entities, row for row.
        aligned: Whether they are another definition's than the night's, so that some may lack.
    """

    number: int
    loaded: LoadedModel = field(repr=False)
    own: FrozenDefinition = field(repr=False)
    features_uri: str
    aligned: bool


@dataclass
class Versions:
    """The versions of a night.

    Attributes:
        ready: Those that score, by number.
        problems: Why another cannot, by number.
    """

    ready: dict[int, NightVersion] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)


def definition_of(loaded: LoadedModel, *, stores: Stores) -> FrozenDefinition:
    """The definition that a model was trained with.

    Raises:
        DefinitionError: What was whole under an earlier release is not under this one.
        LedgerError: The ledger does not hold it.
    """
    digest = loaded.metadata["origin"]["tradewind.definition_digest"]
    return stores.ledger.definition(loaded.metadata["model"], digest)


def feature_identity(frozen: FrozenDefinition) -> dict[str, Any]:
    """Everything that decides what a row's features are."""
    told = frozen.model.model_dump(mode="json", include=_FEATURE_SECTIONS)
    return {**told, "files": frozen.deciding_files}


def open_versions(
    live: LiveState,
    frozen: FrozenDefinition,
    inputs: NightInputs,
    features: NightFeatures,
    *,
    stores: Stores,
    last_try: bool,
) -> Versions:
    """Load every version that has to do with a night, and build its own features.

    Args:
        live: Who decides.
        frozen: The definition whose SQL gave the night's entities.
        inputs: What the night can be scored on.
        features: The night's entities.
        stores: Where models, definitions and rows are.
        last_try: Whether a store that does not answer is one more reason to do without a version.

    Raises:
        UnavailableError: On an earlier try, a store does not answer.
    """
    found = Versions()
    for number, uri in _addresses(live, stores=stores).items():
        try:
            found.ready[number] = _open(number, uri, frozen, inputs, features, stores=stores)
        except UnavailableError as error:
            if not last_try:
                raise
            found.problems[number] = str(error)
        except Exception as error:  # any reason at all why it cannot score is recorded
            log.exception("version %s cannot score tonight", number)
            found.problems[number] = str(error) or repr(error)
    return found


def _open(
    number: int,
    uri: str | None,
    frozen: FrozenDefinition,
    inputs: NightInputs,
    features: NightFeatures,
    *,
    stores: Stores,
) -> NightVersion:
    model = frozen.model
    loaded = load_kept(uri or _registered(number, model.name, stores=stores), stores=stores)
    own = definition_of(loaded, stores=stores)
    if own.model.problem != model.problem:
        raise EvidenceError(f"it solves a {own.model.problem} problem, and this is another")
    if feature_identity(own) == feature_identity(frozen):
        return NightVersion(number, loaded, own, features.uri, aligned=False)
    log.info("version %s has features of its own: building them", number)
    written = write_aligned(own, inputs, features, stores=stores)
    return NightVersion(number, loaded, own, written.uri, aligned=True)


def _registered(number: int, model: str, *, stores: Stores) -> str:
    return stores.registry.version(model, number).model_uri


def _addresses(live: LiveState, *, stores: Stores) -> Mapping[int, str | None]:
    """The logged model behind each version that is needed, as far as the ledger knows it."""
    segments = [rule.served_by for rule in live.segments if isinstance(rule.served_by, int)]
    numbers = dict.fromkeys([*(arm.version for arm in live.arms), *segments])
    if live.champion is None and not numbers:
        return {}
    promoted = stores.ledger.events(model=live.model, kind=INTENDED, as_of=live.as_of)
    known = {int(event.payload["version"]): event.payload.get("model_uri") for event in promoted}
    if live.champion is not None:
        known[live.champion] = live.champion_uri
        numbers = {live.champion: None, **numbers}
    return {number: known.get(number) for number in numbers}
