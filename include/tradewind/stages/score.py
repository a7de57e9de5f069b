"""night's features → scored night: one served decision for every entity, and why.

Once served, a night is final: asking again gives what was recorded, whatever has changed since. The
log is written before the ledger says so, so that a night in the ledger has its rows.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from typing import TYPE_CHECKING

from tradewind.live import live_state
from tradewind.nights import ScoredNight
from tradewind.stages._contract import contract_breaches
from tradewind.stages._fallback import rule_of
from tradewind.stages._night_log import Tally, log_rows
from tradewind.stages._serving import Plan
from tradewind.stages._versions import open_versions
from tradewind.stores.digested import write_digested
from tradewind.stores.digests import json_digest
from tradewind.stores.prediction_log import night_folder
from tradewind.stores.prediction_schema import prediction_schema

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Breach, LiveState, NightFeatures, NightInputs
    from tradewind.records import Admission
    from tradewind.stages._fallback import Fallback
    from tradewind.stages._versions import Versions
    from tradewind.stores.digested import Written
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

_MOST_REASONS = 50
_OTHERS = "other reasons, as the log shows"
_SENTENCES = 3


def score(
    admission: Admission,
    frozen: FrozenDefinition,
    inputs: NightInputs,
    features: NightFeatures,
    *,
    stores: Stores,
    last_try: bool = True,
) -> ScoredNight:
    """Serve a night.

    The log's file is `predictions/<model>/<night>/<digest>.parquet`, with the columns of
    `prediction_schema`: one served row an entity, and rows of source `shadow` beside. A naive rule
    that was fitted for the night lies beside it, as `rule-<digest>.json`.

    Args:
        admission: The run, and the night.
        frozen: Tonight's definition, which says where the model must not decide.
        inputs: What the night can be scored on, and what is broken of it.
        features: The night's entities.
        stores: Where everything is kept.
        last_try: Whether a store of models that does not answer is one more reason for the
            fallback. Otherwise that is an error: a later try may do better.

    Returns:
        The night's record, whoever made it first.

    Raises:
        UnavailableError: On an earlier try MLflow does not answer; or the lake or the ledger does
            not.
    """
    model, night = frozen.model, admission.as_of
    recorded = stores.ledger.night(model.name, night)
    if recorded is not None:
        log.info("%s: the night %s was served already, and is final", model.name, night)
        return recorded
    start = time.monotonic()
    entities = _definition_of(features, frozen, stores=stores)
    live = live_state(stores.ledger, model.name, as_of=night, probation=model.promotion.probation)
    versions = open_versions(live, entities, inputs, features, stores=stores, last_try=last_try)
    breaches, contract_uri = _breaches(live, versions, model, inputs, features, stores=stores)
    plan = _plan(live, versions, frozen, entities, inputs, breaches, stores=stores)
    tally = Tally()
    rows = log_rows(plan, entities, features, lake=stores.lake, tally=tally)
    folder = night_folder(model.name, night)
    written = write_digested(stores.lake, folder, prediction_schema(), rows)
    scored = _record(plan, entities, features, written, tally).model_copy(
        update={
            "breaches": breaches,
            "contract_uri": contract_uri,
            "rule_uri": _keep(plan.rule, folder, stores=stores),
            "seconds": round(time.monotonic() - start, 3),
            "peak_memory_mb": _peak_memory_mb(),
        }
    )
    return stores.ledger.record_night(
        scored, actor=admission.request.actor, reason=admission.request.reason
    )


def _definition_of(
    features: NightFeatures, frozen: FrozenDefinition, *, stores: Stores
) -> FrozenDefinition:
    """The definition whose SQL gave the night's entities: tonight's, or the champion's."""
    if features.definition_digest == frozen.digest:
        return frozen
    return stores.ledger.definition(frozen.model.name, features.definition_digest)


