"""The rows of a diagnosis: what a champion was judged on, and its matured predictions since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
from pydantic import ValidationError

from tradewind.definition.moments import days_before, watched_time
from tradewind.errors import EvidenceError, ModelRefusedError, RegistryError, UnavailableError
from tradewind.learning.reference import read_reference
from tradewind.live import live_state
from tradewind.records import Admission, Evaluation, FeatureSet, Record, TrainedModel
from tradewind.stages._diagnose_nights import nights_wanted
from tradewind.stages._earlier import accepted_breaches, past_looks
from tradewind.stages._kept_back import kept_back
from tradewind.stages._watching import Look
from tradewind.stores.events import INTENDED, NIGHT_MONITORED
from tradewind.stores.model_cache import load_kept
from tradewind.stores.prediction_schema import entity_texts, key_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import ScoredNight
    from tradewind.stores.events import Event
    from tradewind.stores.stores import Stores

R = TypeVar("R", bound=Record)
_ROW = ["entity", "night"]


@dataclass(frozen=True)
class LastLook:
    """The newest look at a model's nights.

    Attributes:
        version: The champion's.
        moment: The look's.
        judged_uri: Where it left every matured row.
    """

    version: int
    moment: datetime
    judged_uri: str


def last_look(stores: Stores, model: str, *, as_of: datetime) -> LastLook:
    """Find the newest look at a model's nights, as of a moment.

    Raises:
        EvidenceError: No night was looked at, its champion is unknown, or no label has matured.
    """
    found = stores.ledger.events(model=model, kind=NIGHT_MONITORED, as_of=as_of, newest_first=True)
    if not found:
        raise EvidenceError(
            f"{model}: no night was looked at as of {as_of:%Y-%m-%d %H:%M} UTC, so that no matured "
            f"prediction is known: {_wanted(stores, model, None, as_of=as_of)}"
        )
    look = max(found, key=lambda event: event.as_of)
    uri = look.payload["judged_uri"]
    if uri is None:
        raise EvidenceError(
            f"{model}: at the look of {look.as_of:%Y-%m-%d %H:%M} UTC no label had matured: "
            f"{_wanted(stores, model, look.as_of, as_of=as_of)}"
        )
    said = stores.lake.read_json(look.payload["uri"])["monitoring"]
    if said["champion"] is None:
        raise EvidenceError(
            f"{model}: no model decided at the look of {look.as_of:%Y-%m-%d %H:%M} UTC: there is "
            "no champion whose quality could have changed"
        )
    return LastLook(int(said["champion"]), look.as_of, str(uri))


def recent_rows(stores: Stores, frozen: FrozenDefinition, look: LastLook) -> pd.DataFrame:
    """Read the champion's matured rows of sound nights, with their features.

    Args:
        stores: Ledger and lake.
        frozen: The champion's definition.
        look: Whose rows.

    Returns:
        Features, `prediction_time`, `label`, and the champion's `score`, in the order of time.

    Raises:
        EvidenceError: There is no such row.
    """
    watched = _watched(stores, frozen, look.moment)
    judged = stores.lake.read_table(look.judged_uri).to_pandas()
    watched.rows = judged.assign(label_state="known")
    mine = watched.of_version(look.version)
    if mine.empty:
        raise EvidenceError(
            f"{frozen.model.name}: no prediction of version {look.version} on sound nights had "
            f"matured at the look of {look.moment:%Y-%m-%d %H:%M} UTC: "
            f"{_wanted(stores, frozen.model.name, look.moment, as_of=look.moment)}"
        )
    served = set(mine["night"])
    features = _features(stores, frozen, [one for one in watched.nights if one.night in served])
    said = mine[[*_ROW, "prediction_time", "label", "model_score"]]
    frame = said.merge(features, on=_ROW).rename(columns={"model_score": "score"})
    return frame.sort_values(["prediction_time", "entity"], kind="stable", ignore_index=True)


def way_out_of(model: ModelDefinition, recent: pd.DataFrame, look: LastLook) -> str:
    """Which nights to score and to look at, where the recent rows are of too few days."""
    days = recent["prediction_time"].dt.tz_convert(model.zone).dt.date
    first: datetime = recent["prediction_time"].min().to_pydatetime()
    return nights_wanted(model, look=look.moment, since=first, days={*days})


def _wanted(stores: Stores, model: str, look: datetime | None, *, as_of: datetime) -> str:
    """The same where no row has matured."""
    frozen, live = stores.ledger.last_good(model), live_state(stores.ledger, model, as_of=as_of)
    if frozen is None or live.champion_since is None:
        return f"there is no champion yet: `tradewind run {model} train` makes a candidate"
    return nights_wanted(frozen.model, look=look, since=live.champion_since, days=[])


def _watched(stores: Stores, frozen: FrozenDefinition, look: datetime) -> Look:
    """That look as monitoring made it, but for its rows: which nights it saw as sound."""
    model, ledger = frozen.model, stores.ledger
    since = days_before(look, watched_time(model), model)
    found = ledger.nights(model.name, since=since, until=look)
    opened = Look(
        frozen=frozen,
        as_of=look,
        live=live_state(ledger, model.name, as_of=look),
        night=None,
        nights=[one for one in found if one.night > since],
        past=[],
        accepted=accepted_breaches(ledger, model.name, as_of=look),
        stores=stores,
    )
    looks = past_looks(ledger, model, before=look + timedelta(microseconds=1))
    last = [one for one in looks if one.night == look]
    opened.broken_tonight = {one.night for one in last if opened.is_broken(one)}
    return opened


def _features(
    stores: Stores, frozen: FrozenDefinition, nights: Sequence[ScoredNight]
) -> pd.DataFrame:
    model = frozen.model
    types = [*model.features.types, *model.features.protected]
    parts = []
    for night in nights:
        table = stores.lake.read_table(night.features_uri)
        wanted = dict.fromkeys([*model.entity_key, *types])
        there = [name for name in wanted if name in table.column_names]
        part = table.select(there).to_pandas()
        keys = part[list(dict.fromkeys(model.entity_key))]
        named = entity_texts(keys, key_kinds(keys, model.entity_key))
        columns = [name for name in there if name in types]
        parts.append(part[columns].assign(entity=named, night=pd.Timestamp(night.night)))
    every: pd.DataFrame = pd.concat(parts, ignore_index=True).drop_duplicates(_ROW)
    return every


# --------------------------------------------------------------------------------- the reference


def training_of(stores: Stores, model: str, version: int, *, as_of: datetime) -> str:
    """Name the run that trained a version.

    Raises:
        EvidenceError: The ledger knows none: another platform trained it.
    """
    promotions = stores.ledger.events(model=model, kind=INTENDED, as_of=as_of)
    for run_id in _named(stores, model, version, promotions):
        if run_id and stores.ledger.outcomes(run_id=run_id, model=model, stage="evaluate", limit=1):
            return run_id
    raise EvidenceError(
        f"{model}: the ledger knows no training of version {version}, so that the rows that it was "
        "judged on cannot be found: another platform trained it; train one here to compare with"
    )


def _named(
    stores: Stores, model: str, version: int, promotions: Sequence[Event]
) -> Iterator[str | None]:
    """The runs that may have trained a version: those that promoted it, then what it says."""
    for event in promotions:
        if _is_of(event, version):
            yield event.payload.get("run_id")
    for known in stores.registry.versions(model):
        if known.version == version:
            yield known.tags.get("dag_run_id")


def reference_rows(
    stores: Stores, model: str, run_id: str
) -> tuple[pd.DataFrame, FrozenDefinition]:
    """Read the rows that a version was judged on, with what it said of them.

    Returns:
        As `recent_rows`, and the definition by which the version was trained.

    Raises:
        EvidenceError: They are not those that training kept back.
    """
    said = stores.ledger.outcomes(run_id=run_id, model=model)
    results = {one.stage: one.result for one in said}
    admission = _result(results, "admit", Admission)
    frozen = stores.ledger.definition(model, admission.definition_digest)
    split = kept_back(
        admission,
        frozen,
        _result(results, "features", FeatureSet),
        _result(results, "train", TrainedModel),
        stores=stores,
    )
    scores = stores.lake.read_table(_result(results, "evaluate", Evaluation).scores_uri).to_pandas()
    frame = split.judge.reset_index(drop=True).assign(score=scores["candidate"])
    return frame[scores["judged"].to_numpy(dtype=bool)].reset_index(drop=True), frozen


def importance_of(
    stores: Stores, model: str, version: int, *, as_of: datetime
) -> Mapping[str, float]:
    """Each feature's share of what a version loses without it; nothing where that is unknown.

    Raises:
        UnavailableError: MLflow does not answer: what is looked at must not depend on that.
    """
    promotions = stores.ledger.events(model=model, kind=INTENDED, as_of=as_of)
    uris = [str(one.payload["model_uri"]) for one in promotions if _is_of(one, version)]
    if not uris:
        return {}
    try:
        return read_reference(load_kept(uris[-1], stores=stores).scorer.beside).importance
    except UnavailableError:
        raise
    except (EvidenceError, RegistryError, ModelRefusedError):
        return {}


def _is_of(event: Event, version: int) -> bool:
    return int(event.payload["version"]) == version


def _result(results: Mapping[str, object], stage: str, kind: type[R]) -> R:
    if stage not in results:
        raise EvidenceError(f"the run that trained the champion has no result of its stage {stage}")
    try:
        return kind.model_validate(results[stage])
    except ValidationError as error:
        raise EvidenceError(
            f"the run that trained the champion was of an earlier release, whose result of the "
            f"stage {stage} says less than is needed here: train again ({error.error_count()} "
            f"fields are missing)"
        ) from error
