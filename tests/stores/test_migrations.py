from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tradewind.errors import LedgerError
from tradewind.stores.ledger import migrate

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "tradewind"


def ask(dsn: str, query: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text(
        "CREATE TABLE one (a int); GRANT SELECT ON one TO {app_role};"
    )
    (tmp_path / "0002_two.sql").write_text("INSERT INTO one VALUES (1);")
    return tmp_path


def test_files_are_applied_in_the_order_of_their_names_and_once(
    empty_database: str, folder: Path
) -> None:
    migrate(empty_database, app_role=ROLE, folder=folder)
    migrate(empty_database, app_role=ROLE, folder=folder)

    assert ask(empty_database, "SELECT a FROM one") == [(1,)]
    assert ask(empty_database, "SELECT name FROM schema_migrations ORDER BY name") == [
        ("0001_one.sql",),
        ("0002_two.sql",),
    ]


def test_a_new_file_is_applied_over_the_old_ones(empty_database: str, folder: Path) -> None:
    migrate(empty_database, app_role=ROLE, folder=folder)
    (folder / "0003_three.sql").write_text("INSERT INTO one VALUES (3);")

    migrate(empty_database, app_role=ROLE, folder=folder)

    assert ask(empty_database, "SELECT a FROM one ORDER BY a") == [(1,), (3,)]


def test_an_applied_file_that_was_edited_is_an_error_that_names_it(
    empty_database: str, folder: Path
) -> None:
    migrate(empty_database, app_role=ROLE, folder=folder)
    (folder / "0002_two.sql").write_text("INSERT INTO one VALUES (2);")

    with pytest.raises(LedgerError, match=r"0002_two\.sql: .* edited since .* a new file"):
        migrate(empty_database, app_role=ROLE, folder=folder)


def test_a_file_that_fails_leaves_nothing_of_itself(empty_database: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("INSERT INTO one VALUES (1); SELECT 1 / 0;")

    with pytest.raises(LedgerError, match=r"0002_two\.sql: the migration fails: division by zero"):
        migrate(empty_database, app_role=ROLE, folder=folder)

    assert ask(empty_database, "SELECT a FROM one") == []
    assert ask(empty_database, "SELECT name FROM schema_migrations") == [("0001_one.sql",)]


def test_the_roles_name_is_quoted(empty_database: str, folder: Path) -> None:
    with pytest.raises(LedgerError, match='role "no one" here" does not exist'):
        migrate(empty_database, app_role='no one" here', folder=folder)


def test_many_at_once_apply_each_file_once(empty_database: str, folder: Path) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty_database, app_role=ROLE, folder=folder)
        except LedgerError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert ask(empty_database, "SELECT a FROM one") == [(1,)]


def test_a_database_that_cannot_be_reached_is_an_error(folder: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be migrated"):
        migrate("postgresql://nobody@127.0.0.1:1/none", app_role=ROLE, folder=folder)
