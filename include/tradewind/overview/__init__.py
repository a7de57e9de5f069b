"""What the command line and the UI show of the platform, read from the ledger and the registry."""

from tradewind.overview.cards import card_heading, card_of
from tradewind.overview.diagnosed import diagnosed, diagnosis_stand
from tradewind.overview.explained import decision_story
from tradewind.overview.models import (
    event_rows,
    model_rows,
    run_rows,
    status_rows,
    version_rows,
)
from tradewind.overview.nights import (
    Decided,
    NightRow,
    decided,
    incidents_of,
    night_rows,
    ranked,
    ranking_stand,
    tonight,
    training_of,
)
from tradewind.overview.results import outcome_of, page_of, report_page
from tradewind.overview.served import served_rows

__all__ = [
    "Decided",
    "NightRow",
    "card_heading",
    "card_of",
    "decided",
    "decision_story",
    "diagnosed",
    "diagnosis_stand",
    "event_rows",
    "incidents_of",
    "model_rows",
    "night_rows",
    "outcome_of",
    "page_of",
    "ranked",
    "ranking_stand",
    "report_page",
    "run_rows",
    "served_rows",
    "status_rows",
    "tonight",
    "training_of",
    "version_rows",
]
