"""The pages that are read from the ledger: all models, one model, one task's result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.nights import Incident, Ranking
    from tradewind.records import StageOutcome


def models_page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every model at a glance.

    Args:
        rows: What `overview.status_rows` says of each.
    """
    return render_page("models.html.j2", title="Models", rows=rows)


def model_page(
    row: Mapping[str, Any],
    *,
    nights: Sequence[Any],
    incidents: Sequence[Incident],
    runs: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> str:
    """One model: purpose, champion, who decides tonight, incidents, nights, runs, ledger.

    Args:
        row: What `overview.status_rows` says of it.
        nights: `overview.night_rows`.
        incidents: `overview.incidents_of`, those too that are over.
        runs: `overview.run_rows`.
        events: `overview.event_rows`.
    """
    return render_page(
        "model.html.j2",
        title=row["model"],
        row=row,
        nights=nights,
        incidents=incidents,
        runs=runs,
        events=events,
    )


def versions_page(ranking: Ranking) -> str:
    """The last versions side by side, for whoever is about to roll back."""
    return render_page("versions.html.j2", title=f"{ranking.model}: versions", ranking=ranking)


def refused_page(*, title: str, sentence: str) -> str:
    """What is shown where something cannot be: why, and what to do."""
    return render_page("refused.html.j2", title=title, sentence=sentence)


def outcome_page(outcome: StageOutcome) -> str:
    """A stage's result in brief, where it has no report of its own."""
    return render_page(
        "outcome.html.j2", title=f"{outcome.model}: {outcome.stage}", outcome=outcome
    )


def nothing_yet_page(*, task: str, run_id: str) -> str:
    """What is shown before a task has finished, or for one that has no result."""
    return render_page("nothing.html.j2", title=task, task=task, run_id=run_id)
