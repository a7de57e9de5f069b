"""Which columns of a source are taken in, and what becomes of them before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tradewind.stores.sources.hashing import HashKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.sources import Source
    from tradewind.settings import Settings


@dataclass(frozen=True)
class Intake:
    """What of a source's columns comes in. Names count without regard to case, as in SQL.

    Attributes:
        spec: Declares the personal columns.
        needed: The only columns that are read; None for all there are.
    """

    spec: Source
    needed: frozenset[str] | None
    settings: Settings = field(repr=False)

    @cached_property
    def hashed(self) -> frozenset[str]:
        """Columns whose values are hashed, in small letters."""
        names = _folded(self.spec.personal_columns("hash"))
        return names if self.needed is None else names & _folded(self.needed)

    @cached_property
    def key(self) -> HashKey:
        """The key they are hashed with.

        Raises:
            UnknownConnectionError: There is none.
        """
        return HashKey.of(self.settings)

    def takes(self, column: str) -> bool:
        """Whether a column is read at all."""
        name = column.casefold()
        if name in self._dropped:
            return False
        return self.needed is None or name in self._needed

    @property
    def is_whole(self) -> bool:
        """Whether every column is read, as it is."""
        return self.needed is None and not self._dropped and not self.hashed

    def types(self, found: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is stored of the columns there are: hashes are text."""
        return {
            name: pa.string() if name.casefold() in self.hashed else kind
            for name, kind in found.items()
            if self.takes(name)
        }

    def of_table(self, table: pa.Table) -> pa.Table:
        """What is stored of rows; their order may still be that of what was hashed.

        Raises:
            UnknownConnectionError: Columns are to be hashed, and there is no key.
        """
        table = table.select([name for name in table.column_names if self.takes(name)])
        for place, name in enumerate(table.column_names):
            if name.casefold() in self.hashed:
                table = table.set_column(place, name, self.key.hashed(table.column(place)))
        return table

    def identity(self) -> dict[str, Any]:
        """What of this makes other rows of the same source; nothing where all comes as it is.

        Raises:
            UnknownConnectionError: Columns are to be hashed, and there is no key.
        """
        told: dict[str, Any] = {}
        if self.needed is not None:
            told["columns"] = sorted(self._needed - self._dropped)
        elif self._dropped:
            told["without"] = sorted(self._dropped)
        if self.hashed:
            told |= {"hashed": sorted(self.hashed), "key": self.key.fingerprint}
        return told

    @cached_property
    def _needed(self) -> frozenset[str]:
        return _folded(self.needed or ())

    @cached_property
    def _dropped(self) -> frozenset[str]:
        return _folded(self.spec.personal_columns("drop"))


def _folded(names: Any) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)
