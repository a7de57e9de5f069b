"""A night of the demo, served and looked at by the champion of 1 July 2013."""

from __future__ import annotations

from datetime import timedelta

from tests.fixtures.training import AS_OF, request
from tradewind.overview import page_of
from tradewind.pipeline import run_pipeline

NIGHT = AS_OF + timedelta(days=1)


def test_a_night_of_the_demo_is_served_and_looked_at(trained):
    stores, asked = trained.stores, {"as_of": NIGHT}
    run_pipeline(request("score/night", pipeline="score", **asked), stores=stores)
    watch = request("monitor/night", pipeline="monitor", **asked)
    look = run_pipeline(watch, stores=stores, until="monitor")["monitor"]
    assert look.problems == []
    assert look.labels.matured + look.labels.pending + look.labels.expired == look.night.rows
    assert look.labels.matured > 500
    evaluation = trained.records["evaluate"]
    judged = stores.lake.read_json(evaluation.uri)["evidence"]["candidate"]["log_loss"]
    assert look.performance.judged.model_dump() == judged
    assert len(look.drift) == 28
    assert not any(one.alarm for one in look.drift)
    outcome = stores.ledger.outcomes(run_id="monitor/night", stage="monitor")[0]
    assert "no verdict yet, 1 of the 14 matured days" in "\n".join(outcome.lines)
    assert "Nothing asks for anything." in page_of(stores, outcome)
