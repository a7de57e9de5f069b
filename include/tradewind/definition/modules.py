"""The Python modules that a definition names: found as text, frozen with it, run from that text."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradewind.definition.yaml_lines import Document, KeyPath


def module_key(module: str) -> str:
    """The name of a module's source among a definition's files."""
    return f"python:{module}"


def named_modules(document: Document) -> Iterator[tuple[KeyPath, str, str]]:
    """Each `module:function` of a definition: where it stands, the module, the function."""
    own = _section(document.value, "metrics", "own")
    places: list[KeyPath] = [("metrics", "own", name, "function") for name in own]
    for path in [("features", "python"), *places]:
        value = _section(document.value, *path[:-1]).get(path[-1])
        if isinstance(value, str) and value.count(":") == 1:
            module, function = value.split(":")
            yield path, module, function


def _section(value: Any, *path: str | int) -> dict[Any, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def source_of(module: str, *, near: Path) -> str | None:
    """Read a module's source: from the model's folder, those around it, then Python's path.

    Importing would run the module, and at the moment of parsing nothing of an owner's may run.
    """
    path = file_of(module, near=near)
    return None if path is None else path.read_text(encoding="utf-8", errors="replace")


def file_of(module: str, *, near: Path) -> Path | None:
    """Where a module's source is, looked for in the same places; None where there is none."""
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    relative = Path(*module.split("."))
    for folder in (near, *near.resolve().parents[:2], *map(Path, sys.path)):
        for path in (folder / relative.with_suffix(".py"), folder / relative / "__init__.py"):
            if path.is_file():
                return path
    return None


def functions_of(source: str) -> list[str]:
    """Names of the functions at a module's top level.

    Raises:
        SyntaxError: The source is no Python.
    """
    body = ast.parse(source).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef)]


def load_function(files: Mapping[str, str], named: str, *, place: str) -> Callable[..., Any]:
    """Load a function from the text that a run froze, not from what its file says by now.

    Args:
        files: As `FrozenDefinition.files`.
        named: `package.module:function`.
        place: What names it, for the message.

    Raises:
        DefinitionError: Its module is not among the files, fails, or has no such function.
    """
    module_name, _, name = named.partition(":")
    module = ModuleType(module_name)
    try:
        source = files[module_key(module_name)]
        exec(compile(source, f"{module_name}.py", "exec"), module.__dict__)  # noqa: S102 -- the owner's own, frozen
        function: Callable[..., Any] = getattr(module, name)
    except Exception as error:
        raise DefinitionError(f"{place}: {named} cannot be loaded: {error!r}") from error
    return function
