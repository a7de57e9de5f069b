"""Has the model seen its future, or the rows that it is judged on?

Time travel is proved when features are built: they are recomputed with every source cut at the
rows' own prediction times (`tradewind.engine.proof`), and here it is held that this was done at
enough moments. It alone finds a leak that looks innocent. What stands beside it needs no sources: a
feature too good to be true, rows or entities on both sides, and copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import count, finding, interval, number, percent
from tradewind.gates._several import Compared, answer
from tradewind.records import Estimate, Finding, Moment, PointInTimeProof

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence, GateResult
    from tradewind.stats.rows import Floats

F = TypeVar("F", float, "Floats")
ORDER = 9
_SHOWN = 5
_HOUR = 3600.0
_SKILL = {"roc_auc": "how far its roc_auc is above the 0.5 of chance", "r2": "its r2"}
_SEASONS = 1.25
"""Where rows repeat anyway, one month's repeat a little more than another's."""


class Alone(Finding):
    """What one feature says alone of the judged rows, binned on the rows that were fitted on.

    Attributes:
        carries: Between which shares of the whole model's skill that is; None where that has none.
    """

    feature: str
    estimate: Estimate
    carries: tuple[float, float] | None = None


class Both(Finding):
    """Two stretches that must have nothing in common.

    Attributes:
        reaches: The last moment of the earlier one, of its prediction times and of its labels.
        begins: The first prediction time of the later one.
        shared: How many rows, by key and event time, are in both.
        rows: How many the later one has.
    """

    earlier: str
    later: str
    reaches: Moment
    begins: Moment
    shared: int
    rows: int


class Copies(Finding):
    """Exact copies, features and label.

    Attributes:
        share: Of the judge rows that are copies of a training row.
        usual: The share of the training rows that are copies of another one.
    """

    share: float
    usual: float
    rows: int
    training: int


class Entities(Finding):
    """Who is in both the training and the judge rows, by the declared columns."""

    columns: list[str]
    shared: int
    judged: int


class Found(Finding):
    """What would show a leak.

    Attributes:
        proof: The run's; None where there was no run.
        metric: `roc_auc` or `r2`.
        candidate: The whole model's figure by it.
        alone: Every feature's, the best first.
        binned: On how many rows the features were binned.
        stretches: Every pair of them.
        entities: None where the definition names no columns.
    """

    proof: PointInTimeProof | None
    metric: str
    candidate: Estimate
    alone: list[Alone]
    binned: int
    stretches: list[Both]
    copies: Copies
    entities: Entities | None


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold every sign of a leak against its limit.

    Raises:
        EvidenceError: Nobody looked, or the run has no proof of its features.
    """
    found = finding(evidence, "leakage", Found)
    if found.proof is None:
        raise EvidenceError("no proof that its features know only the past came with the run")
    compared = [
        *_alone(found, model),
        *_carries(found, model),
        _proof(found.proof, model),
        *[one for both in found.stretches for one in _apart(both)],
        _copies(found.copies, model),
        *_entities(found.entities),
    ]
    return answer(
        "leakage",
        evidence,
        compared,
        sound=_sound(found, found.proof),
        ground=(
            f"Judged on {evidence.rows:,} rows of {count(evidence.units, evidence.unit)}, the "
            f"features binned on {found.binned:,}."
        ),
    )


def _sound(found: Found, proof: PointInTimeProof) -> str:
    best = found.alone[0]
    return (
        f"Nothing shows that it has seen its future. Its features were recomputed at "
        f"{count(proof.moments, 'prediction time')} ({count(proof.rows, 'row')}) with the future "
        f"cut away and were equal. The best feature alone, {best.feature}, reaches a "
        f"{found.metric} of {interval(best.estimate)}, the whole model "
        f"{interval(found.candidate)}. None of {count(found.copies.rows, 'judge row')} was "
        f"fitted or selected on, and {found.copies.share:.2%} are copies of training rows "
        f"({found.copies.usual:.2%} of those are of each other)."
    )


def _limits(found: Found, model: ModelDefinition) -> tuple[float, float]:
    """The limit of one feature alone, and from which figure on a model is very good."""
    asked = model.gates.leakage
    if found.metric == "r2":
        return asked.alone_r2, asked.very_good_r2
    return asked.alone_auc, asked.very_good_auc


