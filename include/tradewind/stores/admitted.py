"""The definitions that runs were ever admitted with, as far as they can be read today.

One may be readable no more: a release since asks more of it, or its text in the ledger is not what
its digest says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.errors import DefinitionError, LedgerError, UnavailableError
from tradewind.stores.events import DEFINITION_FROZEN

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stores.ledger import Ledger


@dataclass(frozen=True)
class Admitted:
    """One definition of a model.

    Attributes:
        model: Whose.
        digest: Of its files.
        definition: None where it cannot be read any more: what it said is unknown, not nothing.
        is_last: Whether none was frozen for the model since.
    """

    model: str
    digest: str
    definition: ModelDefinition | None
    is_last: bool


def every_admitted(ledger: Ledger) -> list[Admitted]:
    """Every definition of every model, each once, also those that cannot be read any more.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    frozen = [
        (str(event.model), str(event.payload["digest"]))
        for event in ledger.events(kind=DEFINITION_FROZEN)
    ]
    last = dict(frozen)
    return [
        Admitted(model, digest, _read(model, digest, ledger), is_last=last[model] == digest)
        for model, digest in dict.fromkeys(frozen)
    ]


def last_readable(ledger: Ledger, model: str) -> FrozenDefinition | None:
    """What the model's last run was admitted with; None before the first, or if it is unreadable.

    Raises:
        LedgerError: The ledger cannot be reached, or its text is not what its digest says.
    """
    try:
        return ledger.last_good(model)
    except DefinitionError:
        return None


def _read(model: str, digest: str, ledger: Ledger) -> ModelDefinition | None:
    try:
        return ledger.definition(model, digest).model
    except UnavailableError:
        raise
    except (DefinitionError, LedgerError):
        return None
