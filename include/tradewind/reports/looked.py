"""A night's look in a few lines: what a task's page, its log and the command line show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.nights import ColumnDrift, Guard, Monitoring

_NAMED = 5


def look_lines(look: Monitoring) -> list[str]:
    """Say what a look came to: the worst first, and every part with its figures."""
    return [
        *(f"warning: {problem}" for problem in look.problems),
        *(f"warning: {one.cause}: {one.sentence}" for one in look.breaches),
        *(f"contract: {look.operations[name]}" for name in look.operations if name == "contract"),
        *_performance(look),
        _labels(look),
        *_drift(look.drift),
        *(_guard(name, guard) for name, guard in _guards(look).items()),
        *(
            ("warning: harm: " if one.state == "harm" else "harm indicator ") + one.sentence
            for one in look.indicators
        ),
        *(f"{one.feature}={one.value} may be decided by the model now" for one in look.ready),
        *_worth(look),
        f"look {look.digest[:12]}",
    ]


def _performance(look: Monitoring) -> list[str]:
    found = look.performance
    if look.champion is None:
        return ["no champion yet: the naive rule decides"]
    if found is None:
        return [f"version {look.champion}: no label has matured yet"]
    lines = [("warning: " if found.below_bound else "") + found.sentence]
    if found.estimated is not None:
        lines.append(
            f"estimate for {found.estimated_rows:,} predictions without a label yet: "
            f"{found.metric} {found.estimated.value:.4f} "
            f"({found.estimated.low:.4f} to {found.estimated.high:.4f})"
        )
    return lines


def _labels(look: Monitoring) -> str:
    labels = look.labels
    told = (
        f"{labels.predictions:,} predictions watched: {labels.matured:,} with a label, "
        f"{labels.pending:,} awaiting one, {labels.expired:,} that can have none"
    )
    if labels.revised:
        told += f"; {labels.revised:,} labels changed since an earlier night"
    if labels.orphans:
        told += f"; {labels.orphans:,} labels of entities that nobody predicted"
    return told


def _drift(drift: list[ColumnDrift]) -> list[str]:
    if not drift:
        return ["drift: nothing to compare"]
    alarms = [one for one in drift if one.alarm]
    if not alarms:
        differ = [one for one in drift if one.state == "difference"]
        few = sum(one.state == "too_few_rows" for one in drift)
        within = "within what its own weeks show"
        if any(one.alarm_level is None for one in differ):
            within = "and whether that is unusual cannot be said yet"
        told = f"{len(differ)} differ from training {within}"
        return [f"drift: no alarm in {len(drift)} columns; {told}; {few} have too few rows to say"]
    shown = [f"drift alarm: {one.sentence}" for one in alarms[:_NAMED]]
    more = len(alarms) - len(shown)
    return [*shown, *([f"and {more} more drift alarms"] if more else [])]


def _guards(look: Monitoring) -> dict[str, Guard]:
    return {**({"probation": look.probation} if look.probation else {}), **look.arms}


def _guard(name: str, guard: Guard) -> str:
    mark = "warning: " if name == "probation" and guard.state == "first_worse" else ""
    return f"{mark}{name}: {guard.sentence}"


def _worth(look: Monitoring) -> list[str]:
    if look.value is None:
        return []
    value = look.value
    return [
        (
            f"worth above the naive rule, in {look.value_currency}: {value.value:,.0f} "
            f"({value.low:,.0f} to {value.high:,.0f})"
        )
    ]
