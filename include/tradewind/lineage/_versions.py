"""Every version that there is or was: MLflow's, and those that only the ledger still names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.definition.loader import model_folders
from tradewind.errors import RequestError
from tradewind.lineage._careers import Careers
from tradewind.lineage._origins import Origin, of_model_uri, of_run, of_version
from tradewind.stores.events import DEFINITION_FROZEN

if TYPE_CHECKING:
    from tradewind.stores.registry import ModelVersion
    from tradewind.stores.stores import Stores

REGISTRY = "models:/"
"""How the address of a model of this registry begins."""
_VERSIONED = 2


@dataclass(frozen=True)
class Versions:
    """The versions of a platform's models, each asked for once."""

    stores: Stores
    _careers: dict[str, Careers] = field(default_factory=dict)
    _registered: dict[str, dict[int, ModelVersion]] = field(default_factory=dict)

    def models(self) -> list[str]:
        """Every model that has a folder, or that a run was ever admitted for."""
        frozen = self.stores.ledger.events(kind=DEFINITION_FROZEN)
        admitted = {str(event.model) for event in frozen}
        return sorted({*model_folders(self.stores.settings.config_dir), *admitted})

    def careers(self, model: str) -> Careers:
        """What became of a model's versions."""
        return self._careers.setdefault(model, Careers(self.stores.ledger, model))

    def numbers(self, model: str) -> list[int]:
        """The versions of a model, also those that MLflow has no more."""
        return sorted({*self._in_mlflow(model), *self.careers(model).named})

    def origin(self, model: str, version: int) -> Origin:
        """Where a version came from.

        Raises:
            RequestError: The model has no such version, and never had.
            UnavailableError: MLflow or the ledger does not answer.
        """
        registered = self._in_mlflow(model).get(version)
        if registered is not None:
            return of_version(registered, model, ledger=self.stores.ledger)
        named = self.careers(model).named
        if version not in named:
            known = ", ".join(map(str, self.numbers(model)))
            raise RequestError(
                f"{model} has no version {version}; "
                + (f"it has {known}" if known else "it has none yet: train one")
            )
        return of_run(self.stores.ledger, model, named[version], version=version)

    def is_registered(self, model: str, version: int) -> bool:
        """Whether MLflow still has a version."""
        return version in self._in_mlflow(model)

    def base_of(self, origin: Origin) -> Origin | None:
        """Where the model of an origin was taken from, if that is a model of this registry."""
        source = origin.pretrained.source if origin.pretrained else ""
        if not source.startswith(REGISTRY):
            return None
        words = source.removeprefix(REGISTRY).split("/")
        if len(words) == _VERSIONED and words[1].isdigit():
            model, number = words[0], int(words[1])
            return self.origin(model, number) if number in self.numbers(model) else None
        for model in self.models():
            for number, found in self._in_mlflow(model).items():
                if found.model_uri == source:
                    return self.origin(model, number)
        return of_model_uri(self.stores.ledger, source)

    def _in_mlflow(self, model: str) -> dict[int, ModelVersion]:
        if model not in self._registered:
            found = self.stores.registry.versions(model)
            self._registered[model] = {one.version: one for one in found}
        return self._registered[model]
