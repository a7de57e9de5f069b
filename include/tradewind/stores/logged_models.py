"""The files of logged models in MLflow: which there are, how large, and how they are let go of.

What MLflow knows of a training (its run, figures, tags, the card beside it) and of a version stays:
only the model's own files go, and nobody can load it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.stores.mlflow_access import MlflowServer, model_id, model_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.registry import Registry

LET_GO = "tradewind.let_go"
"""The tag of a logged model, and of its version, whose files were let go of: why, and when."""
_AS_OF = "tradewind.as_of"
_PAGE = 500


@dataclass(frozen=True)
class LoggedModel:
    """A model that a training logged, whose files are there.

    Attributes:
        as_of: The moment that its training stood at; when it was logged, where it does not say.
        location: Of its files, as MLflow has it.
    """

    uri: str
    as_of: datetime
    location: str


class LoggedModels(MlflowServer):
    """The logged models of an MLflow server.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.
    """

    @classmethod
    def of(cls, registry: Registry) -> LoggedModels:
        """Those of the server that a registry speaks to."""
        return cls(registry.address)

    def of_model(self, model: str) -> list[LoggedModel]:
        """Every model that the trainings of a model logged and that was not let go of.

        What others logged to the same experiment is none of ours, and not among them.
        """
        with self._asking(f"the logged models of {model}"):
            experiment = self._client.get_experiment_by_name(model)
            if experiment is None:
                return []
            return [
                _logged(found)
                for found in self._search(str(experiment.experiment_id))
                if _AS_OF in found.tags
            ]

    def files(self, logged: LoggedModel) -> tuple[int, int]:
        """How many files a model has, and their bytes."""
        with self._asking(f"the files of {logged.uri}"):
            sizes = [int(file.file_size or 0) for file in _files(self._artifacts(logged), None)]
        return len(sizes), sum(sizes)

    def let_go(self, logged: LoggedModel, *, why: str, at: datetime) -> None:
        """Delete a model's files for good; killed at any point, the same again ends the same."""
        identifier = model_id(logged.uri)
        with self._asking(f"letting go of {logged.uri}"):
            said = f"{at.isoformat()}: {why}"
            # First, so that who asks for it in between is told; gone from every list at the end.
            self._client.set_logged_model_tags(identifier, {LET_GO: said})
            self._tag_versions(identifier, said)
            self._artifacts(logged).delete_artifacts()
            self._client.delete_logged_model(identifier)

    def _search(self, experiment: str) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = self._client.search_logged_models(
                [experiment], max_results=_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _tag_versions(self, identifier: str, said: str) -> None:
        logged = self._client.get_logged_model(identifier)
        experiment = self._client.get_experiment(logged.experiment_id)
        for known in self._client.search_model_versions(f"name = '{experiment.name}'"):
            if known.source == model_uri(identifier):
                self._client.set_model_version_tag(known.name, known.version, LET_GO, said)

    def _artifacts(self, logged: LoggedModel) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415 -- see there
            get_artifact_repository,
        )

        return get_artifact_repository(logged.location, tracking_uri=self.address)


def _files(repository: Any, folder: str | None) -> Iterator[Any]:
    for found in repository.list_artifacts(folder):
        if found.is_dir:
            yield from _files(repository, found.path)
        else:
            yield found


def _logged(found: Any) -> LoggedModel:
    said = found.tags.get(_AS_OF)
    logged_at = datetime.fromtimestamp(found.creation_timestamp / 1000, tz=UTC)
    return LoggedModel(
        uri=model_uri(found.model_id),
        as_of=datetime.fromisoformat(said) if said else logged_at,
        location=found.artifact_location,
    )
