"""The candidate must be better than the naive rule, and surely so.

The one-sided lower bound of the paired difference in the deciding metric has to clear
`gates.beats_naive.by`. A model that does not beat the rule is not worth its upkeep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import (
    better_or_worse,
    could_show,
    figure,
    gap,
    ground,
    interval,
    number,
)
from tradewind.records import GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 2


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the lower bound of the advantage with what is asked for.

    Raises:
        EvidenceError: The comparison is missing, or not a number.
    """
    metric, by = evidence.metric, model.gates.beats_naive.by
    own = figure(evidence, metric, of="candidate")
    naive = figure(evidence, metric, of="naive")
    against = gap(evidence, against="naive")
    clears = against.low > by
    return GateResult(
        gate="beats_naive",
        outcome="passed" if clears else "blocked",
        sentence=(
            f"The candidate's {metric} is {interval(own)}, the naive rule's {interval(naive)}: "
            f"{better_or_worse(against.value)}. With {evidence.confidence:.0%} confidence the "
            f"advantage is above {number(against.low)}, "
            f"which {'clears' if clears else 'does not clear'} {number(by)}. "
            f"{ground(evidence)} {could_show(against)}"
        ),
        figure=against.low,
        threshold=by,
        interval=(against.low, 2 * against.value - against.low),
        rows=evidence.rows,
        units=evidence.units,
    )
