"""What goes wrong while somebody is erased is said without them: logs keep what errors say."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.stores.marks import ERASED, LEAST_NEEDLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.marks import Marks


def texts_of(marks: Marks) -> list[str]:
    """What no error may quote, the longest first."""
    every = {*marks.values, *marks.needles, *(e for some in marks.entities.values() for e in some)}
    return sorted((text for text in every if len(text) >= LEAST_NEEDLE), key=len, reverse=True)


@contextmanager
def saying_nothing(texts: list[str]) -> Iterator[None]:
    """Let no error pass that quotes one of some texts: logs keep what errors say.

    Raises:
        TradewindError: In the place of one that does, without them.
    """
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if not any(text in _whole(error) for text in texts):
            raise
        for text in texts:
            said = said.replace(text, ERASED)
        kind = type(error) if isinstance(error, TradewindError) else TradewindError
        raise kind(said) from None


def _whole(error: BaseException | None) -> str:
    """What an error and all that led to it say."""
    parts = []
    while error is not None:
        parts.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    return " ".join(parts)
