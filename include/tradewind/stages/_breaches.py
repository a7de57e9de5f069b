"""The data's contract tonight: what was found before the night was served, and what nights show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tradewind.errors import EvidenceError
from tradewind.nights import Breach, LabelCounts
from tradewind.stages._watching import FALLBACK, SHADOW, Look
from tradewind.stats.vital_signs import vital_sign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from tradewind.nights import NightInputs
    from tradewind.stats.vital_signs import VitalSign

_FALSE_ALARMS = 0.01
"""Of all vital signs of a night together."""
_RESOLUTION = 0.005
# Those that nobody else watches: rows and nulls of the features have detectors of their own.
_BREAKING = {"pending_share": "labels late", "set_aside_share": "rows set aside"}


def known_before(look: Look, inputs: NightInputs) -> list[Breach]:
    """What validation found tonight, and what was known when the night was served."""
    served = look.night.breaches if look.night else []
    found = {(one.name, one.source): one for one in [*inputs.broken, *served]}
    return list(found.values())


def require_contract(look: Look) -> None:
    """See that tonight's features were held against the champion's contract when it was served.

    Raises:
        EvidenceError: They were not, and nothing says why.
    """
    champion, night = look.champion, look.night
    if champion is None or champion.reference is None or night is None or not night.rows:
        return
    is_daily = look.model.score.every == timedelta(days=1)
    if is_daily and night.champion is not None and not (night.contract_uri or night.breaches):
        raise EvidenceError(
            "when the night was served it was not held against the days that the champion was "
            "trained on: see the log of the task `predict`"
        )


def with_since(look: Look, breaches: Sequence[Breach]) -> list[Breach]:
    """Each breach with the first night that it has held from, without a night between."""
    return [one.model_copy(update={"since": _since(look, one.name)}) for one in breaches]


def _since(look: Look, name: str) -> datetime:
    first = look.as_of
    for past in reversed(look.past):
        if name not in past.breaches:
            break
        first = past.night
    return first


# ----------------------------------------------------------------------------------- vital signs


def vitals_of(look: Look, counts: LabelCounts, inputs: NightInputs) -> dict[str, float]:
    """The night's own figures, by name."""
    night = look.night
    if night is None:
        return {}
    tonight = look.rows[look.rows["night"] == night.night] if len(look.rows) else look.rows
    served = tonight[tonight["source"] != SHADOW] if len(tonight) else tonight
    found = {"rows": float(night.rows), **_shares(counts)}
    if len(served):
        found["fallback_share"] = float((served["source"] == FALLBACK).mean())
    return {**found, **_nulls(look), **_ages(look, inputs)}


def _shares(counts: LabelCounts) -> dict[str, float]:
    if not counts.predictions:
        return {}
    parts = {"pending_share": counts.pending, "expired_share": counts.expired}
    return {name: count / counts.predictions for name, count in parts.items()}


def _nulls(look: Look) -> dict[str, float]:
    night = look.night
    if night is None or not night.rows:
        return {}
    names = [*look.model.features.types, "set_aside"]
    table = look.stores.lake.read_table(night.features_uri, names)
    aside = table["set_aside"]
    rates = {
        f"null_rate:{name}": table[name].null_count / table.num_rows
        for name in table.column_names
        if name != "set_aside"
    }
    share = pc.sum(pc.is_valid(aside)).as_py() / table.num_rows
    return {**rates, "set_aside_share": float(share)}


def _ages(look: Look, inputs: NightInputs) -> dict[str, float]:
    """Hours from each source's newest row to the night, as validation found them."""
    if inputs.report_uri is None:
        return {}
    report = look.stores.lake.read_json(inputs.report_uri)
    return {
        f"freshness_hours:{check['source']}": float(check["figure"])
        for check in report.get("freshness", [])
        if check.get("figure") is not None
    }


def signs_of(look: Look, vitals: dict[str, float]) -> list[VitalSign]:
    """Judge each figure by those of earlier sound nights."""
    sound = [past for past in look.past if not look.is_broken(past)]
    zone = look.model.zone
    # Of nights that are hours, those of the same hour: the days before are what a night is like.
    if look.model.score.every < timedelta(days=1):
        hour = look.as_of.astimezone(zone).time()
        sound = [past for past in sound if past.night.astimezone(zone).time() == hour]
    signs = []
    for name, value in vitals.items():
        past = [(one.night, one.vitals[name]) for one in sound if name in one.vitals]
        signs.append(
            vital_sign(
                name,
                [figure for _, figure in past],
                value,
                weekdays=[night.astimezone(zone).weekday() for night, _ in past],
                weekday=look.as_of.astimezone(zone).weekday(),
                false_alarms=_FALSE_ALARMS / len(vitals),
                resolution=_RESOLUTION * (max(value, 1.0) if name == "rows" else 1.0),
            )
        )
    return signs


def broken_signs(look: Look, signs: Sequence[VitalSign], counts: LabelCounts) -> list[Breach]:
    """What of the vital signs breaks the contract: a surprise that no other detector watches."""
    found = [
        Breach(detector="vital_sign", cause=_BREAKING[one.name], column=one.name,
               sentence=one.sentence)
        for one in signs
        if one.name in _BREAKING and one.sudden == "beyond" and one.value > (one.high or 0.0)
    ]  # fmt: skip
    limit, rows = look.model.monitor.performance.expired_share, counts.predictions
    if rows and counts.expired / rows > limit:
        found.append(
            Breach(
                detector="expired_labels",
                cause="labels never come",
                sentence=(
                    f"{counts.expired:,} of {rows:,} predictions ({counts.expired / rows:.1%}) can "
                    f"have no label any more; at most {limit:.0%} are declared "
                    "(monitor.performance.expired_share)"
                ),
            )
        )
    return found


def page_of_signs(signs: Sequence[VitalSign]) -> list[dict[str, Any]]:
    """The vital signs as plain values."""
    return [
        {
            "name": one.name,
            "value": one.value,
            "expected": one.expected,
            "low": one.low,
            "high": one.high,
            "sudden": one.sudden,
            "slow": one.slow,
            "since": one.since,
            "sentence": one.sentence,
        }
        for one in signs
    ]


def label_counts(look: Look, *, revised: int) -> LabelCounts:
    """What became of the served predictions of the watched nights."""
    rows: pd.DataFrame = look.rows
    told = rows.loc[rows["source"] != SHADOW, "label_state"].tolist() if len(rows) else []
    return LabelCounts(
        predictions=len(told),
        matured=told.count("known"),
        pending=told.count("pending"),
        expired=told.count("expired"),
        revised=revised,
        orphans=look.orphans,
    )
