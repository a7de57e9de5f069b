"""What earlier nights left behind: their looks, the champion's promise, the labels as they were."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from tradewind.learning.reference import read_reference
from tradewind.live import KINDS, accepted_at
from tradewind.records import Estimate
from tradewind.stages._watching import SHADOW, Champion, Look, PastLook
from tradewind.stores.digests import table_digest
from tradewind.stores.events import INTENDED, NIGHT_MONITORED
from tradewind.stores.model_cache import load_kept
from tradewind.stores.prediction_log import night_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import LiveState, ScoredNight
    from tradewind.stages._guards import Days
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.trainings import LoadedModel

LOOK_DAYS = 180
"""Days whose nights are asked for their vital signs; nights, where a night is longer."""
_DAY = timedelta(days=1)
_JUDGED = [
    *("entity", "night", "prediction_time", "version", "source", "alias"),
    *("score", "model_score", "naive_score", "label", "label_known_at", "revised"),
]


def past_looks(ledger: Ledger, model: ModelDefinition, *, before: datetime) -> list[PastLook]:
    """The looks of earlier nights, the last one of each, oldest first."""
    since = before - LOOK_DAYS * max(_DAY, model.score.every)
    found = ledger.events(
        model=model.name, kind=NIGHT_MONITORED, as_of=before, since=since, newest_first=True
    )
    looks: dict[datetime, PastLook] = {}
    for event in found:
        if event.as_of < before and event.as_of not in looks:
            looks[event.as_of] = _past(event)
    return [looks[night] for night in sorted(looks)]


def _past(event: Event) -> PastLook:
    said = event.payload
    return PastLook(
        night=event.as_of,
        digest=said["digest"],
        uri=said["uri"],
        judged_uri=said["judged_uri"],
        breaches=said["breaches"],
        broken=said["broken"],
        vitals=said["vitals"],
    )


def look_of(ledger: Ledger, model: str, *, night: datetime, key: str) -> str | None:
    """Where a night's look lies that was made from the same things; None where none was."""
    for event in _looks(ledger, model, night):
        said = event.payload
        # One that had problems is made anew: what was missing may be there by now.
        if said["key"] == key and not said["problems"]:
            return str(said["uri"])
    return None


def is_told(ledger: Ledger, model: str, *, night: datetime, digest: str) -> bool:
    """Whether the ledger knows this very look."""
    return any(event.payload["digest"] == digest for event in _looks(ledger, model, night))


def _looks(ledger: Ledger, model: str, night: datetime) -> list[Event]:
    """What was written of one night's looks, the last one first."""
    return ledger.events(
        model=model, kind=NIGHT_MONITORED, since=night, as_of=night, newest_first=True
    )


def accepted_breaches(
    ledger: Ledger, model: str, *, as_of: datetime
) -> Callable[[datetime], frozenset[str]]:
    """For each night, the breaches that a person accepted as the new contract, then or since."""
    return partial(accepted_at, ledger.events(model=model, kind=KINDS, as_of=as_of))


# ---------------------------------------------------------------------------------- the champion


def champion_of(look: Look) -> Champion | None:
    """Who decided the night, with what lies beside it; None where nobody did.

    What cannot be had of it is among the look's problems.
    """
    ledger, model = look.stores.ledger, look.model.name
    promotions = ledger.events(model=model, kind=INTENDED, as_of=look.as_of, newest_first=True)
    version = _version(look.night, look.live)
    own = [event for event in promotions if int(event.payload["version"]) == version]
    if version is None or not own:
        return None
    uri = str(own[0].payload["model_uri"])
    what = f"the champion, version {version},"
    loaded = look.attempt(what, _load, look, uri, otherwise=None)
    reference = judged = None
    if loaded is not None:
        what = f"the reference of version {version}"
        reference = look.attempt(what, read_reference, loaded.scorer.beside, otherwise=None)
    what = f"the figure that version {version} was judged by"
    judged = look.attempt(what, _judged, look, version, own, otherwise=None)
    return Champion(version, own[0].as_of, judged, loaded, reference)


