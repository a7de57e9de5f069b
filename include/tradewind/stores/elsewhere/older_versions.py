"""What the lake's bucket kept of files that were written over or deleted, where it keeps that."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tradewind.stores.elsewhere.contents import look_into
from tradewind.stores.elsewhere.records import Finding, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.elsewhere.contents import Looked
    from tradewind.stores.elsewhere.records import Searched, Unsearched
    from tradewind.stores.lake import Lake
    from tradewind.stores.needles import Needles
    from tradewind.stores.placement import OlderVersion

_PLACE = "lake, older versions"


class OlderVersions:
    """The versions that no path of a lake shows any more, each held whole while it is looked at.

    Args:
        lake: In a bucket; one in a folder has none.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """How much there is to look at, what holds a needle, and what could not be looked at.

        Raises:
            LakeUnavailableError: The store does not answer.
            LakeError: It refuses to list or to read them.
        """
        each = self._each(needles)
        return together(_PLACE, ((_where(version, needles), looked) for version, looked in each))

    def erase(self, needles: Needles) -> list[Finding]:
        """Delete each that holds a needle: nothing reads it.

        Raises:
            LakeUnavailableError: The store does not answer.
            LakeError: It refuses, to delete as well.
        """
        found = []
        for version, looked in self._each(needles):
            if looked.count:
                version.delete()
                found.append(Finding(_where(version, needles), looked.count))
        return found

    def _each(self, needles: Needles) -> Iterator[tuple[OlderVersion, Looked]]:
        for version in self._lake.older_versions():
            looked = look_into(io.BytesIO(version.read()), needles)
            looked.count += len(needles.spans_in(version.path))
            yield version, looked


def _where(version: OlderVersion, needles: Needles) -> str:
    return needles.taken_out(f"{_PLACE} of {version.path}")
