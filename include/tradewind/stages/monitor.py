"""log + labels → monitoring: one night's look at data, model, people and worth.

Everything is as of the night: a label that comes later changes nothing here. Each part is looked at
by itself, and a part that cannot be looked at is a problem in words, never a silence. The record is
the evidence of the night's decision; the whole, with what a page draws, lies in the lake.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradewind.definition.moments import days_before, watched_time
from tradewind.live import live_state
from tradewind.nights import LabelCounts, Monitoring
from tradewind.stages import _breaches, _earlier, _guards, _people, _performance
from tradewind.stages._drifting import drift_of
from tradewind.stages._harm import indicators_of
from tradewind.stages._operations import operations_of
from tradewind.stages._watching import SHADOW, Look, gather
from tradewind.stages._worth import value_of
from tradewind.stores.digests import json_digest
from tradewind.stores.events import NIGHT_MONITORED

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import NightInputs, ScoredNight
    from tradewind.records import Admission
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would say something else of the same things.
VERSION = 1


def monitor(
    admission: Admission, frozen: FrozenDefinition, inputs: NightInputs, *, stores: Stores
) -> Monitoring:
    """Look at a night, or find the look that was made from the same things.

    Below `monitoring/<model>/<night>/` lie `<digest>.json`, with `monitoring`, `page` (what is
    drawn) and `carried` (the days of every comparison), and `judged-<digest>.parquet`, every
    matured row of the watched nights.

    Args:
        admission: The run, and the night.
        frozen: Tonight's definition.
        inputs: The sources as they are known tonight: labels are found there.
        stores: The ledger with the nights, the lake with their rows, the registry.

    Raises:
        UnavailableError: The lake, the ledger or MLflow does not answer: try again.
    """
    night = stores.ledger.night(admission.model, admission.as_of)
    key = _key(frozen, inputs, night)
    known = _earlier.look_of(stores.ledger, admission.model, night=admission.as_of, key=key)
    if known is not None:
        log.info("%s: the same was looked at before: %s", admission.model, known)
        return Monitoring.model_validate(stores.lake.read_json(known)["monitoring"])
    look = _opened(admission, frozen, night, stores=stores)
    _prepare(look, inputs)
    return _store(admission, look, *_looked(look, inputs), key=key)


def _key(frozen: FrozenDefinition, inputs: NightInputs, night: ScoredNight | None) -> str:
    return json_digest([VERSION, frozen.digest, inputs.digest, night.digest if night else None])


def _opened(
    admission: Admission,
    frozen: FrozenDefinition,
    night: ScoredNight | None,
    *,
    stores: Stores,
) -> Look:
    model, as_of, ledger = frozen.model, admission.as_of, stores.ledger
    since = days_before(as_of, watched_time(model), model)
    found = ledger.nights(model.name, since=since, until=as_of)
    return Look(
        frozen=frozen,
        as_of=as_of,
        live=live_state(ledger, model.name, as_of=as_of, probation=model.promotion.probation),
        night=night,
        nights=[one for one in found if one.night > since],
        past=_earlier.past_looks(ledger, model, before=as_of),
        accepted=_earlier.accepted_breaches(ledger, model.name, as_of=as_of),
        stores=stores,
    )


def _prepare(look: Look, inputs: NightInputs) -> None:
    """Find the champion, the rows and their labels."""
    if look.night is None:
        look.problems.append(
            f"the night of {look.as_of:%Y-%m-%d %H:%M} UTC was never scored: run "
            f"`tradewind run {look.model.name} score` for it"
        )
    if look.counting(inputs.broken):
        look.broken_tonight = {look.as_of}
    look.champion = _earlier.champion_of(look)
    gather(look, inputs, features=_features(look))


def _features(look: Look) -> list[str]:
    """The features that figures are shown by; all of them where versions are compared."""
    model = look.model
    if look.live.arms:
        return [*dict.fromkeys([*model.features.types, *model.features.protected])]
    words = [name for name, kind in model.features.types.items() if kind == "categorical"]
    watched = model.harm_review.indicators.values() if model.harm_review else ()
    groups = [column for one in watched for column in one.where]
    shown = [*model.monitor.performance.slices, *model.features.protected, *groups]
    return [*dict.fromkeys([*shown, *(words if model.score.unseen == "fallback" else [])])]


# -------------------------------------------------------------------------------------- the parts


def _looked(look: Look, inputs: NightInputs) -> tuple[dict[str, Any], dict[str, Any]]:
    """All parts of the look: the record's fields, and what else is kept."""
    judged_uri, revised = look.attempt("labels", _earlier.keep_judged, look, otherwise=(None, 0))
    counts = _breaches.label_counts(look, revised=revised)
    look.attempt("the features' contract", _breaches.require_contract, look, otherwise=None)
    vitals = look.attempt("vital signs", _breaches.vitals_of, look, counts, inputs, otherwise={})
    signs = look.attempt("vital signs", _breaches.signs_of, look, vitals, otherwise=[])
    known = _breaches.known_before(look, inputs)
    breaches = _breaches.with_since(look, [*known, *_breaches.broken_signs(look, signs, counts)])
    performance, drawn = look.attempt(
        "performance", _performance.performance_of, look, otherwise=(None, {})
    )
    value, how = look.attempt("worth", value_of, look, otherwise=(None, ""))
    people, of_people = look.attempt("people", _people.people_of, look, otherwise=({}, {}))
    watches = _watches(look)
    record = {
        "breaches": breaches,
        "labels": counts,
        "drift": look.attempt("drift", drift_of, look, otherwise=[]),
        "performance": performance,
        **watches.pop("record"),
        "indicators": look.attempt("harm indicators", indicators_of, look, otherwise=[]),
        "people": people,
        "value": value,
        "value_currency": look.model.value.currency if look.model.value else None,
        "operations": look.attempt("operations", operations_of, look, otherwise={}),
        "problems": look.problems,
    }
    page = {
        "performance": drawn,
        "people": of_people,
        "worth": how,
        "vitals": _breaches.page_of_signs(signs),
        "nights": _nights(look),
        "selective": look.model.label.selective,
        **watches.pop("page"),
    }
    kept = {
        "page": page,
        "judged_uri": judged_uri,
        "vitals": vitals,
        "broken": sorted(one.name for one in look.counting(known)),
        **watches,
    }
    return record, kept


