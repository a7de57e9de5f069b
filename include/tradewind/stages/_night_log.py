"""A night's rows as they are logged, chunk by chunk: what is served, what is recorded beside.

A version that scores beside another has one row an entity: the served one where it decides, a
`shadow` elsewhere. So any two of them can be compared on the very same entities.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.stages._serving import (
    CHAMPION,
    CONTROL,
    FALLBACK,
    SEGMENT,
    Answer,
    Deciders,
    Plan,
    ask,
    decided,
    deciders,
    players,
)
from tradewind.stores.casting import cast_features, feature_digests
from tradewind.stores.digested import read_chunks
from tradewind.stores.prediction_schema import REASONS, entity_texts, key_kinds, prediction_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import Arm, NightFeatures
    from tradewind.stages._versions import NightVersion
    from tradewind.stores.lake import Lake

CHUNK_ROWS = 100_000
"""Rows are served so many at a time, so that memory does not grow with the night."""
_SHADOW = "shadow"


@dataclass
class Tally:
    """What a night came to.

    Attributes:
        served: Rows by source, but for shadows.
        reasons: Rows on fallback by reason.
        total: Of the served scores.
    """

    rows: int = 0
    served: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    total: float = 0.0

    def add(self, served: dict[str, Any]) -> None:
        """Count a chunk's served rows."""
        self.rows += len(served["score"])
        self.served.update(served["source"])
        self.reasons.update(one for one in served["fallback_reason"] if one is not None)
        self.total += float(np.sum(served["score"]))


@dataclass(frozen=True)
class _Chunk:
    """Some of the night's rows.

    Attributes:
        frame: The night's own columns.
        same: Columns of the log that are the same whoever decides.
        frames: The rows with each version's own features, by its number.
        digests: Of those features.
    """

    frame: pd.DataFrame
    same: dict[str, Any]
    frames: dict[int, pd.DataFrame]
    digests: dict[int, list[str]]


def log_rows(
    plan: Plan,
    frozen: FrozenDefinition,
    features: NightFeatures,
    *,
    lake: Lake,
    tally: Tally,
) -> Iterator[pa.RecordBatch]:
    """Serve a night.

    Args:
        plan: Who may decide.
        frozen: The definition whose SQL gave the entities.
        features: They.
        lake: Where they lie.
        tally: Gets what it comes to.

    Yields:
        The log's rows, in batches.
    """
    addresses = {number: one.features_uri for number, one in plan.versions.ready.items()}
    uris = list(dict.fromkeys([features.uri, *addresses.values()]))
    streams = [read_chunks(lake, uri, rows=CHUNK_ROWS) for uri in uris]
    for tables in zip(*streams, strict=True):
        by_uri = {uri: table.to_pandas() for uri, table in zip(uris, tables, strict=True)}
        frames = {number: by_uri[uri] for number, uri in addresses.items()}
        chunk = _chunk(plan, frozen, by_uri[features.uri], frames, night=features)
        for table in _serve(plan, chunk, tally):
            yield from table.to_batches()


def _chunk(
    plan: Plan,
    frozen: FrozenDefinition,
    frame: pd.DataFrame,
    frames: dict[int, pd.DataFrame],
    *,
    night: NightFeatures,
) -> _Chunk:
    model, champion = frozen.model, plan.champion
    own = frame if champion is None else frames[champion.number]
    same = {
        "entity": entity_texts(frame, key_kinds(frame, model.entity_key)),
        "event_time": _in_utc(frame["event_time"]),
        "prediction_time": _in_utc(frame["prediction_time"]),
        "as_of": night.end,
        "naive_score": plan.rule.score(own),
    }
    digests: dict[Any, list[str]] = {}
    for version in plan.versions.ready.values():
        seen = _seen_by(version)
        if seen not in digests:
            digests[seen] = version.loaded.scorer.digests(frames[version.number])
    if champion is None:
        types = model.features.types
        told = feature_digests(cast_features(frame, types))
        same["feature_digest"] = np.array(told, dtype=object)
    by_version = {one.number: digests[_seen_by(one)] for one in plan.versions.ready.values()}
    return _Chunk(frame, same, frames, by_version)


def _in_utc(moments: pd.Series) -> npt.NDArray[Any]:
    """Moments as numpy has them, which knows no zone: those of UTC."""
    return np.asarray(moments.dt.tz_convert(None))


def _seen_by(version: NightVersion) -> tuple[Any, ...]:
    """What decides the digests of a version's features: versions may share them."""
    return version.features_uri, *version.loaded.metadata["features"].items()


