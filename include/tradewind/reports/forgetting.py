"""What forgetting somebody came to, in lines for a terminal and a task's log: never whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.erasure import Erased, Learner, Looked


def forgetting_lines(erased: Erased) -> list[str]:
    """What was erased, who had learned from it, what was searched and what could not be.

    What needs somebody's eye begins with `warning: `.
    """
    return [
        _headline(erased),
        *([_taken(erased)] if not erased.nothing else []),
        *_places("taken out of", erased.elsewhere),
        *(f"trained on it: {_learner(one)}" for one in erased.learners),
        *([] if erased.learners else ["no version was trained on it"]),
        *(
            f"the files of {model} version {', '.join(map(str, versions))} held something of it, "
            "and are deleted"
            for model, versions in erased.deleted.items()
        ),
        *erased.done,
        *(f"a training of {one.model} begins: {one.reason}" for one in erased.retrain),
        *_places("searched, and nothing found:", erased.searched),
        *_places("warning: not searched:", erased.unsearched),
        *_places("warning: not asked whether it still holds it:", erased.unasked),
        *(f"finished as well, interrupted before: {other}" for other in erased.finished),
        *(f"warning: {sentence}" for sentence in erased.open),
    ]


def _headline(erased: Erased) -> str:
    who, when = f"{erased.kind} {erased.reference}", f"{erased.at:%Y-%m-%d %H:%M} UTC"
    by = f"(by {erased.actor}: {erased.reason})"
    if erased.already:
        return f"{who}: was forgotten at {when} already {by}; nothing was changed now"
    if erased.nothing:
        return f"{who}: nothing is held of them, and nothing was changed {by}"
    return f"{who}: forgotten at {when} {by}"


def _taken(erased: Erased) -> str:
    return (
        f"{erased.files:,} file{'s' * (erased.files != 1)} of the lake rewritten: {erased.rows:,} "
        f"row{'s' * (erased.rows != 1)} taken out, {erased.texts:,} "
        f"text{'s' * (erased.texts != 1)} blanked"
    )


def _places(what: str, places: Sequence[Looked]) -> list[str]:
    return [f"{what} {one.place}: {one.what}" for one in places]


def _learner(one: Learner) -> str:
    unsure = "" if one.whole else "; not all that it was trained on can be told any more"
    return f"{one.model} version {one.version}: {one.state}{unsure}"
