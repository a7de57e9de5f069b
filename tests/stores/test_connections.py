"""The one resolver of connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from tradewind.errors import LakeError, SourceUnavailableError, UnknownConnectionError
from tradewind.settings import Settings, load_settings
from tradewind.stores import connections

if TYPE_CHECKING:
    from tests.fixtures.s3 import Bucket


def settings(**connection: str) -> Settings:
    return load_settings(
        {f"AIRFLOW_CONN_{name.upper()}": text for name, text in connection.items()}
    )


def test_a_uri_is_taken_apart():
    shop = connections.resolve(
        "shop",
        settings=settings(shop="postgresql+psycopg2://ann:p%40ss@db:6543/sales?sslmode=require"),
    )
    assert (shop.kind, shop.host, shop.port) == ("postgres", "db", 6543)
    assert (shop.login, shop.password, shop.database) == ("ann", "p@ss", "sales")
    assert shop.extra == {"sslmode": "require"}


def test_the_json_form_says_the_same_as_the_uri():
    fields = {
        "conn_type": "postgres", "login": "ann", "password": "p@ss", "host": "db", "port": "6543",
        "schema": "sales", "extra": {"sslmode": "require"},
    }  # fmt: skip
    known = settings(
        shop=json.dumps(fields), same="postgres://ann:p%40ss@db:6543/sales?sslmode=require"
    )
    one = connections.postgres_dsn("shop", settings=known)
    assert one == connections.postgres_dsn("same", settings=known)


def test_a_json_connection_reads_back_from_its_own_uri():
    fields = {
        "conn_type": "aws",
        "login": "k",
        "password": "s",
        "extra": '{"region_name": "eu-west-1"}',
    }
    found = connections.resolve("lake", settings=settings(lake=json.dumps(fields)))
    again = connections.resolve("lake", settings=settings(lake=found.uri))
    assert again.extra == {"region_name": "eu-west-1"}
    assert (again.login, again.password) == ("k", "s")


def test_a_dsn_keeps_every_parameter_that_libpq_reads_and_drops_airflows_own():
    uri = "postgres://ann@/sales?host=%2Fsrv%2FSock&application_name=a%20b&cursor=dictcursor"
    dsn = connections.postgres_dsn("shop", settings=settings(shop=uri))
    assert psycopg2.extensions.parse_dsn(dsn) == {
        "user": "ann", "dbname": "sales", "host": "/srv/Sock", "application_name": "a b",
    }  # fmt: skip


def test_a_socket_folder_as_host_keeps_its_capitals():
    shop = connections.resolve("shop", settings=settings(shop="postgres://ann@%2FTmp%2FSock/sales"))
    assert shop.host == "/Tmp/Sock"
    dsn = connections.postgres_dsn("shop", settings=settings(shop=shop.uri))
    assert psycopg2.extensions.parse_dsn(dsn)["host"] == "/Tmp/Sock"


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=12)


@given(login=TEXT, password=TEXT, database=TEXT)
def test_any_name_and_password_reach_libpq_unchanged(login: str, password: str, database: str):
    fields = {"conn_type": "postgres", "host": "db", "login": login, "password": password}
    known = settings(shop=json.dumps({**fields, "schema": database}))
    parsed = psycopg2.extensions.parse_dsn(connections.postgres_dsn("shop", settings=known))
    assert parsed == {"user": login, "password": password, "dbname": database, "host": "db"}


def test_an_unknown_name_says_both_ways_to_define_it():
    with pytest.raises(UnknownConnectionError, match=r"'shop'.*AIRFLOW_CONN_SHOP.*Airflow's store"):
        connections.resolve("shop", settings=settings())


def test_what_cannot_be_read_is_an_error_that_does_not_repeat_the_secret():
    with pytest.raises(UnknownConnectionError, match="AIRFLOW_CONN_SHOP") as caught:
        connections.resolve("shop", settings=settings(shop="postgres://ann:s3cret@db:port/x"))
    assert "s3cret" not in str(caught.value)


def test_no_representation_shows_a_secret():
    shop = connections.resolve("shop", settings=settings(shop="postgres://ann:s3cret@db/sales"))
    assert "s3cret" not in repr(shop)


def test_a_registered_lookup_is_asked_for_what_the_environment_does_not_say(monkeypatch):
    monkeypatch.setattr(connections, "_lookups", [])
    connections.register_lookup({"shop": "postgres://stored@db/sales"}.get)
    assert connections.resolve("shop", settings=settings()).login == "stored"
    overridden = settings(shop="postgres://ann@db/sales")
    assert connections.resolve("shop", settings=overridden).login == "ann"


def test_the_wrong_kind_is_refused():
    with pytest.raises(UnknownConnectionError, match="kind 'aws', but 'postgres' is needed"):
        connections.postgres_dsn("lake", settings=settings(lake="aws://k:s@"))


def test_a_server_that_is_down_is_an_unavailable_source(tmp_path):
    known = settings(shop=f"postgres://ann:s3cret@/sales?host={tmp_path}")
    with pytest.raises(SourceUnavailableError, match=r"'shop'.*cannot be opened") as caught:
        connections.connect_postgres("shop", application_name="test", settings=known)
    assert "s3cret" not in str(caught.value)


def test_a_running_server_lists_us_by_name(empty_database: str):
    known = settings(shop=empty_database)
    with connections.connect_postgres("shop", application_name="a test", settings=known) as shop:
        cursor = shop.cursor()
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        assert cursor.fetchone() == ("a test",)
    shop.close()


def test_boto_and_arrow_reach_the_same_bucket(s3: Bucket):
    known = settings(lake=s3.connection)
    client = connections.s3_client("lake", settings=known)
    client.put_object(Bucket=s3.name, Key="a/b.txt", Body=b"hello")
    system, path = connections.arrow_filesystem(f"s3://{s3.name}/a/b.txt", "lake", settings=known)
    with system.open_input_stream(path) as file:
        assert file.read() == b"hello"


def test_a_file_address_needs_no_connection(tmp_path):
    folder = tmp_path / "a b"
    system, path = connections.arrow_filesystem(folder.as_uri(), None)
    assert isinstance(system, fs.LocalFileSystem)
    assert path == str(folder)


def test_an_address_of_another_kind_is_refused():
    with pytest.raises(LakeError, match=r"gs://bucket/x.*file:// or s3://"):
        connections.arrow_filesystem("gs://bucket/x", None)
