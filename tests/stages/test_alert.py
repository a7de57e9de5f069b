"""What a night changes about what is wrong: one incident a cause, closed when it is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.policy.grounds import (
    NIGHT,
    below_bound,
    breach,
    column,
    declared,
    grounds,
    harm,
    past,
    sound_look,
)
from tests.stores.test_chain import ANEW, tamper
from tradewind.definition.frozen import FrozenDefinition
from tradewind.nights import Symptom
from tradewind.pipeline import end_failure
from tradewind.policy.decision import decide_on
from tradewind.records import Admission, RunRequest
from tradewind.stages.alert import alert
from tradewind.stores.chain_heads import newest
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.nights import Alerted, Monitoring
    from tradewind.settings import Settings

__all__ = ["tamper"]

MODEL = declared(name="churn")
NEXT = NIGHT + timedelta(days=1)


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


def look(night: datetime = NIGHT, **changes: object) -> Monitoring:
    return sound_look(as_of=night, **changes)


def alerted(stores: Stores, monitoring: Monitoring, *, warning: str | None = None) -> Alerted:
    request = RunRequest(
        model="churn",
        run_id="monitor/a",
        as_of=monitoring.as_of,
        actor="a test",
        reason="to tell",
        pipeline="monitor",
    )
    admission = Admission(
        request=request, definition_digest="d", fencing_token=None, warning=warning
    )
    stands_on = grounds(monitoring, past=past(9, alarmed=["price"]))
    uri = f"decisions/{monitoring.as_of:%d}-{len(monitoring.breaches)}-{len(monitoring.drift)}.json"
    stores.lake.first_json(uri, stands_on.model_dump(mode="json"))
    decision = decide_on(stands_on, MODEL).model_copy(update={"grounds_uri": uri})
    frozen = FrozenDefinition(model=MODEL, files={}, digest="d")
    return alert(admission, frozen, monitoring, decision, stores=stores)


def tell(stores: Stores, found: Alerted) -> None:
    """Note what was to be told as told, as the task does."""
    for incident in found.news:
        stores.ledger.incidents.told(incident)


def test_a_sound_night_tells_nothing(stores: Stores) -> None:
    found = alerted(stores, look())
    assert (found.news, found.open, found.closed) == ([], [], [])


def test_a_cause_is_told_when_it_begins_and_when_it_is_over_and_not_in_between(
    stores: Stores,
) -> None:
    first = alerted(stores, look(breaches=[breach()]))
    assert [one.key for one in first.news] == ["contract:null spike"]
    tell(stores, first)
    second = alerted(stores, look(NEXT, breaches=[breach()]))
    assert (second.news, second.open) == ([], ["contract:null spike"])
    third = alerted(stores, look(NEXT + timedelta(days=1)))
    assert third.closed == ["contract:null spike"]
    assert [one.state for one in third.news] == ["closed"]


def test_what_could_not_be_told_is_told_the_next_time(stores: Stores) -> None:
    alerted(stores, look(breaches=[breach()]))
    again = alerted(stores, look(breaches=[breach()]))
    assert [one.key for one in again.news] == ["contract:null spike"]


def test_a_silenced_incident_is_told_to_nobody(stores: Stores) -> None:
    alerted(stores, look(breaches=[breach()]))
    until = NIGHT + timedelta(days=7)
    stores.ledger.incidents.silence(
        "churn", "contract:null spike", as_of=NIGHT, until=until, actor="ann", reason="works"
    )
    assert alerted(stores, look(NEXT, breaches=[breach()])).news == []


def test_nobody_is_told_that_something_is_over_because_nobody_looked(stores: Stores) -> None:
    tell(stores, alerted(stores, look(breaches=[breach()])))
    blind = alerted(stores, look(NEXT, problems=["the file of version 2 is gone"]))
    assert blind.closed == []
    assert sorted(blind.open) == ["contract:null spike", "not_looked"]


def test_broken_data_say_nothing_of_the_model(stores: Stores) -> None:
    tell(stores, alerted(stores, look(performance=below_bound())))
    broken = alerted(stores, look(NEXT, breaches=[breach()]))
    assert sorted(broken.open) == ["contract:null spike", "model:performance"]
    whole = alerted(stores, look(NEXT + timedelta(days=1)))
    assert sorted(whole.closed) == ["contract:null spike", "model:performance"]


def test_drift_is_told_with_what_to_do(stores: Stores) -> None:
    (news,) = alerted(stores, look(drift=[column("price")])).news
    assert (news.key, news.layer, news.severity) == ("model:drift", "model", "warning")
    assert "which columns moved" in news.way_out
    assert news.owner == MODEL.owner
    assert news.runbook == "docs/runbook.md#model"


def test_a_broken_folder_is_told_with_where_it_is_broken(stores: Stores) -> None:
    found = alerted(stores, look(), warning="broken now: model.yaml:3: horizn")
    assert [one.details for one in found.news] == [["broken now: model.yaml:3: horizn"]]


def test_a_night_that_was_let_in_before_the_folder_broke_does_not_say_that_it_is_whole(
    stores: Stores,
) -> None:
    tell(stores, alerted(stores, look(), warning="broken now: model.yaml:3: horizn"))
    later = alerted(stores, look(NEXT))
    assert (later.open, later.closed) == (["definition"], [])


def test_a_failed_task_is_over_when_it_is_done_and_no_night_ends_it(stores: Stores) -> None:
    symptom = Symptom(
        key="failed:score:predict",
        title="churn.score failed in predict",
        layer="platform",
        severity="critical",
        way_out="read the log",
    )
    incidents = stores.ledger.incidents
    incidents.see("churn", symptom, as_of=stores.ledger.now(), owner="ann", runbook="")
    assert alerted(stores, look()).open == ["failed:score:predict"]
    end_failure("failed:score:features", "churn", stores=stores)
    assert len(incidents.select(model="churn")) == 1
    end_failure("failed:score:predict", "churn", stores=stores)
    assert incidents.select(model="churn") == []


@pytest.mark.parametrize(
    ("later", "ends"),
    [
        ({"indicators": [harm(state="within")]}, True),
        ({"indicators": []}, True),
        ({"indicators": [harm(state="unknown")]}, False),
        ({"indicators": [], "problems": ["harm indicators could not be looked at"]}, False),
        ({"indicators": [harm(state="within")], "breaches": [breach()]}, False),
    ],
    ids=["within", "no longer declared", "too few rows", "nobody looked", "broken data"],
)
def test_harm_is_over_when_it_is_seen_to_be(
    stores: Stores, later: dict[str, object], *, ends: bool
) -> None:
    first = alerted(stores, look(indicators=[harm(then="alert")]))
    assert first.open == ["harm:needless"]
    tell(stores, first)
    assert ("harm:needless" in alerted(stores, look(NEXT, **later)).closed) == ends


def test_a_cause_behind_the_one_that_decided_is_not_over(stores: Stores) -> None:
    tell(stores, alerted(stores, look(drift=[column("price")])))
    both = alerted(stores, look(NEXT, drift=[column("price")], performance=below_bound()))
    assert both.closed == []
    assert sorted(both.open) == ["model:drift", "model:performance"]


def test_the_end_of_a_night_keeps_the_head_of_the_chain(stores: Stores) -> None:
    first = alerted(stores, look(breaches=[breach()]))
    assert first.head is not None
    assert first.head == newest(stores.lake)
    again = alerted(stores, look(breaches=[breach()]))
    assert again.head == first.head
    later = alerted(stores, look(NEXT))
    assert later.head is not None
    assert later.head.position > first.head.position


def test_a_chain_that_is_not_what_was_kept_is_told_and_not_over_before_it_is(
    stores: Stores, tamper: Callable[[str], None]
) -> None:
    stores.ledger.append(
        model="churn", kind="note", as_of=NIGHT, actor="ann", reason="because", payload={}
    )
    kept = alerted(stores, look()).head
    assert kept is not None
    tamper("UPDATE events SET reason = 'other' WHERE id = 1;" + ANEW)

    found = alerted(stores, look(NEXT))

    (news,) = found.news
    assert (news.key, news.layer, news.severity) == ("chain", "platform", "critical")
    assert "`tradewind audit verify`" in news.way_out
    assert f"was kept in the lake as {kept.hash[:12]}…" in news.details[0]
    assert news.runbook == "docs/runbook.md#chain"
    assert found.head is None
    assert alerted(stores, look(NEXT + timedelta(days=1))).open == ["chain"]
