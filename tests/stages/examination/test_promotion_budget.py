"""What the year has left, from the ledger; what the rows say at one comparison's part of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fixtures.real_flights import definition, flights, midnight
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates.promotion_budget import Found, check
from tradewind.records import Admission, GateResult, RunRequest
from tradewind.stages.examination.promotion_budget import gather, planned_comparisons
from tradewind.stats.inference import quantile
from tradewind.stores.events import COMPARED
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.settings import Settings
    from tradewind.stages._case import Case

AS_OF = midnight(2013, 7)
BUDGET = {"error": 0.2, "comparisons": 4}


@pytest.fixture(scope="module")
def judged() -> Case:
    """A real candidate of July beside a champion that says almost the same, a little worse."""
    random = np.random.default_rng(1)

    def champion(frame: Any) -> np.ndarray:
        return np.clip(0.2 + 0.1 * random.random(len(frame)), 0.01, 0.99)

    frame = flights()
    return case_of(
        definition(gates={"promotion_budget": BUDGET}), frame, as_of=AS_OF, champion=champion
    )


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    assert ledger_dsn
    return Stores.open(home)


def night(case: Case, stores: Stores, as_of: datetime, *, key: str | None = None) -> Case:
    """The case as the run of a night puts it, with a candidate of its own."""
    request = RunRequest(
        model="late", run_id=f"train/{key or as_of}", as_of=as_of, actor="ada", reason="a test"
    )
    admission = Admission(request=request, definition_digest="d", fencing_token=1)
    trained = case.trained.model_copy(update={"train_key": key or str(as_of)})
    run: Any = SimpleNamespace(admission=admission, stores=stores)
    return replace(case, trained=trained, run=run)


def asked(case: Case, found: Found) -> GateResult:
    findings = {"promotion_budget": found.model_dump(mode="json")}
    return check(case.evidence.model_copy(update={"findings": findings}), case.model)


def test_a_comparison_is_written_down_and_bounded_at_its_part_of_the_error(judged, stores):
    found = gather(night(judged, stores, AS_OF))
    assert (found.level, found.planned, found.earlier, found.spent) == (0.05, 4, 0, 0.0)
    told = judged.evidence.against_champion
    bound = told.value - quantile(0.95, judged.draws) * told.standard_error
    assert found.against.low == pytest.approx(bound)
    (event,) = stores.ledger.events(model="late", kind=COMPARED)
    assert event.payload["level"] == 0.05
    assert event.payload["champion"] == 1
    assert asked(judged, found).outcome == "passed"


def test_the_same_comparison_counts_once_however_often_it_is_looked_at(judged, stores):
    first = gather(night(judged, stores, AS_OF, key="k"))
    again = gather(night(judged, stores, AS_OF + timedelta(days=1), key="k"))
    assert (again.earlier, again.spent, again.against) == (0, 0.0, first.against)
    assert len(stores.ledger.events(model="late", kind=COMPARED)) == 1


def test_a_spent_year_compares_nothing_until_the_oldest_is_a_year_old(judged, stores):
    for number in range(4):
        gather(night(judged, stores, AS_OF + timedelta(days=number)))
    late = gather(night(judged, stores, AS_OF + timedelta(days=9)))
    assert (late.earlier, late.against) == (4, None)
    assert late.spent == pytest.approx(0.2)
    result = asked(judged, late)
    assert result.outcome == "blocked"
    assert "The next is free on 2014-07-01" in result.sentence
    assert len(stores.ledger.events(model="late", kind=COMPARED)) == 4
    last_day = gather(night(judged, stores, AS_OF + timedelta(days=365, seconds=-1)))
    assert last_day.earlier == 4
    freed = gather(night(judged, stores, AS_OF + timedelta(days=365)))
    assert freed.earlier == 3
    assert freed.against is not None


def test_what_was_compared_later_is_not_known_to_an_earlier_night(judged, stores):
    gather(night(judged, stores, AS_OF + timedelta(days=2)))
    assert gather(night(judged, stores, AS_OF)).earlier == 0


def test_a_plan_of_more_comparisons_does_not_forget_what_was_spent(judged, stores):
    for number in range(3):
        gather(night(judged, stores, AS_OF + timedelta(days=number)))
    wider = definition(gates={"promotion_budget": {"error": 0.2, "comparisons": 100}})
    case = replace(judged, model=wider)
    found = gather(night(case, stores, AS_OF + timedelta(days=5)))
    assert found.spent == pytest.approx(0.15)
    assert found.level == pytest.approx(0.002)


def test_a_first_model_spends_nothing(judged, stores):
    evidence = judged.evidence.model_copy(
        update={"champion_state": "never", "against_champion": None}
    )
    case = replace(night(judged, stores, AS_OF), evidence=evidence)
    assert gather(case).against is None
    assert asked(case, gather(case)).outcome == "not_applicable"
    assert stores.ledger.events(model="late", kind=COMPARED) == []


def test_a_missing_comparison_or_ledger_is_an_error(judged, stores):
    with pytest.raises(EvidenceError, match="without a ledger"):
        gather(judged)
    evidence = judged.evidence.model_copy(update={"against_champion": None})
    with pytest.raises(EvidenceError, match="not compared with the champion"):
        gather(replace(night(judged, stores, AS_OF), evidence=evidence))
    assert stores.ledger.events(model="late", kind=COMPARED) == []


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ({}, 25),
        ({"retrain": {"at_most": 2, "window": "365 days"}}, 2),
        ({"schedule": {"train": "0 5 * * *"}}, 25 + 365),
        ({"schedule": {"train": "0 */6 * * *"}}, 25 + 365),
        ({"schedule": {"train": "0 5 * * 1"}}, 25 + 52),
        ({"gates": {"promotion_budget": {"comparisons": 12}}}, 12),
    ],
)
def test_a_year_is_planned_by_what_runs_by_itself(changes, planned):
    assert planned_comparisons(definition(**changes)) == planned
