"""Days whose rows the lake had and let go of: a run that needs one is told so, and skips none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import LakeError
from tradewind.stores import gone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.records import Part
    from tradewind.stores.lake import Lake


def require_held(parts: Iterable[Part], *, where: str, why: str, lake: Lake) -> None:
    """See that the rows of none of some days were let go of.

    A file that is lost in another way is nobody's decision: it is read again where it can be.

    Args:
        parts: What was observed of the days that a run needs.
        where: The source, in words.
        why: What keeps them from being read anew.
        lake: Where they were.

    Raises:
        LakeError: The rows of one were, and nothing stands for them.
    """
    for part in parts:
        said = _let_go(part, lake)
        if said is not None:
            raise LakeError(
                f"{where}, {part.day}: the {part.rows:,} rows that were there at "
                f"{part.as_of:%Y-%m-%d %H:%M} UTC were let go of by {said.why}, on {said.at[:10]}; "
                f"{why}: fill the source for that day, so that it is read anew, or shorten the "
                "window (`train.window`)"
            )


def _let_go(part: Part, lake: Lake) -> gone.LetGo | None:
    if not part.rows or lake.exists(part.uri) or not lake.exists(gone.record_of(part.uri)):
        return None
    said = gone.LetGo.from_json(lake.read_json(gone.record_of(part.uri)))
    return said if said.now is None else None
