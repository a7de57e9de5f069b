"""The command line, on a small model, a real ledger and a real MLflow server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import yaml
from typer.testing import CliRunner

from tests.fixtures.home import LEDGER, TRACKING
from tests.fixtures.mlflow import free_port
from tests.gates.evidence import waivers
from tradewind import cli
from tradewind.cli import plumbing
from tradewind.errors import RegistryError, RequestError
from tradewind.nights import Symptom
from tradewind.overview import card_of, ranked
from tradewind.pipeline import TRAIN
from tradewind.reports.pages import versions_page
from tradewind.settings import load_settings
from tradewind.stores.ledger import Ledger
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.fixtures.home import Home

AS_OF = "2026-04-11"
WHO = plumbing.shell_name()
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
retrain: {cadence: 12 hours}
""" + yaml.safe_dump({"gates": {"waivers": waivers()}})
STAGES = {"admit", *TRAIN}
SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills\n"


def bills() -> str:
    """Days of ten bills each; the tip is the guests', and a little of the weather's."""
    first, lines = datetime(2026, 1, 1, 12, tzinfo=UTC), ["bill,paid_at,guests,tip"]
    for number in range(1010):
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
def place(shared_home: Home) -> Place:
    root = shared_home.folder
    folder = root / "config" / "models" / "tips"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(TIPS)
    (folder / "features.sql").write_text(SQL)
    (root / "data").mkdir()
    (root / "data" / "bills.csv").write_text(bills())
    known = {
        "PATH": "",
        "HOME": str(root),
        "OMP_NUM_THREADS": "1",
        "USER": "somebody else",
        "TRADEWIND_ROOT": str(root),
        **{name: shared_home.environ[name] for name in ("TRADEWIND_HOME", LEDGER, TRACKING)},
    }
    return Place(known, shell(known, "run", "tips", "train", "--as-of", AS_OF))


def enter(place: Place, patch: pytest.MonkeyPatch) -> Any:
    """Make this process a shell of that place; gives what runs a command."""
    for name, value in place.environment.items():
        if name.startswith(("TRADEWIND", "AIRFLOW", "MLFLOW", "USER")):
            patch.setenv(name, value)
    return lambda *words: CliRunner().invoke(cli.app, list(words))