def _serve(plan: Plan, chunk: _Chunk, tally: Tally) -> Iterator[pa.Table]:
    champion = plan.champion
    # Segments are told by the features that the champion sees, or tonight's.
    told = chunk.frame if champion is None else chunk.frames[champion.number]
    who = deciders(plan, told, chunk.same["entity"])
    names: dict[int, list[str]] = {}
    for name, number in players(plan).items():
        names.setdefault(number, []).append(name)
    answers = {
        number: ask(
            version, chunk.frames[number], np.isin(who.by, names.get(number, [])), plan=plan
        )
        for number, version in plan.versions.ready.items()
    }
    served = _served(plan, chunk, who, answers)
    tally.add(served)
    yield prediction_table(served, rows=len(chunk.frame))
    for arm in plan.arms:
        yield _beside(arm, chunk, answers[arm.version], served)
    if champion is not None:
        yield _champion_beside(champion.number, chunk, answers[champion.number], served)


def _served(plan: Plan, chunk: _Chunk, who: Deciders, answers: dict[int, Answer]) -> dict[str, Any]:
    """The one decision that is served for each row: the rule's, unless a version may decide."""
    rows, number = len(chunk.frame), plan.champion.number if plan.champion else None
    score = np.array(chunk.same["naive_score"], dtype=np.float64)
    columns: dict[str, Any] = {
        **chunk.same,
        "score": score,
        "decision": np.array(decided(score, plan.rule.threshold), dtype=object),
        "source": np.where(who.by == CONTROL, CONTROL, FALLBACK).astype(object),
        "fallback_reason": who.reason.copy(),
        "version": np.full(rows, number, dtype=object),
        "alias": np.full(rows, CHAMPION if number else None, dtype=object),
        "model_score": answers[number].score.copy() if number else np.full(rows, np.nan),
        "reasons": pa.nulls(rows, REASONS),
    }
    if number is not None:
        columns["feature_digest"] = np.array(chunk.digests[number], dtype=object)
    for name, version in players(plan).items():
        if version in answers:
            _let(name, version, who.by == name, columns, answers[version], chunk)
    noted = columns["source"] == FALLBACK
    if plan.rule.note:
        columns["fallback_reason"][noted] = columns["fallback_reason"][noted] + plan.rule.note
    return columns


def _let(
    name: str,
    number: int,
    asked: npt.NDArray[np.bool_],
    columns: dict[str, Any],
    answer: Answer,
    chunk: _Chunk,
) -> None:
    """Let a version decide for its rows, but for those that it must not decide."""
    may = asked & pd.isna(answer.reason)
    columns["fallback_reason"][asked & ~may] = answer.reason[asked & ~may]
    kind = SEGMENT if name.startswith(f"{SEGMENT}:") else name
    columns["source"][may] = CHAMPION if kind in (CHAMPION, SEGMENT) else "canary"
    columns["alias"][may], columns["version"][may] = kind, number
    columns["score"][may] = columns["model_score"][may] = answer.score[may]
    columns["decision"][may] = np.array(decided(answer.score, answer.threshold), dtype=object)[may]
    columns["reasons"] = pc.if_else(pa.array(may), answer.reasons, columns["reasons"])
    digests = np.array(chunk.digests[number], dtype=object)
    columns["feature_digest"][may] = digests[may]


def _beside(arm: Arm, chunk: _Chunk, answer: Answer, served: dict[str, Any]) -> pa.Table:
    """An arm's rows where it does not serve."""
    elsewhere = served["alias"] != arm.name
    return _recorded(arm.version, arm.name, chunk, answer, elsewhere)


def _champion_beside(
    number: int, chunk: _Chunk, answer: Answer, served: dict[str, Any]
) -> pa.Table:
    """The champion's rows where another version serves."""
    return _recorded(number, CHAMPION, chunk, answer, served["version"] != number)


def _recorded(
    number: int, alias: str, chunk: _Chunk, answer: Answer, where: npt.NDArray[np.bool_]
) -> pa.Table:
    score = answer.score[where]
    columns = {
        name: np.asarray(values, dtype=object)[where] if name == "entity" else values[where]
        for name, values in chunk.same.items()
        if name not in ("as_of", "feature_digest")
    }
    told = {
        "as_of": chunk.same["as_of"],
        "score": score,
        "model_score": score,
        "decision": decided(score, answer.threshold),
        "source": _SHADOW,
        "version": number,
        "alias": alias,
        "feature_digest": np.array(chunk.digests[number], dtype=object)[where],
    }
    return prediction_table({**columns, **told}, rows=int(where.sum()))
