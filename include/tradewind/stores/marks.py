"""What a subject is found by in everything that is stored, once it is known whose rows are meant.

Self-contained and plain: it is kept beside the subject until the erasure is done, so that one that
was interrupted goes on with the same marks although the rows that they came from are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ERASED = "(erased)"
"""What stands in the place of a text that held something of a subject."""
LEAST_NEEDLE = 6
"""Characters: what is shorter is met by chance in any file, and is erased by its column alone."""
_LEAST_DIGITS = 9


def is_needle(text: str) -> bool:
    """Whether a text says of whom it is wherever it stands.

    A number of a few digits does not: another kind's keys, and figures, have the same.
    """
    least = _LEAST_DIGITS if text.isdigit() else LEAST_NEEDLE
    return len(text) >= least


@dataclass(frozen=True)
class Marks:
    """What tells a subject's rows and values from all others.

    Attributes:
        columns: Names, without regard to case, of the columns that name this kind of subject.
        values: Texts under which the subject stands in them: its value, and its keyed hash.
        entities: By the JSON list of an entity key's columns: the entities that are the subject's
            alone, as `prediction_schema.entity_texts` writes them.
        needles: Texts of `LEAST_NEEDLE` characters or more, to be searched for in bytes.
        keys: By model the entity keys that it has or had, spelled as in `entities`: a log of
            predictions does not say what its entities are. Where no model is named, any may be.
    """

    columns: frozenset[str]
    values: frozenset[str]
    entities: Mapping[str, frozenset[str]]
    needles: tuple[str, ...]
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values, each list in order."""
        return {
            "columns": sorted(self.columns),
            "values": sorted(self.values),
            "entities": {key: sorted(each) for key, each in sorted(self.entities.items())},
            "needles": list(self.needles),
            "keys": {model: sorted(each) for model, each in sorted(self.keys.items())},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Marks:
        """What `to_json` made."""
        return cls(
            columns=frozenset(told["columns"]),
            values=frozenset(told["values"]),
            entities={key: frozenset(each) for key, each in told["entities"].items()},
            needles=tuple(told["needles"]),
            keys={model: frozenset(each) for model, each in told["keys"].items()},
        )
