"""A definition as a run holds it: its files' text under one digest, typed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition

MODEL_FILE = "model.yaml"
TESTS_FILE = "tests.yaml"


@dataclass(frozen=True)
class FrozenDefinition:
    """`model.yaml`, the files it names and the tests of its SQL, as text, and what they say.

    Attributes:
        model: The typed definition.
        files: Text by file name: `model.yaml`, the features' SQL, `tests.yaml` where there is one,
            and the source of each module that `features.python` or a metric names, under its
            dotted name.
        digest: Of the files.
    """

    model: ModelDefinition
    files: Mapping[str, str]
    digest: str

    @property
    def sql(self) -> str:
        """The SELECT of the features."""
        return self.files[self.model.features.sql]

    @property
    def deciding_files(self) -> dict[str, str]:
        """The files beside model.yaml that a model's predictions depend on: not what tests them."""
        return {
            name: text for name, text in self.files.items() if name not in (MODEL_FILE, TESTS_FILE)
        }

    def place(self, *of: str | int) -> str:
        """`flight_delay/model.yaml: label`, for a message about something in it."""
        return ": ".join([f"{self.model.name}/{MODEL_FILE}", *map(str, of)])

    def sql_place(self, line: int | None = None) -> str:
        """`flight_delay/features.sql:12`, for a message about the SELECT."""
        place = f"{self.model.name}/{self.model.features.sql}"
        return place if line is None else f"{place}:{line}"


def digest_of_files(files: Mapping[str, str]) -> str:
    """Name a definition by its content: 32 hexadecimal digits."""
    text = json.dumps(dict(files), sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
