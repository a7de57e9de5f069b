"""Candidates that were trained elsewhere: found, held against what is declared of them, loaded."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tradewind.definition.estimators import unfit
from tradewind.definition.moments import midnight
from tradewind.errors import DefinitionError, ModelRefusedError
from tradewind.learning.fit import Ready
from tradewind.records import Pretrained
from tradewind.stores.model_files import open_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.learning import Candidate
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.stores import Stores

_REGISTRY = "models:/"
_VERSIONED = 2


def pretrained(
    model: ModelDefinition, *, stores: Stores, candidate: str | None = None
) -> dict[str, Ready]:
    """Load the candidates that are trained already, by name.

    Args:
        model: Its candidates, its features, its problem.
        stores: The folder of definitions, and the registry.
        candidate: Loads this one of the candidates only.

    Raises:
        DefinitionError: A file is not within the folder of definitions, or a model solves another
            problem or takes other features.
        ModelRefusedError: A file is not what was declared, or cannot be loaded safely.
        RegistryError: MLflow does not answer, or has no such model.
    """
    asked = {
        name: one
        for name, one in model.candidates.items()
        if one.from_ is not None and candidate in (None, name)
    }
    ready = {}
    for name, one in asked.items():
        where = f"{model.name}: train.candidates.{name}"
        ready[name] = _load(model, one, where=where, stores=stores)
        if said := unfit(ready[name].estimator, model.problem):
            raise DefinitionError(f"{where}.from: {one.origin} {said}")
    return ready


def _load(model: ModelDefinition, candidate: Candidate, *, where: str, stores: Stores) -> Ready:
    if candidate.origin.startswith(_REGISTRY):
        return _of_registry(model, candidate.origin, where=where, stores=stores)
    path = _file(stores.settings.config_dir, model.name, candidate.origin, where=where)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelRefusedError(f"{where}.from: {path} cannot be read: {error.strerror}") from error
    estimator = open_foreign(content, digest=candidate.digest or "", who=f"{where}.from")
    told = Pretrained(
        source=candidate.origin,
        provenance=candidate.provenance or "",
        licence=candidate.licence or "",
        trained_until=_until(candidate.trained_until, model),
    )
    return Ready(estimator, told)


def _file(config: Path, name: str, declared: str, *, where: str) -> Path:
    """The declared file, which no link and no dots may take out of the folder of definitions."""
    path = (config / "models" / name / declared).resolve()
    if not path.is_relative_to(config.resolve()):
        raise DefinitionError(f"{where}.from: {declared} is not within the folder of definitions")
    return path


def _until(declared: date | str | None, model: ModelDefinition) -> datetime | None:
    return midnight(declared + timedelta(days=1), model) if isinstance(declared, date) else None


def _of_registry(model: ModelDefinition, declared: str, *, where: str, stores: Stores) -> Ready:
    parts = declared.removeprefix(_REGISTRY).split("/")
    uri = declared
    if len(parts) == _VERSIONED and parts[1].isdigit():
        uri = stores.registry.version(parts[0], int(parts[1])).model_uri
    loaded = stores.registry.load(uri)
    said = loaded.metadata
    if said["problem"] != model.problem or said["features"] != dict(model.features.types):
        raise DefinitionError(
            f"{where}.from: {declared} solves a {said['problem']} problem with "
            f"{', '.join(said['features'])}, and this definition is of other features or another "
            "problem"
        )
    told = Pretrained(
        source=declared,
        provenance=f"a model of {said['model']} in this registry",
        licence="as that model",
        trained_until=datetime.fromisoformat(said["trained_until"]),
    )
    return Ready(loaded.scorer.estimator, told)
