"""The page of a verdict: what each gate says, and everybody's figures on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.records import account_of
from tradewind.reports.card.words import sentence
from tradewind.reports.lines import days, figures, line_plot, shares
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

_MARKS = {
    "passed": ("passed", "good"),
    "blocked": ("blocks", "bad"),
    "not_applicable": ("not applicable", ""),
    "waived": ("switched off", "warn"),
}
_ORDER = ("blocked", "waived", "passed", "not_applicable")
_PLAYERS = ("candidate", "champion", "naive")
_TITLES = {"candidate": "Candidate", "champion": "Champion", "naive": "Naive rule"}


def render(evaluation: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> str:
    """One HTML page, whole in itself.

    Args:
        evaluation: `evaluations/<digest>.json`, as the stage stored it; empty where it is missing.
        verdict: `verdicts/<digest>.json`; None as long as the gates have not been asked.
    """
    if not evaluation:
        return render_page(
            "verdict.html.j2",
            title="Verdict",
            evaluation=None,
            gates=_gates(verdict),
            account=_account(verdict),
            verdict=verdict,
        )
    evidence, page = evaluation["evidence"], evaluation["page"]
    players = [name for name in _PLAYERS if evidence.get(name) is not None]
    return render_page(
        "verdict.html.j2",
        title=f"{evaluation['model']}: verdict",
        evaluation=evaluation,
        evidence=evidence,
        verdict=verdict,
        gates=_gates(verdict),
        account=_account(verdict),
        players=[(name, _title(name, evidence)) for name in players],
        missing=_missing(evidence, players),
        metrics=_metrics(evidence, page, players),
        money=_money(evidence, players),
        decisions=[(_title(name, evidence), page["decisions"][name]) for name in players]
        if page["decisions"]
        else [],
        drawings=_drawings(page, players),
    )


def _title(player: str, evidence: Mapping[str, Any]) -> str:
    title = _TITLES[player]
    return f"{title}, version {evidence['champion_version']}" if player == "champion" else title


def _gates(verdict: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What blocks first, then what was switched off; within that in the order of the gates."""
    results = verdict["results"] if verdict else []
    return [
        {**result, "word": _MARKS[result["outcome"]][0], "tone": _MARKS[result["outcome"]][1]}
        for result in sorted(results, key=lambda result: _ORDER.index(result["outcome"]))
    ]


def _account(verdict: Mapping[str, Any] | None) -> str:
    """What the gates said, counted, as a sentence; empty before they have been asked."""
    if verdict is None:
        return ""
    outcomes = {result["gate"]: result["outcome"] for result in verdict["results"]}
    return sentence(account_of(outcomes, passed=verdict["passed"]))


def _metrics(
    evidence: Mapping[str, Any], page: Mapping[str, Any], players: Sequence[str]
) -> list[dict[str, Any]]:
    """One row a metric, the deciding one first."""
    names = sorted(page["directions"], key=lambda name: name != evidence["metric"])
    arrows = {True: "more is better", False: "less is better", None: "nearer to zero is better"}
    return [
        {
            "name": name,
            "decides": name == evidence["metric"],
            "better": arrows[page["directions"][name]],
            "figures": [evidence[player].get(name) for player in players],
            "differences": [
                page["differences"][player].get(name) for player in players if player != "candidate"
            ],
        }
        for name in names
    ]


def _missing(evidence: Mapping[str, Any], players: Sequence[str]) -> list[tuple[str, str, str]]:
    """Metric, player and reason of each figure that is not there."""
    return [
        (metric, _title(player, evidence), reason)
        for player in players
        for metric, reason in evidence["missing"].get(player, {}).items()
    ]


def _money(evidence: Mapping[str, Any], players: Sequence[str]) -> list[dict[str, Any]]:
    """What everybody's decisions are worth: in all, and a thousand rows."""
    found = evidence["money"]
    return [
        {
            "title": _title(player, evidence),
            "total": found[player],
            "each": {
                part: found[player][part] / evidence["rows"] * 1000
                for part in ("value", "low", "high")
            },
        }
        for player in players
        if player in found
    ]


def _drawings(page: Mapping[str, Any], players: Sequence[str]) -> list[tuple[str, str, Markup]]:
    drawn = [
        (
            "What was said, and what came of it",
            "On the dashed line the share that happened is the one that was predicted."
            if page["binary"]
            else "On the dashed line the mean truth is the mean prediction.",
            _reliability(page, players),
        )
    ]
    if page["binary"]:
        drawn.append(
            (
                "How many are found, looking at the highest scores first",
                "The dashed line is what choosing at random would find.",
                _gains(page, players),
            )
        )
    loss = "log loss" if page["binary"] else "absolute error"
    drawn.append(
        (
            f"Mean {loss} by day",
            "Whole blocks of these days are drawn to say how sure the figures are.",
            _losses(page, players, loss),
        )
    )
    return drawn


def _reliability(page: Mapping[str, Any], players: Sequence[str]) -> Markup:
    points = {
        player: [(bin_["score"], bin_["truth"]) for bin_ in page["reliability"][player]]
        for player in players
    }
    if page["binary"]:
        across, upward = shares("predicted"), shares("happened")
    else:
        every = [figure for line in points.values() for point in line for figure in point]
        across, upward = figures("predicted", every), figures("truth", every)
    return line_plot(
        points,
        across=across,
        upward=upward,
        label="Mean truth over mean prediction, bin by bin",
        diagonal=True,
        dots=True,
    )


def _gains(page: Mapping[str, Any], players: Sequence[str]) -> Markup:
    points = {
        player: [(point["rows"], point["positives"]) for point in page["gains"][player]]
        for player in players
    }
    return line_plot(
        points,
        across=shares("rows, highest scores first"),
        upward=shares("positives found"),
        label="Share of the positives among the rows with the highest scores",
        diagonal=True,
    )


def _losses(page: Mapping[str, Any], players: Sequence[str], loss: str) -> Markup:
    points = {player: list(enumerate(page["loss"][player])) for player in players}
    every = [value for line in points.values() for _, value in line]
    return line_plot(
        points,
        across=days(page["days"]),
        upward=figures(loss, every),
        label=f"Mean {loss} of each day, by player",
    )
