"""One incident a cause: opened once, updated while it is seen, closed when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tradewind.errors import RequestError
from tradewind.nights import Symptom
from tradewind.stores.events import INCIDENT_CLOSED, INCIDENT_OPENED, INCIDENT_UPDATED
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from tradewind.nights import Incident

NIGHT = datetime(2013, 9, 1, 4, tzinfo=UTC)
NEXT = NIGHT + timedelta(days=1)
KEY = "contract:null spike"


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def see(ledger: Ledger, moment: datetime = NIGHT, *, severity: str = "warning") -> Incident:
    symptom = Symptom.model_validate(
        {
            "key": KEY,
            "title": "the data are not whole",
            "layer": "data",
            "severity": severity,
            "way_out": "put the source right",
            "details": [f"seen at {moment:%Y-%m-%d}"],
        }
    )
    return ledger.incidents.see("churn", symptom, as_of=moment, owner="ann", runbook="nights.md")


def test_an_incident_is_opened_once_and_updated_while_its_cause_is_seen(ledger: Ledger) -> None:
    first = see(ledger)
    assert (first.state, first.seen, first.to_tell) == ("open", 1, True)
    ledger.incidents.told(first)
    second = see(ledger, NEXT)
    assert (second.seen, second.opened, second.updated) == (2, NIGHT, NEXT)
    assert not second.to_tell
    (open_one,) = ledger.incidents.select(model="churn")
    assert open_one == second
    assert open_one.details == ["seen at 2013-09-02"]


def test_the_same_moment_seen_again_is_no_event(ledger: Ledger) -> None:
    see(ledger)
    assert see(ledger).seen == 1
    kinds = (INCIDENT_OPENED, INCIDENT_UPDATED)
    assert len(ledger.events(model="churn", kind=kinds)) == 1


def test_a_cause_that_becomes_worse_is_news(ledger: Ledger) -> None:
    ledger.incidents.told(see(ledger))
    worse = see(ledger, NEXT, severity="critical")
    assert worse.to_tell
    ledger.incidents.told(worse)
    assert not see(ledger, NEXT + timedelta(days=1), severity="critical").to_tell


def test_what_could_not_be_told_is_still_to_tell(ledger: Ledger) -> None:
    see(ledger)
    assert see(ledger, NEXT).to_tell


def test_nobody_is_told_that_something_is_over_of_which_nobody_was_told(ledger: Ledger) -> None:
    see(ledger)
    closed = ledger.incidents.close("churn", KEY, as_of=NEXT, reason="over")
    assert closed is not None
    assert not closed.to_tell


def test_an_incident_is_closed_when_its_cause_is_gone_and_opened_anew_when_it_returns(
    ledger: Ledger,
) -> None:
    ledger.incidents.told(see(ledger))
    closed = ledger.incidents.close("churn", KEY, as_of=NEXT, reason="the data are whole again")
    assert closed is not None
    assert closed.to_tell
    assert ledger.incidents.select(model="churn") == []
    assert ledger.incidents.close("churn", KEY, as_of=NEXT, reason="again") is None
    assert len(ledger.events(model="churn", kind=INCIDENT_CLOSED)) == 1
    anew = see(ledger, NEXT + timedelta(days=1))
    assert (anew.seen, anew.to_tell) == (1, True)


def test_a_night_of_the_past_closes_nothing_that_was_seen_later(ledger: Ledger) -> None:
    see(ledger, NEXT)
    assert ledger.incidents.close("churn", KEY, as_of=NIGHT, reason="all was well") is None


def test_a_person_takes_an_incident_up_or_silences_it(ledger: Ledger) -> None:
    see(ledger)
    said = {"as_of": NIGHT, "actor": "bob", "reason": "I am looking"}
    taken = ledger.incidents.acknowledge("churn", KEY, **said)  # type: ignore[arg-type]
    assert (taken.state, taken.acknowledged_by) == ("acknowledged", "bob")
    silent = ledger.incidents.silence("churn", KEY, until=NEXT, **said)  # type: ignore[arg-type]
    assert silent.silenced_until == NEXT
    updated = see(ledger, NEXT)
    assert (updated.state, updated.acknowledged_by) == ("acknowledged", "bob")


def test_an_incident_that_is_not_open_is_refused_with_those_that_are(ledger: Ledger) -> None:
    see(ledger)
    with pytest.raises(RequestError, match="open are: contract:null spike"):
        ledger.incidents.acknowledge("churn", "drift", as_of=NIGHT, actor="bob", reason="what?")
    with pytest.raises(RequestError, match="is past"):
        ledger.incidents.silence(
            "churn", KEY, as_of=NEXT, until=NIGHT, actor="bob", reason="too late"
        )


def test_incidents_can_be_made_again_from_the_events(ledger: Ledger) -> None:
    see(ledger)
    see(ledger, NEXT)
    before = ledger.incidents.select(closed=True)
    ledger.rebuild_projections()
    assert ledger.incidents.select(closed=True) == before
