"""At which moment a run stands, when nobody or somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folder
from tradewind.definition.moments import (
    last_midnight,
    midnight,
    next_night,
    night_of,
    parse_moment,
)
from tradewind.errors import DefinitionError, RequestError

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Pipeline
    from tradewind.stores.stores import Stores


def as_of_for(
    name: str,
    asked: str | None,
    run_after: datetime,
    *,
    pipeline: Pipeline,
    stores: Stores,
) -> datetime:
    """The moment that a run stands at, in UTC: a training's any, the others' a night.

    Args:
        name: The model.
        asked: What the form or the caller says: a date, a moment, or nothing.
        run_after: When the run was due: the night's tick, or the trigger's moment.
        pipeline: Which nights they are that it stands at.
        stores: Where the last good definition is, should the folder be broken now.

    Raises:
        DefinitionError: What is asked for is no moment; or there is no definition.
        RequestError: A night is to be scored that is none: its rows would be served twice.
    """
    model = current_definition(name, stores=stores)
    if asked:
        moment = parse_moment(asked, model)
        if pipeline == "score":
            _require_night(moment, model)
        return moment
    today = model.schedule.today
    now = midnight(today, model) if today else run_after
    return last_midnight(now, model) if pipeline == "train" else night_of(now, model)


def _require_night(moment: datetime, model: ModelDefinition) -> None:
    before = night_of(moment, model)
    if before != moment:
        raise RequestError(
            f"{model.name}: {moment.isoformat()} is no night, and its rows would be served twice: "
            f"ask for {before.isoformat()}, or for {next_night(moment, model).isoformat()}"
        )


def current_definition(name: str, *, stores: Stores) -> ModelDefinition:
    """The folder's definition, or the last good one where the folder is broken.

    Raises:
        DefinitionError: The folder is broken or gone, and there never was a good one.
    """
    try:
        return load_definition(model_folder(stores.settings.config_dir, name)).model
    except DefinitionError:
        frozen = stores.ledger.last_good(name)
        if frozen is None:
            raise
        return frozen.model
