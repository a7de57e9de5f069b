"""Reads a model's folder, and refuses what does not agree with itself.

Everything that can be known without a database is checked here, and everything that is wrong with
a definition is said at once, each with its file and line. What needs the sources, the estimators or
Great Expectations is in `tradewind.engine.checking`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tradewind.definition.agreement import disagreements
from tradewind.definition.frozen import (
    MODEL_FILE,
    TESTS_FILE,
    FrozenDefinition,
    digest_of_files,
)
from tradewind.definition.modules import module_key, named_modules, source_of
from tradewind.definition.problems import nearest, translate
from tradewind.definition.schema import ModelDefinition
from tradewind.definition.yaml_lines import Document, Problem, read_yaml
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping


def model_folders(config_dir: Path) -> dict[str, Path]:
    """Find the models of an installation, by name in order.

    Args:
        config_dir: The folder that holds `models/`.

    Returns:
        Every folder with anything in it, also one without a `model.yaml`: that is a mistake to
        report, not a model to overlook.
    """
    models = config_dir / "models"
    folders = sorted(path for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
    return {
        folder.name: folder
        for folder in folders
        if not folder.name.startswith((".", "_")) and any(folder.iterdir())
    }


def model_folder(config_dir: Path, name: str) -> Path:
    """The folder of one model.

    Args:
        config_dir: The folder that holds `models/`.
        name: The model's.

    Raises:
        DefinitionError: There is no such model; says which name is nearest.
    """
    folders = model_folders(config_dir)
    if name not in folders:
        place = shown_folder(config_dir / "models" / name)
        raise DefinitionError(f"{place}:1: there is no model {name!r}{nearest(name, folders)}")
    return folders[name]


def load_definition(folder: Path) -> FrozenDefinition:
    """Read a model's folder.

    Raises:
        DefinitionError: Something is wrong; every problem has its `file:line`.
    """
    where = shown_folder(folder)
    text = _read(folder / MODEL_FILE, where=f"{where}/{MODEL_FILE}")
    document = read_yaml(text)
    files = {
        MODEL_FILE: text,
        **_sql_of(document, folder),
        **_tests_of(folder),
        **_modules_of(document, folder),
    }
    return _checked(files, document, where=where, folder=folder.resolve().name)


def parse_definition(files: Mapping[str, str], *, where: str) -> FrozenDefinition:
    """Read a definition from the text of its files, as a run froze them.

    It agreed with itself when it was frozen and is not asked again: a later release may ask more of
    a folder, and the champions of earlier ones must still be read.

    Args:
        files: As `FrozenDefinition.files`.
        where: What stands before the files' names in a problem.

    Raises:
        DefinitionError: Something is wrong; every problem has its `file:line`.
    """
    if MODEL_FILE not in files:
        raise DefinitionError(f"{where}/{MODEL_FILE}:1: this file is missing")
    return _parsed(tuple(files.items()), where=where)


@lru_cache(maxsize=32)  # A page or a stage reads the same few again and again.
def _parsed(files: tuple[tuple[str, str], ...], *, where: str) -> FrozenDefinition:
    found = dict(files)
    return _checked(found, read_yaml(found[MODEL_FILE]), where=where, folder=None)


def _checked(
    files: dict[str, str], document: Document, *, where: str, folder: str | None
) -> FrozenDefinition:
    place = f"{where}/{MODEL_FILE}"
    if not isinstance(document.value, dict):
        raise DefinitionError(_lines(place, [*document.problems.values()] or [_NO_SECTION]))
    found = dict(document.problems)
    model = None
    try:
        model = ModelDefinition.model_validate(document.value)
    except ValidationError as error:
        found = {**translate(error, document), **found}
    if folder is not None:
        for path, problem in disagreements(document, files, folder=folder):
            found.setdefault(path, problem)
    if found or model is None:
        raise DefinitionError(_lines(place, [*found.values()]))
    return FrozenDefinition(model=model, files=files, digest=digest_of_files(files))


_NO_SECTION = Problem(1, "expected `key: value` lines, beginning with `name:`")


def _lines(place: str, problems: list[Problem]) -> list[str]:
    return [f"{place}:{problem.line}: {problem.text}" for problem in sorted(set(problems))]


def shown_folder(folder: Path) -> str:
    """A folder as a person would write it here: relative, where it is below this one."""
    path = folder.resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def _read(path: Path, *, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DefinitionError(f"{where}:1: this file is missing") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DefinitionError(f"{where}:{line}: this is no UTF-8 text") from None
    except OSError as error:
        raise DefinitionError(f"{where}:1: cannot be read: {error.strerror}") from error


def _sql_of(document: Document, folder: Path) -> dict[str, str]:
    features = document.value.get("features") if isinstance(document.value, dict) else None
    name = features.get("sql", "features.sql") if isinstance(features, dict) else None
    if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
        return {}
    return {name: _read(folder / name, where=f"{shown_folder(folder)}/{name}")}


def _tests_of(folder: Path) -> dict[str, str]:
    # Only read here: what is wrong in it is said when it is run, and stops a training alone.
    path = folder / TESTS_FILE
    where = f"{shown_folder(folder)}/{TESTS_FILE}"
    return {TESTS_FILE: _read(path, where=where)} if path.is_file() else {}


def _modules_of(document: Document, folder: Path) -> dict[str, str]:
    found = {module: source_of(module, near=folder) for _, module, _ in named_modules(document)}
    return {module_key(name): source for name, source in found.items() if source is not None}
