"""What must be there before docker-compose.yml's services start: run once, `tradewind prepare`.

It makes what `make run` makes on one machine, from the same pieces, on servers that are not ours.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
from botocore.exceptions import ClientError

from tradewind.errors import PlatformError
from tradewind.local import airflow_services, demo, mlflow_server, pools
from tradewind.local.databases import GUESTS, OWNERS, provide_database, provide_role
from tradewind.stores import connections, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.settings import Settings

SUPERUSER = "TRADEWIND_SUPERUSER_URL"
OWNER_PASSWORD = "TRADEWIND_OWNER_PASSWORD"  # noqa: S105 (a variable's name)
ADMIN_PASSWORD = "TRADEWIND_ADMIN_PASSWORD"  # noqa: S105 (a variable's name)
# Which address holds each role's password.
_ADDRESSES = {
    "airflow": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "mlflow": "MLFLOW_BACKEND_STORE_URI",
    "tradewind": "AIRFLOW_CONN_TRADEWIND_LEDGER",
    "demo": "AIRFLOW_CONN_DEMO",
}


def prepare(settings: Settings, *, echo: Callable[[str], None]) -> None:
    """Make roles, databases, schemas, buckets, Airflow's first user and the demo's tables.

    A second time changes nothing but passwords that have changed since.

    Raises:
        PlatformError: A setting is missing, or a migration fails.
    """
    known = settings.environment
    echo("roles and databases")
    provide(known)
    echo("schemas of the ledger, MLflow and Airflow")
    ledger.migrate(_owner_dsn(known), app_role=GUESTS["ledger"])
    mlflow_server.upgrade_schema(known)
    airflow_services.upgrade_schema(known)
    pools.provide(settings.config_dir, known, echo=echo)
    echo("buckets")
    make_buckets(settings)
    echo("Airflow's user admin")
    make_admin(known)
    echo("the demo's source tables")
    demo.load(connections.postgres_dsn("demo", settings=settings), echo=echo)


def provide(known: Mapping[str, str]) -> None:
    """Make the roles, each with the password that the services use, and their databases."""
    passwords = {role: _password(known, name) for role, name in _ADDRESSES.items()}
    passwords[OWNERS["ledger"]] = _required(known, OWNER_PASSWORD)
    with closing(psycopg2.connect(_required(known, SUPERUSER))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role, password in passwords.items():
                provide_role(cursor, role, password=password)
            for database, owner in OWNERS.items():
                provide_database(cursor, database, owner=owner, guest=GUESTS.get(database))


def make_buckets(settings: Settings) -> None:
    """Make the buckets of the lake and of MLflow's artefacts, unless they are there."""
    client = connections.s3_client(settings.lake_connection, settings=settings)
    artifacts = _required(settings.environment, "MLFLOW_ARTIFACTS_DESTINATION")
    for bucket in {urlsplit(uri).netloc for uri in (settings.lake_uri, artifacts)}:
        try:
            client.create_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise


def make_admin(known: Mapping[str, str]) -> None:
    """Make the user `admin` of Airflow's FAB auth manager; one that is there stays as it is."""
    words = ["users", "create", "--username", "admin", "--role", "Admin", "--firstname", "Ad"]
    words += ["--lastname", "Min", "--email", "admin@localhost"]
    password = _required(known, ADMIN_PASSWORD)
    # Asked for twice.
    airflow_services.run_airflow(*words, environment=known, said=f"{password}\n{password}\n")


def _owner_dsn(known: Mapping[str, str]) -> str:
    place = urlsplit(_required(known, _ADDRESSES["tradewind"]))
    server = place.netloc.rpartition("@")[2]
    password = _required(known, OWNER_PASSWORD)
    owner = OWNERS["ledger"]
    query = f"?{place.query}" if place.query else ""
    return f"postgresql://{owner}:{password}@{server}{place.path}{query}"


def _password(known: Mapping[str, str], variable: str) -> str:
    password = urlsplit(_required(known, variable)).password
    if not password:
        raise PlatformError(f"{variable} holds no password")
    return password


def _required(known: Mapping[str, str], variable: str) -> str:
    value = known.get(variable, "")
    if not value:
        raise PlatformError(f"{variable} is not set: see .env.example and docker-compose.yml")
    return value
