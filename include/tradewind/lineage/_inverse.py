"""From parts of the lake to the versions that saw them, and those that were trained on them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tradewind.lineage._reached import reached
from tradewind.lineage._uses import reading
from tradewind.lineage._versions import Versions
from tradewind.lineage_records import PartLineage, SeenBy, SourceDays

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from tradewind.stores.stores import Stores


def versions_trained_on(parts: Collection[str], stores: Stores) -> list[SeenBy]:
    """Every version of every model that may have learned from one of these parts.

    That is where a row of them could reach fit, select or calibration, and where it cannot be told
    any more, which its `gaps` say. `versions_that_saw` has those too that were judged on them only.

    Args:
        parts: Their digests, or their addresses in the lake.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """
    return [found for found in versions_that_saw(parts, stores) if found.trained]


def versions_that_saw(parts: Collection[str], stores: Stores) -> list[SeenBy]:
    """Every version of every model in whose snapshot one of these parts is, by model and version.

    Its `uses` say how far each came. A version whose manifest is gone is among them.

    Args:
        parts: Their digests, or their addresses in the lake.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """
    names = {part.removeprefix(f"{stores.lake.uri}/") for part in parts}
    return _seen(lambda _, part: part["digest"] in names or part["uri"] in names, stores)


def part_lineage(part: str, stores: Stores) -> PartLineage:
    """What one part led to.

    Args:
        part: Its digest, or its address in the lake.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """
    name = part.removeprefix(f"{stores.lake.uri}/")

    def of_it(path: str) -> bool:
        return path == name or path.endswith(f"/{name}.parquet")

    return _told(f"the part {part}", versions_that_saw([name], stores), of_it, stores)


def day_lineage(source: str, day: date, stores: Stores) -> PartLineage:
    """What a source's rows of one UTC day led to, as they were at each observation.

    Args:
        source: Its name in a definition, or its id in the lake.
        day: The day; of a reference table, that of the observation.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """

    def wanted(name: str, part: dict[str, Any]) -> bool:
        return part["day"] == day.isoformat() and source in (name, part["source_id"])

    def of_it(path: str) -> bool:
        return path.startswith(f"sources/{source}/{day}/")

    return _told(f"{source} of {day}", _seen(wanted, stores), of_it, stores)


def _seen(wanted: Callable[[str, dict[str, Any]], bool], stores: Stores) -> list[SeenBy]:
    versions = Versions(stores)
    found: list[SeenBy] = []
    with reading(stores) as reader:
        for model in versions.models():
            careers = versions.careers(model)
            for number in versions.numbers(model):
                origin = versions.origin(model, number)
                came = reached(origin, reader=reader, versions=versions, wanted=wanted)
                if came.uses or not came.whole:
                    found.append(
                        SeenBy(
                            model=model,
                            version=number,
                            state=careers.state(number),
                            as_of=origin.ways[0].as_of,
                            uses=came.uses,
                            whole=came.whole,
                            nights=[one for one in careers.nights(number) if one.decided],
                            gaps=came.gaps,
                        )
                    )
    return found


def _told(
    asked: str, versions: list[SeenBy], of_it: Callable[[str], bool], stores: Stores
) -> PartLineage:
    parts = {use.uri: use.rows for version in versions for use in version.uses}
    if parts:
        return PartLineage(asked=asked, parts=parts, versions=versions)
    return PartLineage(
        asked=asked,
        parts={},
        versions=versions,
        unseen=[path for path in stores.lake.list("sources") if of_it(path)],
        there_is=_there_is(stores),
    )


def _there_is(stores: Stores) -> list[SourceDays]:
    """The sources and days that the snapshots of all versions hold."""
    versions = Versions(stores)
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    with reading(stores) as reader:
        for model in versions.models():
            for number in versions.numbers(model):
                for way in versions.origin(model, number).ways:
                    manifest = reader.manifest(way)
                    for name, parts in {} if isinstance(manifest, str) else manifest.items():
                        for part in parts:
                            days[name, part["source_id"]].add(part["day"])
    return [
        SourceDays(source=name, source_id=identity, first=min(some), last=max(some))
        for (name, identity), some in sorted(days.items())
    ]
