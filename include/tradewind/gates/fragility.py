"""The candidate must bear input that is a little worse than usual.

Every fault (noise, gaps, wrong and unknown words, stale values) was tried on judged rows. What one
costs, as a share of the candidate's advantage over the naive rule, must surely be within
`gates.fragility.loses`, and the share of decisions that it turns within `moves`; a search for the
smallest change that turns a row's decision must surely turn no more than `turns` of the rows.

All bounds must hold, each with the whole confidence: an intersection-union test (Berger, 1982),
which passes a fragile candidate no more often than one bound alone would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import count, finding, number
from tradewind.records import Estimate, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.gates.fragility import Fragility
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 12


class Fault(Finding):
    """What one kind of fault did.

    Attributes:
        name: Such as `noise`.
        told: What was spoilt, in words.
        lost: Share of the advantage over the naive rule that it cost.
        moved: Share of decisions that it turned; of a regression, of predictions that it moved by
            more than half a standard deviation of the label.
    """

    name: str
    told: str
    lost: Estimate
    moved: Estimate


class Search(Finding):
    """What the search for the smallest change found.

    Attributes:
        rows: How many rows were searched.
        turned: Share of them that it turned within the bound.
        sooner: Share that a part of the bound was enough for, by that part in words; bare in older
            evidence.
        features: The numbers that were moved.
        example: One that took little, in words; empty where none was turned.
    """

    rows: int
    turned: Estimate
    sooner: dict[str, Estimate | float]
    features: list[str]
    example: str


class Carried(Finding):
    """How much the features that were spoilt matter.

    Attributes:
        share: Of all importance, which they have together; it chose them.
        rows: On how many rows of the select stretch that was measured, `units` of how many units.
    """

    share: Estimate
    rows: int
    units: int


class Found(Finding):
    """What was tried, on which rows.

    Attributes:
        rows: How many rows were spoilt, evenly over all judged ones.
        features: The features that were spoilt, the most important one first.
        carried: Share of all features' importance that these have together; bare in older evidence.
        faults: One for each kind that there is something to spoil for.
        search: None where no important feature is a number.
        untried: Kinds for which there is nothing to spoil, and why.
        level: From which score rows were taken as decided for, where the candidate decides the same
            of nearly every row; None where its own decisions were looked at.
    """

    rows: int
    features: list[str]
    carried: Carried | float
    faults: list[Fault]
    search: Search | None
    untried: dict[str, str]
    level: float | None = None


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the upper bounds of what was lost and turned with the budgets.

    Raises:
        EvidenceError: Nobody tried.
    """
    found, asked = finding(evidence, "fragility", Found), model.gates.fragility
    if not found.faults:
        raise EvidenceError("no fault of the input was tried")
    bars = _bars(found, asked)
    worst = max(bars, key=lambda bar: bar.share)
    inside = all(bar.holds for bar in bars)
    return GateResult(
        gate="fragility",
        outcome="passed" if inside else "blocked",
        sentence=" ".join(_sentences(found, model, bars, evidence)),
        figure=worst.figure.high,
        threshold=worst.budget,
        interval=(worst.figure.low, worst.figure.high),
        rows=found.rows,
        units=evidence.units,
        table=[_line(fault) for fault in found.faults] + _searched(found.search),
    )


class _Bar(Finding):
    """One figure that must stay within one budget."""

    what: str
    verb: str
    figure: Estimate
    budget: float

    @property
    def holds(self) -> bool:
        """Whether it is surely within."""
        return self.figure.high <= self.budget

    @property
    def share(self) -> float:
        """How much of the budget it may be using: above 1 it is not surely within."""
        return self.figure.high / self.budget

    @property
    def told(self) -> str:
        """In words."""
        return f"{self.what} {self.verb} {_percent(self.figure)}, of {self.budget:.0%} allowed"


def _bars(found: Found, asked: Fragility) -> list[_Bar]:
    lost = [
        _Bar(what=fault.name, verb="costs", figure=fault.lost, budget=asked.loses)
        for fault in found.faults
    ]
    moved = [
        _Bar(what=fault.name, verb="turns", figure=fault.moved, budget=asked.moves)
        for fault in found.faults
    ]
    searched = [
        _Bar(what="search", verb="turns", figure=search.turned, budget=asked.turns)
        for search in [found.search]
        if search is not None
    ]
    return lost + moved + searched


def _sentences(
    found: Found, model: ModelDefinition, bars: list[_Bar], evidence: Evidence
) -> list[str]:
    """Say what was tried, what came of it and on what it stands."""
    beyond = [bar for bar in bars if not bar.holds]
    turned = "decisions" if model.problem == "binary" else "predictions far away"
    features = f"{', '.join(found.features)}; {_carried(found.carried, evidence.unit)}"
    said = [f"Spoilt in {len(found.faults)} ways were the most important features ({features})."]
    if beyond:
        told = "; ".join(bar.told for bar in beyond)
        said.append(f"Not surely within its budget: {told}.")
    else:
        said.append(f"Nothing goes beyond its budget; nearest to it: {_nearest(bars)}.")
    said.append(f"`costs` is a share of the advantage over the naive rule, `turns` of {turned}.")
    if found.level is not None:
        said.append(
            "It decides the same of nearly every row: taken as decided for were scores from "
            f"{number(found.level)} on, as many as there are positive labels."
        )
    if found.search is not None:
        said.append(_told(found.search, model.gates.fragility))
    said += [f"Not tried: {kind}, because {reason}." for kind, reason in found.untried.items()]
    units = count(evidence.units, evidence.unit)
    said.append(
        f"Tried on {found.rows:,} of {evidence.rows:,} judged rows of {units}; each end of an "
        f"interval holds with {evidence.confidence:.0%} confidence."
    )
    return said


def _carried(carried: Carried | float, unit: str) -> str:
    """Say how much of all importance the features have, and on what that was measured."""
    if not isinstance(carried, Carried):
        return f"{carried:.0%} of all importance"
    ground = f"{count(carried.rows, 'select row')} of {count(carried.units, unit)}"
    return f"together {_percent(carried.share)} of all importance, measured on {ground}"


def _nearest(bars: list[_Bar]) -> str:
    return max(bars, key=lambda bar: bar.share).told


def _told(search: Search, asked: Fragility) -> str:
    """Say what was searched for."""
    numbers = count(asked.at_once, "number")
    example = f" Such as: {search.example}." if search.example else ""
    return (
        f"The search moved up to {numbers} of a row by up to {asked.reach:g} standard deviations, "
        f"on {search.rows:,} of the rows.{example}"
    )


def _percent(figure: Estimate | float) -> str:
    """Write a share with its interval; alone where older evidence has none."""
    if not isinstance(figure, Estimate):
        return f"{figure:.0%}"
    return f"{figure.value:z.0%} ({figure.low:z.0%} to {figure.high:z.0%})"


def _line(fault: Fault) -> dict[str, str]:
    return {
        "fault": fault.name,
        "what was spoilt": fault.told,
        "advantage lost": _percent(fault.lost),
        "turned": _percent(fault.moved),
    }


def _searched(search: Search | None) -> list[dict[str, str]]:
    if search is None:
        return []
    sooner = "; ".join(f"{_percent(share)} within {size}" for size, share in search.sooner.items())
    told = f"{', '.join(search.features)} moved, row by row" + (f": {sooner}" if sooner else "")
    return [
        {
            "fault": "search",
            "what was spoilt": told,
            "advantage lost": "not asked",
            "turned": _percent(search.turned),
        }
    ]
