from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import sklearn

from tests.fixtures.git import git
from tradewind.stores import scorer
from tradewind.stores.provenance import (
    code_digest,
    deciding_files,
    git_revision,
    made_with,
    scoring_requirements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.settings import Settings


def _clone(home: Settings, root: Path) -> Settings:
    return replace(home, root=root)


def test_the_revision_is_the_clones_commit_and_says_when_files_differ(
    home: Settings, tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init")
    (root / "file").write_text("a")
    git(root, "add", "file")
    git(root, "commit", "--message", "first")
    commit = git(root, "rev-parse", "HEAD")
    assert git_revision(_clone(home, root)) == commit
    (root / "file").write_text("b")
    assert git_revision(_clone(home, root)) == f"{commit}-dirty"


def test_without_git_the_revision_is_a_word(home: Settings, tmp_path: Path) -> None:
    assert git_revision(_clone(home, tmp_path)) == "unknown"


def test_an_image_says_its_own_revision(home: Settings, tmp_path: Path) -> None:
    told = MappingProxyType({"TRADEWIND_GIT_REVISION": "abc"})
    assert git_revision(replace(home, root=tmp_path, environment=told)) == "abc"


def test_other_requirements_are_another_make(home: Settings, tmp_path: Path) -> None:
    settings = _clone(home, tmp_path)
    assert made_with(settings)["requirements"] == "none"
    (tmp_path / "requirements.txt").write_text("numpy==1")
    first = made_with(settings)
    assert made_with(settings) == first
    (tmp_path / "requirements.txt").write_text("numpy==2")
    assert made_with(settings)["requirements"] != first["requirements"]
    assert first["code"] == code_digest()


def test_what_scoring_needs_is_what_is_installed() -> None:
    assert f"scikit-learn=={sklearn.__version__}" in scoring_requirements()


def _imported(file: Path) -> Iterator[tuple[int, str]]:
    """What a module imports where it runs, each with its level: 1 for a neighbour."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield node.level, str(node.module)
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def test_all_that_travels_with_a_model_decides_its_key_and_finds_what_it_imports() -> None:
    root = Path(str(scorer.__file__)).parents[1]
    travels, waiting, packages = set(), ["scorer"], set()
    while waiting:
        travels.add(name := waiting.pop())
        for level, module in _imported(root / "stores" / f"{name}.py"):
            if level:
                waiting += [module] if module not in travels else []
            else:
                packages.add(module.partition(".")[0])
    assert {root / "stores" / f"{name}.py" for name in travels} <= set(deciding_files())
    needed = {name.partition("==")[0] for name in scoring_requirements()} | {"sklearn"}
    assert packages - set(sys.stdlib_module_names) <= needed