def _load(look: Look, uri: str) -> LoadedModel:
    return load_kept(uri, stores=look.stores)


def _version(night: ScoredNight | None, live: LiveState) -> int | None:
    """Who decided the night; who decides by the ledger, where no model did or it was not scored."""
    if night is not None and night.champion is not None:
        return night.champion
    return live.champion


def _judged(look: Look, version: int, promotions: list[Event]) -> Estimate | None:
    """The deciding metric when the version was first promoted, by its evaluation's evidence."""
    uri = _evaluation(look, version, promotions)
    if uri is None:
        return None
    figures = look.stores.lake.read_json(uri)["evidence"]["candidate"]
    told = figures.get(look.model.deciding_metric)
    return None if told is None else Estimate.model_validate(told)


def _evaluation(look: Look, version: int, promotions: list[Event]) -> str | None:
    ledger, name = look.stores.ledger, look.model.name
    for event in reversed(promotions):
        run = event.payload.get("run_id")
        found = ledger.outcomes(run_id=run, model=name, stage="evaluate", limit=1) if run else []
        if found and found[0].report_uri:
            return found[0].report_uri
    # It was promoted by hand, or by another platform: the version itself says where.
    for known in look.stores.registry.versions(name):
        if known.version == version:
            return known.tags.get("evaluation_uri")
    return None


# ------------------------------------------------------------------------------------ the labels


def keep_judged(look: Look) -> tuple[str | None, int]:
    """Write every matured row of the watched nights, and count labels that changed since.

    Returns:
        Where they lie, None where there is none; and how many served predictions had another label
        at an earlier look, or had one and have none any more.
    """
    if not len(look.rows):
        return None, 0
    rows, before = look.rows, _judged_before(look)
    served = rows[rows["source"] != SHADOW].merge(before, on=["entity", "night"], how="left")
    now = served["label"].astype("float64")
    changed = served["before"].notna() & (served["before"] != now)
    revised = changed | served["revised"].eq(other=True)
    marks = served[["entity", "night"]].assign(revised=revised.to_numpy(dtype=bool))
    known = rows[rows["label_state"] == "known"].merge(
        marks.drop_duplicates(["entity", "night"]), on=["entity", "night"], how="left"
    )
    uri = _write(look, known.assign(label=known["label"].astype("float64"))[_JUDGED])
    return uri, int(revised.sum())


def _judged_before(look: Look) -> pd.DataFrame:
    """Served entities with the label that the look before this one knew."""
    nothing = pd.DataFrame({"entity": [], "night": [], "before": [], "revised": []})
    nothing = nothing.astype({"entity": str, "night": "datetime64[us, UTC]"})
    if not look.past or look.past[-1].judged_uri is None:
        return nothing
    columns = ["entity", "night", "source", "label", "revised"]
    table = look.stores.lake.read_table(look.past[-1].judged_uri, columns)
    found = table.to_pandas().rename(columns={"label": "before"})
    served: pd.DataFrame = found[found["source"] != SHADOW].drop(columns="source")
    return served


def _write(look: Look, judged: pd.DataFrame) -> str | None:
    if judged.empty:
        return None
    ordered = judged.sort_values(["night", "entity", "alias"], kind="stable")
    table = pa.Table.from_pandas(ordered, preserve_index=False).replace_schema_metadata(None)
    uri = f"{folder_of(look.model.name, look.as_of)}/judged-{table_digest(table)}.parquet"
    look.stores.lake.write_parquet(uri, table)
    return uri


def folder_of(model: str, night: datetime) -> str:
    """Where in the lake a night's look lies."""
    return f"monitoring/{model}/{night_name(night)}"


def carried_days(look: Look) -> dict[str, Days]:
    """The days of every comparison, as the look before this one left them."""
    if not look.past:
        return {}
    told: dict[str, Any] = look.stores.lake.read_json(look.past[-1].uri)["carried"]
    return {
        key: {day: (float(sums[0]), float(sums[1])) for day, sums in days.items()}
        for key, days in told.items()
    }
