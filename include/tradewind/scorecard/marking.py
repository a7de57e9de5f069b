"""How a test is marked: what was seen, else what a person's document says, else nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING

from tradewind.reports.page import figure
from tradewind.scorecard_records import Point, Pointer

if TYPE_CHECKING:
    from tradewind.definition.scorecard import Documented
    from tradewind.nights import Performance
    from tradewind.scorecard.case import Case

HALF = 0.5


class NotShownError(Exception):
    """Nothing shows that a test was carried out; it never leaves this package.

    Attributes:
        way_up: What would.
    """

    def __init__(self, sentence: str, way_up: str) -> None:
        super().__init__(sentence)
        self.way_up = way_up


@dataclass(frozen=True)
class Seen:
    """What the evidence of a test comes to, before documents are asked."""

    points: float
    sentence: str
    evidence: tuple[Pointer, ...]
    way_up: str | None = None


Test = Callable[["Case"], Point]


def rubric_test(test: str, name: str) -> Callable[[Callable[[Case], Seen]], Test]:
    """Make a test of the rubric of a function that looks at its evidence.

    Args:
        test: Section and number, such as `data_1`.
        name: In the paper's words.
    """

    def named(look: Callable[[Case], Seen]) -> Test:
        @wraps(look)
        def marked(case: Case) -> Point:
            try:
                seen = look(case)
            except NotShownError as nothing:
                seen = Seen(0.0, str(nothing), (), nothing.way_up)
            if seen.points < HALF:
                seen = _by_hand(seen, test, case)
            return Point(
                test=test,
                name=name,
                points=seen.points,
                # Of a definition's folded text the line's end is no part.
                sentence=" ".join(seen.sentence.split()),
                evidence=list(seen.evidence),
                way_up=seen.way_up,
            )

        return marked

    return named


def days(count: float | str) -> str:
    """`1 day`, `2.5 days`."""
    return f"{figure(count, 3)} {'day' if count == 1 else 'days'}"


def why_none(found: Performance) -> str:
    """Why served rows with their truth give no figure of the deciding metric."""
    reasons = [*found.missing.values()]
    own = found.missing.get(f"{found.metric} of the champion")
    return own or (reasons[0] if reasons else "nothing says why")


def _by_hand(seen: Seen, test: str, case: Case) -> Seen:
    """Half a point for a document that holds; one that does not is named."""
    document = case.model.scorecard.documents.get(test)
    if document is None:
        by_hand = f"name a document of who did it by hand (`scorecard.documents.{test}`)"
        return replace(seen, way_up=f"{seen.way_up}; for half a point {by_hand}")
    void = _why_void(document, case)
    if void is not None:
        return replace(seen, sentence=f"{seen.sentence}; {void}")
    sentence = (
        f"done by hand by {document.by} on {document.on}, which holds until {document.review}; "
        f"by the system: {seen.sentence}"
    )
    return Seen(HALF, sentence, (Pointer(words="document", uri=document.where),), seen.way_up)


def _why_void(document: Documented, case: Case) -> str | None:
    """Why a document does not count; None where it does."""
    if case.day < document.on:
        return f"{document.where} is of {document.on}, which is still to come"
    if case.day > document.review:
        return f"{document.where} held until {document.review}: somebody has to do it again"
    if "://" not in document.where and not (case.stores.settings.root / document.where).is_file():
        return f"there is no file {document.where}"
    return None
