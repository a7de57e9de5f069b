"""What people are shown of the nights, from a real ledger and a real lake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import SQL, WHOLE
from tests.policy.grounds import NIGHT, sound_look
from tradewind import overview
from tradewind.errors import LedgerError
from tradewind.nights import Arm, Decision, LiveState, SegmentRule, Symptom
from tradewind.overview.cards import _standing
from tradewind.records import StageOutcome
from tradewind.stores.events import DECIDED, INTENDED, RETRAIN_LAUNCHED, SWITCHED_OFF
from tradewind.stores.prediction_schema import prediction_table
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tradewind.settings import Settings

MODEL = "churn"
DAY = timedelta(days=1)


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


def serve(stores: Stores, night: datetime, *, uri: str = "u") -> None:
    served = sound_look().night
    assert served is not None
    scored = served.model_copy(update={"night": night, "start": night - DAY, "uri": uri})
    stores.ledger.record_night(scored, actor="ann", reason="a test")


def decide(stores: Stores, night: datetime) -> None:
    decision = Decision(
        model=MODEL,
        as_of=night,
        actions=["nothing"],
        layer="none",
        cause="none",
        reason="nothing asks for anything",
        alternatives=[],
    )
    payload = {"decision": decision.model_dump(mode="json")}
    stores.ledger.append(
        model=MODEL, kind=DECIDED, as_of=night, actor="ann", reason="a test", payload=payload
    )


def test_nights_stand_newest_first_those_too_that_were_never_scored(stores: Stores) -> None:
    serve(stores, NIGHT - 2 * DAY)
    serve(stores, NIGHT - DAY)
    decide(stores, NIGHT)
    decide(stores, NIGHT - 2 * DAY)
    rows = overview.night_rows(stores, model=MODEL)
    assert [(row.night, bool(row.scored), bool(row.decision)) for row in rows] == [
        (NIGHT, False, True),
        (NIGHT - DAY, True, False),
        (NIGHT - 2 * DAY, True, True),
    ]
    assert [row.night for row in overview.night_rows(stores, model=MODEL, limit=1)] == [NIGHT]
    assert overview.night_rows(stores, model="nobody") == []


def test_a_launch_that_was_lost_is_not_shown_as_running(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"model.yaml": WHOLE.replace("name: late", f"name: {MODEL}", 1), "features.sql": SQL}
    decide(stores, NIGHT)
    stores.ledger.append(
        model=MODEL,
        kind=RETRAIN_LAUNCHED,
        as_of=NIGHT,
        actor="tradewind",
        reason="drift",
        payload={"run_id": "train/lost", "cause": "drift", "wider": False, "decision": 1},
    )

    def outcome() -> str | None:
        (row,) = overview.night_rows(stores, model=MODEL)
        return row.training.outcome if row.training else None

    assert outcome() == "running"  # no definition says how long a training may take
    stores.ledger.freeze_definition(MODEL, files, as_of=NIGHT, actor="ann")
    assert outcome() == "running"
    monkeypatch.setattr("tradewind.overview.nights.lease_time", lambda _: timedelta(0))
    assert outcome() == "failed"


def test_only_what_was_served_is_in_the_log_that_people_see(stores: Stores) -> None:
    rows = prediction_table(
        {
            "entity": ['["c1"]', '["c1"]', '["c2", 7]'],
            "source": ["champion", "shadow", "control"],
            "version": [2, 3, 2],
            "score": [0.1, 0.2, 0.3],
            "as_of": NIGHT,
        },
        rows=3,
    )
    stores.lake.write_parquet("predictions/night.parquet", rows)
    serve(stores, NIGHT, uri="predictions/night.parquet")
    found, count = overview.served_rows(stores, MODEL)
    assert [row["source"] for row in found] == ["champion", "control"]
    assert count == 2
    assert overview.served_rows(stores, MODEL, limit=1)[1] == 2
    for asked, scores in {"c1": [0.1], '["c1"]': [0.1], '["c2",7]': [0.3], "c2": []}.items():
        found, _ = overview.served_rows(stores, MODEL, night=NIGHT, entity=asked)
        assert [row["score"] for row in found] == scores
    with pytest.raises(LedgerError, match="the night of 2013-08-31 04:00 UTC was not scored"):
        overview.served_rows(stores, MODEL, night=NIGHT - DAY)
    with pytest.raises(LedgerError, match="nobody: no night was scored"):
        overview.served_rows(stores, "nobody")


def test_the_gravest_incident_stands_first_and_what_is_over_last(stores: Stores) -> None:
    for key, severity in {"a": "warning", "b": "critical", "c": "critical"}.items():
        symptom = Symptom.model_validate(
            {"key": key, "title": key, "layer": "data", "severity": severity, "way_out": "press"}
        )
        stores.ledger.incidents.see(MODEL, symptom, as_of=NIGHT, owner="us", runbook="r")
    stores.ledger.incidents.close(MODEL, "c", as_of=NIGHT, reason="gone")
    found = overview.incidents_of(stores.ledger, MODEL, closed=True)
    assert [one.key for one in found] == ["b", "a", "c"]
    assert [one.key for one in overview.incidents_of(stores.ledger)] == ["b", "a"]


def test_tonight_is_the_night_after_the_last_that_was_served(stores: Stores) -> None:
    from tests.policy.grounds import declared

    event = {"version": 2, "previous": None, "evidence_digest": "e"}
    kinds = {INTENDED: NIGHT - 2 * DAY, SWITCHED_OFF: NIGHT}
    for kind, as_of in kinds.items():
        stores.ledger.append(
            model=MODEL, kind=kind, as_of=as_of, actor="ann", reason="a test", payload=event
        )
    serve(stores, NIGHT - 2 * DAY)
    model = declared(name=MODEL, timezone="America/New_York")
    tonight = overview.tonight(stores.ledger, MODEL, model)
    assert (tonight.as_of, tonight.switched_off) == (NIGHT - DAY, None)
    serve(stores, NIGHT - DAY)
    tonight = overview.tonight(stores.ledger, MODEL, model)
    assert (tonight.as_of, tonight.switched_off) == (NIGHT, "a test")
    assert overview.tonight(stores.ledger, MODEL, None).champion == 2


def test_a_gate_switched_off_is_told_once_and_apart_what_the_champion_passed_without(
    home: Settings, ledger_dsn: str, tmp_path: Path
) -> None:
    stores = Stores.open(replace(home, config_dir=tmp_path))
    written = {
        "slices": "Switched off by Ann until 2099-12-31: one shop only",
        "service": "Switched off by Ben until 2001-01-01: no machine",
    }
    results = [
        {"gate": gate, "outcome": "waived", "sentence": said} for gate, said in written.items()
    ]
    said = {"model": MODEL, "run_id": "train/one", "stage": "gate", "as_of": NIGHT, "lines": ["?"]}
    stores.ledger.record_outcome(
        StageOutcome.model_validate(said | {"result": {"results": results}})
    )
    promoted = {"version": 2, "previous": None, "evidence_digest": "e", "run_id": "train/one"}
    stores.ledger.append(
        model=MODEL, kind=INTENDED, as_of=NIGHT, actor="ann", reason="a test", payload=promoted
    )
    waiver = "{gate: slices, by: Ann, because: one shop only, until: 2099-12-31}"
    folder = tmp_path / "models" / MODEL
    folder.mkdir(parents=True)
    text = WHOLE.replace("name: late", f"name: {MODEL}", 1)
    (folder / "model.yaml").write_text(f"{text}\ngates: {{waivers: [{waiver}]}}\n")
    (folder / "features.sql").write_text(SQL)
    (row,) = overview.status_rows(stores)
    assert row["waivers"] == [
        f"slices: {written['slices']}. Version 2 passed without it.",
        f"service: {written['service']}. Version 2 passed without it.",
    ]


CANARY = Arm(name="canary:3", version=3, kind="canary", share=0.1, since=NIGHT)
RULE = SegmentRule(feature="origin", value="JFK", served_by=1, reason="old", until=NIGHT + DAY)


@pytest.mark.parametrize(
    ("version", "live", "said"),
    [
        (2, {}, "the champion; it decides"),
        (2, {"switched_off": "nonsense"}, "the champion; switched off: nonsense"),
        (
            2,
            {"switched_off": "nonsense", "retired": "sold"},
            "the champion; the model is retired: sold",
        ),
        (3, {"arms": [CANARY]}, "beside the champion as canary:3; the champion is version 2"),
        (1, {"segments": [RULE]}, "decides where origin is JFK; the champion is version 2"),
        (
            4,
            {"arms": [CANARY], "segments": [RULE], "switched_off": "nonsense"},
            "not the champion; the champion is version 2; switched off: nonsense",
        ),
        (None, {"champion": None}, "not the champion; there is none"),
    ],
)
def test_a_card_says_what_its_version_is_now(
    version: int | None, live: dict[str, Any], said: str
) -> None:
    state = LiveState.model_validate({"model": MODEL, "as_of": NIGHT, "champion": 2, **live})
    assert _standing(state, version) == said
