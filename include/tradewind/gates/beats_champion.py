"""The candidate against the champion, on the same rows, by one of two policies.

`non_inferior` (the default) asks that the candidate is surely not worse by more than a margin, and
that every floor holds. Demanding a significant gain costs skill when the world drifts, because the
fresher of two models that look alike is the better one tomorrow. Its error is promoting a model
that is worse by more than the margin. `margin: auto` is the smallest detectable difference: a
candidate as good as the champion then passes four times out of five, whatever the noise of the
rows; `at_most` caps it, so that very noisy rows block.

`superior` asks that the candidate is surely better. Its error is promoting an equal one.

Where the ledger has never known a champion there is nothing to compare: not applicable. A champion
that is there and cannot be judged blocks; that it is broken is no reason to replace it unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import (
    better_or_worse,
    could_show,
    figure,
    gap,
    ground,
    interval,
    not_applicable,
    number,
)
from tradewind.gates.threshold import measure
from tradewind.records import GateResult

if TYPE_CHECKING:
    from tradewind.definition.gates.comparisons import BeatsChampion
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Difference, Evidence, GateOutcome

ORDER = 3


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare candidate and champion, where there is one to compare with.

    Raises:
        EvidenceError: The champion cannot be judged, or the comparison is missing.
    """
    said = no_comparison(evidence)
    if said is not None:
        return not_applicable("beats_champion", evidence, said)
    return _compare(evidence, model)


def no_comparison(evidence: Evidence) -> str | None:
    """Say why there is no champion to compare with; None where there is one.

    Raises:
        EvidenceError: There is one, and it cannot be judged.
    """
    version = evidence.champion_version
    if evidence.champion_state == "never":
        return "There has never been a champion of this model."
    if evidence.champion_state == "is_candidate":
        return f"The candidate is the champion itself, version {version}."
    if evidence.champion_state == "unusable":
        raise EvidenceError(
            f"there is a champion, version {version}, and it cannot be judged on these rows: "
            f"{evidence.champion_problem or 'no reason was recorded'}"
        )
    return None


def _compare(evidence: Evidence, model: ModelDefinition) -> GateResult:
    policy = model.gates.beats_champion
    against = gap(evidence, against="champion")
    if policy.policy == "superior":
        outcome, threshold, words = _superior(against)
    else:
        outcome, threshold, words = _non_inferior(evidence, model, against)
    return GateResult(
        gate="beats_champion",
        outcome=outcome,
        sentence=f"{_figures(evidence, against)} {words} {ground(evidence)} {could_show(against)}",
        figure=against.low,
        threshold=threshold,
        interval=(against.low, 2 * against.value - against.low),
        rows=evidence.rows,
        units=evidence.units,
    )


def _superior(against: Difference) -> tuple[GateOutcome, float, str]:
    if against.low > 0:
        return "passed", 0.0, "It is surely better, as the policy `superior` asks."
    return "blocked", 0.0, "That it is better is not sure, as the policy `superior` asks."


def _non_inferior(
    evidence: Evidence, model: ModelDefinition, against: Difference
) -> tuple[GateOutcome, float, str]:
    margin, origin = margin_of(model.gates.beats_champion, against)
    missed = [floor.words for floor in measure(evidence, model) if not floor.held]
    # Two identical models differ by nothing at all, with no error: that is not worse.
    close = against.low >= -margin
    words = (
        f"{'It is surely not worse' if close else 'It may be worse'} by more than the margin of "
        f"{number(margin)} ({origin})."
    )
    if missed:
        words += f" A floor is missed: {'; '.join(missed)}."
    return ("passed" if close and not missed else "blocked"), -margin, words


def margin_of(policy: BeatsChampion, against: Difference) -> tuple[float, str]:
    """How much worse is still equal, and where that comes from.

    Args:
        policy: What the definition says of it.
        against: The difference to the champion, which knows the noise of its rows.
    """
    if policy.margin != "auto":
        return policy.margin, "as the definition says"
    if policy.at_most is not None and against.smallest_detectable > policy.at_most:
        noise = number(against.smallest_detectable)
        return policy.at_most, f"capped: the noise of these rows alone would ask for {noise}"
    return against.smallest_detectable, "from the noise of these rows"


def _figures(evidence: Evidence, against: Difference) -> str:
    metric = evidence.metric
    own = figure(evidence, metric, of="candidate")
    champion = figure(evidence, metric, of="champion")
    return (
        f"The candidate's {metric} is {interval(own)}, that of the champion (version "
        f"{evidence.champion_version}) {interval(champion)}: {better_or_worse(against.value)}. "
        f"With {evidence.confidence:.0%} confidence the difference is above {number(against.low)}."
    )
