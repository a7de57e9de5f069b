"""The text of every definition that a run ever stood on, under its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.frozen import digest_of_files
from tradewind.errors import LedgerError
from tradewind.stores import events
from tradewind.stores.events import DEFINITION_FROZEN, as_json
from tradewind.stores.ledger_database import hold_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from psycopg2.extensions import cursor as postgres_cursor


def freeze(
    cursor: postgres_cursor, model: str, files: Mapping[str, str], *, as_of: datetime, actor: str
) -> str:
    """Keep a definition's text; an event tells when it is not the one that was frozen last.

    Returns:
        The digest of the files.
    """
    digest = digest_of_files(files)
    hold_model(cursor, model)
    before = last(cursor, model)
    if before == digest:
        return digest
    cursor.execute(
        "INSERT INTO definitions (digest, files) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (digest, as_json(files)),
    )
    events.insert(
        cursor,
        model=model,
        kind=DEFINITION_FROZEN,
        as_of=as_of,
        actor=actor,
        reason="the definition has changed" if before else "the first definition of this model",
        payload={"digest": digest, "previous": before, "files": sorted(files)},
    )
    return digest


def files_of(cursor: postgres_cursor, digest: str) -> dict[str, str]:
    """A frozen definition's text by file name.

    Raises:
        LedgerError: No such definition was frozen, or its text is not what its digest says.
    """
    cursor.execute("SELECT files FROM definitions WHERE digest = %s", (digest,))
    row = cursor.fetchone()
    if row is None:
        raise LedgerError(
            f"no definition was frozen as {digest}: this ledger is not the one of the run that "
            "says so; start a new run"
        )
    files = dict(row[0])
    if digest_of_files(files) != digest:
        raise LedgerError(f"the definition frozen as {digest} is not what its digest says")
    return files


def last(cursor: postgres_cursor, model: str) -> str | None:
    """The digest that was frozen last for a model, or None."""
    event = events.newest(cursor, model=model, kind=DEFINITION_FROZEN)
    return None if event is None else str(event.payload["digest"])
