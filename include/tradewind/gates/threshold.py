"""Every floor that the definition declares must be reached, whoever else is worse.

A floor is compared with the figure itself; its interval stands beside it. A floor is set by what a
decision needs and not by how sure one is, and a lower bound instead would move it with the number
of rows. That the candidate is really better than nothing is `beats_naive`'s to say, with a bound.

A weak first model ships where somebody signed for it: while there has never been a champion, the
level of a valid `acceptance` takes the place of its metric's floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import figure, ground, interval, not_applicable, number
from tradewind.records import GateResult
from tradewind.stats.metrics import metrics_of

if TYPE_CHECKING:
    from tradewind.definition.gates.comparisons import Floor
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Estimate, Evidence
    from tradewind.stats.metrics import Metric

ORDER = 1
_LESS_IS_BETTER = "at_most"


@dataclass(frozen=True)
class Measured:
    """One floor beside the figure it is about.

    Attributes:
        level: What the figure must reach.
        side: `at_least` or `at_most`.
        words: The whole comparison as a clause.
    """

    estimate: Estimate
    level: float
    side: str
    words: str

    @property
    def held(self) -> bool:
        """Whether the figure reaches the level; a tie does."""
        if self.side == _LESS_IS_BETTER:
            return self.estimate.value <= self.level
        return self.estimate.value >= self.level


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare each floor's metric with its level.

    Raises:
        EvidenceError: A metric that has a floor was not measured.
    """
    floors = measure(evidence, model)
    if not floors:
        said = "The definition sets no floor (`gates.threshold`)."
        return not_applicable("threshold", evidence, said)
    missed = [floor for floor in floors if not floor.held]
    shown = (missed or floors)[0]
    words = "; ".join(floor.words for floor in missed or floors)
    verdict = "A floor is missed" if missed else "Every floor is reached"
    return GateResult(
        gate="threshold",
        outcome="blocked" if missed else "passed",
        sentence=f"{verdict}: {words}. {ground(evidence)}",
        figure=shown.estimate.value,
        threshold=shown.level,
        interval=(shown.estimate.low, shown.estimate.high),
        rows=evidence.rows,
        units=evidence.units,
    )


def measure(evidence: Evidence, model: ModelDefinition) -> list[Measured]:
    """Put every declared floor beside the candidate's figure.

    Raises:
        EvidenceError: A metric that has a floor was not measured.
    """
    metrics = metrics_of(model)
    return [
        _measure(
            evidence,
            name,
            _accepted(evidence, model, name) or _level(evidence, name, floor, metrics.get(name)),
        )
        for name, floor in model.gates.threshold.items()
    ]


def _accepted(
    evidence: Evidence, model: ModelDefinition, metric: str
) -> tuple[str, float, str] | None:
    """The signed level that takes the place of a first model's floor, while it holds."""
    signed = model.acceptance
    if signed is None or signed.metric != metric:
        return None
    if evidence.champion_state != "never" or evidence.day > signed.review:
        return None
    side = _LESS_IS_BETTER if signed.at_most is not None else "at_least"
    words = (
        f", which {signed.by} accepted until {signed.review} in the place of the floor, as there "
        "has never been a champion"
    )
    return side, signed.level, words


def _measure(evidence: Evidence, name: str, asked: tuple[str, float, str]) -> Measured:
    own = figure(evidence, name, of="candidate")
    side, level, origin = asked
    measured = Measured(own, level, side, "")
    floor = f"{side.replace('_', ' ')} {number(level)}{origin}"
    words = f"{name} {interval(own)} {'is' if measured.held else 'is not'} {floor}"
    return Measured(own, level, side, words)


def _level(
    evidence: Evidence, name: str, floor: Floor, metric: Metric | None
) -> tuple[str, float, str]:
    if floor.of_naive is not None:
        if metric is None or metric.greater_is_better is None:
            raise EvidenceError(f"{name} has no better direction: `of_naive` says nothing of it")
        naive = figure(evidence, name, of="naive")
        side = "at_least" if metric.greater_is_better else _LESS_IS_BETTER
        words = f", {floor.of_naive:g} times the naive rule's {interval(naive)}"
        return side, floor.of_naive * naive.value, words
    if floor.at_most is not None:
        return _LESS_IS_BETTER, floor.at_most, ""
    return "at_least", floor.at_least or 0.0, ""
