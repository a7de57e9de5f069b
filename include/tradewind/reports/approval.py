"""What a reviewer sees beside the buttons: figures, gates, waivers, and what changed since.

Markdown, because that is what Airflow shows with a question. Words of the definition and of the
data are escaped: they are shown, and format nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.reports.counts import count
from tradewind.reports.definition_changes import Change, changed_files, changed_keys
from tradewind.reports.plain import plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, TrainedModel

_WORDS = {
    "passed": "passed",
    "blocked": "**blocks**",
    "not_applicable": "not applicable",
    "waived": "**switched off**",
}
_PLAYERS = ("candidate", "champion", "naive")
_LONGEST_DIFF = 80


@dataclass(frozen=True)
class Shown:
    """What the page is made of.

    Attributes:
        admission: The run.
        frozen: The definition that the candidate was trained by.
        trained: The candidate.
        evaluation: `evaluations/<digest>.json`, as the stage stored it.
        verdict: `verdicts/<digest>.json`, likewise.
        verdict_digest: By which the page says what it is about.
        champion: The version that it would follow; None where it would be the first.
        before: The text of that version's definition by file name, where it can be had.
        problem: Why it cannot.
        approved_by: Who approved already.
        address: Where the verdict's page is.
        card_address: Where the model card is.
    """

    admission: Admission
    frozen: FrozenDefinition
    trained: TrainedModel
    evaluation: Mapping[str, Any]
    verdict: Mapping[str, Any]
    verdict_digest: str
    champion: int | None
    before: Mapping[str, str] | None
    problem: str | None
    approved_by: Sequence[str]
    address: str
    card_address: str


def markdown_of(shown: Shown) -> str:
    """The essentials of a candidate for whoever is to approve of it."""
    parts = [
        _head(shown),
        _card(shown),
        _figures(shown.evaluation["evidence"]),
        _gates(shown.verdict["results"]),
        _waivers(shown.frozen),
        _changes(shown),
        _address(shown),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _address(shown: Shown) -> str:
    page = f"[The verdict's page, with every figure and drawing]({shown.address})"
    return f"{page}, of the verdict `{shown.verdict_digest}`"


def _head(shown: Shown) -> str:
    model, request, trained = shown.frozen.model, shown.admission.request, shown.trained
    place = "the first champion" if shown.champion is None else f"in place of v{shown.champion}"
    lines = [
        f"**Promote this candidate of `{model.name}`, {place}?**",
        f"It decides: {plain(model.purpose.decision)}. Risk tier: {model.risk_tier}.",
        (
            f"Trained as of {request.as_of:%Y-%m-%d %H:%M} UTC, asked by {plain(request.actor)} "
            f"({plain(request.reason)}): {plain(trained.candidate)}, on {trained.fit.rows:,} "
            f"rows from {trained.fit.start:%Y-%m-%d} to {trained.fit.end:%Y-%m-%d}."
        ),
    ]
    if shown.approved_by:
        named = plain(" and ".join(shown.approved_by))
        lines.append(f"{named} approved already; another person is asked.")
    return "\n\n".join(lines)


def _card(shown: Shown) -> str:
    """What of the card no figure says: what it is not for, and whom it harms."""
    model = shown.frozen.model
    review, unsaid = model.harm_review, f"nobody has said; ask {plain(model.owner)}"
    said = {
        "It must not be used for": model.purpose.not_for,
        "It fails where": model.purpose.limits,
        "It harms, or could harm": review.harms if review else [],
    }
    lines = [
        f"- {name}: {'; '.join(plain(item) for item in items) or unsaid}"
        for name, items in said.items()
    ]
    link = f"[The model card: everything of this on one page]({shown.card_address})"
    return "\n".join([*lines, "", link])


def _figures(evidence: Mapping[str, Any]) -> str:
    players = [name for name in _PLAYERS if evidence.get(name)]
    names = sorted(evidence["candidate"], key=lambda name: (name != evidence["metric"], name))
    titles = {"champion": f"champion, v{evidence['champion_version']}", "naive": "naive rule"}
    head = ["figure", *(titles.get(player, player) for player in players)]
    rows = [
        [
            f"**{plain(name)}**, decides" if name == evidence["metric"] else plain(name),
            *(_estimate(evidence[player].get(name)) for player in players),
        ]
        for name in names
    ]
    money = evidence["money"]
    if money:
        worth = f"worth, {plain(str(evidence['currency']))}"
        rows.append([worth, *(_estimate(money.get(player), digits=6) for player in players)])
    less = "more" if evidence["greater_is_better"] else "less"
    ground = (
        f"On the same {count(evidence['rows'], 'row')} of "
        f"{count(evidence['units'], evidence['unit'])}, "
        f"unseen in training; of {plain(evidence['metric'])} {less} is better."
    )
    problem = evidence.get("champion_problem")
    said = f"\n\nThe champion could not be judged: {plain(problem)}" if problem else ""
    return f"### Figures\n\n{ground}\n\n{table(head, rows)}{said}"


def _estimate(found: Mapping[str, float] | None, *, digits: int = 4) -> str:
    if found is None:
        return "not known"
    value, low, high = (f"{found[part]:,.{digits}g}" for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _gates(results: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [f"`{result['gate']}`", _WORDS[result["outcome"]], plain(result["sentence"])]
        for result in results
    ]
    return f"### Gates\n\n{table(['gate', 'says', 'why'], rows)}"


def _waivers(frozen: FrozenDefinition) -> str:
    lines = [
        f"- `{one.gate}` until {one.until}, by {plain(one.by)}: {plain(one.because)}"
        for one in frozen.model.gates.waivers
    ]
    return "### Switched off by a waiver\n\n" + "\n".join(lines) if lines else ""


def _changes(shown: Shown) -> str:
    if shown.champion is None:
        return ""
    title = f"### What changed in the definition since v{shown.champion}"
    if shown.before is None:
        return f"{title}\n\nNot known: {plain(shown.problem or 'it is not kept')}"
    keys = changed_keys(shown.before, shown.frozen.files)
    rows = [[f"`{change.key}`", _value(change.before), _value(change.now)] for change in keys]
    said = table(["model.yaml", f"v{shown.champion}", "now"], rows) if rows else _SAME
    files = [_file(change) for change in changed_files(shown.before, shown.frozen.files)]
    unchanged = [] if files else [f"`{shown.frozen.model.features.sql}` is the same."]
    return "\n\n".join([title, said, *files, *unchanged])


_SAME = "`model.yaml` says the same."


def _file(change: Change) -> str:
    lines = str(change.now).splitlines()
    more = len(lines) - _LONGEST_DIFF
    left = f"\n\n{more} more lines of this difference are not shown." if more > 0 else ""
    text = "\n".join(lines[:_LONGEST_DIFF])
    return f"`{change.key}`:\n\n~~~~~diff\n{text}\n~~~~~{left}"


def _value(value: Any) -> str:
    return "left out: the default" if value is None else plain(str(value))
