"""A process that ends in the middle of what it changes in the lake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tradewind.stores.placement import BucketPlacement, FolderPlacement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class KilledError(Exception):
    """The process ended here."""


@contextmanager
def killed_after(steps: int) -> Iterator[None]:
    """What is done here places and removes so many files, and dies at the next one."""
    left = iter(range(steps))

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def step(*given: object) -> object:
            if next(left, None) is None:
                raise KilledError
            return real(*given)

        return step

    with pytest.MonkeyPatch.context() as patched:
        for kind in (FolderPlacement, BucketPlacement):
            for name in ("place", "remove"):
                patched.setattr(kind, name, dying(getattr(kind, name)))
        with pytest.raises(KilledError):
            yield
