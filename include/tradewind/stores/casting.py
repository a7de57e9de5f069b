"""Features as every model sees them: in training, at night, on line.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

_MISSING = -1
_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Words:
    """A categorical column: which of its values each row has.

    Attributes:
        codes: Place in `known`, -1 where the row has none; shape (rows,).
        known: The distinct values; shape (values,).
    """

    codes: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Cast:
    """Features, cast.

    Attributes:
        frame: Numbers and booleans as float64, words as objects; whatever is missing is NaN.
        words: The categorical columns once more, as codes: what is asked of the words is then asked
            of their few values, and not of every row.
    """

    frame: pd.DataFrame
    words: Mapping[str, Words]


def cast_features(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """The features as every model sees them, in training as in scoring.

    Args:
        frame: Rows with at least the features' columns, of whatever type carries their values.
        types: `numeric`, `boolean` or `categorical` by feature, in the model's order.

    Returns:
        Numbers and booleans as float64, words as objects; whatever is missing is NaN.

    Raises:
        KeyError: A feature's column is not there.
    """
    return cast(frame, types).frame


def cast(frame: pd.DataFrame, types: Mapping[str, str]) -> Cast:
    """As `cast_features`, and the words as codes beside.

    Raises:
        KeyError: A feature's column is not there.
    """
    missing = [name for name in types if name not in frame.columns]
    if missing:
        message = f"these features are not in the frame: {', '.join(missing)}"
        raise KeyError(message)
    words = {name: _words(frame[name]) for name, kind in types.items() if kind == "categorical"}
    columns = {
        name: _spelled(words[name], frame.index) if name in words else _numbers(frame[name])
        for name in types
    }
    return Cast(pd.DataFrame(columns, index=frame.index, copy=False), words)


def feature_digests(features: pd.DataFrame) -> list[str]:
    """The digest of each row's features: blake2b of 16 bytes, in hexadecimal.

    Numbers go in as float64 (little endian, one NaN and one zero), words as their UTF-8 text after
    its length in bytes, a missing one as the length -1; in the model's order.

    Args:
        features: As `cast_features` returns them.
    """
    parts = [_row_bytes(features[name]) for name in features.columns]
    joined = (b"".join(row) for row in zip(*parts, strict=True))
    return [hashlib.blake2b(row, digest_size=16).hexdigest() for row in joined]


def _numbers(column: pd.Series) -> pd.Series:
    return column if column.dtype == np.float64 else pd.to_numeric(column).astype("float64")


def _words(column: pd.Series) -> Words:
    codes, values = pd.factorize(column)
    return Words(codes, np.asarray(values, dtype=object))


def _spelled(words: Words, index: pd.Index) -> pd.Series:
    # One object a value, shared by all of its rows: a missing one, code -1, is the last.
    values = np.append(words.known, np.nan).astype(object)
    return pd.Series(values[words.codes], index=index, dtype=object)


def _row_bytes(column: pd.Series) -> list[bytes]:
    if column.dtype == np.float64:
        # Adding zero makes of minus zero what it equals; every NaN is written in one way.
        numbers = np.where(column.isna(), np.nan, column.to_numpy() + 0.0).astype("<f8")
        content = numbers.tobytes()
        return [content[at : at + 8] for at in range(0, len(content), 8)]
    words = _words(column)
    each = [_framed(str(value).encode()) for value in words.known]
    each.append(_MISSING.to_bytes(_LENGTH_BYTES, "little", signed=True))
    return [each[code] for code in words.codes]


def _framed(text: bytes) -> bytes:
    return len(text).to_bytes(_LENGTH_BYTES, "little", signed=True) + text
