from __future__ import annotations

import subprocess
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import sklearn

from tradewind.stores.provenance import (
    code_digest,
    git_revision,
    made_with,
    scoring_requirements,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings


def _clone(home: Settings, root: Path) -> Settings:
    return replace(home, root=root)


def _git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *words],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_revision_is_the_clones_commit_and_says_when_files_differ(
    home: Settings, tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    root.mkdir()
    _git(root, "init")
    (root / "file").write_text("a")
    _git(root, "add", "file")
    _git(root, "commit", "--message", "first")
    commit = _git(root, "rev-parse", "HEAD")
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
