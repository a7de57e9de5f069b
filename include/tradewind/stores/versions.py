"""Registered versions and their aliases in MLflow: where the ledger's word is put into effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.errors import RegistryError
from tradewind.stores.mlflow_access import MlflowServer, model_id
from tradewind.stores.mlflow_contents import every

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ModelVersion:
    """A registered version, with every alias that points at it."""

    version: int
    model_uri: str
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created_at: datetime


class Versions(MlflowServer):
    """Registered models, by name.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.
    """

    def ensure_version(self, model: str, model_uri: str, tags: Mapping[str, str]) -> int:
        """Register a logged model, once: the same model keeps the same version.

        Args:
            model: The registered model's name; it is made where there is none.
            model_uri: `models:/m-…`.
            tags: Where the version came from; an existing version's are brought up to date.
        """
        with self._asking(f"a version of {model}"):
            self._unless_there(self._client.create_registered_model, model)
            for known in self._search(model):
                if known.source == model_uri:
                    self._bring_up_to_date(model, known, tags)
                    return int(known.version)
            identifier = model_id(model_uri)
            run_id = self._client.get_logged_model(identifier).source_run_id
            made = self._client.create_model_version(
                model, model_uri, run_id, tags=dict(tags), model_id=identifier
            )
            return int(made.version)

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a model, newest first; none where it was never registered."""
        with self._asking(f"the versions of {model}"):
            # A search for versions never says their aliases: those are asked of the model.
            aliases = self._aliases(model)
            return [_version(found, aliases) for found in self._search(model)]

    def version(self, model: str, number: int) -> ModelVersion:
        """One version.

        Raises:
            RegistryError: The model has no such version.
        """
        every = {found.version: found for found in self.versions(model)}
        if number not in every:
            known = ", ".join(map(str, sorted(every))) or "none"
            raise RegistryError(
                f"MLflow at {self.address}: {model} has no version {number}; it has {known}"
            )
        return every[number]

    def alias(self, model: str, alias: str) -> int | None:
        """The version that an alias points at, if it points at one."""
        with self._asking(f"the alias {alias} of {model}"):
            return self._aliases(model).get(alias)

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Point an alias at a version; `champion` moves through `tradewind.promotion` only."""
        with self._asking(f"the alias {alias} of {model}"):
            self._client.set_registered_model_alias(model, alias, str(version))

    def remove_alias(self, model: str, alias: str) -> None:
        """Take an alias away; none is there afterwards, whether or not there was one."""
        with self._asking(f"the alias {alias} of {model}"):
            if alias in self._aliases(model):
                self._client.delete_registered_model_alias(model, alias)

    def model_tags(self, model: str) -> dict[str, str] | None:
        """The tags of a registered model; None where it was never registered."""
        with self._asking(f"the tags of {model}"):
            registered = self._found(self._client.get_registered_model, model)
            return dict(registered.tags) if registered is not None else None

    def set_model_tag(self, model: str, name: str, value: str) -> None:
        """Say something of a registered model as a whole."""
        with self._asking(f"the tag {name} of {model}"):
            self._client.set_registered_model_tag(model, name, value)

    def remove_model_tag(self, model: str, name: str) -> None:
        """Take a tag of a registered model away; it must be there."""
        with self._asking(f"the tag {name} of {model}"):
            self._client.delete_registered_model_tag(model, name)

    def _bring_up_to_date(self, model: str, known: Any, tags: Mapping[str, str]) -> None:
        for name, value in tags.items():
            if known.tags.get(name) != value:
                self._client.set_model_version_tag(model, known.version, name, value)

    def _search(self, model: str) -> list[Any]:
        return [
            *every(
                self._client.search_model_versions,
                filter_string=f"name = '{model}'",
                order_by=["version_number DESC"],
            )
        ]

    def _aliases(self, model: str) -> dict[str, int]:
        registered = self._found(self._client.get_registered_model, model)
        aliases = registered.aliases if registered is not None else {}
        return {name: int(version) for name, version in aliases.items()}


def _version(found: Any, aliases: Mapping[str, int]) -> ModelVersion:
    # Over HTTP a version's number is text.
    number = int(found.version)
    return ModelVersion(
        version=number,
        model_uri=found.source,
        run_id=found.run_id or "",
        tags=dict(found.tags),
        aliases=tuple(sorted(name for name, version in aliases.items() if version == number)),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, tz=UTC),
    )
