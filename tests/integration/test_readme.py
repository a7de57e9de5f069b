"""What the README shows works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.fixtures.sandbox import CLONE
from tests.fixtures.shop import AS_OF, README, block, enter_shop
from tradewind.cli import app
from tradewind.pipeline import run_pipeline
from tradewind.records import RunRequest
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings


@pytest.fixture
def shop(
    ledger_dsn: str, mlflow_server: str, home: Settings, tmp_path: Path, monkeypatch
) -> Settings:
    """A configuration with the README's model, and its file."""
    enter_shop(tmp_path / "shop", monkeypatch)
    return load_settings()


def test_the_ten_lines_are_ten_lines() -> None:
    lines = [line for line in block("yaml").splitlines() if not line.startswith("#")]
    assert len(lines) <= 12


def test_the_model_of_the_readme_checks_and_becomes_champion(shop: Settings) -> None:
    checked = CliRunner().invoke(app, ["check", "churn"])
    assert checked.exit_code == 0, checked.output
    request = RunRequest(
        model="churn", run_id="readme", as_of=AS_OF, actor="a test", reason="the README says so"
    )
    records = run_pipeline(request, stores=Stores.open(shop))
    assert records["register"].outcome == "promoted", records["gate"].results


def shell_lines() -> list[str]:
    """The lines of the README's code blocks without a language: what one types in a shell."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [line for language, text in fences if not language for line in text.splitlines()]


COMMANDS = sorted(
    {re.sub(r"\s+#.*", "", line) for line in shell_lines() if line.startswith("tradewind ")}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_exists(command: str) -> None:
    words = shlex.split(command)[1:]
    answer = CliRunner().invoke(app, [words[0], "--help"], env=dict(os.environ))
    assert answer.exit_code == 0, answer.output
    options = [word for word in words if word.startswith("--")]
    assert all(option in answer.output for option in options)


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CLONE / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", README))
    named |= {line.split()[1] for line in shell_lines() if line.startswith("make ")}
    assert {"run", "test", "stop"} <= named <= targets


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (CLONE / link).exists()] == []