def _breaches(
    live: LiveState,
    versions: Versions,
    model: ModelDefinition,
    inputs: NightInputs,
    features: NightFeatures,
    *,
    stores: Stores,
) -> tuple[list[Breach], str | None]:
    """All that is known to be broken when the night is served."""
    known = [*inputs.broken, *features.broken]
    champion = versions.ready.get(live.champion) if live.champion is not None else None
    if champion is None:
        return known, None
    found, uri = contract_breaches(champion, model, features, accepted=live.accepted, stores=stores)
    return known + found, uri


def _plan(
    live: LiveState,
    versions: Versions,
    frozen: FrozenDefinition,
    entities: FrozenDefinition,
    inputs: NightInputs,
    breaches: list[Breach],
    *,
    stores: Stores,
) -> Plan:
    champion = versions.ready.get(live.champion) if live.champion is not None else None
    rule = rule_of(champion, entities, inputs, as_of=live.as_of, stores=stores)
    blocked = blocked_by(live, versions, frozen.model, breaches)
    return Plan(live=live, versions=versions, rule=rule, blocked=blocked, score=frozen.model.score)


def _keep(rule: Fallback, folder: str, *, stores: Stores) -> str | None:
    """Write down a rule that no version keeps; None where the champion's own stood ready."""
    if not rule.fitted:
        return None
    told = rule.to_json()
    uri = f"{folder}/rule-{json_digest(told)}.json"
    stores.lake.put_json(uri, told)
    return uri


def blocked_by(
    live: LiveState, versions: Versions, model: ModelDefinition, breaches: list[Breach]
) -> str | None:
    """Why no version may decide for any row tonight, in plain words; None where one may."""
    number, since = live.champion, live.champion_since
    if live.retired is not None:
        return f"the model is retired: {live.retired}"
    if live.switched_off is not None:
        return f"the model is switched off: {live.switched_off}"
    if number is None or since is None:
        return "there is no champion yet"
    if live.as_of - since > model.score.max_age:
        days, most = (live.as_of - since).days, model.score.max_age.days
        return f"version {number} was promoted {days} days ago; score.max_age is {most} days"
    if number in versions.problems:
        return f"version {number} cannot score: {versions.problems[number]}"
    counting = [breach for breach in breaches if breach.name not in live.accepted]
    return _broken(counting) if counting else None


def _broken(breaches: list[Breach]) -> str:
    told = "; ".join(breach.sentence for breach in breaches[:_SENTENCES])
    more = f"; and {len(breaches) - _SENTENCES} more" if len(breaches) > _SENTENCES else ""
    return f"the data's contract is broken: {told}{more}"


def _record(
    plan: Plan,
    entities: FrozenDefinition,
    features: NightFeatures,
    written: Written,
    tally: Tally,
) -> ScoredNight:
    champion = plan.champion
    own = champion.own if champion else entities
    return ScoredNight(
        model=plan.live.model,
        night=features.end,
        start=features.start,
        digest=written.digest,
        uri=written.uri,
        features_uri=champion.features_uri if champion else features.uri,
        features=list(own.model.features.types),
        definition_digest=own.digest,
        rows=tally.rows,
        served=dict(sorted(tally.served.items())),
        fallback_reasons=_summed(tally),
        champion=plan.live.champion,
        arms=plan.live.arms,
        version_problems={str(number): why for number, why in plan.versions.problems.items()},
        mean_score=tally.total / tally.rows if tally.rows else None,
    )


def _summed(tally: Tally) -> dict[str, int]:
    """Rows by reason; the rare ones together, because a record is small."""
    ranked = sorted(tally.reasons.items(), key=lambda one: (-one[1], one[0]))
    found = dict(ranked[:_MOST_REASONS])
    others = sum(rows for _, rows in ranked[_MOST_REASONS:])
    return found | ({_OTHERS: others} if others else {})


def _peak_memory_mb() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kibibytes elsewhere.
    return round(used / (1024**2 if sys.platform == "darwin" else 1024), 1)
