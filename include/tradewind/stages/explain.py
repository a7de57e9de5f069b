"""one served decision → its story, from the raw rows to what became of it.

What was served is read, never made again: the night's log, the features that were scored, the files
that the night saw. Of the version that decided the reasons are told anew, and held against the
score that was served.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError, TradewindError
from tradewind.explanation import Explained, ExplainedLabel, KeyMatches, OtherAnswer
from tradewind.stages._explain_kept import Kept, later_inputs, meaning_then, run_of
from tradewind.stages._explain_key import short_key, value_text
from tradewind.stages._explain_naive import explained_naive, rule_of_night
from tradewind.stages._explain_rows import label_of, raw_rows
from tradewind.stages._explain_score import explained_features, explained_score, has_profile
from tradewind.stages._explain_served import at, served_as
from tradewind.stages._explain_who import Past, decider_of
from tradewind.stages._night_features import write_aligned
from tradewind.stages._versions import definition_of
from tradewind.stores.model_cache import load_kept

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.explanation import ExplainedFeature, ExplainedScore, RawRows
    from tradewind.nights import ScoredNight
    from tradewind.stages._explain_served import Served
    from tradewind.stores.stores import Stores
    from tradewind.stores.trainings import LoadedModel

log = logging.getLogger(__name__)

LISTED = 20
"""Keys that are listed at most where a key is like several."""
_DECIDES = ("champion", "canary")


def explain(
    stores: Stores, model: str, key: str, *, as_of: datetime | None = None
) -> Explained | KeyMatches:
    """Tell how one served decision came about.

    Args:
        stores: Where everything is kept; nothing is written but what a night could have written.
        model: Whose decision.
        key: The entity's key, whole or in part: `column=value,…`, or the values alone in the key's
            order, or the JSON list that the prediction log has.
        as_of: The night that served it; the newest one that did where nothing is said.

    Returns:
        Its story; or which entities are meant, where the key is like several of the night.

    Raises:
        RequestError: The key is not one of this model's.
        LedgerError: There is no such night, or it did not serve this key; the sentence says which
            nights there are.
        LakeError: The night's log or its features are gone.
    """
    found = served_as(stores, model, key, as_of)
    if len(found.entities) > 1:
        keys = [short_key(one) for one in found.entities[:LISTED]]
        night, rows = found.night.night, len(found.entities)
        return KeyMatches(model=model, night=night, asked=key, rows=rows, keys=keys)
    return _Story(found, stores).told()


def highest_key(stores: Stores, scored: ScoredNight) -> str | None:
    """The key of a night's served row with the highest score, of those that a version decided.

    Returns:
        As it can be asked for; None where no version decided for any row.
    """
    rows = stores.lake.read_table(scored.uri, ["entity", "source", "score"]).to_pylist()
    decided = [row for row in rows if row["source"] in _DECIDES]
    if not decided:
        return None
    return short_key(max(decided, key=lambda row: (row["score"], row["entity"]))["entity"])


@dataclass(frozen=True)
class _Version:
    """A version that has to do with a row.

    Attributes:
        loaded: None where it cannot be had.
        own: The definition that it was trained with; None as well.
        problem: Why not.
    """

    number: int | None
    loaded: LoadedModel | None = field(default=None, repr=False)
    own: FrozenDefinition | None = field(default=None, repr=False)
    problem: str | None = None


class _Story:
    """One entity's story while it is gathered."""

    def __init__(self, served: Served, stores: Stores) -> None:
        self.stores, self.night, self.frozen = stores, served.night, served.frozen
        self.kept = Kept(stores, served.night, served.frozen, served.entities[0])
        self.past = Past.of(stores.ledger, self.night, self.frozen.model)
        self.run = run_of(self.past, stores)
        self.row = self.kept.row
        self.is_decided = self.row["source"] in _DECIDES

    def told(self) -> Explained:
        """Gather it all."""
        row, model, entity = self.row, self.frozen.model, self.kept.entity
        champion = version = self._version(self.night.champion)
        if self.is_decided and row["version"] != champion.number:
            version = self._version(row["version"])
        seen = self.kept.features(self.night.features_uri)
        frame, problem = self._frame(version, seen)
        reasons, effects, problem = self._reasons(version, frame, problem)
        lake, night = self.stores.lake, self.night
        rule = rule_of_night(night, champion.loaded, problem=champion.problem, lake=lake)
        naive = explained_naive(model, rule, seen, score=row["naive_score"])
        threshold = naive.threshold
        if self.is_decided:
            known = version.loaded
            threshold = None if known is None else known.metadata["decision_threshold"]
        own = version.own or self.frozen
        raw, raw_problem = self._raw(own)
        values = map(value_text, json.loads(entity))
        return Explained(
            model=model.name,
            night=self.night.night,
            key=dict(zip(model.entity_key, values, strict=True)),
            short_key=short_key(entity),
            event_time=row["event_time"],
            prediction_time=row["prediction_time"],
            score=row["score"],
            decision=row["decision"],
            threshold=threshold,
            model_score=row["model_score"],
            fallback_reason=row["fallback_reason"],
            raw=raw,
            raw_problem=raw_problem,
            warnings=self._warnings(),
            features=self._features(own, frame, version.loaded, effects),
            reasons=reasons,
            reasons_problem=problem,
            decider=decider_of(self.past, row, seen),
            naive=naive,
            others=self._others(),
            label=self._label(),
            owner=model.owner,
            contest=_contest(self.night, model.owner, short_key(entity)),
            kept=self._addresses(),
            usual_problem=_usual_problem(version),
        )

    def _version(self, number: int | None) -> _Version:
        """A version of the night, loaded if it can be."""
        if number is None:
            return _Version(None)
        try:
            uri = self.past.address(number)
            if uri is None:
                uri = self.stores.registry.version(self.night.model, number).model_uri
            loaded = load_kept(str(uri), stores=self.stores)
            return _Version(number, loaded, definition_of(loaded, stores=self.stores))
        except TradewindError as error:
            log.warning("version %s cannot be loaded: %s", number, error)
            return _Version(number, problem=f"version {number} cannot be loaded: {error}")

    def _frame(self, version: _Version, seen: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
        """The row with the features that the version scored, and why they cannot be had."""
        if not self.is_decided or version.loaded is None or version.own is None:
            return seen, None
        same = self.row["feature_digest"]
        if _digest(version.loaded, seen) == same:
            return seen, None
        other = f"the features that version {version.number} scored are not those that are kept"
        run = self.run
        if run.inputs is None or run.features is None:
            return seen, f"{other}, and what the night saw is not known any more"
        # A version of another definition scored its own, which the record does not name.
        written = write_aligned(version.own, run.inputs, run.features, stores=self.stores)
        frame = self.kept.features(written.uri)
        if _digest(version.loaded, frame) == same:
            return frame, None
        return frame, f"{other}, and made again they are others: reasons of them would be of no use"

    def _reasons(
        self, version: _Version, frame: pd.DataFrame, problem: str | None
    ) -> tuple[ExplainedScore | None, np.ndarray | None, str | None]:
        """The way to the score and the effects, or why they cannot be told."""
        if not self.is_decided:
            return None, None, "no version decided: the naive rule did"
        if version.loaded is None or version.number is None or problem is not None:
            return None, None, problem or version.problem
        served, number = self.row["score"], version.number
        try:
            told, effects = explained_score(version.loaded, frame, version=number, served=served)
        except EvidenceError as error:
            return None, None, str(error)
        return told, effects, None

    def _features(
        self,
        own: FrozenDefinition,
        frame: pd.DataFrame,
        loaded: LoadedModel | None,
        effects: np.ndarray | None,
    ) -> list[ExplainedFeature]:
        """What was scored, in the words of its own definition; else in those of that night's."""
        if not {*own.model.features.types} <= {*frame.columns}:
            return []
        words = meaning_then(self.run, self.night.model, self.stores)
        meaning = {**words, **own.model.features.meaning}
        return explained_features(own.model, frame, loaded, effects, meaning=meaning)

    def _raw(self, own: FrozenDefinition) -> tuple[list[RawRows], str | None]:
        """The rows of the sources, or why they cannot be shown."""
        inputs = self.run.inputs
        if inputs is None:
            return [], "what this night saw is not known: the ledger has no run that scored it"
        [entity] = self.kept.key.to_pylist()
        moment = self.row["prediction_time"]
        try:
            return raw_rows(own, inputs, entity, at=moment, stores=self.stores), None
        except TradewindError as error:
            return [], f"the night's rows cannot be read: {error}"

    def _warnings(self) -> list[str]:
        inputs = self.run.inputs
        if inputs is None:
            return []
        stale = [f"{name} was seen as it was: {why}" for name, why in inputs.stale.items()]
        broken = [one.sentence for one in inputs.broken]
        return list(dict.fromkeys([*stale, *broken, *inputs.warnings]))

    def _others(self) -> list[OtherAnswer]:
        named = ("alias", "version", "score", "decision")
        return [OtherAnswer(**{name: one[name] for name in named}) for one in self.kept.beside]

    def _label(self) -> ExplainedLabel:
        """What the newest night that still looks at this event knows of its label."""
        found = later_inputs(self.stores, self.frozen, self.row["event_time"])
        if found is None:
            return ExplainedLabel(state="unknown")
        inputs, looked = found
        event = self.row["event_time"]
        try:
            return label_of(
                self.frozen, inputs, self.kept.key, event=event, looked=looked, stores=self.stores
            )
        except TradewindError as error:
            log.warning("the label of %s cannot be told: %s", self.kept.entity, error)
            return ExplainedLabel(state="unknown", problem=str(error))

    def _addresses(self) -> dict[str, str]:
        """Where what was read lies."""
        night, inputs, event = self.night, self.run.inputs, self.past.recorded
        found = {"prediction log": night.uri, "features": night.features_uri}
        found["naive rule"] = night.rule_uri or ""
        if inputs is not None:
            found |= {"rows": inputs.uri, "validation": inputs.report_uri or ""}
        found["definition"] = night.definition_digest
        found["ledger event of the night"] = "" if event is None else str(event.id)
        return {name: where for name, where in found.items() if where}


def _digest(loaded: LoadedModel, frame: pd.DataFrame) -> str | None:
    """The digest of a row's features as a version sees them; None where it has others."""
    if not {*loaded.metadata["features"]} <= {*frame.columns}:
        return None
    return loaded.scorer.digests(frame)[0]


def _usual_problem(version: _Version) -> str | None:
    if version.loaded is None or has_profile(version.loaded):
        return None
    return (
        "how usual these values are is not known: no profile of its training rows lies beside "
        f"version {version.number}"
    )


def _contest(night: ScoredNight, owner: str, key: str) -> str:
    return (
        f"write to the owner, {owner}, and name the model ({night.model}), the key ({key}) and the "
        f"night ({at(night.night)}): they can look at this very story, have the source put right, "
        "hold the model, or let the fallback decide"
    )
