"""One day's rows become a part: fitted to the days before, digested, written, described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.records import Part
from tradewind.stores.digests import TableDigest
from tradewind.stores.sources.base import Rows, SourceReader, event_times
from tradewind.stores.sources.drift import fitted, recast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from tradewind.stores.lake import Lake


def write_part(
    reader: SourceReader,
    day: date,
    rows: Rows,
    *,
    token: str,
    as_of: datetime,
    held: Mapping[str, str] | None,
    lake: Lake,
) -> Part:
    """Write a day's rows under the digest of their content, in one pass and bounded memory.

    Args:
        reader: Whose rows they are.
        day: Of which UTC day.
        rows: In key order.
        token: The day's change token when they were read.
        as_of: The moment the observation stands for.
        held: Types by column of the days before; None when these are the first.
        lake: Gets `sources/<source_id>/<day>/<digest>.parquet`; the same rows are there once.

    Returns:
        The part; when it was recorded is the catalog's to say, and stands as `as_of` here.

    Raises:
        SchemaChangedError: A column is missing, or has another type.
    """
    where = f"{reader.where}, {day}"
    schema = fitted(rows.schema, held, where=where)
    digest, count = TableDigest(schema), 0
    times: list[datetime] = []
    with lake.draft(schema) as draft:
        for batch in rows.batches:
            fit = recast(batch, schema, where=where)
            draft.write(fit)
            digest.update(fit)
            count += fit.num_rows
            times += event_times(fit, reader.spec.time_column)
        uri = f"sources/{reader.source_id}/{day}/{digest.hexdigest()}.parquet"
        draft.publish(uri)
    return Part(
        source_id=reader.source_id,
        day=day,
        as_of=as_of,
        recorded_at=as_of,
        change_token=token,
        digest=digest.hexdigest(),
        uri=uri,
        rows=count,
        min_event_time=min(times, default=None),
        max_event_time=max(times, default=None),
        columns={field.name: str(field.type) for field in schema},
    )
