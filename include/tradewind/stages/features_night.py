"""night's inputs → night's features: who is to be served tonight, and what is known of each.

An entity belongs to the night in which its prediction time lies, and its features are those of that
very moment: the SQL itself joins on what was known by then.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import duckdb

from tradewind.errors import DefinitionError
from tradewind.nights import NightFeatures
from tradewind.stages._night_features import write_night
from tradewind.stages._versions import definition_of
from tradewind.stores.digests import json_digest
from tradewind.stores.model_cache import load_kept

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import NightInputs
    from tradewind.records import Admission
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would give another result from the same inputs.
VERSION = 1


def build_night(
    admission: Admission, frozen: FrozenDefinition, inputs: NightInputs, *, stores: Stores
) -> NightFeatures:
    """Build the features of a night's entities.

    The record lies at `features/night-<version>.json`, and a version that has one is not made
    again. SQL that does not run tonight does not keep a champion from deciding: the night's
    entities are then those that the champion's own SQL gives.

    Raises:
        DefinitionError: The SQL does not give what is declared, and there is no champion with SQL
            that does.
        LakeError: The lake does not answer.
    """
    as_of = admission.as_of
    version = json_digest([VERSION, duckdb.__version__, frozen.digest, inputs.digest, as_of])
    record = f"features/night-{version}.json"
    if stores.lake.exists(record):
        log.info("The night's features %s are there already.", version)
        return NightFeatures.model_validate(stores.lake.read_json(record))
    try:
        features = write_night(frozen, inputs, as_of=as_of, stores=stores)
    except DefinitionError as error:
        features = _by_champion(error, admission.model, inputs, as_of=as_of, stores=stores)
    recorded = stores.lake.first_json(record, features.model_dump(mode="json"))
    return NightFeatures.model_validate(recorded)


def _by_champion(
    error: DefinitionError, model: str, inputs: NightInputs, *, as_of: datetime, stores: Stores
) -> NightFeatures:
    """The night's features by the definition that the champion was trained with."""
    champion = stores.ledger.champion(model, as_of=as_of)
    if champion is None or champion.model_uri is None:
        raise error
    loaded = load_kept(champion.model_uri, stores=stores)
    own = definition_of(loaded, stores=stores)
    features = write_night(own, inputs, as_of=as_of, stores=stores)
    warning = f"tonight's SQL does not run, so that of version {champion.version} is used: {error}"
    return features.model_copy(update={"warnings": [warning]})
