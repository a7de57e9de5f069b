"""Which parts a training saw, and how far the rows of each came."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradewind.engine.database import open_database
from tradewind.errors import DefinitionError, LakeError, LedgerError, UnavailableError
from tradewind.lineage._arrived import Arrived, arrived
from tradewind.lineage._reach import Edges, use_of
from tradewind.lineage_records import REACHES
from tradewind.records import EXCLUDED, Part
from tradewind.stores.exclusions import exclusions, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.lineage._origins import Origin, Way
    from tradewind.lineage_records import PartUse
    from tradewind.nights import Exclusion
    from tradewind.stores.stores import Stores

_MEMORY, _THREADS = "1GB", 1

Manifest = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Found:
    """Parts with their uses, and what was not found on the way.

    Attributes:
        whole: Whether every manifest on the way could be read.
    """

    uses: list[PartUse]
    gaps: list[str]
    whole: bool


@dataclass
class Reader:
    """What the lake and the ledger say of trainings; what several share is read once.

    Made by `reading`.
    """

    stores: Stores
    _connection: duckdb.DuckDBPyConnection
    _cuts: Sequence[Exclusion]
    # The last one alone: a year's is megabytes, and few versions share theirs.
    _manifest: tuple[str, Manifest | str] | None = None
    _validated: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    _definitions: dict[tuple[str, str], ModelDefinition | str] = field(default_factory=dict)
    _arrived: dict[tuple[str, str], Arrived | str] = field(default_factory=dict)

    def uses(self, origin: Origin, *, wanted: Callable[[str, dict[str, Any]], bool]) -> Found:
        """How far parts came in a training, over all its ways: of each part the furthest.

        Args:
            origin: Of a version.
            wanted: Says of a source's name and a part as the manifest has it whether it is asked
                about.

        Raises:
            UnavailableError: The lake or the ledger does not answer.
        """
        uses: dict[tuple[str, str], PartUse] = {}
        gaps: list[str] = []
        whole = True
        for way in origin.ways:
            manifest = self.manifest(way)
            if isinstance(manifest, str):
                gaps.append(f"{origin.name}: {manifest}")
                whole = False
                continue
            for name, parts in manifest.items():
                some = [Part.model_validate(each) for each in parts if wanted(name, each)]
                for use in self._of_source(origin, way, name, some, gaps):
                    known = uses.get((name, use.uri))
                    uses[name, use.uri] = use if known is None else _further(known, use)
        return Found(list(uses.values()), list(dict.fromkeys(gaps)), whole)

    def manifest(self, way: Way) -> Manifest | str:
        """The parts that a run saw, by source; or a sentence where that is gone."""
        if way.snapshot is None:
            return f"no snapshot is recorded of the run {way.run_id or '(not recorded either)'}"
        if self._manifest is None or self._manifest[0] != way.snapshot:
            found = self._read(snapshot_uri(way.snapshot), "the manifest of the snapshot")
            if not isinstance(found, str):
                found.pop(EXCLUDED, None)
            self._manifest = way.snapshot, found
        return self._manifest[1]

    def validated(self, way: Way) -> dict[str, Any] | str:
        """What validation recorded; or a sentence where that is gone."""
        if way.validated is None:
            return f"no validation is recorded of the run {way.run_id or '(not recorded either)'}"
        if way.validated not in self._validated:
            uri = f"{validated_folder(way.validated)}/validated.json"
            self._validated[way.validated] = self._read(uri, "the record of the validated rows")
        return self._validated[way.validated]

    def definition(self, model: str, digest: str | None) -> ModelDefinition | str:
        """A frozen definition; or a sentence where it is gone, or cannot be read any more."""
        if digest is None:
            return "no definition is recorded of its training"
        if (model, digest) not in self._definitions:
            try:
                known: ModelDefinition | str = self.stores.ledger.definition(model, digest).model
            except UnavailableError:
                raise
            except (LedgerError, DefinitionError) as error:
                first = str(error).splitlines()[0]
                known = f"the definition {digest[:12]} cannot be read any more: {first}"
            self._definitions[model, digest] = known
        return self._definitions[model, digest]

    def _of_source(
        self, origin: Origin, way: Way, name: str, parts: Sequence[Part], gaps: list[str]
    ) -> Iterator[PartUse]:
        if not parts:
            return
        definition = self.definition(origin.model, way.definition)
        rows: Arrived | None = None
        horizon = timedelta()
        source: Source | None = None
        if isinstance(definition, str):
            gaps.append(f"{origin.name}: {definition}")
        else:
            horizon, source = definition.horizon, definition.sources.get(name)
            rows = self._rows(origin, way, name, definition, gaps)
        edges = Edges.of(origin, horizon)
        if edges is None:
            gaps.append(f"{origin.name}: no stretches of its training are recorded")
        for part in parts:
            yield use_of(name, part, rows, edges, excluded=self._excluded(part, source))

    def _excluded(self, part: Part, source: Source | None) -> int | None:
        """The event that leaves a part out; of a source that is not known any more, by address."""
        place = place_of(source) if source else None
        cuts = (cut for cut in self._cuts if cut.place == place or part.uri in cut.parts)
        return next((cut.event_id for cut in cuts if cut.covers(part)), None)

    def _rows(
        self, origin: Origin, way: Way, name: str, definition: ModelDefinition, gaps: list[str]
    ) -> Arrived | None:
        record, source = self.validated(way), definition.sources.get(name)
        if isinstance(record, str) or way.validated is None:
            gaps.append(f"{origin.name}: {record}")
            return None
        if source is None or way.as_of is None:
            gaps.append(f"{origin.name}: its definition has no source {name}, which it saw")
            return None
        key = (way.validated, name)
        if key not in self._arrived:
            self._arrived[key] = arrived(
                self._connection,
                self.stores.lake,
                name,
                source,
                folder=validated_folder(way.validated),
                quarantined=name in record["quarantined"],
                as_of=way.as_of,
            )
        found = self._arrived[key]
        if isinstance(found, str):
            gaps.append(f"{origin.name}: {found}")
            return None
        return found

    def _read(self, uri: str, what: str) -> Any:
        try:
            return self.stores.lake.read_json(uri)
        except UnavailableError:
            raise
        except LakeError:
            state = "is damaged" if self.stores.lake.exists(uri) else "is not in the lake"
            return f"{what}, {uri}, {state}"


@contextmanager
def reading(stores: Stores) -> Iterator[Reader]:
    """Read trainings, with a database to count rows in that is gone afterwards."""
    with open_database(memory=_MEMORY, threads=_THREADS) as connection:
        yield Reader(stores, connection, exclusions(stores.ledger))


def snapshot_uri(digest: str) -> str:
    """Where the manifest of a snapshot is."""
    return f"snapshots/{digest}.json"


def validated_folder(digest: str) -> str:
    """Where validated rows are."""
    return f"validated/{digest}"


def _further(one: PartUse, other: PartUse) -> PartUse:
    return min(one, other, key=lambda use: REACHES.index(use.reach))
