"""Which sources say whose their rows are, which models read them, and who still holds somebody.

Every definition counts, of the folder and of the ledger: what a source was declared as when its
parts were read is what they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folders
from tradewind.definition.problems import nearest
from tradewind.erasure import Looked
from tradewind.errors import DefinitionError, RequestError, TradewindError
from tradewind.stores.admitted import every_admitted
from tradewind.stores.exclusions import place_of
from tradewind.stores.sources import open_source
from tradewind.stores.sources.base import id_stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.stores.stores import Stores
    from tradewind.stores.subjects import Subject

_UNREADABLE = (
    "cannot be read any more: where it alone named a column for this kind of subject, or had it "
    "hashed, nobody looked"
)


@dataclass(frozen=True)
class Declared:
    """A source, as one definition of a model declares it.

    Attributes:
        key: The model's entity key.
        now: Whether that definition counts now: the folder's, or the one admitted last.
        admitted: Whether a run was ever admitted with it, so that something of it may be held.
    """

    model: str
    name: str
    spec: Source
    key: tuple[str, ...]
    now: bool
    admitted: bool


@dataclass(frozen=True)
class Declarations:
    """Every source of every definition.

    Attributes:
        unreadable: What definitions were admitted once and cannot be read any more, in words: what
            they said of their sources is unknown.
    """

    sources: tuple[Declared, ...]
    unreadable: tuple[str, ...]

    @classmethod
    def of(cls, stores: Stores) -> Declarations:
        """Those of the folder, and all that were ever frozen.

        Raises:
            LedgerError: The ledger cannot be reached.
        """
        sources, unreadable = [*_of_folder(stores)], []
        for one in every_admitted(stores.ledger):
            if one.definition is None:
                unreadable.append(f"definition {one.digest[:12]} of {one.model}")
            else:
                sources += _sources(one.model, one.definition, now=one.is_last, admitted=True)
        return cls(tuple(sources), tuple(unreadable))

    @property
    def kinds(self) -> list[str]:
        """The kinds of subjects that any source names."""
        return sorted({kind for one in self.sources for kind in one.spec.subjects})

    def require_kind(self, kind: str) -> None:
        """See that a source names this kind of subject.

        Raises:
            RequestError: None does.
        """
        if kind not in self.kinds:
            known = ", ".join(self.kinds) or "none: name the column under `subjects` of its source"
            raise RequestError(
                f"no source says which {kind!r} its rows are of{nearest(kind, self.kinds)}; "
                f"declared are {known}"
            )

    def naming(self, kind: str) -> list[Declared]:
        """The sources that name a kind of subject."""
        return [one for one in self.sources if kind in one.spec.subjects]

    def columns(self, kind: str) -> frozenset[str]:
        """The columns that name a kind of subject, in small letters."""
        return frozenset(one.spec.subjects[kind].casefold() for one in self.naming(kind))

    def hashed(self, kind: str) -> bool:
        """Whether such a column was ever declared to be hashed."""
        return any(
            one.spec.subjects[kind].casefold()
            in {name.casefold() for name in one.spec.personal_columns("hash")}
            for one in self.naming(kind)
        )

    @property
    def personal(self) -> frozenset[str]:
        """Personal columns that are stored, of any source."""
        return frozenset(
            name for one in self.sources for name in one.spec.personal_columns("keep", "hash")
        )

    @property
    def keys(self) -> dict[str, set[tuple[str, ...]]]:
        """The entity keys that each model has or had."""
        found: dict[str, set[tuple[str, ...]]] = {}
        for one in self.sources:
            found.setdefault(one.model, set()).add(one.key)
        return found

    def models(self, kind: str) -> list[str]:
        """The models that ever read a place where a kind of subject stands, in order."""
        places = {place_of(one.spec) for one in self.naming(kind)}
        readers = (one for one in self.sources if one.admitted and place_of(one.spec) in places)
        return sorted({one.model for one in readers})


def still_holding(
    subject: Subject, declared: Declarations, stores: Stores
) -> tuple[list[str], list[Looked]]:
    """Ask the sources of now whether they still hold somebody.

    Returns:
        Where they do, for a person; and the sources that could not be asked, each with why, beside
        the definitions that do not say any more which there were.
    """
    held, unasked = [], [Looked(place=one, what=_UNREADABLE) for one in declared.unreadable]
    asked: set[tuple[str, str]] = set()
    for one in declared.naming(subject.kind):
        column = one.spec.subjects[subject.kind]
        if not one.now or (place_of(one.spec), column) in asked:
            continue
        asked.add((place_of(one.spec), column))
        try:
            with open_source(one.name, one.spec, settings=stores.settings) as reader:
                if reader.holds(column, subject.value):
                    held.append(f"{reader.where}, column {column}")
        except TradewindError as error:
            said = f"{type(error).__name__}: {error}".replace(subject.value, "(erased)")
            unasked.append(Looked(place=f"source {one.name} of {one.model}", what=said))
    return held, unasked


def require_clear_names(kind: str, declared: Declarations, stores: Stores) -> None:
    """See that what a kind's columns are called means them wherever it stands.

    Rows are told by the names of columns, in files that no source has any more: rows of something
    else that is called alike would go with them, and theirs stay where nobody says the column.

    Raises:
        RequestError: A source that does not name the kind has a column of the name as well; or one
            is declared by nothing but a definition that cannot be read any more.
    """
    columns, own = declared.columns(kind), {id_stem(one.spec) for one in declared.naming(kind)}
    known = {id_stem(one.spec) for one in declared.sources}
    for part in stores.catalog.observed():
        stem = part.source_id.rpartition("-")[0]
        if declared.unreadable and stem not in known:
            raise RequestError(
                f"the lake holds parts of the source {stem}, and what says whose its rows are may "
                f"be one of these, which cannot be read any more: {'; '.join(declared.unreadable)}."
                " Declare that source in a model's folder, with the column under `subjects` if it "
                "has one. Nothing was changed"
            )
        called = next((name for name in part.columns if name.casefold() in columns), None)
        if called is not None and stem not in own:
            raise RequestError(
                f"the source {stem} has a column {called!r} as well, and no definition says that "
                f"it names a {kind}: its rows would be taken for theirs. Say so under `subjects` "
                f"of that source; or, if it is something else, read it by another name (from a "
                f"view), and have its older parts let go of. Nothing was changed"
            )


def _of_folder(stores: Stores) -> Iterator[Declared]:
    for name, folder in model_folders(stores.settings.config_dir).items():
        try:
            model = load_definition(folder).model
        except DefinitionError:
            continue
        yield from _sources(name, model, now=True, admitted=False)


def _sources(name: str, model: ModelDefinition, *, now: bool, admitted: bool) -> Iterator[Declared]:
    for source, spec in model.sources.items():
        key = tuple(model.entity_key)
        yield Declared(name, source, spec, key, now=now, admitted=admitted)
