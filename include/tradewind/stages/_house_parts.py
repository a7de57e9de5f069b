"""Parts of sources: shared by all models that read a source, so that the longest age counts.

Whatever the age, a part stays that a training or a night of today would read, and one that a
version or a candidate which may decide was trained on. Of a table without days what counts is the
moment of an observation: the newest one stays, and the one that held when the kept ones begin.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tradewind.stages._house_files import Old
from tradewind.stages._house_tenants import FOREVER
from tradewind.stores.sources.base import id_stem, midnight

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tradewind.records import Part
    from tradewind.stages._house_needed import Needed
    from tradewind.stages._house_tenants import Tenant
    from tradewind.stores.leftovers import Lying
    from tradewind.stores.stores import Stores

FOLDER = "sources"
_EVER = datetime(1, 1, 2, tzinfo=UTC)
_PARTS = 4


def old_parts(
    files: Mapping[str, Lying],
    tenants: Collection[Tenant],
    needed: Mapping[str, Needed],
    held: Collection[str],
    *,
    unknown: Collection[str],
    stores: Stores,
) -> Iterator[Old]:
    """Every part that is older than all its readers keep parts, and what keeps it, if so.

    Args:
        files: The lake's.
        tenants: Every model that can be told of.
        needed: What each needs; all parts that a model without an entry reads stay.
        held: Files that an erasure at work has to do with.
        unknown: Models that cannot be told of: each may read any source.
        stores: The catalog.

    Raises:
        LedgerError: The catalog cannot be reached.
    """
    by_source: dict[str, list[str]] = defaultdict(list)
    for path in files:
        if path.startswith(f"{FOLDER}/") and len(path.split("/")) == _PARTS:
            by_source[path.split("/")[1]].append(path)
    for source_id, paths in sorted(by_source.items()):
        stem = source_id.rpartition("-")[0]
        if not any(tenant.read(stem) for tenant in tenants):
            yield from (_nobodys(path, files[path]) for path in sorted(paths))
            continue
        readers = [tenant for tenant in tenants if tenant.read(stem) or not tenant.whole]
        limit = min(tenant.limit("raw") for tenant in readers)
        if limit == FOREVER:
            continue
        observed = stores.catalog.later(source_id, as_of=_EVER)
        days = _days(paths, observed)
        reading = [*_reading(readers, needed), *((None, _cannot(model)) for model in unknown)]
        standing = _standing(observed, limit, _is_reference(stem, readers))
        longest = min(readers, key=lambda tenant: tenant.limit("raw"))
        because = f"{longest.model} keeps raw parts of its source {longest.kept_for('raw')}"
        for path in sorted(paths):
            at = midnight(days[path])
            if at.date() >= limit.date():
                continue
            why = (
                ("an erasure that is not done yet has to do with it" if path in held else None)
                or next((why for each in needed.values() if (why := each.why(path))), None)
                or standing.get(path)
                or next((why for first, why in reading if not first or first <= at.date()), None)
            )
            yield Old("raw", None, path, at, files[path].bytes, because, why)


def _nobodys(path: str, lying: Lying) -> Old:
    at = midnight(date.fromisoformat(path.split("/")[2]))
    why = "no definition that is known reads its source, so that nobody says how long it is kept"
    return Old(kind="raw", model=None, path=path, at=at, bytes=lying.bytes, why=why)


def _cannot(model: str) -> str:
    return f"what {model} needs cannot be told"


def _days(paths: Sequence[str], observed: Sequence[Part]) -> dict[str, date]:
    """The newest day that each file stands for: an unchanged table is observed again and again."""
    days = {path: date.fromisoformat(path.split("/")[2]) for path in paths}
    for part in observed:
        if part.uri in days:
            days[part.uri] = max(days[part.uri], part.day)
    return days


def _reading(
    readers: Sequence[Tenant], needed: Mapping[str, Needed]
) -> list[tuple[date | None, str]]:
    """From which day on each reader's trainings and nights read; None for all days there are."""
    found: list[tuple[date | None, str]] = []
    for tenant in readers:
        if tenant.model not in needed:
            found.append((None, _cannot(tenant.model)))
            continue
        first = tenant.first_read(needed[tenant.model].definitions)
        said = "has no beginning" if first is None else f"begins {first}"
        found.append((first, f"the window of {tenant.model}'s trainings {said}"))
    return found


def _is_reference(stem: str, readers: Sequence[Tenant]) -> bool:
    """Whether any definition reads the source as a table without days."""
    return any(
        id_stem(spec) == stem and spec.time_column is None
        for tenant in readers
        for spec in tenant.specs
    )


def _standing(
    observed: Sequence[Part],
    limit: datetime,
    is_reference: bool,  # noqa: FBT001 -- of one caller
) -> dict[str, str]:
    """What stands for the whole table: as it is now, and as it was when the kept nights began."""
    if not is_reference:
        return {}
    ordered = sorted(observed, key=lambda part: (part.as_of, part.recorded_at))
    before = [part for part in ordered if part.as_of <= limit]
    return {
        part.uri: "the table was last seen so, or was when what is kept begins"
        for part in (*before[-1:], *ordered[-1:])
    }
