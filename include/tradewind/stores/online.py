"""A model as it answers on line: each call scored, explained, and written into the prediction log.

Beside what the nights say of a row, an answer says which version spoke, how that version was
judged, and on which data it was trained. What only MLflow knows (the judged figure, whether the
model was switched off) is read when the model is loaded and then once a minute at most; while
MLflow does not answer, what it said last still holds.

With TRADEWIND_PREDICTION_LOG naming a folder (`file://` or `s3://`, such as
`<lake>/predictions/<model>/online`) each call leaves one Parquet file there, under its UTC day,
before it is answered: what cannot be logged is not served. Without it, the answer says so.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .prediction_schema import entity_texts, prediction_table
from .scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

_log = logging.getLogger(__name__)
LOG_VARIABLE = "TRADEWIND_PREDICTION_LOG"
SERVING_TAG, SERVING_REASON_TAG = "tradewind.serving", "tradewind.serving_reason"
JUDGED_TAG = "judged"
UNKNOWN_CALLER = "unknown"
_SECONDS_BETWEEN_READINGS = 60.0
# MLflow's clients try for minutes; a caller will not wait so long.
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "2", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
_META_FILE = "registered_model_meta"
_MOST_REASONS = 20


class NotLoggedError(RuntimeError):
    """A prediction could not be written into the log, and so is not served."""


@dataclass(frozen=True)
class Standing:
    """What MLflow says of the served version.

    Attributes:
        name: The registered model's name; None where the model was not loaded by it.
        version: Its version.
        alias: The alias it stands under, `champion` first.
        champion: The version that is champion now, where that is known.
        judged: The deciding metric with its interval; None with a word in `note`.
        card: Where a person reads about this version.
        switched_off: Why the naive rule answers for every row; None where it does not.
        note: What could not be found out.
    """

    name: str | None = None
    version: int | None = None
    alias: str | None = None
    champion: int | None = None
    judged: Mapping[str, Any] | None = None
    card: str | None = None
    switched_off: str | None = None
    note: str | None = None

    @property
    def source(self) -> str:
        """Who answers where the model does: another version than the champion is a canary."""
        return "champion" if self.champion in (None, self.version) else "canary"


@dataclass
class OnlineModel:
    """A stored model behind a server.

    Attributes:
        scorer: The model.
        standing: What was last known of its version.
        read_at: When that was, by a clock that only goes forward.
    """

    scorer: Scorer
    standing: Standing
    read_at: float = field(default=0.0)

    @classmethod
    def open(cls, files: str | Path) -> OnlineModel:
        """Load a model from its folder inside of what MLflow fetched."""
        standing = read_standing(_named(Path(files).parents[1]))
        return cls(Scorer.open(files), standing, time.monotonic())

    def answer(self, frame: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score a call's rows, log them, and say what stands behind them.

        Args:
            frame: One row an entity: the features, and where they are known the entity key,
                `event_time` and `prediction_time`.
            params: `caller`, and `reasons`: how many a row, 20 at most.

        Returns:
            As `Scorer.score`, with `version`, `judged`, `data_digest`, `card`, `logged` and `note`.

        Raises:
            NotLoggedError: The log is asked for and cannot be written.
        """
        start, moment = time.perf_counter(), datetime.now(tz=UTC)
        standing, asked = self._standing(), dict(params or {})
        result = self._scored(frame, standing, reasons=_reasons(asked))
        latency_ms = (time.perf_counter() - start) * 1000
        folder = os.environ.get(LOG_VARIABLE)
        if folder:
            told = {
                **{name: result[name] for name in result.columns},
                **self._moments(frame, moment),
                "version": standing.version,
                "alias": standing.alias,
                "caller": str(asked.get("caller", UNKNOWN_CALLER)),
                "feature_digest": self.scorer.digests(frame),
                "latency_ms": latency_ms,
            }
            write_log(folder, prediction_table(told, rows=len(frame)), moment=moment)
        return self._with_standing(result, standing, logged=bool(folder))

    def _standing(self) -> Standing:
        if time.monotonic() - self.read_at >= _SECONDS_BETWEEN_READINGS:
            # First, so that what goes wrong is not asked for again by each call.
            self.read_at = time.monotonic()
            self.standing = read_standing(self.standing)
        return self.standing

    def _scored(self, frame: pd.DataFrame, standing: Standing, *, reasons: int) -> pd.DataFrame:
        off = standing.switched_off
        scored = self.scorer.score(
            frame,
            guarded=True,
            force_fallback=None if off is None else pd.Series([off] * len(frame), dtype=object),
            reasons=reasons,
            **self.scorer.metadata.get("serving", {}),
        )
        scored["source"] = scored["source"].astype(object).replace("model", standing.source)
        # Plain values: of them JSON is made.
        told = scored["reasons"].tolist() if "reasons" in scored else [[]] * len(frame)
        scored["reasons"] = pd.Series(told, scored.index, dtype=object)
        return scored

    def _moments(self, frame: pd.DataFrame, moment: datetime) -> dict[str, Any]:
        """Of whom and when the call was; a call without a moment is of now."""
        moments = {
            name: pd.to_datetime(frame[name], utc=True)
            for name in ("event_time", "prediction_time")
            if name in frame.columns
        }
        key = self.scorer.metadata.get("entity_key") or {}
        return {
            "prediction_time": moment,
            **moments,
            "entity": entity_texts(frame, key),
            "as_of": moment,
        }

    def _with_standing(
        self, result: pd.DataFrame, standing: Standing, *, logged: bool
    ) -> pd.DataFrame:
        origin = self.scorer.metadata.get("origin") or {}
        same = {
            "version": standing.version,
            "judged": standing.judged,
            "data_digest": origin.get("tradewind.snapshot_digest"),
            "card": standing.card,
            "logged": logged,
            "note": standing.note,
        }
        for name in ("model_score", "naive_score"):
            # JSON has no NaN.
            result[name] = result[name].astype(object).where(result[name].notna(), None)
        for name, value in same.items():
            result[name] = pd.Series([value] * len(result), result.index, dtype=object)
        return result


