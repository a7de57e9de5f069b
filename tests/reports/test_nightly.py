"""The pages of the nights say what their records say, and run nothing that a source wrote."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.policy.grounds import NIGHT, below_bound, breach, grounds, past, retrain, sound_look
from tradewind.nights import (
    Alerted,
    Alternative,
    Arm,
    Decision,
    GovernorWord,
    Incident,
    LiveState,
    RankedVersion,
    Ranking,
    ReadySegment,
    Released,
    ReleaseOrder,
    SegmentRule,
)
from tradewind.records import Difference, Estimate
from tradewind.reports.nightly import alerted_page, decision_page, released_page, served_page
from tradewind.reports.page import result_address
from tradewind.reports.pages import refused_page, versions_page

EVIL = "<script>alert('x')</script>"


def decision(**changes: Any) -> Decision:
    said = {
        "model": "churn",
        "as_of": NIGHT,
        "actions": ["roll_back", "retrain"],
        "layer": "model",
        "cause": "probation",
        "reason": "version 2 does worse than version 1 on the same rows",
        "alternatives": [Alternative(action="nothing", why_not="it gets no better by waiting")],
        "governor": GovernorWord(allowed=True, rule="none", sentence="no limit is reached"),
        "roll_back_to": 1,
        "run_id": "decided__2013-09-01",
        "grounds_digest": "abc",
        "grounds_uri": "decisions/churn/abc.json",
        **changes,
    }
    return Decision.model_validate(said)


def incident(**changes: Any) -> Incident:
    said = {
        "model": "churn",
        "key": "contract:null spike",
        "title": "the data are not whole",
        "layer": "data",
        "severity": "critical",
        "owner": "Growth team",
        "way_out": "put the source right",
        "runbook": "docs/runbook.md#contract",
        "state": "open",
        "opened": NIGHT,
        "updated": NIGHT,
        "seen": 2,
        **changes,
    }
    return Incident.model_validate(said)


def busy() -> LiveState:
    """A state in which everything that can be is."""
    later = NIGHT + timedelta(days=9)
    return LiveState(
        model="churn",
        as_of=NIGHT,
        champion=2,
        champion_since=NIGHT,
        previous=1,
        switched_off="nonsense on line",
        hold_until=later,
        hold_reason="the holidays",
        arms=[
            Arm(name="canary:3", version=3, kind="canary", share=0.05, since=NIGHT),
            Arm(name="shadow:4", version=4, kind="shadow", share=0, since=NIGHT),
        ],
        segments=[
            SegmentRule(
                feature="plan", value="plus", served_by="fallback", reason="a trial", until=later
            )
        ],
        ready=[ReadySegment(feature="plan", value="gold")],
        accepted=["null_rate:visits"],
    )


def test_a_served_night_says_by_whom_and_why_not_by_the_model() -> None:
    night = sound_look().night
    assert night is not None
    page = served_page(
        night.model_copy(
            update={
                "served": {"champion": 890, "fallback": 10},
                "fallback_reasons": {f"plan {EVIL} was never seen in training": 10},
                "breaches": [breach()],
                "version_problems": {"3": "its file is gone"},
            }
        ),
        run_id="score/a",
    )
    for words in (
        "900 entities",
        "by fallback",
        "was never seen",
        "null spike",
        "its file is gone",
    ):
        assert words in page
    assert "tradewind log churn --as-of 2013-09-01T04:00:00+00:00" in page
    assert "<script" not in page


def test_a_night_with_nobody_to_serve_says_so() -> None:
    night = sound_look().night
    assert night is not None
    page = served_page(night.model_copy(update={"rows": 0, "served": {}, "champion": None}))
    assert "Nobody to serve" in page
    assert "the naive rule decided" in page


def test_a_decision_shows_its_evidence_alternatives_and_launch() -> None:
    kept = grounds(
        sound_look(performance=below_bound(), problems=[EVIL]),
        past=past(3, alarmed=["price"]),
        retrains=[retrain(20)],
        others=[retrain(3, cause="hand"), retrain(2, cause="schedule", outcome="unchanged")],
        in_flight="train/other",
        live=busy(),
    )
    page = decision_page(decision(), kept, training=retrain(0, outcome="would_have"))
    for words in (
        "Roll back, then retrain",
        "back to version 1",
        "let it through",
        "it gets no better by waiting",
        "log loss is 0.62",
        "3, 0 of them broken, 3 with drift alarms",
        "because of drift: blocked",
        "trained 2013-08-29 by hand: blocked",
        "trained 2013-08-30 on schedule: unchanged",
        "train/other holds the lease",
        "accepted as the contract: null_rate:visits",
        "would have",
        "/tradewind/dags/churn.train/runs/decided__2013-09-01/gate",
        "decisions/churn/abc.json",
    ):
        assert words in page
    assert "<script" not in page


def test_a_decision_that_launches_nothing_names_no_training() -> None:
    quiet = decision(
        actions=["nothing"], run_id=None, governor=None, roll_back_to=None, cause="none"
    )
    page = decision_page(quiet, grounds())
    assert "The training that it launched" not in page
    assert "no night was looked at before" in page


def test_alerts_say_what_to_press_and_who_looks_after_it() -> None:
    news = [
        incident(),
        incident(key="drift", state="acknowledged", acknowledged_by="ann", details=[EVIL]),
        incident(key="late", state="closed"),
    ]
    page = alerted_page(
        Alerted(news=news, open=["a", "b"], closed=["late"]), model="m", as_of=NIGHT
    )
    assert "2 incidents are open." in page
    assert page.count("put the source right") == 2
    assert "ann looks after it" in page
    assert "docs/runbook.md#contract" in page
    assert "<script" not in page
    quiet = alerted_page(Alerted(news=[], open=[], closed=[]), model="m", as_of=NIGHT)
    assert "No incident is open." in quiet


def test_an_order_shows_who_decided_before_and_who_does_now() -> None:
    order = ReleaseOrder(
        model="churn",
        action="fall_back",
        as_of=NIGHT,
        actor="ann",
        reason=EVIL,
        run_id="release/a",
    )
    before = LiveState(model="churn", as_of=NIGHT, champion=None)
    page = released_page(
        Released(order=order, before=before, after=busy(), sentence="it is switched off")
    )
    for words in (
        "Fall back",
        "The naive rule decides for every row",
        "nonsense on line",
        "Nothing is promoted before 2013-09-10 04:00 UTC: the holidays",
        "decides for 5.00% of the entities, once the model may again",
        "decides for nobody",
        "<code>plan=plus</code> is served by the fallback",
        "<code>plan=gold</code>",
        "Accepted as it is: <code>null_rate:visits</code>",
    ):
        assert words in page
    assert "<script" not in page


def test_versions_stand_in_their_places_with_what_a_rollback_can_reach() -> None:
    figure = Estimate(value=0.51, low=0.48, high=0.54, standard_error=0.01)
    gap = Difference(value=0.02, low=0.01, smallest_detectable=0.01, standard_error=0.005)
    ranking = Ranking(
        model="churn",
        as_of=NIGHT,
        metric="log_loss",
        greater_is_better=False,
        rows=20_000,
        units=28,
        start=NIGHT,
        versions=[
            RankedVersion(
                version=1,
                place=1,
                champion=False,
                may_return=True,
                figure=figure,
                against_champion=gap,
            ),
            RankedVersion(version=2, place=2, champion=True, may_return=False, figure=figure),
            RankedVersion(version=3, place=None, champion=False, may_return=False, problem=EVIL),
        ],
        sentence="version 1 does best",
    )
    page = versions_page(ranking)
    assert "20,000 matured rows of 28 days" in page
    assert "better by 0.02" in page
    assert page.count("may return") == 1
    assert "was never live, or was taken back" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("run_id", "address"),
    [
        ("score/manual__a b/c", "/tradewind/dags/m.score/runs/manual__a%20b%2Fc/predict"),
        ("score/after__x", "/tradewind/dags/m.score/runs/after__x/predict"),
        ("of old", "/tradewind/dags/m.train/runs/of%20old/predict"),
    ],
)
def test_a_run_is_found_where_the_routes_are(run_id: str, address: str) -> None:
    assert result_address("m", run_id, "predict") == address


def test_no_page_asks_anything_of_anybody() -> None:
    pages = [
        decision_page(decision(), grounds()),
        refused_page(title="m: versions", sentence="there is nothing to rank"),
    ]
    for page in pages:
        assert "<script" not in page
        assert not re.search(r"(src|action)=", page)
