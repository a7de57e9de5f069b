"""The test of privacy controls: what names people is looked for, and somebody can be forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.scorecard.marking import HALF, NotShownError, Seen, rubric_test
from tradewind.stores.events import ERASED

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.scorecard.case import Case
    from tradewind.stores.ledger import Event

_DRILLED = timedelta(days=180)
_DECLARE = "say what is personal (`sources.<name>.personal`, see docs/privacy.md), and train again"
_WAYS = {"drop": "dropped", "hash": "hashed", "keep": "kept for a reason"}


@rubric_test("data_5", "the data pipeline has appropriate privacy controls")
def privacy(case: Case) -> Seen:
    """What was taken in was scanned for what names people; and somebody was erased, lately."""
    report, pointer = case.report("validate", "train")
    if "sensitive" not in report:
        raise NotShownError("the last training looked for nothing that names people", "train again")
    if report["sensitive"]:
        found = report["sensitive"][0]
        raise NotShownError(
            f"{found['source']}.{found['column']} looks as if it named people ({found['kind']}), "
            "and the last training took it in undeclared",
            _DECLARE,
        )
    said = (
        f"what the last training took in of {len(report['sources'])} sources was scanned for what "
        f"names people, and nothing was found that is not declared; declared personal: "
        f"{_declared(case.model)}"
    )
    erased = _erased(case)
    if erased is not None:
        told = f"{said}; somebody was erased on {erased.recorded_at:%Y-%m-%d}"
        return Seen(1.0, told, (pointer, case.of_event(erased)))
    return Seen(
        HALF,
        f"{said}; nobody of whom it has rows was erased in the last {_DRILLED.days} days",
        (pointer,),
        "where rows are of people, say whose (`sources.<name>.subjects`), and drill an erasure",
    )


def _declared(model: ModelDefinition) -> str:
    ways = Counter(one.ingest for spec in model.sources.values() for one in spec.personal.values())
    return ", ".join(f"{count} {_WAYS[way]}" for way, count in sorted(ways.items())) or "no column"


def _erased(case: Case) -> Event | None:
    """The last erasure of somebody of whom this model's sources have rows, if it is not long ago.

    It is done today, whatever day stands for today in the model's data.
    """
    kinds = {kind for spec in case.model.sources.values() for kind in spec.subjects}
    ledger = case.stores.ledger
    known = ledger.events(kind=ERASED, newest_first=True) if kinds else []
    last = next((one for one in known if one.payload.get("kind") in kinds), None)
    return last if last and ledger.now() - last.recorded_at <= _DRILLED else None
