"""How a stored model answers: self-contained, so that this very file travels with each model.

MLflow runs a copy of it wherever the model is served; here the same class scores every night. So it
imports nothing of Tradewind but its neighbours that travel with it (`casting`, `fallback`,
`reasons`, `telling`, `trees`, `shapley`, `prediction_schema`), and nothing beyond what a scoring
server has: numpy, pandas, pyarrow, scikit-learn and skops.

A model is a folder: `model.skops`, the scikit-learn object; `model.json`, what else one must know
to use it: features and their types, the decision threshold, the types that may be loaded, and
where it came from; and files that were laid beside, such as a profile of its rows. From format 2 on
`model.json` also carries the fitted naive rule with its own threshold, what the model was trained
on, and what its reasons are told against.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .casting import Cast, cast, cast_features, feature_digests
from .fallback import Known, NaiveRule
from .prediction_schema import REASONS
from .reasons import Explainer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "FORMAT",
    "METADATA_FILE",
    "OBJECT_FILE",
    "Scorer",
    "UntrustedTypeError",
    "cast_features",
]

FORMAT = 2
"""What is written; every earlier one is read, and what it lacks is unknown."""
OBJECT_FILE = "model.skops"
METADATA_FILE = "model.json"
TRUSTED_PREFIXES = ("sklearn.", "numpy.")
# Trees that bin their input hold a partial of scikit-learn's own check, and splines are scipy's, by
# the names that the pinned scipy gives them. None of these runs anything that it is given.
TRUSTED_TYPES = (
    "functools.partial",
    "scipy.interpolate._bsplines.BSpline",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
)
_SOURCES = np.array(["model", "fallback"], dtype=object)
CHUNK_ROWS = 32_768
"""Rows are scored so many at a time, so that memory does not grow with them."""


class UntrustedTypeError(ValueError):
    """A stored model names a type that may not be loaded."""


def untrusted(types: list[str]) -> list[str]:
    """The types that may not be loaded, out of those that a model needs."""
    return [
        name
        for name in types
        if name not in TRUSTED_TYPES and not name.startswith(TRUSTED_PREFIXES)
    ]


def predict(estimator: Any, features: pd.DataFrame, *, problem: str) -> np.ndarray:
    """Scores, one a row: the probability of the positive class, or the predicted value.

    Always so many rows at a time: sums over other stretches may differ in their last bit.

    Args:
        estimator: The fitted scikit-learn object.
        features: As `cast_features` returns them.
        problem: `binary` or `regression`.
    """
    answers = [_predict(estimator, features.iloc[part], problem) for part in _parts(len(features))]
    return np.concatenate([np.empty(0, dtype=np.float64), *answers])


class Scorer:
    """A model, loaded: frames in, scores out.

    Attributes:
        metadata: What `model.json` says.
        beside: The files that were laid beside it, by name.
    """

    def __init__(
        self,
        estimator: Any,
        metadata: dict[str, Any],
        beside: Mapping[str, bytes] | None = None,
    ) -> None:
        self.estimator = estimator
        self.metadata = metadata
        self.beside = dict(beside or {})

    @classmethod
    def open(cls, folder: str | Path) -> Scorer:
        """Load a model from its folder.

        Raises:
            UntrustedTypeError: It needs a type that may not be loaded.
            ValueError: It is of a format that this version does not know.
        """
        import skops.io  # noqa: PLC0415 -- only who loads a model pays for it

        metadata = json.loads(Path(folder, METADATA_FILE).read_text(encoding="utf-8"))
        if metadata.get("format") not in range(1, FORMAT + 1):
            message = (
                f"{folder}: a model of format {metadata.get('format')!r}; up to {FORMAT} is known"
            )
            raise ValueError(message)
        trusted = list(metadata["trusted_types"])
        if refused := untrusted(trusted):
            message = f"{folder}: may not load {', '.join(refused)}"
            raise UntrustedTypeError(message)
        own = (OBJECT_FILE, METADATA_FILE)
        others = [
            path for path in Path(folder).iterdir() if path.is_file() and path.name not in own
        ]
        beside = {path.name: path.read_bytes() for path in sorted(others)}
        return cls(skops.io.load(Path(folder, OBJECT_FILE), trusted=trusted), metadata, beside)

    @cached_property
    def naive(self) -> NaiveRule | None:
        """The naive rule that travels with the model; None where it has none (format 1)."""
        told = self.metadata.get("naive")
        return None if told is None else NaiveRule.from_json(told)

    @cached_property
    def known(self) -> Known | None:
        """What the model was trained on; None where that is unknown (format 1)."""
        told = self.metadata.get("known")
        return None if told is None else Known.from_json(told)

    @cached_property
    def explainer(self) -> Explainer:
        """What tells the reasons of a score."""
        told = self.metadata.get("explains") or {}
        return Explainer.of(self.estimator, self.metadata["features"], told)

    def score(
        self,
        frame: pd.DataFrame,
        *,
        guarded: bool = False,
        outside_range: float = 0.5,
        unseen: str = "fallback",
        ready: Mapping[str, Collection[str]] | None = None,
        force_fallback: pd.Series | None = None,
        reasons: int = 0,
    ) -> pd.DataFrame:
        """Score rows.

        Args:
            frame: One row an entity, with the features' columns; others are ignored.
            guarded: Whether the naive rule decides for rows outside what the model was trained on.
            outside_range: A number further outside its training range than this share of the
                range's width is outside.
            unseen: `fallback`, or `model` where a category never seen does not matter.
            ready: By feature, values never seen that the model may decide for all the same.
            force_fallback: Why the naive rule decides, by row; null where nothing forces it. On
                any index, in the rows' order.
            reasons: How many reasons a row; 0 leaves them out.

        Returns:
            On the frame's index: `score` (a probability, or the predicted value), for a binary
            problem `decision` (1 from the decision threshold on), and `source`: `model`, or
            `fallback` where the naive rule gave both. Where that may be: `fallback_reason` (None
            for the model's rows), `model_score` and `naive_score` (what each says of every row).
            With reasons: `reasons`, a list a row, as `Explainer.tell` makes them; none for a row
            on fallback. They are kept as Arrow's columns, and are plain values when asked for.

        Raises:
            KeyError: A feature's column is not there.
            ValueError: A row must be on fallback, and the model has no naive rule.
        """
        may_fall = guarded or force_fallback is not None
        forced = None if force_fallback is None else np.asarray(force_fallback, dtype=object)
        limits = {"outside_range": outside_range, "unseen": unseen, "ready": ready}
        whole: dict[str, np.ndarray] = {}
        told: list[pa.ListArray] = []
        for part in _parts(len(frame)) or [slice(0, 0)]:
            features = cast(frame.iloc[part], self.metadata["features"])
            prepared = self._prepared(features.frame) if reasons else None
            answer = {"model_score": self._scores(features.frame, prepared)}
            if may_fall:
                held = None if forced is None else forced[part]
                answer |= self._fallback(features, held, limits if guarded else None)
            falls = pd.notna(answer["fallback_reason"]) if may_fall else None
            for name, one in self._decided(answer, falls).items():
                whole.setdefault(name, np.empty(len(frame), dtype=one.dtype))[part] = one
            if reasons:
                told.append(
                    self.explainer.tell(features, most=reasons, skip=falls, prepared=prepared)
                )
        columns = {name: pd.Series(one, frame.index, one.dtype) for name, one in whole.items()}
        if reasons:
            kept = pd.arrays.ArrowExtensionArray(pa.chunked_array(told, REASONS))
            columns["reasons"] = pd.Series(kept, frame.index)
        return pd.DataFrame(columns, index=frame.index, copy=False)

    def digests(self, frame: pd.DataFrame) -> list[str]:
        """The digest of each row's features; see `feature_digests`."""
        found: list[str] = []
        for part in _parts(len(frame)):
            found += feature_digests(cast(frame.iloc[part], self.metadata["features"]).frame)
        return found

    def _prepared(self, features: pd.DataFrame) -> Any:
        """What scores and reasons are both made of, where one preparation serves both."""
        alone = self.explainer.estimator is self.estimator
        return self.explainer.prepared(features) if alone and len(features) else None

    def _scores(self, features: pd.DataFrame, prepared: Any) -> np.ndarray:
        if features.empty:
            return np.empty(0, dtype=np.float64)
        if prepared is not None:
            return _predict(*self.explainer.last_step(prepared), self.metadata["problem"])
        return _predict(self.estimator, features, self.metadata["problem"])

    def _fallback(
        self, features: Cast, forced: np.ndarray | None, limits: dict[str, Any] | None
    ) -> dict[str, np.ndarray]:
        """Why the naive rule decides for a row, and what it says of every row."""
        reason = np.full(len(features.frame), None, dtype=object)
        if limits is not None and self.known is not None:
            reason = self.known.outside(features, **limits)
        if forced is not None:
            reason = np.where(pd.notna(forced), forced, reason)
        if self.naive is None:
            if pd.notna(reason).any():
                message = (
                    f"{self.metadata.get('model')}: {reason[pd.notna(reason)][0]}, and this model "
                    "was stored without a naive rule (format 1): train it again"
                )
                raise ValueError(message)
            return {"fallback_reason": reason, "naive_score": np.full(len(reason), np.nan)}
        return {"fallback_reason": reason, "naive_score": self.naive.score(features.frame)}

    def _decided(
        self, answer: dict[str, np.ndarray], falls: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """One part's columns, in their order, where the naive rule decides for some or None."""
        model_score, threshold = answer["model_score"], self.metadata["decision_threshold"]
        result = {"score": model_score}
        if falls is not None:
            result["score"] = np.where(falls, answer["naive_score"], model_score)
        if threshold is not None:
            least = threshold
            if falls is not None:
                naive = (self.metadata.get("naive") or {}).get("decision_threshold", threshold)
                least = np.where(falls, naive, threshold)
            result["decision"] = (result["score"] >= least).astype("int64")
        is_rule = np.zeros(len(model_score), np.bool_) if falls is None else falls
        result["source"] = _SOURCES.take(is_rule.astype(np.intp))
        if falls is not None:
            result |= {name: answer[name] for name in ("fallback_reason", "model_score")}
            result["naive_score"] = answer["naive_score"]
        return result


def _predict(estimator: Any, features: Any, problem: str) -> np.ndarray:
    if problem == "binary":
        return np.asarray(estimator.predict_proba(features)[:, 1], dtype=np.float64)
    return np.asarray(estimator.predict(features), dtype=np.float64)


def _parts(rows: int) -> list[slice]:
    return [slice(at, min(at + CHUNK_ROWS, rows)) for at in range(0, rows, CHUNK_ROWS)]
