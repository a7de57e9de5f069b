"""Whose things there are: each model, its clock, how long it keeps what, and which sources it read.

A model goes by its folder and by the definition that a run was admitted with last, and of the two
by the longer age: who shortens an age in a file lets go of nothing before a run was admitted with
it. One that has no folder any more goes by the last definition that was frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folders
from tradewind.definition.moments import midnight, parse_moment, window_start
from tradewind.definition.wider import widened
from tradewind.errors import DefinitionError
from tradewind.stores.admitted import every_admitted
from tradewind.stores.sources.base import id_stem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from tradewind.definition.retention import Kind
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.stores.admitted import Admitted
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
        whole: Whether that is all of them: one that cannot be read may have read any source.
    """

    model: str
    as_of: datetime
    counting: tuple[ModelDefinition, ...]
    known: tuple[ModelDefinition, ...]
    whole: bool

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
    frozen: dict[str, list[Admitted]] = {name: [] for name in folders}
    for one in every_admitted(stores.ledger):
        frozen.setdefault(one.model, []).append(one)
    found, errors = [], {}
    for name, every in sorted(frozen.items()):
        folder = _in_folder(folders.get(name))
        last = [one.definition for one in every if one.is_last]
        counting = (*folder, *(one for one in last if one is not None))
        if not counting or None in last:
            errors[name] = (
                "its folder, or the definition admitted last, cannot be read: what it keeps, and "
                "which sources it reads, cannot be told; mend its folder and run it once"
            )
            continue
        as_of = _moment(counting[0], asked, now)
        read = [one.definition for one in every if one.definition is not None]
        whole = len(read) == len(every)
        found.append(Tenant(name, as_of, counting, (*folder, *read), whole))
    return found, errors


def _in_folder(folder: Path | None) -> list[ModelDefinition]:
    if folder is None:
        return []
    try:
        return [load_definition(folder).model]
    except DefinitionError:
        return []  # as everywhere, a broken folder leaves the last good definition in force


def _moment(model: ModelDefinition, asked: str | None, now: datetime) -> datetime:
    if asked:
        return parse_moment(asked, model)
    today = model.schedule.today
    return midnight(today, model) if today else now
