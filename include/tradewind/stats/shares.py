"""A stable share of the entities, by hash: who is served by which arm, tonight as every night."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tradewind.stats.rows import Floats

_BYTES = 8
_EXACT_BITS = 53
_SLACK = 1e-9


def share_of(entity: Sequence[str] | npt.NDArray[np.object_], *, salt: str) -> Floats:
    """Give each entity its place between 0 and 1, the same on every machine and every night.

    The first 53 bits of BLAKE2b (RFC 7693) of the entity's text, keyed by the salt's digest, over
    2^53: evenly spread, and unrelated between salts.

    Args:
        entity: Text of each entity, shape (rows,).
        salt: What the places are for, such as the model's name. Another salt shuffles them anew.

    Returns:
        Places in [0, 1), shape (rows,).

    Raises:
        EvidenceError: An entity is not text.
    """
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    start = hashlib.blake2b(digest_size=_BYTES, key=key)
    try:
        digests = b"".join([_digest(start, text) for text in entity])
    except AttributeError:
        wrong = next(value for value in entity if not isinstance(value, str))
        raise EvidenceError(
            f"an entity must be text to be given a share, but one is {wrong!r} "
            f"({type(wrong).__name__}): write its key as text first"
        ) from None
    numbers = np.frombuffer(digests, dtype=">u8") >> np.uint64(8 * _BYTES - _EXACT_BITS)
    places: Floats = numbers.astype(np.float64) / 2.0**_EXACT_BITS
    return places


def _digest(start: hashlib.blake2b, text: str) -> bytes:
    state = start.copy()
    state.update(text.encode())
    return state.digest()


def assign(
    places: Floats, shares: Mapping[str, float], *, otherwise: str = "champion"
) -> npt.NDArray[np.object_]:
    """Name who serves each place: arms lie side by side from 0 on, in the order they are given.

    An arm keeps its entities as long as the shares of those listed before it stay as they are;
    what comes after it, and what is left to `otherwise`, changes nothing for it. An arm that grows
    keeps all it had. So list in the order of age, the control share first.

    Args:
        places: Of the entities, from `share_of`, shape (rows,).
        shares: Of each arm, by its name, in order.
        otherwise: Who serves the rest.

    Returns:
        Names, shape (rows,).

    Raises:
        EvidenceError: A share is not between 0 and 1, or they add up to more than 1.
    """
    _refuse(shares, otherwise)
    edges = np.cumsum([*shares.values()])
    names = np.array([*shares, otherwise], dtype=object)
    served: npt.NDArray[np.object_] = names[np.searchsorted(edges, places, side="right")]
    return served


def _refuse(shares: Mapping[str, float], otherwise: str) -> None:
    for name, share in shares.items():
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise EvidenceError(f"the share of {name} must lie between 0 and 1, but it is {share}")
    if otherwise in shares:
        raise EvidenceError(f"{otherwise} serves the rest and can have no share of its own")
    if sum(shares.values()) > 1 + _SLACK:
        total = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise EvidenceError(f"the shares add up to more than the whole: {total}")