def _watches(look: Look) -> dict[str, Any]:
    """Probation, arms and readiness, with the days that the next look goes on with."""
    carried = look.attempt("earlier comparisons", _earlier.carried_days, look, otherwise={})
    probation = look.attempt("probation", _guards.probation_of, look, carried, otherwise=None)
    arms = look.attempt("arms", _guards.arms_of, look, carried, otherwise={})
    tested = look.attempt("new segments", _guards.readiness_of, look, carried, otherwise=[])
    watches = [*([probation] if probation else []), *arms.values()]
    days = {one.key: one.days for one in watches} | {one.key: one.days for one in tested}
    shown = {**({"probation": probation} if probation else {}), **arms}
    return {
        "record": {
            "probation": probation.guard if probation else None,
            "arms": {name: one.guard for name, one in arms.items()},
            "ready": [one.segment for one in tested if one.passed],
        },
        "page": {
            "groups": {name: one.groups for name, one in shown.items()},
            "segments": [
                {**one.segment.model_dump(), "rows": one.rows, "sentence": one.sentence}
                for one in tested
            ],
        },
        "carried": {
            key: {day: list(sums) for day, sums in own.items()} for key, own in days.items()
        },
    }


def _nights(look: Look) -> list[dict[str, Any]]:
    """The watched nights one by one, for the page."""
    rows = look.rows[look.rows["source"] != SHADOW] if len(look.rows) else look.rows
    by_night = dict(list(rows.groupby("night"))) if len(rows) else {}
    broken = look.broken_nights
    return [
        {
            "night": one.night.isoformat(),
            "rows": one.rows,
            "served": one.served,
            "broken": one.night in broken,
            "labels": by_night[one.night]["label_state"].value_counts().to_dict()
            if one.night in by_night
            else {},
        }
        for one in look.nights
    ]


# --------------------------------------------------------------------------------------- the end


def _store(
    admission: Admission, look: Look, record: dict[str, Any], kept: dict[str, Any], *, key: str
) -> Monitoring:
    champion = look.champion
    made = Monitoring(
        model=admission.model,
        as_of=admission.as_of,
        digest="",
        uri="",
        champion=champion.version if champion else None,
        champion_since=champion.since if champion else None,
        night=look.night,
        **record,
    )
    heading = {"owner": look.model.owner, "metric": look.model.deciding_metric}
    content = {**heading, "page": kept["page"], "carried": kept["carried"]}
    digest = json_digest([made.model_dump(mode="json"), content])
    uri = f"{_earlier.folder_of(admission.model, admission.as_of)}/{digest}.json"
    made = made.model_copy(update={"digest": digest, "uri": uri})
    look.stores.lake.first_json(uri, {"monitoring": made.model_dump(mode="json"), **content})
    _tell(admission, look, made, kept, key=key)
    return made


def _tell(
    admission: Admission, look: Look, made: Monitoring, kept: dict[str, Any], *, key: str
) -> None:
    """Write into the ledger what later nights go by; the same look again is no news."""
    ledger = look.stores.ledger
    if _earlier.is_told(ledger, made.model, night=made.as_of, digest=made.digest):
        return
    ledger.append(
        model=admission.model,
        kind=NIGHT_MONITORED,
        as_of=admission.as_of,
        actor=admission.request.actor,
        reason=_summary(made, look.model),
        payload={
            "digest": made.digest,
            "uri": made.uri,
            "key": key,
            "judged_uri": kept["judged_uri"],
            "breaches": sorted(one.name for one in made.breaches),
            "broken": kept["broken"],
            "vitals": kept["vitals"],
            "problems": made.problems,
            "run_id": admission.request.run_id,
        },
    )


def _summary(made: Monitoring, model: ModelDefinition) -> str:
    labels: LabelCounts = made.labels
    parts = [
        _count(len(made.breaches), "breach of contract", "breaches of contract"),
        _count(sum(one.alarm for one in made.drift), "drift alarm", "drift alarms"),
        f"{labels.matured:,} matured labels",
    ]
    if made.problems:
        parts.append(_count(len(made.problems), "problem", "problems"))
    return f"{model.name}: {', '.join(parts)}"


def _count(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count == 1 else many}"
