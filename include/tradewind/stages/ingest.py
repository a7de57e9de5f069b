"""Sources to snapshot: what the run sees of the outside, as a manifest of parts.

A part is one source and one UTC day, whole, shared by every model that reads the source; the
manifest names those of this run, and the rows stay where they are.

How far back: since the window's start, and its `history` before it, which features look back on;
since the first row where no window is declared.
"""

from __future__ import annotations

import logging
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from tradewind.definition.moments import window_start
from tradewind.errors import (
    DataError,
    EmptyIntervalError,
    SchemaChangedError,
    SourceUnavailableError,
    TradewindError,
    UnknownConnectionError,
)
from tradewind.records import Admission, Part, Snapshot
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import open_source, source_id
from tradewind.stores.sources.drift import require_kept
from tradewind.stores.sources.observing import Sighting, observe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)


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
    return _snapshot(seen, frozen.model, stores=stores)


def ingest_night(
    admission: Admission, frozen: FrozenDefinition, *, stores: Stores, last_try: bool = True
) -> Snapshot:
    """Bring every source up to date for a night, and go on without those that cannot be had.

    A source whose rows are known before they come is seen as far ahead as the night predicts.

    Args:
        admission: Whose `as_of` is the night.
        frozen: The definition, which names the sources.
        stores: The lake and the catalog.
        last_try: Whether a source that does not answer, has no rows or changed its schema is seen
            as it was last whole. Otherwise its error is raised: a later try may do better.

    Returns:
        As `ingest`; `stale` says of each source that is seen as it was why it is.

    Raises:
        DataError: On an earlier try; or a source was never seen whole at all.
        UnavailableError: On an earlier try, or if the lake or the ledger does not answer.
    """
    since = first_day(
        frozen.model, as_of=admission.as_of, window_days=admission.request.window_days
    )
    seen: dict[str, Sighting] = {}
    stale: dict[str, str] = {}
    for name, spec in frozen.model.sources.items():
        try:
            seen[name] = _see_whole(name, admission, frozen.model, since=since, stores=stores)
        except (SourceUnavailableError, UnknownConnectionError, DataError) as error:
            if not last_try:
                raise
            known = _known(error, name, spec, as_of=admission.as_of, since=since, stores=stores)
            log.warning("%s, so it is seen as it was last whole", error)
            seen[name], stale[name] = Sighting(known, read=0), str(error)
    return _snapshot(seen, frozen.model, stores=stores, stale=stale)


def _snapshot(
    seen: Mapping[str, Sighting],
    model: ModelDefinition,
    *,
    stores: Stores,
    stale: Mapping[str, str] | None = None,
) -> Snapshot:
    parts = {name: sighting.parts for name, sighting in seen.items()}
    digest = json_digest(
        {
            name: [[_content_day(part, name, model), part.digest] for part in of_source]
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
        stale=dict(stale or {}),
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
    ahead: timedelta = timedelta(),
) -> Sighting:
    spec, as_of = model.sources[name], admission.as_of
    with open_source(name, spec, settings=stores.settings) as reader:
        sighting = observe(
            reader,
            as_of=as_of,
            since=since,
            catalog=stores.catalog,
            lake=stores.lake,
            ahead=ahead,
        )
        if not any(_has_rows_before(part, as_of) for part in sighting.parts):
            interval = "at all" if reader.is_reference else f"from {since or 'ever'} to {as_of}"
            raise EmptyIntervalError(
                f"model {model.name}: {reader.where} has no rows {interval}: fill the source, or "
                f"run for another as-of date or a longer window"
            )
    return sighting


def _see_whole(
    name: str,
    admission: Admission,
    model: ModelDefinition,
    *,
    since: date | None,
    stores: Stores,
) -> Sighting:
    """As `_see`, as far ahead as rows are known; what is not whole is an error."""
    spec = model.sources[name]
    # Rows that are known at their own time, or after it, are not known ahead of the night; and the
    # night ends with its moment, with which a day may begin.
    ahead = (model.horizon if spec.known_at else timedelta()) + timedelta.resolution
    sighting = _see(name, admission, model, since=since, stores=stores, ahead=ahead)
    require_kept(name, sighting.parts)
    _refuse_emptied(name, spec, sighting.parts, as_of=admission.as_of, stores=stores)
    return sighting


def _refuse_emptied(
    name: str, spec: Source, parts: Sequence[Part], *, as_of: datetime, stores: Stores
) -> None:
    """Days without rows are nothing unusual; but not all those asked for, when some had rows."""
    since = (as_of - spec.lookback).date()
    if spec.time_column is None or any(part.rows for part in parts if part.day >= since):
        return
    had = stores.catalog.parts(source_id(spec), as_of=as_of, since=since, with_rows=True)
    if had:
        raise EmptyIntervalError(
            f"source {name}: it has no row since {since} any more, and had {had[-1].rows:,} on "
            f"{had[-1].day}: it was emptied, or is being filled; look at it, and run again"
        )


def _known(
    error: TradewindError,
    name: str,
    spec: Source,
    *,
    as_of: datetime,
    since: date | None,
    stores: Stores,
) -> list[Part]:
    """A source as it was last whole; its own error where that cannot be had either."""
    try:
        parts = _last_whole(name, spec, as_of=as_of, since=since, stores=stores)
    except TradewindError as other:
        raise error from other
    if not parts:
        raise error
    return parts


def _last_whole(
    name: str, spec: Source, *, as_of: datetime, since: date | None, stores: Stores
) -> list[Part]:
    """A source's parts as they were when it was last whole; none where it never was."""
    identity, moment = source_id(spec), as_of
    files = set(stores.lake.list(f"sources/{identity}"))
    while True:
        known = stores.catalog.parts(identity, as_of=moment, with_rows=True)
        parts = [part for part in known if part.uri in files]
        if _is_kept(name, parts):
            break
        moment = max(part.as_of for part in parts) - timedelta(microseconds=1)
    if spec.time_column is None:
        return sorted(parts, key=lambda part: (part.as_of, part.day))[-1:]
    return [part for part in parts if since is None or part.day >= since] or parts[-1:]


def _is_kept(name: str, parts: Sequence[Part]) -> bool:
    try:
        require_kept(name, parts)
    except SchemaChangedError:
        return False
    return True


def _has_rows_before(part: Part, as_of: datetime) -> bool:
    return part.rows > 0 and (part.min_event_time is None or part.min_event_time < as_of)


def _content_day(part: Part, name: str, model: ModelDefinition) -> str | None:
    """A reference source's day is that of its observation, which says nothing of its content."""
    return None if model.sources[name].time_column is None else part.day.isoformat()
