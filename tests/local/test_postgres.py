"""The embedded PostgreSQL, started, killed and stopped for real."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest

from tests.fixtures.sandbox import FOLDER
from tradewind.errors import PlatformError
from tradewind.local import accounts
from tradewind.local.postgres import Postgres
from tradewind.local.processes import lives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.local.databases import Databases


@pytest.fixture
def folder() -> Path:
    """Where the server's own account may pass, which it may not below pytest's folders."""
    return Path(tempfile.mkdtemp(dir=FOLDER))


def make(folder: Path) -> Postgres:
    return Postgres(folder / "pg", password_file=folder / "secrets" / "postgres")


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    found = make(folder)
    found.start()
    yield found
    found.stop()


def ask(dsn: str, question: str):
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()


def test_a_second_start_finds_the_first_one_running(server: Postgres):
    before = server.postmaster()
    assert not server.start()
    assert server.postmaster() == before


def test_root_says_once_which_folders_it_opened_for_the_servers_account(tmp_path: Path):
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    said: list[str] = []
    for _ in range(2):
        accounts.open_the_way(closed / "data", echo=said.append)
    if accounts.is_root():
        assert len(said) == 1
        assert f"{closed} (chmod o+x)" in said[0]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    else:
        assert said == []
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.mark.skipif(not accounts.is_root(), reason="only root makes an account")
def test_several_that_start_at_once_on_a_fresh_machine_share_one_account(
    monkeypatch: pytest.MonkeyPatch,
):
    user = f"tradewind-t{os.getpid()}"
    monkeypatch.setattr(accounts, "SERVER_USER", user)
    try:
        with ThreadPoolExecutor(4) as together:
            numbers = {each.result() for each in [together.submit(uid) for _ in range(4)]}
        assert numbers == {pwd.getpwnam(user).pw_uid}
    finally:
        subprocess.run([shutil.which("userdel") or "/usr/sbin/userdel", user], check=True)


def uid() -> int:
    return accounts.server_account().pw_uid


def test_nothing_listens_on_tcp(server: Postgres):
    assert ask(server.superuser_dsn(), "SHOW listen_addresses") == ("",)
    assert not [c for c in server.postmaster().net_connections("inet") if c.status == "LISTEN"]


def test_nobody_gets_in_without_a_password_not_even_the_superuser(server: Postgres):
    wrong = server.dsn("postgres", role="postgres", password="guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)
    rules = (server.data_dir / "pg_hba.conf").read_text().splitlines()
    ways = {line.split()[-1] for line in rules if line and not line.startswith("#")}
    assert ways == {"scram-sha-256"}


def test_the_folder_of_the_socket_is_for_its_owner_alone(server: Postgres):
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700


def test_a_killed_server_comes_back_with_all_that_was_committed(server: Postgres):
    with closing(psycopg2.connect(server.superuser_dsn())) as connection, connection:
        connection.cursor().execute("CREATE TABLE kept AS SELECT 42 AS answer")
    killed = server.postmaster()
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    assert server.start()
    assert ask(server.superuser_dsn(), "SELECT answer FROM kept") == (42,)


def test_a_pid_file_that_names_a_stranger_is_stale_and_the_stranger_lives(folder: Path):
    server = make(folder)
    server.start()
    note = server.data_dir / "postmaster.pid"
    lines = note.read_text().splitlines()
    server.stop()
    # As after a power cut: the file is still there, and its pid belongs to another process now.
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert server.postmaster() is None
    assert server.start()
    assert server.postmaster().pid != os.getpid()
    server.stop()


def test_a_pid_file_cut_short_is_stale(folder: Path):
    server = make(folder)
    server.start()
    server.stop()
    (server.data_dir / "postmaster.pid").write_text("12")
    assert server.start()
    server.stop()


def test_an_initdb_cut_short_is_done_again(folder: Path):
    server = make(folder)
    unfinished = folder / "pg.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    assert server.start()
    server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path):
    long = folder / ("long" * 30)
    long.mkdir()
    server = make(long)
    server.start()
    assert server.socket_dir != server.data_dir
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert ask(server.superuser_dsn(), "SELECT 1") == (1,)
    server.stop()
    server.socket_dir.rmdir()


def test_a_socket_folder_that_others_may_enter_is_refused(folder: Path):
    long = folder / ("long" * 30)
    long.mkdir()
    server = make(long)
    server.socket_dir.mkdir()
    server.socket_dir.chmod(0o777)
    with pytest.raises(PlatformError, match="is not a private folder"):
        server.start()
    server.socket_dir.rmdir()


def test_two_servers_side_by_side_do_not_see_each_other(folder: Path):
    one, other = make(folder / "one"), make(folder / "other")
    one.start()
    other.start()
    with closing(psycopg2.connect(one.superuser_dsn())) as connection, connection:
        connection.cursor().execute("CREATE TABLE mine ()")
    assert ask(other.superuser_dsn(), "SELECT to_regclass('mine')") == (None,)
    one.stop()
    assert other.postmaster() is not None
    other.stop()


def test_a_stop_leaves_no_process_and_no_socket(folder: Path):
    server = make(folder)
    server.start()
    master = server.postmaster()
    family = [master, *master.children(recursive=True)]
    assert server.stop()
    assert not [process for process in family if lives(process)]
    assert not list(server.data_dir.glob(".s.PGSQL*"))
    assert not server.stop()


def test_a_server_that_cannot_start_says_what_its_log_says(folder: Path):
    broken = Postgres(
        folder / "pg",
        password_file=folder / "secrets" / "postgres",
        settings={"shared_buffers": "many"},
    )
    with pytest.raises(PlatformError, match="invalid value for parameter"):
        broken.start()


def test_a_data_directory_of_another_version_is_refused(folder: Path):
    (folder / "pg").mkdir()
    (folder / "pg" / "PG_VERSION").write_text("16\n")
    with pytest.raises(PlatformError, match="was made by PostgreSQL 16, but 18"):
        make(folder).start()


def test_children_of_a_killed_server_do_not_keep_the_next_from_starting(server: Postgres):
    with closing(psycopg2.connect(server.superuser_dsn())):
        master = server.postmaster()
        children = master.children()
        for child in children:
            child.send_signal(signal.SIGSTOP)  # too stunned to notice that the parent is gone
        master.kill()
        psutil.wait_procs([master], timeout=10)
        assert server.start()
    assert not [child for child in children if lives(child)]


def test_no_role_is_a_superuser_and_each_meets_only_its_own_databases(postgres: Databases):
    superuser = postgres.server.superuser_dsn()
    found = "SELECT array_agg(rolname::text) FROM pg_roles WHERE rolsuper OR rolcreaterole"
    assert ask(superuser, found) == (["postgres"],)
    assert ask(postgres.dsn("ledger", role="tradewind"), "SELECT current_user") == ("tradewind",)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(postgres.dsn("mlflow", role="demo"))


def test_providing_the_databases_twice_changes_nothing(postgres: Databases):
    before = ask(postgres.server.superuser_dsn(), "SELECT count(*) FROM pg_database")
    postgres.provide()
    assert ask(postgres.server.superuser_dsn(), "SELECT count(*) FROM pg_database") == before
    assert ask(postgres.dsn("demo"), "SELECT 1") == (1,)
