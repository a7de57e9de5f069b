"""The features that moved each row's score most, in words, as columns of Arrow.

A night has millions of reasons, and few that differ: of what many rows share, each text is made
once, and taken for every row that it is true of.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from .prediction_schema import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .casting import Cast


_FEW = 2**16


def strongest(effects: np.ndarray, *, most: int) -> np.ndarray:
    """The places of each row's greatest effects, whatever their sign.

    Args:
        effects: Shape (rows, features).
        most: How many a row.

    Returns:
        Shape (rows, at most `most`), the greatest first, the lower place where two are equal.
    """
    # One pass for each: far fewer than a sort would take, since few are asked for.
    left, rows = np.abs(effects, order="C"), np.arange(len(effects))
    places = np.empty((len(left), min(most, left.shape[1])), dtype=np.intp)
    for turn in range(places.shape[1]):
        places[:, turn] = left.argmax(axis=1)
        # What was taken is less than all that is left.
        left[rows, places[:, turn]] = -1.0
    return places


def in_words(
    effects: np.ndarray,
    features: Cast,
    types: Mapping[str, str],
    *,
    most: int,
    rows: np.ndarray,
) -> pa.ListArray:
    """The reasons of some rows.

    Args:
        effects: How much each feature moved each of them, shape (rows told of, features).
        features: Of all rows.
        types: The features' types by name, in the order of the effects.
        most: How many reasons a row; what moved nothing is left out.
        rows: Which rows are told of, in their order; the others have no reason.

    Returns:
        Of type `REASONS`, a list for each of all rows.
    """
    places = strongest(effects, most=most)
    moved = np.take_along_axis(effects, places, axis=1)
    told = np.flatnonzero(np.abs(moved) > 0)
    row_of = rows[told // places.shape[1]]
    counts = np.bincount(row_of, minlength=len(features.frame))
    ends = np.concatenate([[0], counts.cumsum()])
    reasons = _reasons(places.ravel()[told], moved.ravel()[told], row_of, features, types)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), reasons, type=REASONS)


def _reasons(
    places: np.ndarray,
    effects: np.ndarray,
    rows: np.ndarray,
    features: Cast,
    types: Mapping[str, str],
) -> pa.StructArray:
    """One reason an entry: feature, value, effect, words."""
    names = list(types)
    texts: list[str | None] = []
    shown: list[str] = []
    # Which of the texts each reason has.
    code = np.empty(len(places), dtype=np.int64)
    for place, here in _by_feature(places, len(names)):
        name = names[place]
        own, different = _values(features, name, types[name], rows[here])
        code[here] = len(texts) + own
        texts += different
        shown += [f"missing {name}" if one is None else f"{name} {one}" for one in different]
    words = pa.array([f"{one} {did} it" for did in ("lowered", "raised") for one in shown])
    columns = [
        pa.array(names, pa.string()).take(pa.array(places)),
        pa.array(texts, pa.string()).take(pa.array(code)),
        pa.array(effects, pa.float64()),
        words.cast(pa.string()).take(pa.array(code + len(shown) * (effects > 0))),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(REASONS.value_type))


def _by_feature(places: np.ndarray, features: int) -> Iterator[tuple[int, np.ndarray]]:
    """Which reasons are of which feature, for each that has any."""
    # In 16 bits numpy sorts by counting.
    order = np.argsort(places.astype(np.uint16 if features < _FEW else np.intp), kind="stable")
    ends = np.bincount(places, minlength=features).cumsum().tolist()
    for place, (start, end) in enumerate(pairwise([0, *ends])):
        if end > start:
            yield place, order[start:end]


def _values(
    features: Cast, name: str, kind: str, rows: np.ndarray
) -> tuple[np.ndarray, list[str | None]]:
    """Which of a feature's different texts each row has, and the texts: None where missing."""
    if kind == "categorical":
        words = features.words[name]
        codes, texts = words.codes[rows], [str(value) for value in words.known]
    else:
        codes, values = pd.factorize(features.frame[name].to_numpy()[rows])
        texts = [_number(value, kind) for value in values.tolist()]
    # A missing value has the code -1, which is the last of the list.
    return codes % (len(texts) + 1), [*texts, None]


def _number(value: Any, kind: str) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    return str(int(value)) if value.is_integer() else f"{value:.4g}"
