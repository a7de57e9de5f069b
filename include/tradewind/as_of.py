"""At which moment a run stands, when nobody or somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folders
from tradewind.definition.moments import last_midnight, midnight, parse_moment
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.stores import Stores


def as_of_for(name: str, asked: str | None, run_after: datetime, *, stores: Stores) -> datetime:
    """The moment that a run stands at, in UTC.

    Args:
        name: The model.
        asked: What the form or the caller says: a date, a moment, or nothing.
        run_after: When the run was due: the night's tick, or the trigger's moment.
        stores: Where the last good definition is, should the folder be broken now.
    """
    model = current_definition(name, stores=stores)
    if asked:
        return parse_moment(asked, model)
    today = model.schedule.today
    return midnight(today, model) if today else last_midnight(run_after, model)


def current_definition(name: str, *, stores: Stores) -> ModelDefinition:
    """The folder's definition, or the last good one where the folder is broken.

    Raises:
        DefinitionError: The folder is broken or gone, and there never was a good one.
    """
    folder = model_folders(stores.settings.config_dir).get(name)
    try:
        if folder is None:
            raise DefinitionError(f"config/models/{name}: there is no such folder")
        return load_definition(folder).model
    except DefinitionError:
        frozen = stores.ledger.last_good(name)
        if frozen is None:
            raise
        return frozen.model
