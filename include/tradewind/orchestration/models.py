"""Which models there are DAGs for, and which are broken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from tradewind.definition.loader import load_definition, model_folders
from tradewind.errors import DefinitionError
from tradewind.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.definition.schema import ModelDefinition

log = logging.getLogger(__name__)


def runnable_models(kind: str) -> Iterator[ModelDefinition]:
    """Every model that a DAG of this kind can be made for.

    A broken folder takes down neither the other models (each is read by itself) nor its own DAGs:
    those go on with the last definition that a run was admitted with. What is wrong with it is
    raised by `definition_errors.py`, where Airflow shows it.

    Args:
        kind: The DAG's second name, such as `train`. While a task parses the file, only the
            model of that task's DAG is read.
    """
    wanted = get_parsing_context().dag_id
    for name, folder in model_folders(load_settings().config_dir).items():
        if wanted in (None, f"{name}.{kind}"):
            model = _usable(name, folder)
            if model is not None:
                yield model


def every_model() -> Iterator[ModelDefinition]:
    """As `runnable_models`, whatever DAG is parsed: for one that is of no single model."""
    for name, folder in model_folders(load_settings().config_dir).items():
        model = _usable(name, folder)
        if model is not None:
            yield model


def broken_models() -> list[str]:
    """What is wrong with the folders below `config/models`: a line each, file and line first."""
    problems: list[str] = []
    for folder in model_folders(load_settings().config_dir).values():
        try:
            load_definition(folder)
        except DefinitionError as error:
            problems += error.problems
    return problems


def _usable(name: str, folder: Path) -> ModelDefinition | None:
    try:
        return load_definition(folder).model
    except DefinitionError as error:
        log.warning("%s is broken, its last good definition is used: %s", name, error)
        return _last_good(name)


def _last_good(name: str) -> ModelDefinition | None:
    # Only a broken folder makes the parser ask the ledger, and it must not fail for that.
    import psycopg2

    from tradewind.errors import TradewindError
    from tradewind.stores.ledger import Ledger

    try:
        frozen = Ledger.open(load_settings()).last_good(name)
    except (TradewindError, psycopg2.Error):
        log.exception("the last good definition of %s cannot be had", name)
        return None
    return frozen.model if frozen else None
