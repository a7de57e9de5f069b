"""Whose things there are: each model, its clock, how long it keeps what, and which sources it read.

A model goes by its folder and by the definition that a run was admitted with last, and of the two
by the longer age: who shortens an age in a file lets go of nothing before a run was admitted with
it. One that has no folder any more goes by the last definition that was frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folders
from tradewind.definition.moments import midnight, parse_moment, window_start
from tradewind.definition.wider import widened
from tradewind.errors import DefinitionError, LedgerError, UnavailableError
from tradewind.stores.events import DEFINITION_FROZEN
from tradewind.stores.sources.base import id_stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from tradewind.definition.retention import Kind
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.stores.stores import Stores

FOREVER = datetime.min.replace(tzinfo=UTC)
"""Nothing is of before it: the limit of what is kept for good."""


@dataclass(frozen=True)
class Tenant:
    """One model, as far as its age goes.

    Attributes:
        as_of: From when its ages count back.
        counting: The definitions that say how long: the folder's, and the one admitted last.
        known: Every definition of it that can be read, also those of long ago.
    """

    model: str
    as_of: datetime
    counting: tuple[ModelDefinition, ...]
    known: tuple[ModelDefinition, ...]

    def limit(self, kind: Kind) -> datetime:
        """What is of before this moment is older than declared."""
        ages = [definition.retention.age(kind) for definition in self.counting]
        return min((FOREVER if age is None else self.as_of - age for age in ages), default=FOREVER)

    def kept_for(self, kind: Kind) -> str:
        """How long it keeps something, in words."""
        limit = self.limit(kind)
        return "for good" if limit == FOREVER else f"for {(self.as_of - limit).days} days"

    def read(self, stem: str) -> bool:
        """Whether any definition of it reads, or ever read, a source of such a name."""
        return any(id_stem(spec) == stem for spec in self.specs)

    @property
    def specs(self) -> list[Source]:
        """Every source that it reads or ever read."""
        return [spec for each in self.known for spec in each.sources.values()]

    def first_read(self, versions: Sequence[ModelDefinition]) -> date | None:
        """The first day that a training or a night of today reads; None for all there is.

        Args:
            versions: Definitions of versions that score by their own.
        """
        starts = [
            window and (window - each.train.window.history).astimezone(UTC).date()
            for definition in (*self.counting, *versions)
            for each in (definition, widened(definition))
            for window in (window_start(each, as_of=self.as_of),)
        ]
        days = [start for start in starts if start is not None]
        return min(days) if len(days) == len(starts) and days else None


def tenants(
    stores: Stores, *, asked: str | None, now: datetime
) -> tuple[list[Tenant], dict[str, str]]:
    """Every model that has a folder, or for which a run was ever admitted.

    Args:
        stores: Folders and ledger.
        asked: The date or moment from which ages count; each model's own today where none is.
        now: By the ledger's clock.

    Returns:
        The models, and why of another it cannot be told how long it keeps what.

    Raises:
        DefinitionError: `asked` is no moment.
        LedgerError: The ledger cannot be reached.
    """
    folders = model_folders(stores.settings.config_dir)
    frozen: dict[str, list[str]] = {name: [] for name in folders}
    for event in stores.ledger.events(kind=DEFINITION_FROZEN):
        frozen.setdefault(str(event.model), []).append(str(event.payload["digest"]))
    found, errors = [], {}
    for name, digests in sorted(frozen.items()):
        folder = _in_folder(folders.get(name))
        last = _frozen(name, digests[-1:], stores)
        counting = (*folder, *last)
        if not counting or len(last) < len(digests[-1:]):
            errors[name] = (
                "neither its folder nor the definition admitted last can be read: what it keeps, "
                "and which sources it reads, cannot be told; mend its folder and run it once"
            )
            continue
        as_of = _moment(counting[0], asked, now)
        earlier = _frozen(name, dict.fromkeys(digests[:-1]), stores)
        found.append(Tenant(name, as_of, counting, (*counting, *earlier)))
    return found, errors


def _in_folder(folder: Path | None) -> list[ModelDefinition]:
    if folder is None:
        return []
    try:
        return [load_definition(folder).model]
    except DefinitionError:
        return []  # as everywhere, a broken folder leaves the last good definition in force


def _frozen(model: str, digests: Iterable[str], stores: Stores) -> list[ModelDefinition]:
    found = []
    for digest in digests:
        try:
            found.append(stores.ledger.definition(model, digest).model)
        except UnavailableError:
            raise
        except (DefinitionError, LedgerError):
            continue  # a release since asks more of it
    return found


def _moment(model: ModelDefinition, asked: str | None, now: datetime) -> datetime:
    if asked:
        return parse_moment(asked, model)
    today = model.schedule.today
    return midnight(today, model) if today else now


def first_moment(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime.combine(day, time(), UTC)
