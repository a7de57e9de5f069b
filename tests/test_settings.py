"""Where this installation is, and what it talks to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tradewind.settings import load_settings, read_env_file

CLONE = Path(__file__).resolve().parents[1]


def test_a_clone_that_was_never_started_has_sound_defaults():
    settings = load_settings({})
    assert settings.root == CLONE
    assert settings.home == CLONE / ".tradewind"
    assert settings.config_dir == CLONE / "config"
    assert settings.lake_uri == (CLONE / ".tradewind" / "lake").as_uri()


def test_what_the_platform_wrote_is_seen_without_sourcing_it(tmp_path: Path):
    own = f"# a comment\n\nTRADEWIND_HOME={tmp_path}\n"
    (tmp_path / "env").write_text(f"{own}MLFLOW_TRACKING_URI='http://127.0.0.1:5001'\n")
    settings = load_settings({"TRADEWIND_HOME": str(tmp_path)})
    assert settings.tracking_uri == "http://127.0.0.1:5001"


def test_the_process_environment_wins(tmp_path: Path):
    (tmp_path / "env").write_text(f"TRADEWIND_HOME={tmp_path}\nTRADEWIND_LAKE=file:///written\n")
    own = {"TRADEWIND_HOME": str(tmp_path), "TRADEWIND_LAKE": "s3://bucket/lake/"}
    assert load_settings(own).lake_uri == "s3://bucket/lake"


def test_values_are_quoted_as_a_shell_quotes(tmp_path: Path):
    (tmp_path / "env").write_text("A='it'\"'\"'s = one'\nB=\n")
    assert read_env_file(tmp_path / "env") == {"A": "it's = one", "B": ""}


def test_a_browser_is_sent_to_mlflow_where_it_can_reach_it():
    told = {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}
    assert load_settings(told).mlflow_url == "http://mlflow:5000"
    told["TRADEWIND_MLFLOW_PUBLIC_URL"] = "https://models.example/"
    assert load_settings(told).mlflow_url == "https://models.example"
    assert load_settings(told).tracking_uri == "http://mlflow:5000"


def test_no_representation_shows_the_environment():
    assert "s3cret" not in repr(load_settings({"AIRFLOW_CONN_X": "postgres://a:s3cret@b/c"}))


def test_reading_settings_loads_nothing_heavy():
    heavy = "{'pandas', 'pyarrow', 'mlflow', 'sklearn', 'psycopg2', 'boto3', 'airflow'}"
    code = f"import sys, tradewind.settings; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(CLONE / "include")},
    )
    assert said.stdout.strip() == "[]"
