"""What is cut into slices must be a column that the judged rows have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found


def _slices_are_of_columns(file: File) -> Found:
    features = list(file.section("features", "types"))
    protected = [name for _, name in file.names("features", "protected")]
    known, seen = [*features, *protected], set()
    for path, name in file.names("gates", "slices", "by"):
        if features and name not in known:
            yield path, f"{name!r} is no feature and no protected column{nearest(name, known)}"
        if name in seen:
            yield path, f"{name!r} is named twice"
        seen.add(name)


CHECKS: Checks = (_slices_are_of_columns,)
