"""Figures that the guides quote are those that the benchmarks kept in `benchmarks/results/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.sandbox import CLONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def rollback(found: Any) -> list[str]:
    def share(loss: float) -> list[float]:
        return [100 * one["worse"] for one in found["rollback"] if one["loss"] == loss]

    nights = max(one["nights"] for one in found["rollback"] if one["loss"] == 0.1)
    equal = (
        f"watched as a promotion is for {found['probation']} nights at a stated error of "
        f"{100 * found['error']:.0f} %, {span(share(0.0), '.1f')} % were taken back"
    )
    worse = (
        f"worse by 0.02 on every row {span(share(0.02), '.0f')} % were, and by 0.1 at least "
        f"{min(share(0.1)):.0f} %, half of those within {WORDS[int(nights)]} nights"
    )
    return [equal, worse]


def drift_cost(found: Any) -> list[str]:
    cost = (
        f"A night's drift of {found['rows']:,} rows by {found['columns']} columns costs "
        f"{found['times_less_cpu']:.0f} times less computing and {found['times_less_memory']:.0f} "
        "times less memory than evidently's report on the same file"
    )
    return [cost]


def scoring(found: Any) -> list[str]:
    by_hand = [one["night_over_by_hand"] for one in found.values()]
    shap = [one["shap_rows_over_rows"] for one in found.values()]
    rows = {one["rows"] for one in found.values()}
    plain = (
        f"A night of {max(rows):,} rows costs {span(by_hand, '.2f')} times the computing of "
        "calling the fitted models by hand"
    )
    explained = (
        f"a row is answered with its reasons {span(shap, '.1f')} times as fast as with shap's "
        "exact explainer"
    )
    linear = found["linear"]
    closest = (
        f"It is closest for the linear model, {linear['shap_rows_over_rows']:.1f} times, most of "
        "it preparation on either side. From prepared columns that one is told "
        f"{linear['shap_effects_over_effects']:.1f} times as fast, effects against effects, and "
        f"{linear['shap_effects_over_reasons']:.1f} times where words are made here"
    )
    assert linear["shap_rows_over_rows"] == min(shap)
    return [plain, explained, closest]


def replay_year(found: Any) -> list[str]:
    loss = {name: f"{one['mean']:.3f} |" for name, one in found["log_loss"].items()}
    gains = [one["gain"] for one in found["gains"]]
    mean = sum(gains) / len(gains)
    return [
        f"({found['nights']} nights, {found['rows']:,} flights with a label",
        f"| served, with these policies | {loss['served']}",
        f"deployed without being judged | {loss['monthly']}",
        f"kept to select and to judge | {loss['monthly, judged']}",
        f"the first of these models, for ever | {loss['never']}",
        f"the naive rule | {loss['naive']}",
        f"never two within {found['shortest_gap_days']} days",
        f"gained from {min(gains):.3f} to {max(gains):.3f}, and {mean:.4f} on average",
    ]


def promotion_budget(found: Any) -> list[str]:
    return [
        " | ".join(
            [
                f"| {one['planned']}{' (every night)' if one['planned'] == 365 else ''}",
                *(
                    f"{100 * one[rate]:.1f} %"
                    for rate in ("budget", "alone", "worse", "worse_alone")
                ),
                f"{100 * found['error']:.0f} % |",
            ]
        )
        for one in found["rates"]
    ]


def gate_errors(found: Any) -> list[str]:
    return [gate_line(one) for one in found["rates"]]


def gate_line(one: Any) -> str:
    rates = ("equal_superior", "equal_non_inferior", "worse_non_inferior", "row_wise")
    shown = [f"{100 * one[name]:.1f} % |" if one[name] is not None else "|" for name in rates]
    metric = {"log_loss": "log loss", "roc_auc": "ROC AUC"}[one["metric"]]
    days = one["exchanged_days"]
    return f"| {metric} | {days} day{'s' if days > 1 else ''} | {' '.join(shown)}"


def ledger_chain(found: Any) -> list[str]:
    append, on_one = found["append_ms"], found["append_on_one_connection_ms"]
    appended = (
        f"the median of {found['writes']:,} appended events is {append['with']:.1f} ms with the "
        f"chain and {append['without']:.1f} ms without"
    )
    return [
        appended,
        f"on one open connection it is {on_one['with']:.1f} ms and {on_one['without']:.1f} ms",
        f"A walk over {found['events']:,} events takes {found['verify_s']:.1f} s",
    ]


def span(values: Iterable[float], how: str) -> str:
    """From the least to the greatest, in words."""
    found = sorted(values)
    return f"{found[0]:{how}} to {found[-1]:{how}}"


WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

# By result file: the page that quotes it, and the sentences that must stand there.
QUOTED: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "rollback": ("docs/nights.md", rollback),
    "drift_cost": ("docs/nights.md", drift_cost),
    "scoring": ("docs/nights.md", scoring),
    "replay_year": ("docs/nights.md", replay_year),
    "gate_errors": ("docs/gates.md", gate_errors),
    "promotion_budget": ("docs/gates/promotion_budget.md", promotion_budget),
    "ledger_chain": ("docs/audit.md", ledger_chain),
}


@pytest.mark.parametrize("name", QUOTED)
def test_a_guide_quotes_what_the_benchmark_found(name: str) -> None:
    page, sentences = QUOTED[name]
    found = json.loads((CLONE / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
    text = " ".join((CLONE / page).read_text("utf-8").split())
    assert [sentence for sentence in sentences(found) if sentence not in text] == []
