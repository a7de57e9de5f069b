"""A model as files: written, checked, digested. skops and JSON; pickle nowhere.

What skops cannot hold, or would hold only by trusting a type that is not of scikit-learn or numpy
(but for the few that `scorer.TRUSTED_TYPES` names), is refused before anything is stored: a model
that cannot be loaded safely is no model.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import skops.io
from skops.io.exceptions import UnsupportedTypeException

from tradewind.errors import ModelRefusedError
from tradewind.stores.scorer import FORMAT, METADATA_FILE, OBJECT_FILE, Scorer, untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

_log = logging.getLogger(__name__)


def write_model(
    folder: Path,
    estimator: Any,
    *,
    metadata: Mapping[str, Any],
    beside: Mapping[str, bytes] | None = None,
) -> Scorer:
    """Write a model's files and read them back.

    Args:
        folder: Where; it is made.
        estimator: The fitted scikit-learn object.
        metadata: `model`, `candidate`, `problem`, `features` (type by name),
            `decision_threshold`; `naive`, `known` and `explains`, as `learning.account` makes
            them; and whatever else should travel with the model.
        beside: Further files by name, such as a profile of the model's rows.

    Returns:
        The model as it reads back: what will answer, not what was fitted.

    Raises:
        ModelRefusedError: It holds a type that skops cannot hold or that may not be trusted.
    """
    who = f"{metadata['model']}, candidate {metadata['candidate']}"
    folder.mkdir(parents=True, exist_ok=True)
    content = _dump(estimator, who=who)
    types = sorted(skops.io.get_untrusted_types(data=content))
    if refused := untrusted(types):
        raise ModelRefusedError(
            f"{who}: the model holds {', '.join(refused)}, and only types of scikit-learn and "
            "numpy may be stored: use an estimator without functions or classes of your own"
        )
    written = {"format": FORMAT, "trusted_types": types, **metadata}
    (folder / OBJECT_FILE).write_bytes(content)
    (folder / METADATA_FILE).write_text(_json(written), encoding="utf-8")
    for name, laid in (beside or {}).items():
        if name in (OBJECT_FILE, METADATA_FILE) or "/" in name:
            raise ModelRefusedError(f"{who}: no file may be laid beside a model as {name!r}")
        (folder / name).write_bytes(laid)
    return Scorer.open(folder)


def open_foreign(content: bytes, *, digest: str, who: str) -> Any:
    """Load the scikit-learn object in a file that was not written here.

    Args:
        content: Of the file, in skops' format.
        digest: The SHA-256 that was declared, in hexadecimal digits.
        who: Whose file it is, for messages.

    Raises:
        ModelRefusedError: It is another file than was declared, it is damaged, or it names a type
            that may not be loaded. Nothing in it was run.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ModelRefusedError(
            f"{who}: the file's SHA-256 is {found}, and {digest} is declared: it is not the model "
            "that was meant"
        )
    try:
        types = skops.io.get_untrusted_types(data=content)
        if refused := untrusted(types):
            raise ModelRefusedError(
                f"{who}: the file holds {', '.join(refused)}, which may not be loaded"
            )
        return skops.io.loads(content, trusted=types)
    except ModelRefusedError:
        raise
    except Exception as error:
        # Whatever is wrong with a file from elsewhere, its sentence is that it cannot be used.
        raise ModelRefusedError(f"{who}: the file cannot be read: {error}") from error


def require_same_answers(
    scorer: Scorer, expected: np.ndarray, frame: pd.DataFrame, *, who: str
) -> None:
    """Hold that a model still gives the same scores after it was stored.

    Raises:
        ModelRefusedError: A score differs in so much as its last bit.
    """
    given = scorer.score(frame)["score"].to_numpy()
    differing = int(np.count_nonzero(given != expected))
    if differing:
        raise ModelRefusedError(
            f"{who}: {differing} of {len(expected)} scores differ once the model is stored and "
            "read back: skops does not hold this estimator faithfully"
        )


def open_model(folder: Path) -> Scorer:
    """Load a model's files.

    Raises:
        ModelRefusedError: They are missing, damaged, or name a type that may not be loaded.
    """
    try:
        return Scorer.open(folder)
    except Exception as error:
        # Whatever is wrong with a stored model, its sentence is that it cannot be used.
        raise ModelRefusedError(
            f"{folder.name}: the stored model cannot be read: {error}"
        ) from error


def folder_digest(folder: Path) -> str:
    """The digest of every file in a folder, by name and content."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _dump(estimator: Any, *, who: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bytes(skops.io.dumps(estimator))
        except (UnsupportedTypeException, TypeError, ValueError, AttributeError) as error:
            raise ModelRefusedError(
                f"{who}: skops cannot hold {type(estimator).__name__}: {error}"
            ) from error


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=False, ensure_ascii=False, allow_nan=False)
