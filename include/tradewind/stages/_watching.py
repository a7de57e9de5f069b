"""What a nightly look is made on: the predictions of the last nights, and what became of them.

Nights whose data were broken are told apart: what was served on them says nothing of the model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import pyarrow as pa

from tradewind.engine import relations
from tradewind.engine.database import open_database
from tradewind.engine.labels import count_orphans, label_states
from tradewind.errors import UnavailableError
from tradewind.stores.prediction_log import read_log
from tradewind.stores.prediction_schema import entity_texts, key_kinds, prediction_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.reference import Reference
    from tradewind.nights import Breach, LiveState, NightInputs, ScoredNight
    from tradewind.records import Estimate
    from tradewind.stores.registry import LoadedModel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

T = TypeVar("T")
FALLBACK, SHADOW, CONTROL = "fallback", "shadow", "control"
_LOGGED = (
    *("entity", "prediction_time", "as_of", "version", "source", "alias", "score"),
    *("model_score", "naive_score"),
)
_OF_LABEL = ["label", "label_known_at", "label_state"]
_ROW = ["entity", "night"]


@dataclass(frozen=True)
class Champion:
    """Who decided, and what lies beside it.

    Attributes:
        version: MLflow's number.
        since: The as-of moment of its promotion.
        judged: The deciding metric at its promotion; None where that is unknown.
        loaded: The model; None where its file is gone.
        reference: What its nights are compared with; None where it has none.
    """

    version: int
    since: datetime | None
    judged: Estimate | None = None
    loaded: LoadedModel | None = None
    reference: Reference | None = None

    @property
    def threshold(self) -> float | None:
        """The score from which the model decides for a row; None where unknown or a regression."""
        return None if self.loaded is None else self.loaded.metadata["decision_threshold"]

    @property
    def naive_threshold(self) -> float | None:
        """The naive rule's own."""
        told = {} if self.loaded is None else self.loaded.metadata.get("naive") or {}
        return told.get("decision_threshold")


@dataclass(frozen=True)
class PastLook:
    """What an earlier night's look left for the later ones.

    Attributes:
        breaches: Its breaches, each `detector:column`.
        broken: Those of them that make its figures say nothing of the model.
        vitals: Its vital signs.
    """

    night: datetime
    digest: str
    uri: str
    judged_uri: str | None
    breaches: Sequence[str]
    broken: Sequence[str]
    vitals: Mapping[str, float]


def _unlabelled(logged: pa.Table) -> pd.DataFrame:
    """Rows of the log before their labels are looked for."""
    named = logged.to_pandas().rename(columns={"as_of": "night"})
    rows: pd.DataFrame = named.assign(label=None, label_known_at=pd.NaT, label_state="pending")
    return rows


def _no_rows() -> pd.DataFrame:
    return _unlabelled(prediction_schema().empty_table().select(list(_LOGGED)))


