"""A keyed hash in the place of each value of a personal column, before anything of it is stored.

HMAC-SHA-256 of the value's text, of which the first 128 bits are kept: no two of a billion billion
values are likely to meet, and the rest would only make every join and every file twice as wide.
Without the key nobody can try names until one fits, as with a plain hash. Neither the source nor
the column goes into it, so that the same person has the same hash wherever they stand.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.errors import UnknownConnectionError
from tradewind.stores.connections import is_defined, resolve

if TYPE_CHECKING:
    from tradewind.settings import Settings

SHORTEST_KEY = 32
"""Characters: as many bits, however they are spelled, as nobody tries out."""
_BYTES = 16
_FINGERPRINT = b"tradewind: which key this is"
_TOKEN = b"tradewind: change token\n"


@dataclass(frozen=True)
class HashKey:
    """The installation's key."""

    _key: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> HashKey:
        """The password of the settings' `hash_connection`.

        Raises:
            UnknownConnectionError: It is not defined, or its password is too short for a key.
        """
        name = settings.hash_connection
        if not is_defined(name, settings=settings):
            raise UnknownConnectionError(
                f"connection {name!r} is not defined, and its password is the key that personal "
                f"columns are hashed with: set AIRFLOW_CONN_{name.upper()} to generic://:KEY@ with "
                f"{SHORTEST_KEY} random characters or more as KEY. Without the key that older rows "
                f"were hashed with, every source is read anew"
            )
        password = resolve(name, settings=settings).password or ""
        if len(password) < SHORTEST_KEY:
            raise UnknownConnectionError(
                f"connection {name!r}: its password is the key that personal columns are hashed "
                f"with, and has {len(password)} characters: {SHORTEST_KEY} or more are needed"
            )
        return cls(password.encode())

    @property
    def fingerprint(self) -> str:
        """Tells one key from another, and nothing of either."""
        return self._digest(_FINGERPRINT)

    def token(self, text: str) -> str:
        """A change token that was computed over what is hashed, so that it tells nothing of it."""
        return self._digest(_TOKEN + text.encode())

    def hashed(self, column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Each value's hash as 32 hexadecimal digits; null where there is none.

        Whole numbers and their text have the same hash; nothing is trimmed or put in small letters.
        """
        if isinstance(column, pa.ChunkedArray):
            return pa.chunked_array([self.hashed(each) for each in column.chunks], pa.string())
        text = column if pa.types.is_string(column.type) else column.cast(pa.string())
        different = text.dictionary_encode()
        digests = [self._digest(value.encode()) for value in different.dictionary.to_pylist()]
        return pa.array(digests, pa.string()).take(different.indices)

    def _digest(self, text: bytes) -> str:
        return hmac.digest(self._key, text, "sha256")[:_BYTES].hex()
