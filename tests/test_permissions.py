"""Who runs the command line is whom the operating system says, and not their variables."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.definition.folders import SQL, WHOLE, write_model
from tradewind.cli import app, plumbing
from tradewind.errors import NotPermittedError
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def ledger(
    home: Settings, ledger_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ledger:
    """The ledger of a model that only `shell:rita` may retrain and switch off."""
    text = f"{WHOLE}\npermissions: {{retrain: 'shell:rita', hold_or_switch_off: 'shell:rita'}}\n"
    write_model(tmp_path / "config", text, name="late")
    monkeypatch.setenv("TRADEWIND_CONFIG", str(tmp_path / "config"))
    # What `getpass` goes by, and what anybody can say.
    monkeypatch.setenv("LOGNAME", "rita")
    monkeypatch.setenv("USER", "rita")
    ledger = Ledger(ledger_dsn)
    files = {"model.yaml": text, "features.sql": SQL}
    ledger.freeze_definition("late", files, as_of=datetime(2013, 7, 1, tzinfo=UTC), actor="rita")
    return ledger


def test_an_order_by_somebody_who_may_not_is_refused(ledger: Ledger) -> None:
    said = CliRunner().invoke(app, ["release", "late", "fall_back", "--reason", "to try"])
    assert isinstance(said.exception, NotPermittedError)
    assert str(said.exception).startswith(f"late: shell:{ME} may not hold_or_switch_off")
    (refused,) = ledger.events(model="late", kind="refused")
    assert refused.payload["by"] == {"kind": "shell", "name": ME, "roles": None}
    assert ledger.events(model="late", kind="switched_off") == []


def test_a_training_by_somebody_who_may_not_is_not_admitted(ledger: Ledger) -> None:
    said = CliRunner().invoke(app, ["run", "late", "train", "--as-of", "2013-07-01", "--json"])
    assert said.exit_code == 3
    assert f"shell:{ME} may not retrain" in said.output


def test_a_user_whom_the_system_has_no_name_for_is_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert str(plumbing.shell_user()) == "shell:54321"
