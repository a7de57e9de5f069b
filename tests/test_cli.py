"""The command line, on a small model, a real ledger and a real MLflow server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from typer.testing import CliRunner

from tests.fixtures.mlflow import free_port
from tests.fixtures.postgres import ledger_of_its_own
from tradewind import cli
from tradewind.local.databases import GUESTS
from tradewind.pipeline import TRAIN
from tradewind.settings import load_settings
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tradewind.local.databases import Databases

AS_OF = "2026-04-11"
TIPS = """\
name: tips
owner: the restaurant
purpose: How much to expect in the jar tonight
problem: regression
entity_key: bill
event_time: paid_at
sources: {bills: {kind: files, pattern: data/bills.csv, key: bill, time_column: paid_at}}
features: {types: {guests: numeric}}
label: {relation: bills, expression: tip}
validate:
  expectations:
    - {on: bills, expect: expect_column_values_to_be_between, severity: warn,
       args: {column: guests, max_value: 7}}
train:
  search: {trials: 1}
  candidates: {linear: {estimator: sklearn.linear_model.Ridge}}
"""
STAGES = {"admit", *TRAIN}
SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills\n"


def bills() -> str:
    """A hundred days of ten bills each; the tip is the guests', and a little of the weather's."""
    first, lines = datetime(2026, 1, 1, 12, tzinfo=UTC), ["bill,paid_at,guests,tip"]
    for number in range(1000):
        paid, guests = first + timedelta(days=number // 10), 1 + number * 7 % 8
        tip = guests + number * 13 % 5 / 10
        lines.append(f"{number},{paid:%Y-%m-%dT%H:%M:%SZ},{guests},{tip}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Place:
    """A clone with one small model that was trained once, from a shell.

    Attributes:
        environment: What a shell there knows.
        done: What the training said.
    """

    environment: Mapping[str, str]
    done: subprocess.CompletedProcess[str]

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(load_settings(self.environment))


def shell(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradewind", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def place(
    postgres: Databases,
    _ledger_template: str,
    mlflow_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("clone")
    folder = root / "config" / "models" / "tips"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(TIPS)
    (folder / "features.sql").write_text(SQL)
    (root / "data").mkdir()
    (root / "data" / "bills.csv").write_text(bills())
    with ledger_of_its_own("ledger_of_the_shell") as name:
        known = {
            "PATH": "",
            "HOME": str(root),
            "OMP_NUM_THREADS": "1",
            "USER": "ann",
            "TRADEWIND_ROOT": str(root),
            "TRADEWIND_HOME": str(root / "home"),
            "AIRFLOW_CONN_TRADEWIND_LEDGER": postgres.dsn(name, role=GUESTS["ledger"]),
            "MLFLOW_TRACKING_URI": mlflow_server,
        }
        yield Place(known, shell(known, "run", "tips", "train", "--as-of", AS_OF))


@pytest.fixture
def ask(place: Place, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command as a shell of that place would; gives its result."""
    for name, value in place.environment.items():
        if name.startswith(("TRADEWIND", "AIRFLOW", "MLFLOW", "USER")):
            monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(cli.app, list(words))


# -------------------------------------------------------------------------------------- running


def test_a_training_tells_its_way_and_its_verdict_and_each_line_once(place: Place) -> None:
    done = place.done
    assert done.returncode == 0, done.stderr
    verdict = done.stdout.splitlines()
    assert any("beats_naive" in line for line in verdict)
    assert any(line.startswith("promoted: ") for line in verdict)
    way = [line.partition(": ") for line in done.stderr.splitlines()]
    told = [rest if name in STAGES else name + colon + rest for name, colon, rest in way]
    assert [line for line, count in Counter([*told, *verdict]).items() if count > 1] == []
    assert [name for name in dict.fromkeys(name for name, _, _ in way) if name in STAGES] == [
        "admit", "ingest", "validate", "features", "train", "evaluate",
    ]  # fmt: skip
    assert "mlflow." not in done.stderr
    assert done.stderr.count("125 of 1,000 unexpected") == 1


def test_a_training_that_is_not_admitted_says_so_and_is_no_success(place: Place) -> None:
    lease = place.ledger.acquire_lease(
        "tips",
        holder="killed",
        ttl=timedelta(hours=1),
        as_of=datetime(2026, 4, 11, tzinfo=UTC),
        actor="a test",
        reason="to be killed",
    )
    try:
        refused = shell(place.environment, "run", "tips", "train", "--as-of", AS_OF)
    finally:
        place.ledger.release_lease("tips", holder="killed", fencing_token=lease.fencing_token)
    assert refused.returncode == 3
    assert refused.stderr.count("not admitted: the run killed holds the lease of tips") == 1
    assert refused.stdout == ""


