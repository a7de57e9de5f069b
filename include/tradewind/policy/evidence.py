"""What a night's look came to: breaches that count, alarms that matter, reasons to retrain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.nights import PastNight

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.nightly import DriftPolicy
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Breach, ColumnDrift, Grounds, Monitoring

DRIFT, PERFORMANCE, AGE, NO_CHAMPION = "drift", "performance", "age", "no_champion"
HARM = "harm"
LASTING = (NO_CHAMPION, PERFORMANCE, DRIFT)
"""Causes that last from night to night until something clears them."""
UNTRIED = ("failed", "refused")
"""Outcomes of a launch that came to no verdict: nothing was held against the champion."""


def counting_breaches(grounds: Grounds) -> list[Breach]:
    """Tonight's breaches, but for those that a person accepted as the new contract."""
    accepted = set(grounds.live.accepted)
    return [one for one in grounds.monitoring.breaches if one.name not in accepted]


def matters(drift: ColumnDrift, model: ModelDefinition) -> bool:
    """Whether a column's alarm says something about the model.

    Labels and predictions always do; a feature does by its share of the model's importance, and
    where that is not known.
    """
    if drift.role != "feature" or drift.importance is None:
        return True
    return drift.importance >= model.monitor.drift.matters


def alarms(monitoring: Monitoring, model: ModelDefinition) -> list[str]:
    """The columns in alarm that matter, by name."""
    return sorted(one.column for one in monitoring.drift if one.alarm and matters(one, model))


def past_night(grounds: Grounds, model: ModelDefinition) -> PastNight:
    """What later nights need to know of this one."""
    monitoring = grounds.monitoring
    return PastNight(
        as_of=monitoring.as_of,
        alarmed=alarms(monitoring, model),
        broken=sorted(one.name for one in counting_breaches(grounds)),
        causes=[cause for cause in LASTING if cause in causes(grounds, model)],
        judged=_judged(grounds, model),
    )


def _judged(grounds: Grounds, model: ModelDefinition) -> list[str]:
    """The causes that the night could have found, had they been there."""
    monitoring, least = grounds.monitoring, model.monitor.performance.least_units
    if counting_breaches(grounds):
        return [NO_CHAMPION]
    performance = monitoring.performance
    able = {
        NO_CHAMPION: True,
        PERFORMANCE: performance is not None and performance.units >= least,
        DRIFT: any(
            one.alarm_level is not None and one.state != "too_few_rows" for one in monitoring.drift
        ),
    }
    return [cause for cause in LASTING if able[cause]]


def challenged_last(grounds: Grounds) -> datetime | None:
    """When the champion was last promoted, by whomever, or held its place; None without one.

    A candidate that did not beat the champion is news of its age as well.
    """
    since = grounds.live.champion_since
    trainings = [*grounds.retrains, *grounds.others]
    tried = [one.decided for one in trainings if one.outcome not in UNTRIED]
    return None if since is None else max([since, *tried])


def causes(grounds: Grounds, model: ModelDefinition) -> dict[str, str]:
    """Every reason to retrain tonight, the weightiest first, each with its sentence."""
    found = {
        NO_CHAMPION: _no_champion(grounds),
        PERFORMANCE: _performance(grounds.monitoring),
        DRIFT: _drift(grounds, model),
        AGE: _age(grounds, model),
    }
    return {cause: sentence for cause, sentence in found.items() if sentence}


def _no_champion(grounds: Grounds) -> str | None:
    if grounds.live.champion is not None:
        return None
    return "there is no champion, and the naive rule decides for every row"


def _performance(monitoring: Monitoring) -> str | None:
    found = monitoring.performance
    return found.sentence if found is not None and found.below_bound else None


def _drift(grounds: Grounds, model: ModelDefinition) -> str | None:
    policy = model.retrain.drift
    if policy.policy == "persisting":
        return _persisting(grounds, model, policy)
    if policy.policy == "share":
        return _share(grounds.monitoring, policy)
    return None


def _persisting(grounds: Grounds, model: ModelDefinition, policy: DriftPolicy) -> str | None:
    tonight = alarms(grounds.monitoring, model)
    if not tonight:
        return None
    # A night on broken data says nothing of drift, neither that it was there nor that it was not.
    sound = [night for night in grounds.past if not night.broken]
    earlier = sound[-(policy.of - 1) :] if policy.of > 1 else []
    nights = 1 + sum(bool(night.alarmed) for night in earlier)
    if nights < policy.nights:
        return None
    return (
        f"drift in {_listed(tonight)}, which matter to the model: an alarm in {nights} of the last "
        f"{len(earlier) + 1} sound nights, tonight's among them"
    )


def _share(monitoring: Monitoring, policy: DriftPolicy) -> str | None:
    features = [one for one in monitoring.drift if one.role == "feature"]
    if not features:
        return None
    alarmed = [one.column for one in features if one.alarm]
    share = len(alarmed) / len(features)
    if share <= policy.above:
        return None
    return (
        f"{len(alarmed)} of {len(features)} features are in alarm ({share:.0%}): {_listed(alarmed)}"
    )


def _age(grounds: Grounds, model: ModelDefinition) -> str | None:
    cadence, newest = model.retrain.cadence, challenged_last(grounds)
    if cadence == "never" or newest is None:
        return None
    age = grounds.monitoring.as_of - newest
    if age < cadence:
        return None
    return (
        f"the champion was last trained or challenged {age.days} days ago, and the cadence is "
        f"{cadence.days}"
    )


def _listed(names: list[str]) -> str:
    shown, more = names[:5], len(names) - 5
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
