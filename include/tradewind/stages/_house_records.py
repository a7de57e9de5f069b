"""Small files that speak of others: what stands for a rewritten one, and what is there already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.errors import LakeError, UnavailableError
from tradewind.stores import gone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tradewind.stages._house_files import Claims, Old
    from tradewind.stages._house_needed import Needed
    from tradewind.stores.leftovers import Lying
    from tradewind.stores.stores import Stores


def follow(
    claims: Claims, needed: Iterable[Needed], files: Mapping[str, Lying], stores: Stores
) -> None:
    """Say of what stands for a rewritten file that it is named, or needed, as the file was.

    Args:
        claims: Get what is named so.
        needed: Get what is needed so.
        files: The lake's.
        stores: The lake.

    Raises:
        UnavailableError: The lake does not answer.
    """
    for each in needed:
        for path, why in [*each.paths.items()]:
            now = _standing(path, files, stores)
            if now is not None:
                each.add(now, why)
    for path, told in [*claims.by_path.items()]:
        now = _standing(path, files, stores)
        for model, moment in told.items() if now is not None else ():
            claims.add(str(now), model, moment)


def _standing(path: str, files: Mapping[str, Lying], stores: Stores) -> str | None:
    """What stands for a path in the end; None for what is there itself, or let go of."""
    now, passed = path, set[str]()
    while now not in files and gone.record_of(now) in files and now not in passed:
        passed.add(now)
        said = gone.LetGo.from_json(stores.lake.read_json(gone.record_of(now)))
        if said.now is None:
            return None
        now = said.now
    return now if passed else None


def with_records(going: Collection[Old], files: Mapping[str, Lying], stores: Stores) -> list[Old]:
    """The records that say a feature set is there already, with those that go: it is made again.

    Raises:
        UnavailableError: The lake does not answer.
    """
    features = {old.path: old for old in going if old.kind == "features"}
    if not features:
        return []
    found = []
    for path in files:
        if path.startswith("features/") and path.endswith(".json"):
            uri = _uri_of(path, stores)
            of = features.get(_standing(uri, files, stores) or uri)
            if of is not None:
                found.append(replace(of, path=path, bytes=files[path].bytes))
    return found


def _uri_of(record: str, stores: Stores) -> str:
    try:
        return str(stores.lake.read_json(record)["uri"])
    except UnavailableError:
        raise
    except (LakeError, LookupError, TypeError):
        return ""