def test_the_lease_of_a_killed_run_is_broken_with_a_reason(place: Place, ask: Any) -> None:
    place.ledger.acquire_lease(
        "tips",
        holder="killed",
        ttl=timedelta(hours=1),
        as_of=datetime(2026, 4, 11, tzinfo=UTC),
        actor="a test",
        reason="to be killed",
    )
    assert "the lease of killed is broken" in ask("release", "tips", "--reason", "gone").output
    assert place.ledger.lease("tips") is None
    assert "nobody holds its lease" in ask("release", "tips", "--reason", "gone").output
    assert ask("release", "tips").exit_code == 2


def test_the_help_says_at_which_moment_a_run_stands(ask: Any) -> None:
    assert "schedule.today" in ask("run", "--help").output


@pytest.mark.parametrize(
    "words",
    [
        ("run", "tisp", "train"),
        ("history", "tisp"),
        ("check", "tisp"),
        ("test", "tisp"),
        ("release", "tisp", "--reason", "x"),
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_is_none_is_answered_with_the_nearest(ask: Any, words: tuple[str, ...]) -> None:
    said = ask(*words)
    assert said.exit_code == 2
    assert "there is no model 'tisp'; did you mean tips?" in said.output


def test_a_pipeline_that_is_none_is_refused(ask: Any) -> None:
    assert ask("run", "tips", "score").exit_code == 2


# -------------------------------------------------------------------------------------- reading


def test_models_are_listed_with_versions_and_champion(place: Place, ask: Any) -> None:
    said = ask("models")
    assert said.exit_code == 0
    assert "tips: version 1; owner the restaurant" in said.output
    assert "  1 (champion)  as of 2026-04-11 00:00:00 UTC" in said.output
    (row,) = json.loads(ask("models", "--json").output)
    assert (row["model"], row["champion"], len(row["versions"])) == ("tips", 1, 1)


def test_history_says_who_what_when_and_why_in_utc(place: Place, ask: Any) -> None:
    said = ask("history", "tips").output
    assert "UTC  as of 2026-04-11 00:00:00 UTC  intended" in said
    assert "by hand" in said
    rows = json.loads(ask("history", "tips", "--json").output)
    kinds = {row["kind"] for row in rows}
    assert {"definition_frozen", "intended", "applied"} <= kinds
    assert len(json.loads(ask("history", "tips", "--json", "--limit", "1").output)) == 1


def test_health_names_what_is_down_and_is_no_success(ask: Any) -> None:
    said = ask("health")
    assert said.exit_code == 1
    assert "by_hand  tips: runs by hand only; last finished at" in said.output
    assert "down     airflow api-server: TRADEWIND_AIRFLOW_URL names no server" in said.output
    states = {one["subject"]: one["state"] for one in json.loads(ask("health", "--json").output)}
    assert states["tips"] == "by_hand"
    assert states["mlflow"] == states["ledger"] == "well"


def test_a_report_is_written_as_a_page(ask: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert ask("report", "tips", "gate", "--output", str(page)).exit_code == 0
    assert "beats_naive" in page.read_text()


# ------------------------------------------------------------------------------- the definition


def test_a_sound_definition_is_well_defined(ask: Any) -> None:
    said = ask("check")
    assert (said.exit_code, said.output) == (0, "tips: well defined\n")


def test_a_model_without_tests_is_said_to_have_none(ask: Any) -> None:
    said = ask("test")
    assert (said.exit_code, said.output) == (0, "tips: there is no tests.yaml\n")


def test_the_schema_is_written_and_then_verified(ask: Any, place: Place) -> None:
    assert json.loads(ask("schema").output)["title"]
    assert ask("schema", "--check").exit_code == 1
    (load_settings(place.environment).root / "docs").mkdir()
    assert ask("schema", "--write").exit_code == 0
    assert ask("schema", "--check").exit_code == 0


# ------------------------------------------------------------------------------ what goes wrong


def main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tradewind", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_ledger_that_does_not_answer_is_one_sentence(
    ask: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = f"postgresql://tradewind@127.0.0.1:{free_port()}/ledger"
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LEDGER", dead)
    assert main(monkeypatch, "history", "tips") == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ledger" in said or "PostgreSQL" in said


def test_an_mlflow_that_does_not_answer_is_one_sentence(
    ask: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(monkeypatch, "models") == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "MLflow" in said


def _httpx_error() -> Exception:
    import httpx

    return httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("error", "service"),
    [
        (lambda: psycopg2.OperationalError("connection refused\n"), "PostgreSQL"),
        (_httpx_error, "a web server"),
        (lambda: PermissionError(13, "not yours", "/lake"), "this machine"),
    ],
    ids=["psycopg2", "httpx", "the disk"],
)
def test_what_a_service_says_is_one_sentence_that_names_it(
    error: Any,
    service: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error()

    monkeypatch.setattr(cli, "_settings", fail)
    assert main(monkeypatch, "models") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{service} refuses, or does not answer: ")
    assert said.endswith("(see `make status`)\n")


def test_what_nobody_thought_of_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(cli, "_settings", fail)
    monkeypatch.setattr(sys, "argv", ["tradewind", "models"])
    with pytest.raises(KeyError):
        cli.main()
