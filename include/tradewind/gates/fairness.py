"""No two groups of people may be treated more unlike than the owner declared to tolerate.

Three measures of each protected attribute, each the greatest gap between any two groups: the shares
decided for (demographic parity), the true or the false positive rates (equalised odds), mean truth
less mean score (calibration). They cannot all be small where the groups' true rates differ
(Kleinberg, Mullainathan and Raghavan, 2017); which of them matter is the owner's to say.

A limit is compared with the figure itself, as a floor is, and the interval stands beside it: a
limit says what is tolerated, and not how sure one is. A lower bound in its place would let the more
pass the fewer the rows are. A gap beyond the limit counts where luck does not make it: where names
dealt out at random to the same rows stay closer. A group too small to be told from luck, or with
too few rows for any figure, is unknown: shown, and never passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import finding, ground, interval, not_applicable, number
from tradewind.records import Estimate, Finding, GateResult, Record

if TYPE_CHECKING:
    from tradewind.definition.gates.fairness import Fairness
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 8
_MEASURES = {
    "binary": ("demographic_parity", "equalised_odds", "calibration"),
    "regression": ("demographic_parity", "calibration"),
}
_RATES = {
    "binary": ("selection_rate", "true_positive_rate", "false_positive_rate", "calibration_gap"),
    "regression": ("mean_score", "mean_error"),
}
_WORDS = {"calibration_gap": "truth less score", "mean_error": "truth less score"}


class Treated(Record):
    """How one group is treated.

    Attributes:
        days: On how many judged days it is met.
        figures: By rate.
        unknown: Why a figure is not known, by rate.
    """

    group: str
    rows: int
    days: int
    figures: dict[str, Estimate]
    unknown: dict[str, str]


class Gap(Record):
    """The greatest gap between two groups of an attribute by one measure.

    Attributes:
        measure: A key of `gates.fairness`.
        rate: By which it is the greatest.
        high: The group with the greater figure, as `low` that with the smaller one.
        gap: Of the two.
        groups: How many groups were compared.
        luck: What names dealt out at random stay within, where the gap is beyond the limit.
        unsure: Groups left out, because luck makes gaps like theirs.
    """

    attribute: str
    measure: str
    rate: str
    high: str
    low: str
    gap: Estimate
    groups: int
    luck: float | None
    unsure: list[str]


class Found(Finding):
    """How the groups of every protected attribute are treated on the judged rows.

    Attributes:
        treated: Its groups, by attribute.
        gaps: One an attribute and measure, where there are two groups to compare.
        unknown: Why there is none, by attribute and measure.
    """

    treated: dict[str, list[Treated]]
    gaps: list[Gap]
    unknown: dict[str, dict[str, str]]


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold the greatest gap of each attribute and measure against its limit.

    Raises:
        EvidenceError: How groups are treated was not found.
    """
    protected = model.features.protected
    if not protected:
        said = "The definition names no protected attribute (`features.protected`)."
        return not_applicable("fairness", evidence, said)
    found = finding(evidence, "fairness", Found)
    limits = asked(model)
    gaps = {(gap.attribute, gap.measure): gap for gap in found.gaps}
    pairs = [(attribute, measure) for attribute in protected for measure in limits]
    compared = [(gaps[pair], limits[pair[1]]) for pair in pairs if pair in gaps]
    blind = [_blind(found, *pair) for pair in pairs if pair not in gaps]
    worst = max(compared, key=lambda one: one[0].gap.value / one[1], default=None)
    wide = [_clause(found, *one) for one in compared if one[0].gap.value > one[1]]
    words = [*_verdict(found, wide, blind, worst), *_asides(found, model), ground(evidence)]
    return GateResult(
        gate="fairness",
        outcome="blocked" if wide or blind else "passed",
        sentence=" ".join(words),
        figure=worst[0].gap.value if worst else None,
        threshold=worst[1] if worst else None,
        interval=(worst[0].gap.low, worst[0].gap.high) if worst else None,
        rows=evidence.rows,
        units=evidence.units,
        table=_table(found, model),
    )


def asked(model: ModelDefinition) -> dict[str, float]:
    """List the limits of the measures that this problem has and the owner holds."""
    section: Fairness = model.gates.fairness
    every = {measure: getattr(section, measure) for measure in _MEASURES[model.problem]}
    return {measure: limit for measure, limit in every.items() if limit is not None}


def _verdict(
    found: Found, wide: list[str], blind: list[str], worst: tuple[Gap, float] | None
) -> list[str]:
    unsaid = [f"Nothing can be said of {one}." for one in blind]
    if worst is None:
        return unsaid
    if wide:
        return [f"Groups are treated too unlike: {'; '.join(wide)}.", *unsaid, *_open(*worst)]
    if blind:
        return unsaid
    nearest = f"Nearest to its limit is {_clause(found, *worst)}."
    return ["No two groups are treated more unlike than is tolerated.", nearest, *_open(*worst)]


def _clause(found: Found, gap: Gap, limit: float) -> str:
    figures = {one.group: one.figures[gap.rate] for one in found.treated[gap.attribute]
               if gap.rate in one.figures}  # fmt: skip
    sides = " and ".join(f"{interval(figures[side])} of {side}" for side in (gap.high, gap.low))
    luck = f", and names dealt out at random stay within {number(gap.luck)}" if gap.luck else ""
    return (
        f"{gap.measure.replace('_', ' ')} by {gap.attribute}, a gap of {interval(gap.gap)} where "
        f"{number(limit)} is the limit{luck} ({_named(gap.rate)} {sides})"
    )


def _open(worst: Gap, limit: float) -> list[str]:
    if worst.gap.low <= limit < worst.gap.high:
        return ["Its interval holds the limit: on other days it might lie on the other side."]
    return []


def _blind(found: Found, attribute: str, measure: str) -> str:
    reason = found.unknown.get(attribute, {}).get(measure, "nobody looked")
    return f"{measure.replace('_', ' ')} by {attribute}: {reason}"


def _asides(found: Found, model: ModelDefinition) -> list[str]:
    held = asked(model)
    left = [name.replace("_", " ") for name in _MEASURES[model.problem] if name not in held]
    said = [f"Not held, as the definition says: {', '.join(left)}."] if left else []
    unsure = {(gap.attribute, name) for gap in found.gaps for name in gap.unsure}
    unknown = [
        f"{attribute} {one.group} ({one.rows:,} rows)"
        for attribute, groups in found.treated.items()
        for one in groups
        if one.unknown or (attribute, one.group) in unsure
    ]
    if unknown:
        said.append(f"Unknown, in part or whole, for too few rows: {', '.join(unknown)}.")
    return said


def _table(found: Found, model: ModelDefinition) -> list[dict[str, str]]:
    rates, lines = _RATES[model.problem], []
    for attribute, groups in found.treated.items():
        for one in groups:
            told = {_named(rate): _figure(one, rate) for rate in rates}
            size = {"rows": f"{one.rows:,}", "days": str(one.days)}
            lines.append({"attribute": attribute, "group": one.group, **size, **told})
        own = {gap.rate: gap for gap in found.gaps if gap.attribute == attribute}
        told = {_named(rate): interval(own[rate].gap) if rate in own else "" for rate in rates}
        size = {"rows": "", "days": ""}
        lines.append({"attribute": attribute, "group": "greatest gap", **size, **told})
    return lines


def _figure(one: Treated, rate: str) -> str:
    known = one.figures.get(rate)
    return interval(known) if known else f"unknown: {one.unknown.get(rate, 'nobody looked')}"


def _named(rate: str) -> str:
    return _WORDS.get(rate, rate.replace("_", " "))
