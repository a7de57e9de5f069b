"""Sources to snapshot: what the run sees of the outside, as a manifest of parts.

A part is one source and one UTC day, whole, shared by every model that reads the source; the
manifest names those of this run, and the rows stay where they are. What a person left out is
observed like everything else, and named by no manifest.

How far back: since the window's start, and its `history` before it, which features look back on;
since the first row where no window is declared.
"""

from __future__ import annotations

import logging
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from tradewind.definition.moments import window_start
from tradewind.engine.needed import Needed, needed_columns
from tradewind.errors import (
    AllExcludedError,
    DataError,
    EmptyIntervalError,
    SchemaChangedError,
    SourceUnavailableError,
    TradewindError,
    UnknownConnectionError,
)
from tradewind.records import EXCLUDED, Admission, Part, Snapshot
from tradewind.stages._left_out import Seen, Sieve, emptied
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import open_source
from tradewind.stores.sources.drift import require_kept
from tradewind.stores.sources.let_go import require_held
from tradewind.stores.sources.observing import observe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.stores.sources import SourceReader
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
        source, parts, how many of them were read from the sources now, and what is left out.

    Raises:
        EmptyIntervalError: A source has no rows in the window, or all are left out.
        SourceUnavailableError: A source does not answer; a retry may help.
        SchemaChangedError: A column was renamed, dropped, or changed its type.
        UnreadableFileError: A file is cut short or damaged.
    """
    days = admission.request.window_days
    since = first_day(frozen.model, as_of=admission.as_of, window_days=days)
    needed, sieve = needed_columns(frozen), Sieve.at(admission.as_of, stores=stores)
    seen = {
        name: _see(
            name, admission, frozen.model, needed[name], since=since, sieve=sieve, stores=stores
        )
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
            as it was last whole. Otherwise its error is raised: a later try may do better. One
            of which everything is left out is seen so at once.

    Returns:
        As `ingest`; `stale` says of each source that is seen as it was why it is.

    Raises:
        DataError: On an earlier try; or a source was never seen whole at all.
        UnavailableError: On an earlier try, or if the lake or the ledger does not answer.
    """
    since = first_day(
        frozen.model, as_of=admission.as_of, window_days=admission.request.window_days
    )
    needed, sieve = needed_columns(frozen), Sieve.at(admission.as_of, stores=stores)
    seen: dict[str, Seen] = {}
    stale: dict[str, str] = {}
    for name, spec in frozen.model.sources.items():
        columns = needed[name]
        try:
            seen[name] = _see_whole(
                name, admission, frozen.model, columns, since=since, sieve=sieve, stores=stores
            )
        except (SourceUnavailableError, UnknownConnectionError, DataError) as error:
            if not last_try and not isinstance(error, AllExcludedError):
                raise
            seen[name] = _known(
                error,
                name,
                spec,
                columns,
                as_of=admission.as_of,
                since=since,
                sieve=sieve,
                stores=stores,
            )
            log.warning("%s, so it is seen as it was last whole", error)
            stale[name] = str(error)
    return _snapshot(seen, frozen.model, stores=stores, stale=stale)


def _snapshot(
    seen: Mapping[str, Seen],
    model: ModelDefinition,
    *,
    stores: Stores,
    stale: Mapping[str, str] | None = None,
) -> Snapshot:
    parts = {name: sighting.parts for name, sighting in seen.items()}
    # Of rows that are left out the days alone are told: what was in them decides nothing any more.
    left_out = {
        name: sorted(_content_day(part, name, model) or "" for part in sighting.left_out)
        for name, sighting in seen.items()
        if sighting.left_out
    }
    told = {EXCLUDED: left_out} if left_out else {}
    digest = json_digest(
        {
            name: [[_content_day(part, name, model), part.digest] for part in of_source]
            for name, of_source in parts.items()
        }
        | told
    )
    uri = f"snapshots/{digest}.json"
    stores.lake.first_json(uri, parts | told)
    return Snapshot(
        digest=digest,
        uri=uri,
        rows={name: sum(part.rows for part in of_source) for name, of_source in parts.items()},
        parts=sum(map(len, parts.values())),
        read=sum(sighting.read for sighting in seen.values()),
        stale=dict(stale or {}),
        excluded={name: len(days) for name, days in left_out.items()},
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
    needed: Needed,
    *,
    since: date | None,
    sieve: Sieve,
    stores: Stores,
    ahead: timedelta = timedelta(),
) -> Seen:
    spec, as_of = model.sources[name], admission.as_of
    if needed.because:
        log.info("source %s: every column is read (%s)", name, needed.because)
    with _opened(name, spec, needed, stores=stores) as reader:
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
    seen = sieve.seen(spec, sighting.parts, read=sighting.read)
    sieve.require_some(name, spec, seen)
    return seen


