"""What of a subject stands elsewhere than in the lake: databases, MLflow, logs, kept models.

Text is searched for as bytes, in every spelling that it may have been written in, inside what is
compressed and what is Parquet. Nothing that is said of what was found holds the value itself.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tradewind.stores.elsewhere.event_words import erase_words
from tradewind.stores.elsewhere.everywhere import Everywhere
from tradewind.stores.elsewhere.proof import prove
from tradewind.stores.elsewhere.records import Finding, Proof, Searched, Unsearched
from tradewind.stores.logged_models import LoggedModels
from tradewind.stores.mlflow_access import model_id
from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.stores.stores import Stores

__all__ = [
    "Finding",
    "Proof",
    "Searched",
    "Unsearched",
    "delete_model_files",
    "erase",
    "erase_words",
    "prove",
    "search",
]


def search(stores: Stores, needles: Sequence[str]) -> list[Finding]:
    """Where needles stand in every database, in MLflow, in the logs and in the kept models.

    Raises:
        UnavailableError: A database or MLflow, which is defined, does not answer.
    """
    return [*Everywhere(stores.settings).look(Needles(needles)).found]


def erase(stores: Stores, needles: Sequence[str]) -> list[Finding]:
    """Take needles out of every place that `search` looks at; a second time finds only what stays.

    Returns:
        What was found: `kept` says why it could not be erased, and `model_uri` names the model
        whose own files hold it (see `delete_model_files`).

    Raises:
        UnavailableError: A database or MLflow, which is defined, does not answer.
    """
    return Everywhere(stores.settings).erase(Needles(needles))


def delete_model_files(stores: Stores, model_uri: str, *, why: str, at: datetime) -> int:
    """Delete the files of a logged model; what is recorded of it and of its version stays.

    Loading it is refused from then on, saying when and why.

    Args:
        stores: The registry, and the home in which models are kept.
        model_uri: `models:/m-…`.
        why: For whoever asks for the model; nothing of the subject.
        at: The moment that is recorded.

    Returns:
        How many files there were; none where it is no model of this server.

    Raises:
        RegistryError: MLflow refuses, or does not answer.
    """
    files = LoggedModels.of(stores.registry).delete_files(model_uri, why=why, at=at)
    shutil.rmtree(stores.settings.home / "models" / model_id(model_uri), ignore_errors=True)
    return files
