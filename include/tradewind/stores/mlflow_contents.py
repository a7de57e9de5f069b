"""What an MLflow server has: all that a search finds, and the files in its stores of artefacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def every(search: Callable[..., Any], **asked: Any) -> Iterator[Any]:
    """All that a search finds, page by page."""
    token: str | None = None
    while True:
        page = search(**asked, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def every_experiment(client: Any) -> Iterator[Any]:
    """Each experiment of a client's server, deleted ones too."""
    from mlflow.entities import ViewType  # noqa: PLC0415 -- MLflow takes a second

    return every(client.search_experiments, view_type=ViewType.ALL)


def artefact_store(location: str, address: str) -> Any:
    """MLflow's own access to artefacts.

    Args:
        location: Where they are, as MLflow has it.
        address: Of the server.
    """
    from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415 -- idem
        get_artifact_repository,
    )

    return get_artifact_repository(location, tracking_uri=address)


def files_in(store: Any, folder: str | None = None) -> Iterator[Any]:
    """Every file of a store of artefacts, or below a folder of it, as MLflow tells of it."""
    for found in store.list_artifacts(folder):
        if found.is_dir:
            yield from files_in(store, found.path)
        else:
            yield found
