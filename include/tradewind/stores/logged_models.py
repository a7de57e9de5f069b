"""The files of logged models in MLflow: which there are, how large, and how they are deleted.

What MLflow knows of a training (its run, figures, tags, the card beside it) and of a version stays:
only the model's own files go, and nobody can load it any more. When and why is said in tags of the
logged model and of its versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.stores.mlflow_access import MlflowServer, model_id, model_uri
from tradewind.stores.mlflow_contents import artefact_store, every, every_experiment, files_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stores.registry import Registry

_AS_OF = "tradewind.as_of"
_DELETED_AT, _DELETED_WHY = "tradewind.files_deleted_at", "tradewind.files_deleted_because"
# When and why, in one: so it was said at first of models that were older than declared.
_LET_GO = "tradewind.let_go"
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


def why_deleted(tags: Mapping[str, str]) -> str | None:
    """When and why the files of a model were deleted; None where they were not.

    Args:
        tags: Of the logged model, or of its version.
    """
    if at := tags.get(_DELETED_AT):
        return f"{at}: {tags.get(_DELETED_WHY)}"
    return tags.get(_LET_GO)


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
                for found in every(
                    self._client.search_logged_models,
                    experiment_ids=[str(experiment.experiment_id)],
                    max_results=_PAGE,
                )
                if _AS_OF in found.tags
            ]

    def files(self, logged: LoggedModel) -> tuple[int, int]:
        """How many files a model has, and their bytes."""
        with self._asking(f"the files of {logged.uri}"):
            store = artefact_store(logged.location, self.address)
            sizes = [int(file.file_size or 0) for file in files_in(store)]
        return len(sizes), sum(sizes)

    def let_go(self, logged: LoggedModel, *, why: str, at: datetime) -> None:
        """Delete a model's files for good, and take it from every list of models.

        Killed at any point, the same again ends the same.
        """
        self.delete_files(logged.uri, why=why, at=at)
        with self._asking(f"letting go of {logged.uri}"):
            self._client.delete_logged_model(model_id(logged.uri))

    def delete_files(self, uri: str, *, why: str, at: datetime) -> int:
        """Delete every file of a logged model, and say on it and on its versions when and why.

        Killed at any point, the same again ends the same. What was said first stays said.

        Args:
            uri: `models:/m-…`.
            why: For whoever asks for the model.
            at: When.

        Returns:
            How many files there were.
        """
        identifier = model_id(uri)
        # When comes last: where it is said, why is said too.
        said = {_DELETED_WHY: why, _DELETED_AT: at.isoformat(timespec="seconds")}
        with self._asking(f"the files of {uri}, to delete them"):
            logged = self._found(self._client.get_logged_model, identifier)
            # Said first: whoever loads it in between is told why files are missing.
            if logged is not None and why_deleted(logged.tags) is None:
                self._client.set_logged_model_tags(identifier, said)
            self._tag_versions(uri, said)
            return sum(self._empty(each) for each in self._locations(identifier, logged))

    def _tag_versions(self, uri: str, said: Mapping[str, str]) -> None:
        wanted = f"source_path = '{uri}'"
        for known in every(self._client.search_model_versions, filter_string=wanted):
            if why_deleted(known.tags) is None:
                for name, value in said.items():
                    self._client.set_model_version_tag(known.name, known.version, name, value)

    def _locations(self, identifier: str, logged: Any) -> list[str]:
        if logged is not None:
            return [logged.artifact_location]
        # It is deleted, which leaves its files where they were.
        own = f"models/{identifier}/artifacts"
        return [f"{each.artifact_location}/{own}" for each in every_experiment(self._client)]

    def _empty(self, location: str) -> int:
        """Delete every file there; how many there were."""
        store = artefact_store(location, self.address)
        files = len([*files_in(store)])
        if files:
            store.delete_artifacts()
        return files


def _logged(found: Any) -> LoggedModel:
    said = found.tags.get(_AS_OF)
    logged_at = datetime.fromtimestamp(found.creation_timestamp / 1000, tz=UTC)
    return LoggedModel(
        uri=model_uri(found.model_id),
        as_of=datetime.fromisoformat(said) if said else logged_at,
        location=found.artifact_location,
    )