def _alone(found: Found, model: ModelDefinition) -> list[Compared]:
    limit, _ = _limits(found, model)
    expected = model.gates.leakage.expected
    return [
        Compared(
            what=f"{one.feature} alone ({found.metric})",
            figure=one.estimate.value,
            limit=limit,
            holds=one.estimate.value <= limit or one.feature in expected,
            words=(
                f"{one.feature} alone reaches {found.metric} {interval(one.estimate)}, "
                f"more than {number(limit)}: too good to be known in time. Look at when it becomes "
                "known; if it is in time, say so with its reason in `gates.leakage.expected`."
            ),
            interval=(one.estimate.low, one.estimate.high),
        )
        for one in found.alone[:_SHOWN]
    ]


def _carries(found: Found, model: ModelDefinition) -> list[Compared]:
    _, very_good = _limits(found, model)
    if found.candidate.value < very_good:
        return []
    return [_carried(one, found, model) for one in found.alone[:_SHOWN]]


def _carried(one: Alone, found: Found, model: ModelDefinition) -> Compared:
    asked, metric = model.gates.leakage, found.metric
    share = skill(one.estimate.value, metric) / skill(found.candidate.value, metric)
    return Compared(
        what=f"{one.feature}: share of the model's skill",
        figure=share,
        limit=asked.carries,
        holds=share <= asked.carries or one.feature in asked.expected,
        words=(
            f"The model is very good ({metric} {interval(found.candidate)}), and {one.feature} "
            f"alone {_reaches(share, one.carries)} of its skill ({_SKILL[metric]}), where "
            f"{asked.carries:.0%} is the limit: the rest adds nothing to it."
        ),
        interval=one.carries,
    )


def _reaches(share: float, ends: tuple[float, float] | None) -> str:
    """Say how much of the whole model's skill a feature has alone; noise may make it more."""
    told = percent(share, ends)
    return f"reaches more than the whole model: {told}" if share > 1 else f"carries {told}"


def skill(figure: F, metric: str) -> F:
    """By how much a figure is above that of a model which knows nothing, by the same scale."""
    return figure if metric == "r2" else 2 * figure - 1


def _proof(proof: PointInTimeProof, model: ModelDefinition) -> Compared:
    least = model.gates.leakage.moments
    return Compared(
        what="prediction times with the future cut away",
        figure=proof.moments,
        limit=least,
        holds=proof.moments >= least,
        words=(
            f"The features were recomputed with the future cut away at only "
            f"{count(proof.moments, 'prediction time')} ({count(proof.rows, 'row')}), and at least "
            f"{least} are asked for (`gates.leakage.moments`)."
        ),
    )


def _apart(both: Both) -> list[Compared]:
    hours = (both.begins - both.reaches).total_seconds() / _HOUR
    name = f"{both.earlier} and {both.later}"
    return [
        Compared(
            what=f"{name}: rows in both, of {both.rows:,}",
            figure=both.shared,
            limit=0,
            holds=both.shared <= 0,
            words=f"{both.shared:,} of {both.rows:,} rows of the {both.later} stretch are in the "
            f"{both.earlier} stretch too.",
        ),
        Compared(
            what=f"{name}: hours between",
            figure=hours,
            limit=0.0,
            holds=hours > 0,
            words=f"The {both.earlier} stretch reaches {both.reaches:%Y-%m-%dT%H:%MZ}, and the "
            f"{both.later} stretch begins {both.begins:%Y-%m-%dT%H:%MZ}: they are not apart.",
        ),
    ]


def _copies(copies: Copies, model: ModelDefinition) -> Compared:
    limit = _SEASONS * copies.usual + model.gates.leakage.copies
    return Compared(
        what="share of judge rows that are copies",
        figure=copies.share,
        limit=limit,
        holds=copies.share <= limit,
        words=(
            f"{copies.share:.2%} of {copies.rows:,} judge rows are exact copies of "
            f"{copies.training:,} training rows, label and all, and only {copies.usual:.2%} of "
            f"those are copies of each other: at most {limit:.2%} is chance."
        ),
    )


def _entities(entities: Entities | None) -> list[Compared]:
    if entities is None:
        return []
    named = ", ".join(entities.columns)
    return [
        Compared(
            what=f"{named}: in both, of {entities.judged:,}",
            figure=entities.shared,
            limit=0,
            holds=entities.shared <= 0,
            words=f"{entities.shared:,} of {entities.judged:,} judged by {named} were learned from "
            "too, and the definition says that nobody may be.",
        )
    ]
