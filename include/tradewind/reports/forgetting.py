"""What forgetting people came to, in lines for a terminal and a task's log: never whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.counts import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.erasure import Erased, ErasureRequest, Learner, Looked


def forgetting_lines(erased: Erased) -> list[str]:
    """What was erased, who had learned from it, what was searched and what could not be.

    What needs somebody's eye begins with `warning: `.
    """
    return [
        _headline(erased),
        *([] if erased.nothing else _taken(erased)),
        *_versions(erased),
        *erased.done,
        *(f"{one.model}: to be trained {one.reason}" for one in erased.retrain),
        *_places("searched, and nothing found:", erased.searched),
        *_places("warning: not searched:", erased.unsearched),
        *_places("warning: not asked whether it still holds it:", erased.unasked),
        *(f"finished as well, interrupted before: {other}" for other in erased.finished),
        *(f"warning: {sentence}" for sentence in erased.open),
    ]


def request_lines(requests: Sequence[ErasureRequest]) -> list[str]:
    """Each request: how far it has come, who asked and ordered it, what it came to, what is open.

    The lines behind the first of each are set in.
    """
    if not requests:
        return ["nobody was ever to be forgotten"]
    return [line for one in requests for line in _request_lines(one)]


def _request_lines(one: ErasureRequest) -> list[str]:
    said = [
        _when("asked", one.asked_at, one.asked_by),
        _when("ordered", one.begun_at, one.ordered_by, one.reason),
        _when("withdrawn", one.withdrawn_at, one.withdrawn_by),
    ]
    came_to = _came_to(one.erased) if one.erased and not one.erased.nothing else []
    return [
        f"{one.kind} {one.reference}: {_standing(one)}",
        f"  {'; '.join(step for step in said if step)}",
        *(f"  {line}" for line in came_to),
        *([f"  still open: {one.open}"] if one.open else []),
    ]


def _standing(one: ErasureRequest) -> str:
    if one.erased is None:
        return _STANDING[one.state]
    what = "nothing was held of them, seen" if one.erased.nothing else "forgotten"
    return f"{what} at {_shown(one.erased.at)}"


_STANDING = {
    "asked": "asked, and not begun",
    "begun": "begun, and not finished",
    "withdrawn": "withdrawn",
}


def _came_to(erased: Erased) -> list[str]:
    return [*_taken(erased), *_versions(erased)]


def _when(what: str, at: datetime | None, by: str | None, why: str | None = None) -> str:
    if at is None:
        return ""
    return f"{what} at {_shown(at)}{f' by {by}' if by else ''}{f': {why}' if why else ''}"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _headline(erased: Erased) -> str:
    who, when = f"{erased.kind} {erased.reference}", _shown(erased.at)
    by = f"(by {erased.actor}: {erased.reason})"
    if erased.already and erased.nothing:
        asked = f"(asked at {when}, by {erased.actor}: {erased.reason})"
        return f"{who}: nothing was held of them {asked}; nothing was changed now"
    if erased.already:
        return f"{who}: was forgotten at {when} already {by}; nothing was changed now"
    if erased.nothing:
        return f"{who}: nothing is held of them, and nothing was changed {by}"
    return f"{who}: forgotten at {when} {by}"


def _taken(erased: Erased) -> list[str]:
    """What was taken out of the lake, from beside the events and elsewhere."""
    lake = (
        f"{count(erased.files, 'file')} of the lake rewritten: {count(erased.rows, 'row')} taken "
        f"out, {count(erased.texts, 'text')} blanked"
    )
    words = f"{count(erased.words, 'text')} of the ledger's events taken out"
    return [
        lake,
        *([words] if erased.words else []),
        *_places("taken out of", erased.elsewhere),
    ]


def _versions(erased: Erased) -> list[str]:
    """Those that were trained on it, and those whose files are deleted."""
    return [
        *(f"trained on it: {_learner(one)}" for one in erased.learners),
        *([] if erased.learners else ["no version was trained on it"]),
        *(
            f"the files of {model} version {', '.join(map(str, versions))} held something of it, "
            "and are deleted"
            for model, versions in erased.deleted.items()
        ),
    ]


def _places(what: str, places: Sequence[Looked]) -> list[str]:
    return [f"{what} {one.place}: {one.what}" for one in places]


def _learner(one: Learner) -> str:
    unsure = "" if one.whole else "; not all that it was trained on can be told any more"
    return f"{one.model} version {one.version}: {one.state}{unsure}"
