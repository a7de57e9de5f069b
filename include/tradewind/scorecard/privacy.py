"""The test of privacy controls: what names people is looked for, and somebody can be forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradewind.reports.counts import count
from tradewind.scorecard.marking import HALF, NotShownError, Seen, rubric_test
from tradewind.stores.events import ERASED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
    sources = count(len(report["sources"]), "source")
    said = (
        f"what the last training took in of {sources} was scanned for what names "
        f"people, and nothing was found that is not declared; declared personal: "
        f"{_declared(case.model)}"
    )
    erased = _erased(case)
    if erased is not None:
        told = f"{said}; somebody was erased on {erased.recorded_at:%Y-%m-%d}"
        # It is of no single model: none's history has it.
        listed = case.of_event(erased).model_copy(update={"command": "tradewind erasures"})
        return Seen(1.0, told, (pointer, listed))
    return Seen(
        HALF,
        f"{said}; no erasure took rows out of anybody whom it has rows of in the last "
        f"{_DRILLED.days} days",
        (pointer,),
        "where rows are of people, say whose (`sources.<name>.subjects`), and drill an erasure",
    )


def _declared(model: ModelDefinition) -> str:
    ways = Counter(one.ingest for spec in model.sources.values() for one in spec.personal.values())
    return ", ".join(f"{count} {_WAYS[way]}" for way, count in sorted(ways.items())) or "no column"


def _erased(case: Case) -> Event | None:
    """The last erasure that took out somebody of whom this model's sources have rows.

    None where it is long ago; it is done today, whatever day stands for today in the model's data.
    One of somebody of whom the lake held nothing shows of no erasure that it works.
    """
    kinds = {kind for spec in case.model.sources.values() for kind in spec.subjects}
    ledger = case.stores.ledger
    known = ledger.events(kind=ERASED, newest_first=True) if kinds else []
    last = next((one for one in known if _took_out(one.payload, kinds)), None)
    return last if last and ledger.now() - last.recorded_at <= _DRILLED else None


def _took_out(erased: Mapping[str, Any], kinds: Collection[str]) -> bool:
    """Whether rows, texts or files of such a kind of subject went."""
    return erased["kind"] in kinds and any(erased[what] for what in ("rows", "texts", "files"))
