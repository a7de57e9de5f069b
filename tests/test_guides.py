"""The guides name what there is: every command with its options, every file, every incident."""

from __future__ import annotations

import re
import shlex
from typing import get_args

import pytest
import typer.core
import typer.main

from tests.fixtures.sandbox import CLONE
from tradewind.cli import app
from tradewind.nights import ReleaseAction
from tradewind.pipeline import PIPELINES

PAGES = {
    path.relative_to(CLONE).as_posix(): path.read_text(encoding="utf-8")
    for path in [CLONE / "README.md", CLONE / "CONTRIBUTING.md", *(CLONE / "docs").rglob("*.md")]
}
SOURCE = CLONE / "include" / "tradewind"


def shell_lines() -> set[str]:
    """The lines of all code blocks without a language: what one types in a shell."""
    fences = [
        text
        for page in PAGES.values()
        for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
        if not language
    ]
    return {re.sub(r"\s+#\s.*", "", line) for text in fences for line in text.splitlines()}


COMMANDS = sorted(line for line in shell_lines() if line.startswith("tradewind "))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_guides_is_understood(command: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    name, *words = shlex.split(command)[1:]
    # Read as the shell's words are, and not run: an option that is none is a usage error.
    found = group.commands[name].make_context(name, list(words)).params
    if name == "run":
        assert found["pipeline"] in PIPELINES
    if name == "release":
        assert found["action"] in get_args(ReleaseAction)


def test_the_guides_show_every_command() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    shown = {command.split()[1] for command in COMMANDS}
    behind_make = {"cards", "demo", "demo-employment", "prepare", "up", "down", "reset", "schema"}
    assert set(group.commands) - behind_make == shown


def test_the_help_of_a_release_says_what_an_accepted_breach_needs() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    said = {one.name: getattr(one, "help", "") for one in group.commands["release"].params}
    assert "accepted breach" in said["until"]
    assert {"accept_contract", "resume"} <= set(re.findall(r"\w+", said["breach"]))


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_guide_links_to_is_there(name: str) -> None:
    folder = (CLONE / name).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGES[name]) if ":" not in link]
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_benchmark_that_a_guide_names_is_there() -> None:
    named = {
        module for page in PAGES.values() for module in re.findall(r"-m benchmarks\.(\w+)", page)
    }
    assert named
    assert [name for name in named if not (CLONE / "benchmarks" / f"{name}.py").exists()] == []


def test_every_incident_has_its_section_in_the_runbook() -> None:
    places = ("policy/triage.py", "stages/alert.py", "orchestration/failures.py")
    source = "".join((SOURCE / place).read_text(encoding="utf-8") for place in places)
    prefixes = set(re.findall(r'key=f?"([a-z_]+)', source))
    assert {"contract", "model", "failed", "late"} <= prefixes
    sections = set(re.findall(r"^## (\w+)$", PAGES["docs/runbook.md"], re.MULTILINE))
    assert sections == prefixes
