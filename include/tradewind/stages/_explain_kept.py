"""What a night left of one entity: its rows in the log, its features, and what the night saw."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.definition.moments import night_days
from tradewind.errors import TradewindError
from tradewind.nights import NightFeatures, NightInputs
from tradewind.stores.events import STAGE_OUTCOME
from tradewind.stores.prediction_schema import entity_texts, key_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.meaning import Meaning
    from tradewind.nights import ScoredNight
    from tradewind.stages._explain_who import Past
    from tradewind.stores.events import Event
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """One entity of one night, as far as it was kept.

    Attributes:
        frozen: The definition whose key it is.
        entity: As the prediction log has it.
    """

    stores: Stores
    night: ScoredNight
    frozen: FrozenDefinition
    entity: str

    @cached_property
    def _logged(self) -> list[dict[str, Any]]:
        table = self.stores.lake.read_table(self.night.uri)
        rows: list[dict[str, Any]] = table.filter(
            pc.equal(table["entity"], self.entity)
        ).to_pylist()
        return rows

    @property
    def row(self) -> dict[str, Any]:
        """The one row of the log that was served."""
        [served] = [row for row in self._logged if row["source"] != "shadow"]
        return served

    @property
    def beside(self) -> list[dict[str, Any]]:
        """What was recorded and not served."""
        return [row for row in self._logged if row["source"] == "shadow"]

    @cached_property
    def key(self) -> pa.Table:
        """The entity's key with the types that the night's features have: one row."""
        return self._row_of(self.night.features_uri, self._key_columns)

    def features(self, uri: str) -> pd.DataFrame:
        """The entity's row of some features of the night."""
        frame: pd.DataFrame = self._row_of(uri, None).to_pandas()
        return frame

    @property
    def _key_columns(self) -> list[str]:
        return list(dict.fromkeys(self.frozen.model.entity_key))

    def _row_of(self, uri: str, columns: list[str] | None) -> pa.Table:
        lake, key = self.stores.lake, self.frozen.model.entity_key
        frame = lake.read_table(uri, self._key_columns).to_pandas()
        place = (entity_texts(frame, key_kinds(frame, key)) or []).index(self.entity)
        return lake.dataset([uri]).take(pa.array([place]), columns=columns)


@dataclass(frozen=True)
class Run:
    """What the run that scored a night went through.

    Attributes:
        inputs: What it saw; None where the ledger does not say.
        features: The night's entities; None as well.
        definition_digest: Of the definition that it was admitted with, whichever scored; None too.
    """

    inputs: NightInputs | None = None
    features: NightFeatures | None = None
    definition_digest: str | None = None


def run_of(past: Past, stores: Stores) -> Run:
    """What the run that recorded a night went through, by what its stages said."""
    night, model = past.scored.night, past.scored.model
    said = stores.ledger.events(model=model, kind=STAGE_OUTCOME, since=night, as_of=night)
    run_id = next((one.payload["run_id"] for one in said if _is_recorder(one, past)), None)
    found = {
        one.payload["stage"]: one.payload["result"]
        for one in said
        if one.payload["run_id"] == run_id
    }
    if not {"validate", "features"} <= found.keys():
        return Run()
    return Run(
        NightInputs.model_validate(found["validate"]),
        NightFeatures.model_validate(found["features"]),
        found.get("admit", {}).get("definition_digest"),
    )


def meaning_then(run: Run, model: str, stores: Stores) -> Mapping[str, Meaning]:
    """What the definition of a night said that columns are; nothing where it cannot be read.

    A version may have been trained before somebody said it: no words train one anew.
    """
    if run.definition_digest is None:
        return {}
    try:
        return stores.ledger.definition(model, run.definition_digest).model.features.meaning
    except TradewindError as error:
        log.warning("what the columns were said to be cannot be read: %s", error)
        return {}


def later_inputs(
    stores: Stores, frozen: FrozenDefinition, event: datetime
) -> tuple[NightInputs, datetime] | None:
    """What the newest night saw that still looks at an event, and that night; None before it."""
    until = event + timedelta(days=night_days(frozen.model) - 1)
    said = stores.ledger.events(
        model=frozen.model.name, kind=STAGE_OUTCOME, since=event, as_of=until
    )
    looks = [one for one in said if _is_look(one.payload)]
    if not looks:
        return None
    newest = max(looks, key=lambda one: (one.as_of, one.id))
    return NightInputs.model_validate(newest.payload["result"]), newest.as_of


def _is_recorder(event: Event, past: Past) -> bool:
    """Whether an outcome is of the run that recorded the night: the first to say so after it."""
    said = event.payload
    is_later = past.recorded is None or event.id > past.recorded.id
    is_same = said["result"].get("digest") == past.scored.digest
    return bool(said["stage"] == "predict" and is_later and is_same)


def _is_look(said: Mapping[str, Any]) -> bool:
    """Whether a stage's outcome is what a night saw, and not what a training did."""
    return bool(
        said["stage"] == "validate" and NightInputs.model_fields.keys() <= said["result"].keys()
    )
