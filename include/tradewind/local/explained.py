"""What `make run` says at its end to make a model plain: one decision, its score, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.local.platform import Platform
    from tradewind.settings import Settings

_REASONS = 5


def story_lines(settings: Settings, running: Platform, model: str, *, night: datetime) -> list[str]:
    """The decision with the highest score of a night, step by step, and its page's address."""
    from tradewind.explanation import Explained
    from tradewind.overview import decision_story
    from tradewind.reports.explained import explained_address, lines_of_explained

    try:
        told = decision_story(Stores.open(settings), model, as_of=night.isoformat())
    except TradewindError as error:
        return [f"one decision: {error}"]
    if not isinstance(told, Explained):
        return []
    return [
        "one decision, explained:",
        *(f"  {line}" for line in lines_of_explained(told, most=_REASONS)),
        f"  its page: {running.airflow_url}{explained_address(told)}",
    ]


def score_lines(settings: Settings, running: Platform, model: str) -> list[str]:
    """How well a model is tested and watched, in a few lines, and the page with every test."""
    from tradewind.as_of import current_definition
    from tradewind.reports.scorecard import headlines_of
    from tradewind.scorecard import scorecard_of

    try:
        stores = Stores.open(settings)
        card = scorecard_of(current_definition(model, stores=stores), stores)
    except TradewindError as error:
        return [f"scorecard: {error}"]
    return [
        "scorecard:",
        *(f"  {line}" for line in headlines_of(card)),
        f"  every test: {running.airflow_url}/tradewind/dags/{model}.train/scorecard",
    ]
