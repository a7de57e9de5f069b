"""A DAG file that Airflow cannot read is an incident: a night that never starts cannot fail.

Airflow's DAG processor calls this for each file that breaks, and again at each parse while it stays
broken. The file of the definitions' own errors names the models that are broken; any other of this
clone takes the DAGs of all of them.

The processor parses nothing while this runs, so it waits for the ledger alone. Of the ways to tell
only the log and the file are used here. E-mail, Slack and webhooks are left to the next night's
`alert`; and where no night begins any more, `tradewind health` shows what is open.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from airflow.listeners import hookimpl

from tradewind.policy.triage import DAG_FILE, symptom_of_definition, symptom_of_file
from tradewind.records import Pipeline

if TYPE_CHECKING:
    from tradewind.nights import Symptom
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

SEEN_AGAIN_AFTER = timedelta(hours=1)
"""What Airflow says again at each parse, twice a minute, is an event of the ledger this often."""
MENDED_AFTER = timedelta(hours=3)
"""Airflow never says that a file is mended: one that it has not called broken for so long is."""
_OF_DEFINITIONS = "definition_errors"
_OF_RUNS = (*get_args(Pipeline), "release")
_AT_HAND = ("log", "file")


@hookimpl
def on_new_dag_import_error(filename: str, stacktrace: str) -> None:
    """Open an incident for each model that the file takes down."""
    hear(Path(filename), stacktrace)


@hookimpl
def on_existing_dag_import_error(filename: str, stacktrace: str) -> None:
    """Open what is not open yet: another definition that broke, or what could not be opened."""
    hear(Path(filename), stacktrace)


def hear(file: Path, stacktrace: str) -> None:
    """Open an incident for each model that a broken file takes down; quiet where one is open.

    Args:
        file: Where it lies; another's file is left to Airflow.
        stacktrace: What Airflow shows, whose last line says what is wrong.

    Raises:
        LedgerError: The ledger does not answer. Airflow logs it, and says at its next parse again
            what is broken.
    """
    from tradewind.definition.loader import model_folders
    from tradewind.orchestration.plumbing import open_stores
    from tradewind.settings import load_settings

    settings = load_settings()
    if not _is_ours(file, settings.root / "dags"):
        return
    stores = open_stores()
    since = stores.ledger.now() - SEEN_AGAIN_AFTER
    fresh = {(i.model, i.key) for i in stores.ledger.incidents.select() if i.updated > since}
    said = (stacktrace.strip().splitlines() or ["no reason was given"])[-1]
    for model, folder in model_folders(settings.config_dir).items():
        try:
            symptom = _symptom_of(file.stem, said, model=model, folder=folder)
            if symptom is not None and (model, symptom.key) not in fresh:
                _open(model, symptom, stores=stores)
        except Exception:
            # Whatever it is: one model keeps none of the others from its incident.
            log.exception(
                "what %s, which is broken, is to %s could not be kept or told", file, model
            )


def close_mended(model: str, pipeline: str, *, stores: Stores) -> None:
    """Close a model's incidents of DAG files that Airflow reads again.

    Args:
        model: The model.
        pipeline: Whose task runs now: its file was read just now. Another's is closed when Airflow
            has called it broken no more for a while.
        stores: The ledger.
    """
    now = stores.ledger.now()
    for incident in stores.ledger.incidents.select(model=model):
        kind, _, rest = incident.key.partition(":")
        file, _, what = rest.partition(":")
        mended = file == pipeline or now - incident.updated > MENDED_AFTER
        if (kind, what) == ("failed", DAG_FILE) and mended:
            reason = f"Airflow reads dags/{file}.py again"
            stores.ledger.incidents.close(model, incident.key, as_of=now, reason=reason)


def _is_ours(file: Path, dags: Path) -> bool:
    ours = file.stem in (*_OF_RUNS, _OF_DEFINITIONS)
    return ours and file.parent.resolve() == dags.resolve()


def _symptom_of(file: str, said: str, *, model: str, folder: Path) -> Symptom | None:
    from tradewind.definition.loader import load_definition
    from tradewind.errors import DefinitionError

    if file in _OF_RUNS:
        return symptom_of_file(file, said, model=model)
    try:
        load_definition(folder)
    except DefinitionError as error:
        return symptom_of_definition(error.problems, model=model)
    return None


def _open(model: str, symptom: Symptom, *, stores: Stores) -> None:
    from tradewind.orchestration.failures import keep
    from tradewind.orchestration.notifiers import tell

    incident, alerts = keep(model, symptom, stores=stores)
    if incident.seen > 1 or incident.is_silent:
        return
    here = alerts.model_copy(update={"via": [way for way in alerts.via if way in _AT_HAND]})
    tell(here, [incident], {})
    if here.via == alerts.via:
        stores.ledger.incidents.told(incident)