def read_standing(before: Standing) -> Standing:
    """What MLflow says of a version now; what was known before where it does not answer.

    Args:
        before: What was known, at least the name and version.
    """
    if before.name is None or before.version is None:
        return replace(
            before, note="loaded without a registered name: nothing is known of a version"
        )
    import mlflow  # noqa: PLC0415 -- it is there wherever this is asked

    try:
        with _impatience():
            client = mlflow.MlflowClient()
            registered = client.get_registered_model(before.name)
            tags = client.get_model_version(before.name, str(before.version)).tags
    except Exception as error:
        _log.warning("MLflow does not say how version %s stands: %s", before.version, error)
        return replace(before, note="MLflow does not answer: this is what was last known")
    judged = _judged(tags)
    return Standing(
        name=before.name,
        version=before.version,
        alias=_alias(registered.aliases, before.version),
        champion=int(registered.aliases["champion"]) if "champion" in registered.aliases else None,
        judged=judged,
        card=tags.get("card_uri") or tags.get("verdict_uri"),
        switched_off=_switched_off(registered.tags),
        note=None if judged else "this version says nothing of how it was judged",
    )


def write_log(folder: str, table: pa.Table, *, moment: datetime) -> str:
    """Write one call's rows as a file of their own: `<UTC day>/<uuid>.parquet`.

    Args:
        folder: `file://…` or `s3://…`.
        table: As `prediction_table` makes it.
        moment: Of the call.

    Returns:
        Its path below the folder.

    Raises:
        NotLoggedError: It cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    name = f"{moment:%Y-%m-%d}/{uuid.uuid4().hex}.parquet"
    content = pa.BufferOutputStream()
    parquet.write_table(table, content)
    try:
        filesystem, root = _filesystem(folder)
        place = f"{root.rstrip('/')}/{name}"
        filesystem.create_dir(place.rpartition("/")[0], recursive=True)
        # A reader of the folder takes *.parquet: it must never meet half a file.
        draft = f"{place}.draft" if filesystem.type_name == "local" else place
        with filesystem.open_output_stream(draft) as stream:
            stream.write(content.getvalue())
        if draft != place:
            filesystem.move(draft, place)
    except (OSError, ValueError) as error:
        # The address may hold a password, and a caller is told all that is raised.
        said = str(error).replace(folder, LOG_VARIABLE)
        _log.error("the prediction log cannot be written: %s", said)
        raise NotLoggedError(
            "the prediction log cannot be written, and what is not logged is not served: "
            f"{type(error).__name__}. Make its folder writable, or correct {LOG_VARIABLE}; the "
            "server's own log says more"
        ) from None
    return name


def _reasons(asked: Mapping[str, Any]) -> int:
    return max(0, min(_MOST_REASONS, int(asked.get("reasons", 0))))


def _judged(tags: Mapping[str, str]) -> dict[str, Any] | None:
    """How a version was judged; None where that is not told, or by others in another way."""
    try:
        told = json.loads(tags.get(JUDGED_TAG, "null"))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


@contextmanager
def _impatience() -> Iterator[None]:
    """Have MLflow give up soon while the block lasts: it asks the environment each time."""
    before = {name: os.environ.get(name) for name in _IMPATIENT}
    os.environ.update(_IMPATIENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _filesystem(folder: str) -> tuple[Any, str]:
    from pyarrow import fs  # noqa: PLC0415

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if folder.startswith("s3://") and endpoint:
        scheme, _, place = endpoint.rpartition("://")
        found = fs.S3FileSystem(endpoint_override=place, scheme=scheme or "https")
        return found, folder.removeprefix("s3://")
    filesystem, root = fs.FileSystem.from_uri(folder)
    return filesystem, root


def _named(root: Path) -> Standing:
    """Name and version, as MLflow writes them beside a model that was fetched by its name."""
    meta = root / _META_FILE
    if not meta.is_file():
        return Standing()
    lines = (line.partition(":") for line in meta.read_text(encoding="utf-8").splitlines())
    told = {name.strip(): value.strip().strip("'\"") for name, _, value in lines}
    version = told.get("model_version", "")
    return Standing(
        name=told.get("model_name"), version=int(version) if version.isdigit() else None
    )


def _alias(aliases: Mapping[str, Any], version: int) -> str | None:
    own = sorted(name for name, number in aliases.items() if int(number) == version)
    return "champion" if "champion" in own else next(iter(own), None)


def _switched_off(tags: Mapping[str, str]) -> str | None:
    if tags.get(SERVING_TAG) != "fallback":
        return None
    return tags.get(SERVING_REASON_TAG) or "the model is switched off"