@dataclass
class Look:
    """One night's look while it is made.

    Attributes:
        night: Tonight's record; None where it was not scored.
        nights: Every scored night that is watched, oldest first, tonight's the last.
        past: Earlier nights' looks, oldest first.
        accepted: By night, the breaches that a person accepted as the new contract.
        rows: The log of the watched nights, a row an entity and alias, with label and state.
        entities: A row an entity: its key, times, the features that are asked for, label and state.
        orphans: Labels of entities that were never predicted.
        problems: What could not be looked at, and why.
        broken_tonight: Tonight, where what is known by now breaks the contract.
    """

    frozen: FrozenDefinition
    as_of: datetime
    live: LiveState
    night: ScoredNight | None
    nights: list[ScoredNight]
    past: list[PastLook]
    accepted: Callable[[datetime], frozenset[str]]
    stores: Stores
    champion: Champion | None = None
    rows: pd.DataFrame = field(default_factory=_no_rows)
    entities: pd.DataFrame = field(default_factory=pd.DataFrame)
    orphans: int = 0
    problems: list[str] = field(default_factory=list)
    broken_tonight: set[datetime] = field(default_factory=set)

    @property
    def model(self) -> ModelDefinition:
        """The definition that is looked by."""
        return self.frozen.model

    def attempt(self, what: str, do: Callable[..., T], *given: Any, otherwise: Any) -> T:
        """Look at one part; where that fails, say so, and look at the others.

        Args:
            what: The part, in words.
            do: Looks at it.
            given: What it is given.
            otherwise: What stands for its result where it fails.

        Raises:
            UnavailableError: A store does not answer: the whole look is to be tried again.
        """
        try:
            return do(*given)
        except UnavailableError:
            raise
        except Exception as error:  # whatever it is, it must not read as all being well
            log.exception("%s: %s could not be looked at", self.model.name, what)
            self.problems.append(f"{what} could not be looked at: {str(error) or repr(error)}")
            failed: T = otherwise
            return failed

    @property
    def broken_nights(self) -> set[datetime]:
        """Nights that were served on broken data, but for what a person accepted since."""
        return {
            one.night for one in self.nights if self.counting(one.breaches, night=one.night)
        } | self.broken_tonight

    def counting(
        self, breaches: Sequence[Breach], *, night: datetime | None = None
    ) -> list[Breach]:
        """Those of a night, tonight if none is named, that no person accepted as the contract."""
        accepted = self.accepted(night or self.as_of) if breaches else frozenset()
        return [one for one in breaches if one.name not in accepted]

    def is_broken(self, past: PastLook) -> bool:
        """Whether an earlier night's data were broken, as far as nobody accepted it."""
        return bool(past.broken and set(past.broken) - self.accepted(past.night))

    def sound(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of nights whose data were whole."""
        return rows[~rows["night"].isin(list(self.broken_nights))]

    @cached_property
    def decided(self) -> pd.DataFrame:
        """Rows of sound nights with a model's score, but for entities that were on fallback.

        Asked for once all rows are gathered.
        """
        rows = self.sound(self.rows)
        on_fallback = rows.loc[rows["source"] == FALLBACK, _ROW]
        kept = rows[rows["model_score"].notna() & rows["version"].notna()]
        marked = kept.merge(on_fallback.assign(fell=True), on=_ROW, how="left")
        return marked[marked["fell"].isna()].drop(columns="fell")

    def of_version(self, version: int) -> pd.DataFrame:
        """What a version said of each entity, whether it was served or not."""
        rows = self.decided
        return rows[rows["version"] == version].drop_duplicates(_ROW)


def matured(rows: pd.DataFrame) -> pd.DataFrame:
    """Those whose label is known."""
    return rows[rows["label_state"] == "known"]


def gather(look: Look, inputs: NightInputs, *, features: Sequence[str]) -> None:
    """Read the watched nights' predictions and entities, and put their labels beside them.

    Args:
        look: Gets them.
        inputs: The sources as they are known tonight.
        features: Which of the features are asked for.
    """
    logs, entities = [], []
    for night in look.nights:
        told = f"the predictions of {night.night:%Y-%m-%d %H:%M} UTC"
        found = look.attempt(told, _night, look, night, features, otherwise=None)
        if found is not None:
            logs.append(found[0])
            entities.append(found[1])
    if not logs:
        return
    look.rows = _unlabelled(pa.concat_tables(logs, promote_options="permissive"))
    known = pa.concat_tables(entities, promote_options="permissive")
    labelled = look.attempt("labels", _labelled, look, known, inputs, otherwise=None)
    look.entities = (known if labelled is None else labelled).to_pandas()
    if labelled is not None:
        states = look.entities[[*_ROW, *_OF_LABEL]]
        look.rows = look.rows.drop(columns=_OF_LABEL).merge(states, on=_ROW, how="left")
        look.rows["label_state"] = look.rows["label_state"].fillna("pending")


def _night(look: Look, night: ScoredNight, features: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    lake, key = look.stores.lake, look.model.entity_key
    logged = read_log(lake, [night], columns=list(_LOGGED))
    wanted = dict.fromkeys([*key, "event_time", "prediction_time", "set_aside", *features])
    table = lake.read_table(night.features_uri, columns=list(wanted))
    moments = pa.repeat(pa.scalar(night.night, pa.timestamp("us", "UTC")), table.num_rows)
    keys = table.select(list(dict.fromkeys(key))).to_pandas()
    named = pa.array(entity_texts(keys, key_kinds(keys, key)), pa.string())
    return logged, table.append_column("entity", named).append_column("night", moments)


def _labelled(look: Look, known: pa.Table, inputs: NightInputs) -> pa.Table:
    frozen, lake = look.frozen, look.stores.lake
    resources, files = frozen.model.resources, lake.read_json(inputs.uri)
    sources = {name: lake.dataset([files[name]]) for name in frozen.model.sources if name in files}
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        relations.load(connection, frozen, sources)
        found = label_states(connection, frozen, known, as_of=look.as_of)
        look.orphans = count_orphans(connection, frozen, known)
    return found
