"""Models that were loaded here before, kept beside the platform.

A night must be scored while MLflow is away. So the files of a model, once held against what was
logged, stay in a folder that is named by their digest. Each time before they are used they are held
against that name, and what was damaged is fetched again. MLflow is not asked then: whoever may
write and rename below the home folder decides what is loaded, of the types that skops allows.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.stores.mlflow_access import model_id

if TYPE_CHECKING:
    from tradewind.stores.stores import Stores
    from tradewind.stores.trainings import LoadedModel

_log = logging.getLogger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{32}")


def load_kept(model_uri: str, *, stores: Stores) -> LoadedModel:
    """Load a model from what is kept of it, else from MLflow, and keep it.

    Args:
        model_uri: `models:/m-…`.
        stores: The registry, and the home in which models are kept: `models/<id>/<digest>/`.

    Raises:
        RegistryUnavailableError: Nothing is kept of it, and MLflow does not answer.
        RegistryError: MLflow has no such model.
        ModelRefusedError: A file is not what was logged, or a type may not be loaded.
    """
    place = stores.settings.home / "models" / model_id(model_uri)
    kept = _kept(place)
    if kept is None:
        kept = _fetched(place, model_uri, stores=stores)
    if kept is None:
        return stores.registry.load(model_uri)
    from tradewind.stores.trainings import open_logged  # noqa: PLC0415 -- scikit-learn comes with it

    return open_logged(kept, model_uri)


def _kept(place: Path) -> Path | None:
    """The kept files, if there are some and they are what their folder's name says."""
    from tradewind.stores.model_files import folder_digest  # noqa: PLC0415 -- idem

    for folder in sorted(place.glob("*")) if place.is_dir() else ():
        if not _DIGEST.fullmatch(folder.name) or not folder.is_dir():
            continue  # none of ours: it is neither used nor deleted
        if folder_digest(folder) == folder.name:
            return folder
        _log.warning("%s is not what its name says, and is fetched again", folder)
        shutil.rmtree(folder, ignore_errors=True)
    return None


def _fetched(place: Path, model_uri: str, *, stores: Stores) -> Path | None:
    """Fetch the files and keep them; None where the home cannot be written."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        draft = tempfile.mkdtemp(prefix=".draft-", dir=place.parent)
    except OSError as error:
        _log.warning("%s cannot be kept: %s", model_uri, error)
        return None
    try:
        found, digest = stores.registry.fetch(model_uri, Path(draft))
        target = place / digest
        # Another process may have been first: its files are the same ones.
        with suppress(OSError):
            found.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target if target.is_dir() else None