def _see_whole(
    name: str,
    admission: Admission,
    model: ModelDefinition,
    needed: Needed,
    *,
    since: date | None,
    sieve: Sieve,
    stores: Stores,
) -> Seen:
    """As `_see`, as far ahead as rows are known; what is not whole is an error."""
    spec = model.sources[name]
    # Rows that are known at their own time, or after it, are not known ahead of the night; and the
    # night ends with its moment, with which a day may begin.
    ahead = (model.horizon if spec.known_at else timedelta()) + timedelta.resolution
    seen = _see(
        name, admission, model, needed, since=since, sieve=sieve, stores=stores, ahead=ahead
    )
    require_kept(name, seen.parts)
    identity = _opened(name, spec, needed, stores=stores).source_id
    every = [*seen.parts, *seen.left_out]
    _refuse_emptied(name, spec, every, identity, as_of=admission.as_of, stores=stores)
    return seen


def _opened(name: str, spec: Source, needed: Needed, *, stores: Stores) -> SourceReader:
    """A source, of which only what is needed is read; it is not asked anything yet."""
    return open_source(name, spec, settings=stores.settings, needed=needed.columns)


def _refuse_emptied(
    name: str,
    spec: Source,
    parts: Sequence[Part],
    identity: str,
    *,
    as_of: datetime,
    stores: Stores,
) -> None:
    """Days without rows are nothing unusual; but not all those asked for, when some had rows."""
    since = (as_of - spec.lookback).date()
    if spec.time_column is None or any(part.rows for part in parts if part.day >= since):
        return
    had = stores.catalog.parts(identity, as_of=as_of, since=since, with_rows=True)
    if had:
        raise EmptyIntervalError(
            f"source {name}: it has no row since {since} any more, and had {had[-1].rows:,} on "
            f"{had[-1].day}: it was emptied, or is being filled; look at it, and run again"
        )


def _known(
    error: TradewindError,
    name: str,
    spec: Source,
    needed: Needed,
    *,
    as_of: datetime,
    since: date | None,
    sieve: Sieve,
    stores: Stores,
) -> Seen:
    """A source as it was last whole; its own error where that cannot be had either.

    Of one that is left out to its last part the columns are seen, and no row.
    """
    try:
        identity = _opened(name, spec, needed, stores=stores).source_id
        seen = _last_whole(
            name, spec, identity, as_of=as_of, since=since, sieve=sieve, stores=stores
        )
        if seen.left_out and not seen.parts:
            seen = Seen([emptied(seen.left_out[-1], stores.lake)], 0, seen.left_out)
    except TradewindError as other:
        raise error from other
    if not seen.parts:
        raise error
    if spec.time_column is not None:
        days = stores.catalog.parts(identity, as_of=as_of, since=since, with_rows=True)
        why = "the source cannot be had tonight"
        require_held(days, where=f"source {name}", why=why, lake=stores.lake)
    return seen


def _last_whole(
    name: str,
    spec: Source,
    identity: str,
    *,
    as_of: datetime,
    since: date | None,
    sieve: Sieve,
    stores: Stores,
) -> Seen:
    """A source's parts as they were when it was last whole; none where it never was."""
    moment = as_of
    files = set(stores.lake.list(f"sources/{identity}"))
    while True:
        known = stores.catalog.parts(identity, as_of=moment, with_rows=True)
        seen = sieve.seen(spec, [part for part in known if part.uri in files], read=0)
        if _is_kept(name, seen.parts):
            break
        moment = max(part.as_of for part in seen.parts) - timedelta(microseconds=1)
    if spec.time_column is None:
        newest, gone = (
            sorted(parts, key=lambda part: (part.as_of, part.day))[-1:]
            for parts in (seen.parts, seen.left_out)
        )
        return Seen(newest, 0, gone)
    late = [part for part in seen.left_out if since is None or part.day >= since]
    parts = [part for part in seen.parts if since is None or part.day >= since]
    return Seen(parts or seen.parts[-1:], 0, late or seen.left_out[-1:])


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
