"""The proof finds what is planted anywhere, is clean once it is erased, and says what it did."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import mlflow
import psycopg2
import pyarrow as pa
import pytest
from psycopg2.extras import Json

from tradewind.errors import UnavailableError
from tradewind.stores.elsewhere import Finding, Proof, erase, prove, search
from tradewind.stores.marks import Marks
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.s3 import Bucket
    from tradewind.settings import Settings

KEY, OTHER = "Q-80001", "Q-800012"
MARKS = Marks(frozenset({"customer"}), frozenset({KEY}), {}, (KEY,))


@pytest.fixture
def stores(
    home: Settings, ledger_dsn: str, empty_database: str, mlflow_server: str, tmp_path: Path
) -> Stores:
    """A platform; its databases of Airflow and of MLflow are one that is empty."""
    logs = tmp_path / "logs"
    logs.mkdir()
    known = {
        **home.environment,
        "AIRFLOW_CONN_TRADEWIND_AIRFLOW_DATABASE": empty_database,
        "AIRFLOW_CONN_TRADEWIND_MLFLOW_DATABASE": empty_database,
    }
    return Stores.open(replace(home, environment=known, log_folders=(logs,)))


def run(dsn: str, statement: str, *values: object) -> None:
    with closing(psycopg2.connect(dsn)) as session, session, session.cursor() as cursor:
        cursor.execute(statement, values)


def places(findings: tuple[Finding, ...] | list[Finding]) -> set[str]:
    return {each.place for each in findings}


def test_what_is_planted_is_found_erased_and_proved_gone(
    stores: Stores, empty_database: str, mlflow_server: str, ledger_dsn: str, tmp_path: Path
) -> None:
    run(empty_database, "CREATE TABLE dag_run (id int, conf jsonb)")
    run(empty_database, "INSERT INTO dag_run VALUES (1, %s), (2, %s)", Json(KEY), Json(OTHER))
    asked = "INSERT INTO subjects (token, kind, value) VALUES (%s, 'customer', %s)"
    run(ledger_dsn, asked, "0" * 32, KEY)
    client = mlflow.MlflowClient(mlflow_server)
    run_id = client.create_run(client.create_experiment("proved")).info.run_id
    client.log_text(run_id, f"about {KEY}, {OTHER}", "card.md")
    client.set_tag(run_id, "who", KEY)
    log = tmp_path / "logs" / "task.log"
    log.write_text(f"about {KEY}, {OTHER}")
    artefact = f"MLflow, artefact {client.get_run(run_id).info.artifact_uri}/card.md"
    planted = {
        "database tradewind_airflow_database, public.dag_run.conf",
        "database tradewind_mlflow_database, public.dag_run.conf",
        artefact.replace("mlflow-artifacts:/", ""),
        f"MLflow, run {run_id}, tag who",
        f"logs {log}",
    }

    assert places(search(stores, [KEY])) == planted
    dirty = prove(stores, MARKS)
    assert not dirty.clean
    assert places(dirty.found) == planted
    assert not [each for each in erase(stores, [KEY]) if each.kept]
    proof = prove(stores, MARKS)

    assert proof.clean, proof.found
    assert log.read_text() == f"about *******, {OTHER}"
    searched = {each.place.split(",")[0].split(" /")[0] for each in proof.searched}
    assert searched == {
        "lake", "database tradewind_ledger", "database tradewind_airflow_database",
        "database tradewind_mlflow_database", "MLflow", "kept models", "logs",
    }  # fmt: skip
    left_out = {each.place: each.why for each in proof.unsearched}
    assert left_out == {
        "database tradewind_ledger, public.subjects": (
            "it holds whose erasure is asked for, and lets go of each when it is done"
        ),
    }
    with closing(psycopg2.connect(ledger_dsn)) as session, session.cursor() as cursor:
        cursor.execute("SELECT value FROM subjects")
        assert cursor.fetchall() == [(KEY,)]
    assert KEY not in json.dumps([dirty.to_json(), proof.to_json()])


def test_every_byte_of_the_lake_is_looked_at(stores: Stores, tmp_path: Path) -> None:
    table = pa.table({"name": [OTHER, KEY], "n": [1, 2]})
    stores.lake.write_parquet("sources/a.parquet", table)
    stores.lake.put_json("reports/b.json", {"who": OTHER, KEY: "x"})
    stores.lake.put_bytes("reports/c.json.gz", gzip.compress(KEY.encode()))
    stores.lake.put_bytes("reports/d.html", OTHER.encode())
    root = stores.settings.home / "lake"
    (root / ".drafts").mkdir(exist_ok=True)
    (root / ".drafts" / "left").write_text(KEY)

    proof = prove(stores, MARKS)

    raw = {each.place for each in proof.found if "rows and values" not in each.place}
    assert raw == {
        "lake, sources/a.parquet", "lake, reports/b.json", "lake, reports/c.json.gz",
        "lake, .drafts/left",
    }  # fmt: skip
    lake = proof.searched[0]
    files = [path for path in root.rglob("*") if path.is_file()]
    assert (lake.files, lake.bytes) == (5, sum(path.stat().st_size for path in files))


def test_what_a_bucket_kept_of_files_that_are_no_more_is_found_and_deleted(
    home: Settings, s3: Bucket
) -> None:
    client = s3.client()
    client.put_bucket_versioning(Bucket=s3.name, VersioningConfiguration={"Status": "Enabled"})
    known = {**home.environment, "AIRFLOW_CONN_TRADEWIND_LAKE": s3.connection}
    lake = f"s3://{s3.name}/lake"
    stores = Stores.open(replace(home, environment=known, lake_uri=lake))
    for key, content in {
        "lake/over": KEY, "lake/deleted": KEY, "lake/others": OTHER, "lake2/not-ours": KEY
    }.items():  # fmt: skip
        client.put_object(Bucket=s3.name, Key=key, Body=gzip.compress(content.encode()))
    for key in ("lake/over", "lake/others", "lake2/not-ours"):
        client.put_object(Bucket=s3.name, Key=key, Body=b"something else")
    client.delete_object(Bucket=s3.name, Key="lake/deleted")
    older = {f"lake, older versions of {name}" for name in ("over", "deleted")}

    dirty = prove(stores, MARKS)
    assert places(dirty.found) == older
    [looked] = [each for each in dirty.searched if each.place == "lake, older versions"]
    assert looked.files == 3
    assert places(erase(stores, [KEY])) == older
    assert prove(stores, MARKS).clean
    listed = client.list_object_versions(Bucket=s3.name)["Versions"]
    left = sorted(each["Key"] for each in listed if not each["IsLatest"])
    assert left == ["lake/others", "lake2/not-ours"]


def test_a_value_too_short_for_bytes_is_proved_by_its_column(stores: Stores) -> None:
    stores.lake.write_parquet("sources/a.parquet", pa.table({"Customer": [7, 8], "n": [8, 7]}))
    proof = prove(stores, Marks(frozenset({"customer"}), frozenset({"7"}), {}, ()))
    assert [(each.place, each.count) for each in proof.found] == [
        ("lake, rows and values of sources/a.parquet", 1)
    ]
    (said,) = [each for each in proof.unsearched if "too short" in each.why]
    assert said.why.startswith("1 of the 1 values")


def test_what_is_not_known_is_said_to_be_unsearched(home: Settings) -> None:
    known = {**home.environment, "AIRFLOW__LOGGING__REMOTE_LOGGING": "True"}
    proof = prove(Stores.open(replace(home, environment=known)), MARKS)
    assert {each.place for each in proof.unsearched} == {
        "database tradewind_ledger", "database tradewind_airflow_database",
        "database tradewind_mlflow_database", "MLflow", "logs", "Airflow's remote logs",
    }  # fmt: skip
    assert proof.clean


def test_a_database_that_does_not_answer_is_no_clean_place(stores: Stores) -> None:
    known = {**stores.settings.environment}
    known["AIRFLOW_CONN_TRADEWIND_AIRFLOW_DATABASE"] = "postgres://nobody:x@127.0.0.1:9/none"
    gone = Stores.open(replace(stores.settings, environment=known))
    with pytest.raises(UnavailableError, match="tradewind_airflow_database"):
        search(gone, [KEY])


def test_airflows_own_database_is_searched_and_erased(home: Settings, airflow_db: str) -> None:
    run(airflow_db, "INSERT INTO log (event, extra) VALUES ('a', %s)", json.dumps({"conf": KEY}))
    run(airflow_db, "INSERT INTO log (event, extra) VALUES ('a', %s)", json.dumps({"conf": OTHER}))
    run(
        airflow_db,
        "INSERT INTO dag_run (dag_id, run_id, run_type, clear_number, run_after, conf)"
        " VALUES ('d', 'r', 'manual', 0, now(), %s)",
        Json({"subject": KEY, "n": 1}),
    )
    known = {**home.environment, "AIRFLOW_CONN_TRADEWIND_AIRFLOW_DATABASE": airflow_db}
    stores = Stores.open(replace(home, environment=known))
    planted = {
        f"database tradewind_airflow_database, public.{column}"
        for column in ("log.extra", "dag_run.conf")
    }
    assert places(search(stores, [KEY])) == planted
    assert {(each.place, each.kept) for each in erase(stores, [KEY])} == {
        (place, "") for place in planted
    }
    assert search(stores, [KEY]) == []
    with closing(psycopg2.connect(airflow_db)) as session, session.cursor() as cursor:
        cursor.execute("SELECT extra FROM log WHERE event = 'a' ORDER BY id")
        wanted = [(json.dumps({"conf": who}),) for who in ("(erased)", OTHER)]
        assert cursor.fetchall() == wanted
        cursor.execute("SELECT conf FROM dag_run WHERE dag_id = 'd'")
        assert cursor.fetchall() == [({"subject": "(erased)", "n": 1},)]


def test_a_proof_holds_no_value_and_says_what_was_done() -> None:
    proof = Proof((), (Finding("a place", 2, model_uri="models:/m-1"),), ())
    assert not proof.clean
    assert proof.to_json()["found"] == [
        {"place": "a place", "count": 2, "kept": "", "model_uri": "models:/m-1"}
    ]


def test_a_shell_and_a_task_of_the_platform_know_where_to_look(stores: Stores) -> None:
    from tests.fixtures.sandbox import DATABASES
    from tradewind.local import environment
    from tradewind.local.layout import Layout

    layout = Layout(stores.settings.home)
    told = environment.platform_environment(
        stores.settings, layout, DATABASES, {"airflow": 1, "mlflow": 2}
    )
    folders = told["TRADEWIND_LOGS"].split(os.pathsep)
    assert folders[:2] == [str(layout.logs), str(layout.airflow / "logs")]
    assert folders[2] == str(DATABASES.server.log)
    for name in ("AIRFLOW", "MLFLOW"):
        dsn = told[f"AIRFLOW_CONN_TRADEWIND_{name}_DATABASE"]
        assert f"/{name.lower()}?" in dsn
