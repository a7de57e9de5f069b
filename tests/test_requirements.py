"""What is imported, what is named, and what is installed are the same."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.fixtures.sandbox import CLONE

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*(.*?))?\s*\\?$", re.MULTILINE)


def named(file: str) -> set[str]:
    """The packages of a `.in` file, without versions and extras."""
    lines = (CLONE / "requirements" / file).read_text().splitlines()
    packages = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if line[:1] not in "#-")
    return {match[0].lower() for match in packages if match}


def pinned(file: str) -> set[tuple[str, str, str]]:
    """Package, version and condition of each line of a compiled file."""
    return set(PINNED.findall((CLONE / file).read_text()))


def test_what_the_package_says_it_imports_is_what_the_requirements_name() -> None:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    every = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    declared = {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in every}
    assert declared - named("main.in") == set()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements/image.txt"])
def test_every_line_is_pinned_and_hashed_and_names_no_address(file: str) -> None:
    text = (CLONE / file).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_the_image_installs_what_the_tests_ran_with() -> None:
    assert pinned("requirements/image.txt") <= pinned("requirements.txt")
    packages = {package for package, _, _ in pinned("requirements/image.txt")}
    assert packages.isdisjoint({"moto", "mypy", "pytest", "pre-commit", "ruff"})


@pytest.mark.parametrize("package", ["apache-airflow", "celery"])
def test_what_must_not_move_is_named(package: str) -> None:
    assert package in named("main.in")
