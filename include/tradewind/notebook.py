"""What a notebook needs: the frame that training would see, in one call."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from tradewind.definition.loader import load_definition, model_folder
from tradewind.definition.moments import midnight, parse_moment
from tradewind.records import RunRequest
from tradewind.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.settings import Settings


def training_frame(
    model: str,
    *,
    as_of: str | date | datetime,
    window_days: int | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """The feature set of a model at a moment, as training reads it.

    Nothing is trained and no lease is taken. What the lake already holds is reused, and what it has
    not is ingested, validated and proved exactly as in a run.

    Args:
        model: Its name.
        as_of: A date (midnight in the model's time zone), or a moment with its offset.
        window_days: Instead of the window that the definition names.
        settings: The platform; the one this process sees, by default.

    Returns:
        One row an entity, ordered by prediction time: the entity key, event_time,
        prediction_time, the declared features, label, label_known_at, label_state.
    """
    from tradewind.pipeline import feature_set_of
    from tradewind.stores.stores import Stores

    stores = Stores.open(settings or load_settings())
    frozen = _definition(model, stores.settings)
    request = RunRequest(
        model=model,
        run_id="notebook",
        as_of=_moment(as_of, frozen.model),
        actor=getpass.getuser(),
        reason="a frame to look at",
        window_days=window_days,
    )
    feature_set = feature_set_of(request, frozen, stores=stores)
    frame = stores.lake.read_table(feature_set.uri).to_pandas()
    return cast("pd.DataFrame", frame)


def _definition(model: str, settings: Settings) -> FrozenDefinition:
    return load_definition(model_folder(settings.config_dir, model))


def _moment(as_of: str | date | datetime, model: ModelDefinition) -> datetime:
    if isinstance(as_of, datetime):
        return parse_moment(as_of.isoformat(), model)
    return midnight(as_of, model) if isinstance(as_of, date) else parse_moment(as_of, model)
