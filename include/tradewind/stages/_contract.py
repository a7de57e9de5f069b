"""Tonight's features against the contract beside the champion, before anybody is served."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.dataset as pads

from tradewind.errors import UnavailableError
from tradewind.learning.reference import CONTRACT_FILE
from tradewind.nights import Breach
from tradewind.stats.contracts import detect, local_times, night_figures
from tradewind.stores.digests import json_digest
from tradewind.stores.prediction_log import night_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import NightFeatures, ScoredNight
    from tradewind.stages._versions import NightVersion
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

HISTORY_NIGHTS = 28
"""Sound nights before tonight that its features are held against."""
_DAY = timedelta(days=1)


def contract_breaches(
    champion: NightVersion,
    model: ModelDefinition,
    features: NightFeatures,
    *,
    accepted: Collection[str],
    stores: Stores,
) -> tuple[list[Breach], str | None]:
    """Hold a night's features against the days that the champion was trained on.

    Only a night of a day is: the contract counts in days.

    Args:
        champion: Whose features and contract.
        model: Tonight's definition, which says how much a day may be off.
        features: The night.
        accepted: Breaches that a person accepted as the new contract, each `detector:column`.
        stores: The lake with the rows, the ledger with earlier nights.

    Returns:
        The breaches that nobody accepted; and where it is written what tonight was like. That the
        contract could not be looked at is a breach too.

    Raises:
        UnavailableError: The lake or the ledger does not answer.
    """
    told = champion.loaded.scorer.beside.get(CONTRACT_FILE)
    if told is None or model.score.every != _DAY:
        return [], None
    try:
        found, uri = _held(
            champion, json.loads(told), model, features, accepted=accepted, stores=stores
        )
    except UnavailableError:
        raise
    except Exception as error:  # whatever it is, it must not read as all being well
        log.exception("%s: the night cannot be held against its contract", model.name)
        found, uri = [_not_looked(error)], None
    return [breach for breach in found if breach.name not in accepted], uri


def _held(
    champion: NightVersion,
    reference: dict[str, Any],
    model: ModelDefinition,
    features: NightFeatures,
    *,
    accepted: Collection[str],
    stores: Stores,
) -> tuple[list[Breach], str | None]:
    frame = _Columns(champion.features_uri, _watched(reference), stores=stores)
    times = local_times(
        frame["prediction_time"], frame["event_time"], timezone=champion.own.model.timezone
    )
    night = features.start.astimezone(model.zone).date()
    found = detect(
        reference,
        frame,
        times=times,
        night=night,
        history=history_of(model.name, features.end, accepted=accepted, stores=stores),
        sensitivity=model.monitor.contract.sensitivity,
        ignore=model.monitor.contract.ignore,
    )
    if not features.rows:
        return found, None
    figures = night_figures(reference, frame, times=times, night=night)
    uri = f"{night_folder(model.name, features.end)}/contract-{json_digest(figures)}.json"
    stores.lake.put_json(uri, figures)
    return found, uri


def _watched(reference: Mapping[str, Any]) -> list[str]:
    watched = [*reference["numeric"], *reference["categorical"], *reference["key"]]
    return [*dict.fromkeys(["prediction_time", "event_time", *watched])]


def _not_looked(error: Exception) -> Breach:
    said = str(error) or repr(error)
    return Breach(
        detector="not_looked",
        cause="contract could not be looked at",
        sentence=f"the features could not be held against the contract: {said}",
    )


def history_of(
    model: str, night: datetime, *, accepted: Collection[str], stores: Stores
) -> Sequence[dict[str, Any]]:
    """What earlier sound nights were like: broken ones stay broken, however long it lasts.

    A night is sound where all that was broken has been accepted as the contract since.
    """
    since, before = night - 2 * HISTORY_NIGHTS * _DAY, night - timedelta(microseconds=1)
    nights = stores.ledger.nights(model, since=since, until=before)
    sound = [one for one in nights if one.contract_uri and _is_sound(one, accepted)]
    return [stores.lake.read_json(str(one.contract_uri)) for one in sound[-HISTORY_NIGHTS:]]


def _is_sound(night: ScoredNight, accepted: Collection[str]) -> bool:
    return all(breach.name in accepted for breach in night.breaches)


class _Columns(Mapping[str, Any]):
    """Columns of a night's sound rows: read at once, and one at a time as numpy has them."""

    def __init__(self, uri: str, names: Sequence[str], *, stores: Stores) -> None:
        rows = stores.lake.dataset([uri])
        there = [name for name in names if name in rows.schema.names]
        self._table = rows.to_table(columns=there, filter=pads.field("set_aside").is_null())
        self._last: tuple[str, np.ndarray[Any, Any]] | None = None

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        # Whoever asks for a column asks again at once, for its length.
        if self._last is None or self._last[0] != name:
            self._last = (name, np.asarray(self._table[name].to_pandas()))
        return self._last[1]

    def __contains__(self, name: object) -> bool:
        return name in self._table.column_names

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return len(self._table.column_names)
