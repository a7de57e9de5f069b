"""A night's features by one definition: for the night itself, and for each of its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.moments import night_start
from tradewind.engine import night_rows
from tradewind.engine.database import open_database
from tradewind.errors import EvidenceError
from tradewind.nights import Breach, NightFeatures
from tradewind.stores.digested import Written, write_digested

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as pads

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import NightInputs
    from tradewind.stores.stores import Stores

_MENDED = (
    "features.sql gives rows without a key or a time, several rows of an entity, or a number that "
    "is not finite: the task's log has examples"
)


def write_night(
    frozen: FrozenDefinition, inputs: NightInputs, *, as_of: datetime, stores: Stores
) -> NightFeatures:
    """Build a night's features by a definition, and write them below `features/`.

    Entities whose rows validation set aside are among them, marked.

    Args:
        frozen: Whose SQL, and how long a night is.
        inputs: What the night can be scored on.
        as_of: The night.
        stores: The lake.

    Raises:
        DefinitionError: The SQL does not give what is declared.
        EvidenceError: The inputs lack a source of the definition.
    """
    model, after = frozen.model, night_start(as_of, frozen.model)
    rows = _sources(frozen, inputs, stores=stores)
    with _database(frozen) as connection:
        mended = night_rows.fill(connection, frozen, rows, after=after, as_of=as_of)
        sound = night_rows.keys(connection, model)
        aside = _set_aside(frozen, inputs, sound, after=after, as_of=as_of, stores=stores)
        batches = night_rows.read(connection, model, aside)
        written = write_digested(stores.lake, "features", batches.schema, batches)
    return NightFeatures(
        digest=written.digest,
        uri=written.uri,
        start=after,
        end=as_of,
        rows=written.rows,
        set_aside=aside.num_rows if aside is not None else 0,
        definition_digest=frozen.digest,
        broken=[Breach(detector="rows", cause="rows mended", sentence=_MENDED)] if mended else [],
    )


def write_aligned(
    own: FrozenDefinition,
    inputs: NightInputs,
    features: NightFeatures,
    *,
    stores: Stores,
) -> Written:
    """Build another definition's features of the same entities, and write them row for row.

    Args:
        own: The other definition.
        inputs: What the night can be scored on.
        features: The night's entities.
        stores: The lake.

    Returns:
        Where they lie: the night's key, times and `set_aside`, the other features, and `__found`.

    Raises:
        DefinitionError: The SQL does not give what is declared.
        EvidenceError: The inputs lack a source of the definition, or its entities are others.
    """
    night = stores.lake.dataset([features.uri])
    foreign = sorted({*own.model.entity_key} - {*night.schema.names})
    if foreign:
        raise EvidenceError(f"its entities have {', '.join(foreign)}, which tonight's do not have")
    rows = _sources(own, inputs, stores=stores)
    with _database(own) as connection:
        night_rows.fill(connection, own, rows, after=features.start, as_of=features.end)
        batches = night_rows.align(connection, own.model, night)
        return write_digested(stores.lake, "features", batches.schema, batches)


def _database(frozen: FrozenDefinition) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    resources = frozen.model.resources
    return open_database(memory=resources.memory, threads=resources.threads)


def _sources(
    frozen: FrozenDefinition, inputs: NightInputs, *, stores: Stores
) -> dict[str, pads.Dataset]:
    manifest = stores.lake.read_json(inputs.uri)
    foreign = sorted({*frozen.model.sources} - {*manifest})
    if foreign:
        raise EvidenceError(
            f"its definition names the sources {', '.join(foreign)}, which tonight's do not have"
        )
    return {name: stores.lake.dataset([manifest[name]]) for name in frozen.model.sources}


def _set_aside(
    frozen: FrozenDefinition,
    inputs: NightInputs,
    sound: pa.Table,
    *,
    after: datetime,
    as_of: datetime,
    stores: Stores,
) -> pa.Table | None:
    """Entities that there are only with the rows that validation set aside."""
    quarantine = {
        name: stores.lake.dataset([uri])
        for name, uri in inputs.quarantine.items()
        if name in frozen.model.sources
    }
    if not quarantine:
        return None
    manifest = stores.lake.read_json(inputs.uri)
    rows = _sources(frozen, inputs, stores=stores)
    for name in quarantine:
        both = [manifest[name], inputs.quarantine[name]]
        rows[name] = stores.lake.dataset(both, schema=rows[name].schema)
    with _database(frozen) as connection:
        night_rows.fill(connection, frozen, rows, after=after, as_of=as_of)
        return night_rows.set_aside(connection, frozen, quarantine, sound=sound)
