"""What a stage of a run said, and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.errors import LakeError
from tradewind.nights import Alerted, Decision, Grounds, Released, ScoredNight
from tradewind.overview.nights import training_of
from tradewind.records import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.records import StageOutcome
    from tradewind.stores.stores import Stores


def outcome_of(
    stores: Stores, *, model: str, stage: str, run_id: str | None = None
) -> StageOutcome | None:
    """What a stage of a run said; the newest run's where none is named."""
    found = stores.ledger.outcomes(model=model, run_id=run_id, stage=stage, limit=1)
    return found[0] if found else None


def report_page(stores: Stores, *, model: str, stage: str, run_id: str | None = None) -> str:
    """A stage's report as one HTML page, rendered now, because now somebody looks.

    Raises:
        LakeError: This stage of this run has left no report.
    """
    outcome = outcome_of(stores, model=model, stage=stage, run_id=run_id)
    if outcome is None:
        raise LakeError(
            f"{model}, {stage}{f' of {run_id}' if run_id else ''}: no such result in the ledger; "
            "see `tradewind history` for what ran"
        )
    return page_of(stores, outcome)


def page_of(stores: Stores, outcome: StageOutcome) -> str:
    """The page of one outcome: its whole report where it has one, else its lines."""
    page = _PAGES.get(outcome.stage)
    if page is not None and (outcome.report_uri or outcome.stage not in _REPORTED):
        return page(stores, outcome)
    from tradewind.reports.pages import outcome_page

    return outcome_page(outcome)


def _validation_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.validation import render

    return render(_json_of(stores, outcome))


def _verdict_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.verdict import render

    evaluate = outcome_of(stores, model=outcome.model, stage="evaluate", run_id=outcome.run_id)
    gate = outcome_of(stores, model=outcome.model, stage="gate", run_id=outcome.run_id)
    return render(_json_of(stores, evaluate) or {}, _json_of(stores, gate))


def _card_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.overview.cards import contents_of
    from tradewind.reports.card import to_html

    return to_html(contents_of(stores, Card.model_validate(outcome.result)))


def _monitoring_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.monitoring import render

    return render(_json_of(stores, outcome))


def _served_page(_: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.nightly import served_page

    return served_page(ScoredNight.model_validate(outcome.result), run_id=outcome.run_id)


def _decision_page(stores: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.nightly import decision_page

    decision = Decision.model_validate(outcome.result)
    grounds = Grounds.model_validate(stores.lake.read_json(decision.grounds_uri))
    training = training_of(stores.ledger, decision)
    return decision_page(decision, grounds, training=training, run_id=outcome.run_id)


def _alerted_page(_: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.nightly import alerted_page

    return alerted_page(
        Alerted.model_validate(outcome.result),
        model=outcome.model,
        as_of=outcome.as_of,
        run_id=outcome.run_id,
    )


def _released_page(_: Stores, outcome: StageOutcome) -> str:
    from tradewind.reports.nightly import released_page

    return released_page(Released.model_validate(outcome.result))


def _json_of(stores: Stores, outcome: StageOutcome | None) -> Any:
    uri = outcome.report_uri if outcome else None
    return stores.lake.read_json(uri) if uri else None


# Stages whose page is made of a report in the lake.
_REPORTED = ("validate", "evaluate", "gate", "card", "monitor")
_PAGES: Mapping[str, Callable[[Stores, StageOutcome], str]] = {
    "validate": _validation_page,
    "evaluate": _verdict_page,
    "gate": _verdict_page,
    "card": _card_page,
    "predict": _served_page,
    "monitor": _monitoring_page,
    "decide": _decision_page,
    "alert": _alerted_page,
    "release": _released_page,
}