@pytest.fixture
def ask(place: Place, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command as a shell of that place would; gives its result."""
    return enter(place, monkeypatch)


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
        "probe", "refit", "load_test", "card",
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
    assert "the lease of killed is broken" in ask("unlock", "tips", "--reason", "gone").output
    assert place.ledger.lease("tips") is None
    assert "nobody holds its lease" in ask("unlock", "tips", "--reason", "gone").output
    assert ask("unlock", "tips").exit_code == 2


def test_a_ledger_whose_tables_were_changed_by_hand_is_repaired(place: Place, ask: Any) -> None:
    before = place.ledger.outcomes(model="tips")
    dsn = place.environment["AIRFLOW_CONN_TRADEWIND_LEDGER"]
    with closing(psycopg2.connect(dsn)) as by_hand, by_hand, by_hand.cursor() as cursor:
        cursor.execute("DELETE FROM outcomes WHERE stage = 'gate'")
        cursor.execute("UPDATE outcomes SET outcome = '{}'")
    said = ask("repair-ledger")
    assert said.exit_code == 0
    assert "are made again from" in said.output
    assert place.ledger.outcomes(model="tips") == before


def test_the_help_says_at_which_moment_a_run_stands(ask: Any) -> None:
    assert "schedule.today" in ask("run", "--help").output


@pytest.mark.parametrize(
    "words",
    [
        ("run", "tisp", "train"),
        ("history", "tisp"),
        ("card", "tisp"),
        ("check", "tisp"),
        ("test", "tisp"),
        ("unlock", "tisp", "--reason", "x"),
        ("release", "tisp", "hold", "--reason", "x"),
        ("live", "tisp"),
        ("decision", "tisp"),
        ("log", "tisp"),
        ("incidents", "tisp"),
        ("acknowledge", "tisp", "key", "--reason", "x"),
        ("silence", "tisp", "key", "--until", "2999-01-01", "--reason", "x"),
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_is_none_is_answered_with_the_nearest(ask: Any, words: tuple[str, ...]) -> None:
    said = ask(*words)
    assert said.exit_code == 2
    assert "there is no model 'tisp'; did you mean tips?" in said.output


def test_a_pipeline_that_is_none_is_refused(ask: Any) -> None:
    said = ask("run", "tips", "scroe")
    assert said.exit_code == 2
    assert "there is no pipeline 'scroe'; did you mean score?" in said.output


def test_an_order_is_carried_out_refused_or_not_understood(ask: Any) -> None:
    said = ask("release", "tips", "fall-back", "--reason", "nonsense on line")
    assert said.exit_code == 0
    assert "tips: the model is switched off: the naive rule decides" in said.output
    assert "switched off: nonsense on line" in said.output
    back = ask("release", "tips", "resume", "--reason", "it was the source", "--json")
    assert json.loads(back.output)["after"]["switched_off"] is None
    again = ask("release", "tips", "resume", "--reason", "once more")
    assert isinstance(again.exception, RequestError)
    said = ask("release", "tips", "rol_back", "--reason", "x")
    assert said.exit_code == 2
    assert "there is no action 'rol_back'; did you mean roll_back?" in said.output
    assert ask("release", "tips", "hold").exit_code == 2


# -------------------------------------------------------------------------------------- reading


def test_models_are_listed_with_versions_and_champion(place: Place, ask: Any) -> None:
    said = ask("models")
    assert said.exit_code == 0
    assert "tips: version 1; owner the restaurant" in said.output
    assert "  1 (champion)  as of 2026-04-11 00:00:00 UTC" in said.output
    (row,) = json.loads(ask("models", "--json").output)
    assert (row["model"], row["champion"], len(row["versions"])) == ("tips", 1, 1)
    assert row["switched_off"] is None


def test_a_model_that_is_switched_off_is_said_to_be_where_its_champion_is_named(ask: Any) -> None:
    assert ask("release", "tips", "fall-back", "--reason", "the till is broken").exit_code == 0
    try:
        listed, card = ask("models").output, ask("card", "tips").output
        (row,) = json.loads(ask("models", "--json").output)
    finally:
        assert ask("release", "tips", "resume", "--reason", "mended").exit_code == 0
    assert "  1 (champion, switched off: the till is broken)  as of" in listed
    assert row["switched_off"] == "the till is broken"
    assert card.splitlines()[0] == (
        "tips, version 1, owned by the restaurant: the champion; switched off: the till is broken"
    )


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


def test_the_champion_s_card_is_told_in_lines_and_whole(ask: Any, tmp_path: Path) -> None:
    said = ask("card", "tips")
    assert said.exit_code == 0, said.output
    first, verdict, *_, last = said.output.splitlines()
    assert first == "tips, version 1, owned by the restaurant: the champion; it decides"
    assert verdict.startswith("No gate blocks it: ")
    assert last == "the whole card: tradewind card tips --output card.html"
    assert "rmse " in said.output
    assert "Not said in model.yaml: purpose.intended_use" in said.output
    assert "ask the restaurant." in said.output
    assert json.loads(ask("card", "tips", "1", "--json").output)["model"] == "tips"
    page, text = tmp_path / "card.html", tmp_path / "card.md"
    assert ask("card", "tips", "--output", str(page)).output.strip() == str(page)
    assert "<h1>Model card: tips</h1>" in page.read_text()
    assert ask("card", "tips", "--markdown", "--output", str(text)).exit_code == 0
    assert text.read_text() == ask("card", "tips", "--markdown").output[:-1]
    assert "## How to switch it off" in text.read_text()
    assert ask("report", "tips", "card", "--output", str(tmp_path / "r.html")).exit_code == 0
    assert (tmp_path / "r.html").read_text() == page.read_text()


def test_without_a_champion_the_card_is_the_last_candidate_s(place: Place) -> None:
    stores = Stores.open(load_settings(place.environment))
    newest = stores.ledger.last_outcome("tips", "card").plain
    blocked = newest.model_copy(update={"model": "jars", "run_id": "train/blocked"})
    stores.ledger.record_outcome(blocked)
    assert card_of(stores, "jars") == card_of(stores, "tips")


def test_a_version_that_is_none_has_no_card(ask: Any) -> None:
    error = ask("card", "tips", "7").exception
    assert isinstance(error, RegistryError)
    assert "tips has no version 7; it has 1" in str(error)


def test_the_cards_of_all_champions_are_written_and_what_has_none_is_said(
    ask: Any, tmp_path: Path
) -> None:
    written = ask("cards", str(tmp_path / "cards"))
    assert written.exit_code == 0, written.output
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["tips.md"]
    untrained = tmp_path / "config" / "models" / "untrained"
    untrained.mkdir(parents=True)
    (untrained / "model.yaml").write_text(TIPS.replace("tips", "untrained", 1))
    (untrained / "features.sql").write_text(SQL)
    other = {"TRADEWIND_CONFIG": str(tmp_path / "config")}
    said = CliRunner().invoke(cli.app, ["cards", str(tmp_path / "none")], env=other)
    assert said.exit_code == 1
    assert (
        "no card: untrained: there is no champion, and no candidate has a card: train one"
        in said.output
    )
    assert list((tmp_path / "none").iterdir()) == []


# ------------------------------------------------------------------------------------ the nights


@pytest.fixture(scope="module")
def night(place: Place) -> Any:
    """The night after the training, scored and looked at."""
    with pytest.MonkeyPatch.context() as patch:
        ask = enter(place, patch)
        return tuple(ask("run", "tips", name, "--as-of", AS_OF) for name in ("score", "monitor"))


def test_a_night_is_scored_looked_at_and_decided_from_a_shell(night: Any) -> None:
    scored, looked = night
    assert (scored.exit_code, looked.exit_code) == (0, 0), (scored.output, looked.output)
    assert "10 entities served: champion 10" in scored.output
    assert "10 predictions watched: 10 with a label" in looked.output
    assert "nothing asks for anything" in looked.output
    assert "no incident is open" in looked.output


def test_days_are_pinned_and_what_to_declare_is_printed(place: Place, ask: Any) -> None:
    days = ("--start", "2026-01-12", "--end", "2026-01-26")
    pinned = ask("pin", "tips", *days, "--as-of", AS_OF)
    assert pinned.exit_code == 0, pinned.output
    assert "pinned 140 rows of 14 days, with 1 feature, as " in pinned.output
    told = yaml.safe_load(pinned.stdout[pinned.stdout.index("gates:") :])
    again = json.loads(ask("pin", "tips", *days, "--as-of", AS_OF, "--json").stdout)
    assert told["gates"]["benchmark"] == {
        "pinned": again["digest"],
        "start": date(2026, 1, 12),
        "end": date(2026, 1, 26),
    }
    (event,) = place.ledger.events(model="tips", kind="pinned")
    assert (event.actor, event.payload["rows"]) == (WHO, 140)
    wrong = ask("pin", "tips", "--start", "monday", "--end", "2026-01-26")
    assert (wrong.exit_code, "a date such as 2013-03-04" in wrong.output) == (2, True)


def test_the_log_says_what_was_served_to_whom_and_why(night: Any, ask: Any) -> None:
    said = ask("log", "tips", "--limit", "3").output
    assert said.count(", by version 1 (champion)") == 3
    assert "    guests 3 lowered it" in said
    assert "and 7 more" in said
    (row,) = json.loads(ask("log", "tips", "--as-of", AS_OF, "--entity", "995", "--json").output)
    assert (row["entity"], row["source"]) == ("[995]", "champion")
    assert json.loads(ask("log", "tips", "--entity", "[995]", "--json").output) == [row]
    assert json.loads(ask("log", "tips", "--entity", "nobody", "--json").output) == []
    missing = ask("log", "tips", "--as-of", "2026-01-05")
    assert "the night of 2026-01-05 00:00 UTC was not scored" in str(missing.exception)


def test_who_decides_is_said_with_what_was_live_when(place: Place, ask: Any) -> None:
    said = ask("live", "tips").output
    assert "  champion: version 1, since 2026-04-11 00:00" in said
    assert f"2026-04-11 00:00:00 UTC  promote version 1, {WHO}: by hand" in said
    before = ask("live", "tips", "--as-of", "2026-01-05").output
    assert "  no champion" in before
    assert "  nothing yet" in before
    state = json.loads(ask("live", "tips", "--as-of", AS_OF, "--json").output)
    assert state["champion"] == 1


def test_a_decision_is_told_and_made_again_from_what_it_stands_on(night: Any, ask: Any) -> None:
    said = ask("decision", "tips", "--as-of", AS_OF, "--replay")
    assert said.exit_code == 0
    for words in (
        "tips, the night of 2026-04-11 00:00:00 UTC: nothing: nothing asks for anything",
        "not retrain: nothing speaks for it",
        "who decides: champion: version 1",
        "no night was looked at before",
        "replayed from its kept grounds: the same decision",
    ):
        assert words in said.output
    missing = ask("decision", "tips", "--as-of", "2026-01-05")
    assert "nothing was decided for the night of 2026-01-05 00:00 UTC" in str(missing.exception)


def test_a_decision_whose_grounds_were_changed_is_not_the_same(
    night: Any, ask: Any, place: Place
) -> None:
    uri = json.loads(ask("decision", "tips", "--as-of", AS_OF, "--json").output)["decision"]
    kept = load_settings(place.environment).home / "lake" / uri["grounds_uri"]
    whole = kept.read_text()
    kept.chmod(0o644)
    kept.write_text(json.dumps({**json.loads(whole), "in_flight": "train/somebody"}))
    try:
        said = ask("decision", "tips", "--as-of", AS_OF, "--replay")
    finally:
        kept.write_text(whole)
    assert said.exit_code == 1
    assert "the kept grounds are not those that it was made on" in said.output


def test_a_training_that_a_night_decides_on_is_launched_once(ask: Any, place: Place) -> None:
    words = ("run", "tips", "monitor", "--as-of", "2026-04-12")
    assert ask("run", "tips", "score", "--as-of", "2026-04-12").exit_code == 0
    decided = ask(*words)
    assert decided.exit_code == 0, decided.output
    assert "retrain: the champion" in decided.output
    assert f"`tradewind {' '.join(words[:4])} 2026-04-12T00:00:00+00:00 --launch`" in decided.output
    launched = ask(*words, "--launch")
    assert launched.exit_code == 0, launched.output
    assert "beats_naive" in launched.output
    again = ask(*words, "--launch")
    assert "is over: " in again.output
    ends = place.ledger.events(model="tips", kind="retrain_ended")
    assert len(ends) == 1
    soon = ask("run", "tips", "train", "--as-of", "2026-04-13")
    assert soon.exit_code == 3
    assert "`override`" in place.ledger.last_outcome("tips", "admit").lines[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("score", "--wider"), "--wider is an option of train, not of score"),
        (("monitor", "--override", "x"), "--override is an option of train, not of monitor"),
        (("train", "--launch"), "--launch is an option of monitor, not of train"),
    ],
)
def test_an_option_of_another_pipeline_is_refused(
    ask: Any, words: tuple[str, ...], answer: str
) -> None:
    said = ask("run", "tips", *words)
    assert said.exit_code == 2
    assert answer in said.output


def test_an_incident_is_listed_taken_on_and_silenced(ask: Any, place: Place) -> None:
    assert "no incident is open" in ask("incidents").output
    key = "failed:score:ingest"
    symptom = Symptom(
        key=key,
        title="tips.score failed in ingest",
        layer="data",
        severity="critical",
        way_out="clear the task",
        details=["SourceUnavailableError: gone"],
    )
    now = place.ledger.now()
    place.ledger.incidents.see("tips", symptom, as_of=now, owner="us", runbook="docs/runbook.md")
    said = ask("incidents", "tips")
    assert said.exit_code == 1
    assert f"critical  tips  {key}: tips.score failed in ingest (data)" in said.output
    assert "what to press: clear the task" in said.output
    taken = ask("acknowledge", "tips", key, "--reason", "on it")
    assert f"tips: {WHO} looks after {key}" in taken.output
    quiet = ask("silence", "tips", key, "--until", "2999-01-01", "--reason", "maintenance")
    assert "before 2999-01-01 00:00:00 UTC" in quiet.output
    (one,) = json.loads(ask("incidents", "--json").output)
    assert (one["state"], one["acknowledged_by"]) == ("acknowledged", WHO)
    assert f"(data, {WHO} looks after it, silenced until 2999" in ask("incidents").output
    place.ledger.incidents.close("tips", key, as_of=place.ledger.now(), reason="it is back")
    assert ask("incidents").exit_code == 0
    assert "over      tips" in ask("incidents", "--all").output
    wrong = ask("acknowledge", "tips", key, "--reason", "on it")
    assert "no incident" in str(wrong.exception)


def test_a_page_is_written_for_every_task_of_a_night(night: Any, ask: Any, tmp_path: Path) -> None:
    for stage, words in {
        "predict": "entities were served",
        "monitor": "tips: the night",
        "decide": "Why nothing else",
        "alert": "No incident is open.",
    }.items():
        page = tmp_path / f"{stage}.html"
        said = ask("report", "tips", stage, "--output", str(page))
        assert said.exit_code == 0, said.exception
        assert words in page.read_text()


def test_the_last_versions_stand_side_by_side_for_a_rollback(place: Place) -> None:
    page = versions_page(ranked(Stores.open(load_settings(place.environment)), "tips"))
    assert "matured rows of 30 days" in page
    assert '<span class="mark good">champion</span>' in page


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

    monkeypatch.setattr(plumbing, "settings", fail)
    assert main(monkeypatch, "models") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{service} refuses, or does not answer: ")
    assert said.endswith("(see `make status`)\n")


def test_what_nobody_thought_of_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(plumbing, "settings", fail)
    monkeypatch.setattr(sys, "argv", ["tradewind", "models"])
    with pytest.raises(KeyError):
        cli.main()
