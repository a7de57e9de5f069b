"""Sources to snapshot: what the run sees of the outside, as a manifest of parts.

A part is one source and one UTC day, whole, shared by every model that reads the source; the
manifest names those of this run, and the rows stay where they are.

How far back: since the window's start, and its `history` before it, which features look back on;
since the first row where no window is declared.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from tradewind.definition.moments import window_start
from tradewind.errors import EmptyIntervalError
from tradewind.records import Admission, Part, Snapshot
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import open_source
from tradewind.stores.sources.observing import Sighting, observe

if TYPE_CHECKING:
    from datetime import date, datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.stores import Stores


def ingest(admission: Admission, frozen: FrozenDefinition, *, stores: Stores) -> Snapshot:
    """Bring every source of a model up to date, and name what the run sees of them.

    Args:
        admission: Whose `as_of` the run stands at; days that begin before it are seen, whole.
        frozen: The definition, which names the sources and the window.
        stores: The lake gets the parts and the manifest, the catalog what was observed.

    Returns:
        The manifest's address `snapshots/<digest>.json` (`{source: [Part, ...]}`, by day), rows by
        source, parts, and how many of them were read from the sources now.

    Raises:
        EmptyIntervalError: A source has no rows in the window.
        SourceUnavailableError: A source does not answer; a retry may help.
        SchemaChangedError: A column was renamed, dropped, or changed its type.
        UnreadableFileError: A file is cut short or damaged.
    """
    days = admission.request.window_days
    since = first_day(frozen.model, as_of=admission.as_of, window_days=days)
    seen = {
        name: _see(name, admission, frozen.model, since=since, stores=stores)
        for name in frozen.model.sources
    }
    parts = {name: sighting.parts for name, sighting in seen.items()}
    digest = json_digest(
        {
            name: [[_content_day(part, name, frozen.model), part.digest] for part in of_source]
            for name, of_source in parts.items()
        }
    )
    uri = f"snapshots/{digest}.json"
    stores.lake.first_json(uri, parts)
    return Snapshot(
        digest=digest,
        uri=uri,
        rows={name: sum(part.rows for part in of_source) for name, of_source in parts.items()},
        parts=sum(map(len, parts.values())),
        read=sum(sighting.read for sighting in seen.values()),
    )


def first_day(
    model: ModelDefinition, *, as_of: datetime, window_days: int | None = None
) -> date | None:
    """The first UTC day a run looks at; None for all there is.

    Args:
        model: Declares the window, and the zone in which its start is a midnight.
        as_of: The moment the run stands at.
        window_days: Overrides the declared window with a rolling one.
    """
    start = window_start(model, as_of=as_of, window_days=window_days)
    return start and (start - model.train.window.history).astimezone(UTC).date()


def _see(
    name: str,
    admission: Admission,
    model: ModelDefinition,
    *,
    since: date | None,
    stores: Stores,
) -> Sighting:
    spec, as_of = model.sources[name], admission.as_of
    with open_source(name, spec, settings=stores.settings) as reader:
        sighting = observe(
            reader, as_of=as_of, since=since, catalog=stores.catalog, lake=stores.lake
        )
        if not any(_has_rows_before(part, as_of) for part in sighting.parts):
            interval = "at all" if reader.is_reference else f"from {since or 'ever'} to {as_of}"
            raise EmptyIntervalError(
                f"model {model.name}: {reader.where} has no rows {interval}: fill the source, or "
                f"run for another as-of date or a longer window"
            )
    return sighting


def _has_rows_before(part: Part, as_of: datetime) -> bool:
    return part.rows > 0 and (part.min_event_time is None or part.min_event_time < as_of)


def _content_day(part: Part, name: str, model: ModelDefinition) -> str | None:
    """A reference source's day is that of its observation, which says nothing of its content."""
    return None if model.sources[name].time_column is None else part.day.isoformat()
