"""How the nights run: rows, seconds, memory, what failed, the model's age, who calls on line."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tradewind.definition.moments import night_start, nights_between
from tradewind.stages._watching import FALLBACK, Look
from tradewind.stores.prediction_log import read_online

if TYPE_CHECKING:
    import pyarrow as pa

Plain = dict[str, float | str]
_DAY = timedelta(days=1)
_NO_CONTRACT = (
    "features are not held against the days of the training: that needs nights of one day "
    "(score.every)"
)


def operations_of(look: Look) -> Plain:
    """The figures of the night and of the watched nights, by name."""
    return {**_night(look), **_nights(look), **_age(look), **_calls(look)}


def _night(look: Look) -> Plain:
    night = look.night
    if night is None:
        return {}
    failed = "; ".join(f"version {name}: {why}" for name, why in night.version_problems.items())
    return {
        "rows": float(night.rows),
        "seconds": night.seconds,
        "peak_memory_mb": night.peak_memory_mb,
        "fallback_share": night.served.get(FALLBACK, 0) / max(night.rows, 1),
        **({"failures": failed} if failed else {}),
        **({"contract": _NO_CONTRACT} if look.model.score.every != _DAY else {}),
    }


def _nights(look: Look) -> Plain:
    """How many of the nights since the first watched one were never scored."""
    if not look.nights:
        return {}
    since = look.nights[0].night
    due = sum(1 for _ in nights_between(since, look.as_of, look.model))
    return {
        "nights_scored": float(len(look.nights)),
        "nights_missed": float(max(0, due - len(look.nights))),
        "nights_broken": float(len(look.broken_nights)),
    }


def _age(look: Look) -> Plain:
    champion = look.champion
    if champion is None or champion.since is None:
        return {}
    return {"model_age_days": (look.as_of - champion.since) / timedelta(days=1)}


def _calls(look: Look) -> Plain:
    start = night_start(look.as_of, look.model)
    calls = read_online(look.stores.lake, look.model.name, start=start, end=look.as_of)
    if not calls.num_rows:
        return {"online_rows": 0.0}
    found: Plain = {"online_rows": float(calls.num_rows), "callers": _callers(calls)}
    median = pc.quantile(calls["latency_ms"], 0.5)[0].as_py()
    return found if median is None else {**found, "online_latency_ms": float(median)}


def _callers(calls: pa.Table) -> str:
    counts = Counter(str(caller or "unnamed") for caller in calls["caller"].to_pylist())
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common(5))
