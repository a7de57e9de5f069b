"""The ML test score of a model, from evidence that the ledger and the lake hold.

One module a section of the rubric; each test is one function from a case to a point. Nothing is
given for what is merely implemented: a run of this very model must have left something, it must be
there still, and it must not be older than it is due. A gate that is switched off shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.scorecard import data, infrastructure, model, monitoring
from tradewind.scorecard.case import Case, open_case
from tradewind.scorecard_records import Scorecard, ScoredSection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.scorecard.marking import Test
    from tradewind.scorecard_records import SectionName
    from tradewind.stores.stores import Stores

__all__ = ["Case", "reading_of", "scorecard_of"]

_SECTIONS: Mapping[SectionName, tuple[Test, ...]] = {
    "data": data.TESTS,
    "model": model.TESTS,
    "infrastructure": infrastructure.TESTS,
    "monitoring": monitoring.TESTS,
}
_READINGS = (
    (0, "an experiment, and nothing yet that production could rely on"),
    (1, "not untested, but serious holes are likely"),
    (2, "a first pass at what production needs; more work is due before it is relied on"),
    (3, "reasonably tested; more of the tests could be carried out by the system"),
    (5, "strongly tested and watched by the system, fit for what must not fail"),
)
_BEST = "tested and watched beyond what is usual even where much is at stake"


def scorecard_of(model: ModelDefinition, stores: Stores) -> Scorecard:
    """Look every test of the rubric up for a model; quick: a few reads of ledger and lake.

    Args:
        model: Its definition, which names documents.
        stores: The ledger and the lake.

    Raises:
        UnavailableError: The lake or the ledger does not answer: what cannot be asked is no zero.
    """
    case = open_case(model, stores)
    sections = [
        ScoredSection(name=name, points=[look(case) for look in tests])
        for name, tests in _SECTIONS.items()
    ]
    score = min(section.total for section in sections)
    return Scorecard(
        model=model.name,
        owner=model.owner,
        as_of=case.moment,
        day=case.day.isoformat(),
        score=score,
        reading=reading_of(score),
        sections=sections,
    )


def reading_of(score: float) -> str:
    """What the paper makes of a score, in our words."""
    return next((words for most, words in _READINGS if score <= most), _BEST)
