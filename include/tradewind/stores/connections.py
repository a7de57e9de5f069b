"""The one resolver of connections, by the names that Airflow uses.

A connection is looked up as `AIRFLOW_CONN_<ID>` (Airflow's URI or JSON form) in the settings'
environment, then in Airflow's own store: through Airflow itself in a task (the lookup that the
orchestration layer registers), and in its database elsewhere. So a task, a shell, a notebook and a
page name the same thing the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import psycopg2

from tradewind.errors import LakeError, SourceUnavailableError, UnknownConnectionError
from tradewind.settings import Settings, load_settings
from tradewind.stores.airflow_store import stored_connection

if TYPE_CHECKING:
    import pyarrow.fs
    from psycopg2.extensions import connection as postgres_connection

# Keys that Airflow's own hooks read from a PostgreSQL connection's extra: libpq knows none of them.
_AIRFLOW_ONLY = frozenset(
    {
        "aws_conn_id", "azure_conn_id", "cluster-identifier", "cursor", "enable_log_db_messages",
        "iam", "redshift", "redshift-serverless", "sqlalchemy_query", "sqlalchemy_scheme",
        "workgroup-name",
    }
)  # fmt: skip

Lookup = Callable[[str], str | None]
_lookups: list[Lookup] = []


@dataclass(frozen=True)
class Connection:
    """A named connection, its secrets hidden from every representation.

    Attributes:
        conn_id: The name.
        kind: Airflow's connection type in lower case, such as `postgres` or `aws`.
        uri: The connection as Airflow's URI.
        host: Name or address, or the folder of a Unix socket.
        port: TCP port.
        login: User name or access key.
        password: Password or secret key.
        database: Database, bucket or path: what Airflow calls schema.
        extra: The query parameters of the URI, or the JSON form's `extra`.
    """

    conn_id: str
    kind: str
    uri: str = field(repr=False)
    host: str | None = None
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def register_lookup(lookup: Lookup) -> None:
    """Ask `lookup` for names that the environment does not define.

    Args:
        lookup: Takes a connection id; returns Airflow's URI or JSON form, or None if unknown.
    """
    if lookup not in _lookups:
        _lookups.append(lookup)


def is_defined(conn_id: str, *, settings: Settings | None = None) -> bool:
    """Whether a connection of this name is defined anywhere."""
    return _find(conn_id, settings or load_settings()) is not None


def resolve(conn_id: str, *, settings: Settings | None = None) -> Connection:
    """Find a connection by its name.

    Args:
        conn_id: The name that the definition, Airflow and the environment share.
        settings: Where to look; the process's own by default.

    Raises:
        UnknownConnectionError: Nothing defines the name, or what does cannot be read.
    """
    known = settings or load_settings()
    text = _find(conn_id, known)
    if text is None:
        raise UnknownConnectionError(
            f"connection {conn_id!r} is not defined: set {_variable(conn_id)} to a URI such as "
            f"postgres://user:password@host:5432/database, in the environment or in "
            f"{known.home}/local.env; or add {conn_id!r} to Airflow's store "
            f"(Admin > Connections, or `airflow connections add`)"
        )
    return _parse(conn_id, text)


def postgres_dsn(conn_id: str, *, settings: Settings | None = None) -> str:
    """The libpq URI of a PostgreSQL connection, with every parameter of the original.

    Raises:
        UnknownConnectionError: The name is not defined, or is not PostgreSQL.
    """
    return _libpq_uri(_of_kind(resolve(conn_id, settings=settings), "postgres"))


def connect_postgres(
    conn_id: str, *, application_name: str, settings: Settings | None = None
) -> postgres_connection:
    """Open a PostgreSQL connection that the server lists under `application_name`.

    Raises:
        UnknownConnectionError: The name is not defined, or is not PostgreSQL.
        SourceUnavailableError: The server is down or refuses us.
    """
    found = _of_kind(resolve(conn_id, settings=settings), "postgres")
    try:
        return psycopg2.connect(_libpq_uri(found), application_name=application_name)
    except psycopg2.OperationalError as error:
        place = f"{found.extra.get('host') or found.host or 'localhost'}, {found.database!r}"
        raise SourceUnavailableError(
            f"connection {conn_id!r} ({place}) cannot be opened: {str(error).strip()}"
        ) from error


def s3_client(conn_id: str | None, *, settings: Settings | None = None) -> Any:
    """A boto3 S3 client with the connection's endpoint, region and keys.

    Args:
        conn_id: Name of an `aws` connection; None leaves all to boto's own chain.
        settings: Where to look; the process's own by default.

    Raises:
        UnknownConnectionError: The name is not defined, or is not `aws`.
    """
    import boto3  # noqa: PLC0415 -- who speaks to PostgreSQL alone need not load it

    if conn_id is None:
        return boto3.client("s3")
    access = _s3_access(conn_id, settings)
    return boto3.client(
        "s3",
        aws_access_key_id=access.get("key"),
        aws_secret_access_key=access.get("secret"),
        aws_session_token=access.get("token"),
        region_name=access.get("region"),
        endpoint_url=access.get("endpoint"),
    )


def arrow_filesystem(
    uri: str, conn_id: str | None, *, settings: Settings | None = None
) -> tuple[pyarrow.fs.FileSystem, str]:
    """The pyarrow file system of an address, and the path inside it.

    Args:
        uri: `file://…`, `s3://bucket/…`, or an absolute path.
        conn_id: Name of an `aws` connection for s3; None leaves all to the SDK's own chain.
        settings: Where to look; the process's own by default.

    Raises:
        LakeError: The address is of no kind that is known here.
        UnknownConnectionError: The name is not defined, or is not `aws`.
    """
    from pyarrow import fs  # noqa: PLC0415 -- idem

    scheme, _, rest = uri.rpartition("://")
    if scheme in {"", "file"}:
        return fs.LocalFileSystem(), unquote(rest) if scheme else rest
    if scheme != "s3":
        raise LakeError(f"{uri}: expected an address that starts with file:// or s3://")
    access = _s3_access(conn_id, settings) if conn_id else {}
    endpoint = urlsplit(access.get("endpoint") or "")
    options = {
        "access_key": access.get("key"),
        "secret_key": access.get("secret"),
        "session_token": access.get("token"),
        "region": access.get("region"),
        "scheme": endpoint.scheme,
        "endpoint_override": endpoint.netloc + endpoint.path,
    }
    return fs.S3FileSystem(**{key: value for key, value in options.items() if value}), rest


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _find(conn_id: str, settings: Settings) -> str | None:
    if text := settings.environment.get(_variable(conn_id)):
        return text
    asked = (ask(conn_id) for ask in _lookups)
    return next(filter(None, asked), None) or stored_connection(conn_id, settings.environment)


def _of_kind(found: Connection, kind: str) -> Connection:
    if found.kind != kind:
        raise UnknownConnectionError(
            f"connection {found.conn_id!r} is of kind {found.kind!r}, but {kind!r} is needed here"
        )
    return found


def _parse(conn_id: str, text: str) -> Connection:
    try:
        return (
            _from_json(conn_id, text) if text.lstrip().startswith("{") else _from_uri(conn_id, text)
        )
    except (ValueError, AttributeError, TypeError):
        # The text may hold a password, so neither it nor the parser's message is repeated.
        raise UnknownConnectionError(
            f"connection {conn_id!r}: {_variable(conn_id)} is neither a URI "
            f"(kind://user:password@host:port/database?key=value) nor Airflow's JSON form"
        ) from None


def _kind(scheme: str) -> str:
    name = scheme.lower().partition("+")[0].replace("-", "_")
    return "postgres" if name == "postgresql" else name


def _from_uri(conn_id: str, uri: str) -> Connection:
    parts = urlsplit(uri)
    if not parts.scheme:
        raise ValueError("no scheme")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    return Connection(
        conn_id=conn_id,
        kind=_kind(parts.scheme),
        uri=uri,
        host=_host(parts),
        port=parts.port,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=unquote(parts.path[1:]) or None,
        extra=dict(extra),
    )


def _host(parts: SplitResult) -> str | None:
    # urlsplit's own `hostname` is in lower case, which breaks the path of a Unix socket.
    place = parts.netloc.rpartition("@")[2]
    name = place if parts.port is None else place.rpartition(":")[0]
    return unquote(name.rstrip(":").strip("[]")) or None


def _from_json(conn_id: str, text: str) -> Connection:
    fields = json.loads(text)
    extra = fields.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else dict(extra)
    port = fields.get("port")
    found = Connection(
        conn_id=conn_id,
        kind=_kind(fields.get("conn_type", "")),
        uri="",
        host=fields.get("host") or None,
        port=int(port) if port else None,
        login=fields.get("login") or None,
        password=fields.get("password") or None,
        database=fields.get("schema") or None,
        extra=extra,
    )
    return Connection(**{**vars(found), "uri": _airflow_uri(found)})


def _airflow_uri(found: Connection) -> str:
    query = urlencode({"__extra__": json.dumps(found.extra)}) if found.extra else ""
    return _uri(found.kind.replace("_", "-"), found, query)


def _libpq_uri(found: Connection) -> str:
    known = {key: str(value) for key, value in found.extra.items() if key not in _AIRFLOW_ONLY}
    return _uri("postgresql", found, urlencode(known, quote_via=quote))


def _uri(scheme: str, found: Connection, query: str) -> str:
    login = quote(found.login or "", safe="")
    secret = f":{quote(found.password, safe='')}" if found.password else ""
    host = f"[{found.host}]" if ":" in (found.host or "") else quote(found.host or "", safe="")
    place = f"{host}:{found.port}" if found.port else host
    user = f"{login}{secret}@" if login or secret else ""
    database = quote(found.database or "", safe="")
    return f"{scheme}://{user}{place}/{database}" + (f"?{query}" if query else "")


def _s3_access(conn_id: str, settings: Settings | None) -> dict[str, str | None]:
    found = _of_kind(resolve(conn_id, settings=settings), "aws")
    extra = found.extra
    service = (extra.get("service_config") or {}).get("s3") or {}
    return {
        "key": found.login or extra.get("aws_access_key_id"),
        "secret": found.password or extra.get("aws_secret_access_key"),
        "token": extra.get("aws_session_token"),
        "region": extra.get("region_name"),
        "endpoint": service.get("endpoint_url") or extra.get("endpoint_url") or extra.get("host"),
    }
