"""Nights of a small shop: who decides for whom, and that somebody always does."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest

from tests.stages.nightly import AS_OF, CUSTOMERS_A_DAY, DAY, MODEL, Shop, day_of, night
from tests.stages.nightly import customers as customers_of
from tradewind.errors import DefinitionError, RequestError, UnavailableError
from tradewind.learning.reference import CONTRACT_FILE
from tradewind.nights import NightInputs
from tradewind.pipeline import admit, run_pipeline, run_stage
from tradewind.records import Refusal, RunRequest
from tradewind.stages._fallback import rule_of
from tradewind.stores import events
from tradewind.stores.digests import json_digest
from tradewind.stores.fallback import NaiveRule
from tradewind.stores.model_files import folder_digest
from tradewind.stores.prediction_log import night_folder

_numbers = itertools.count(1)


def only_reason(scored) -> str:
    """Why everybody was served by the fallback."""
    assert scored.served == {"fallback": scored.rows}
    [reason] = scored.fallback_reasons
    return reason


# --------------------------------------------------------------------------------- a night as usual


def test_a_night_serves_each_entity_once_with_score_decision_reasons_and_digest(shop: Shop) -> None:
    scored = shop.score()
    rows = shop.served(scored)
    # Predicted after the midnight before and up to the night's: the last is of the day after.
    expected = [*customers_of(day_of(1))[1:], customers_of(day_of(2))[0]]
    assert sorted(rows.index) == sorted(json.dumps([row["customer"]]) for row in expected)
    assert scored.served == {"champion": CUSTOMERS_A_DAY}
    assert set(rows["version"]) == {scored.champion}
    assert set(rows["alias"]) == {"champion"}
    threshold = shop.stores.registry.load(shop.stores.ledger.champion(MODEL).model_uri).metadata[
        "decision_threshold"
    ]
    assert (rows["decision"] == (rows["score"] >= threshold)).all()
    assert (rows["score"] == rows["model_score"]).all()
    assert rows["naive_score"].notna().all()
    assert rows["reasons"].map(len).eq(2).all()  # the model has no more features
    assert rows["feature_digest"].map(len).eq(32).all()
    assert rows["prediction_time"].min() > night(0)
    assert rows["prediction_time"].max() == night(1)
    assert scored.mean_score == pytest.approx(rows["score"].mean())


def test_a_night_again_is_the_same_record_whatever_changed_since(shop: Shop) -> None:
    first = shop.score()
    shop.tell(events.SWITCHED_OFF)
    shop.declare(score={"control_share": 0.5})
    files = shop.stores.lake.list("predictions")
    again = shop.run("score", night(1), run_id="score/again")["predict"]
    assert again == first
    assert shop.stores.lake.list("predictions") == files
    assert len(shop.stores.ledger.events(model=MODEL, kind=events.NIGHT_SCORED)) == 1


def test_two_runs_at_once_record_one_night(shop: Shop) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(shop.run, "score", night(1), run_id=f"score/{n}") for n in (1, 2)]
        first, second = (run.result()["predict"] for run in runs)
    assert first == second
    assert len(shop.stores.ledger.events(model=MODEL, kind=events.NIGHT_SCORED)) == 1


def test_each_row_is_scored_as_of_its_own_prediction_time(shop: Shop) -> None:
    asked = "count(*) FILTER (WHERE other.known_at <= one.renewal_at - getvariable('horizon'))"
    shop.declare(
        sql=(
            "SELECT customer, renewal_at, renewal_at - getvariable('horizon') AS prediction_time, "
            f"plan, visits, (SELECT {asked} FROM customers_outcome AS other) AS known FROM "
            "customers AS one"
        ),
        features={"types": {"plan": "categorical", "visits": "numeric", "known": "numeric"}},
    )
    records = shop.run("score", night(1))
    frame = shop.stores.lake.read_table(records["features"].uri).to_pandas()
    by_time = frame.sort_values("prediction_time")["known"]
    # At a moment t the outcomes of half a day before it are known; one comes every half hour.
    assert by_time.is_monotonic_increasing
    assert by_time.iloc[0] < by_time.iloc[-1]
    # The champion has features of its own, made with its own SQL.
    assert records["predict"].served == {"champion": CUSTOMERS_A_DAY}
    assert records["predict"].features == ["plan", "visits"]


def test_a_night_without_entities_is_empty_and_says_so(shop: Shop) -> None:
    shop.deliver(day_of(1), [])
    shop.deliver(day_of(2), [])
    records = shop.run("score", night(1))
    scored = records["predict"]
    assert (scored.rows, scored.served, scored.mean_score) == (0, {}, None)
    assert shop.log(scored).empty
    [said] = shop.stores.ledger.outcomes(model=MODEL, stage="predict")
    assert said.lines[0].startswith("nobody to serve")


# ----------------------------------------------------------------- where the model must not decide


def test_without_a_champion_a_rule_fitted_on_what_is_known_decides(shop: Shop) -> None:
    scored = shop.run("score", night(-1))["predict"]
    assert only_reason(scored) == "there is no champion yet"
    rows = shop.served(scored)
    assert rows["version"].isna().all()
    assert rows["model_score"].isna().all()
    assert rows["score"].nunique() == 2  # by plan
    assert set(rows["decision"]) <= {0, 1}


def test_a_rule_that_was_fitted_for_a_night_is_kept_beside_its_log(shop: Shop) -> None:
    scored = shop.run("score", night(-1))["predict"]
    assert scored.rule_uri is not None
    kept = shop.stores.lake.read_json(scored.rule_uri)
    assert scored.rule_uri == f"{night_folder(MODEL, night(-1))}/rule-{json_digest(kept)}.json"
    rows, rule = shop.served(scored), NaiveRule.from_json(kept)
    assert (rule.by, set(rule.groups)) == (("plan",), {'["basic"]', '["plus"]'})
    assert set(rows["score"]) == set(rule.groups.values())
    assert (rows["decision"] == (rows["score"] >= kept["decision_threshold"])).all()
    assert kept["features"] == {"plan": "categorical"}


def test_a_night_that_goes_by_the_champions_own_rule_keeps_none(shop: Shop) -> None:
    shop.tell(events.SWITCHED_OFF)
    assert shop.score().rule_uri is None


def test_without_one_known_label_the_declared_value_is_answered(shop: Shop) -> None:
    shop.declare(fallback={"otherwise": 0.3})
    # The first customers of all come the next day: nobody has renewed yet.
    scored = shop.run("score", AS_OF - 60 * DAY)["predict"]
    assert "no label is known yet, so that 0.3 is answered" in only_reason(scored)
    rows = shop.served(scored)
    assert set(rows["score"]) == {0.3}
    assert set(rows["decision"]) == {0}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (events.SWITCHED_OFF, "the model is switched off: too many complaints"),
        (events.RETIRED, "the model is retired: too many complaints"),
    ],
)
def test_a_model_that_may_not_decide_serves_by_its_naive_rule(
    shop: Shop, kind: str, said: str
) -> None:
    shop.tell(kind, reason="too many complaints")
    scored = shop.score()
    assert only_reason(scored) == said
    rows = shop.served(scored)
    assert (rows["score"] == rows["naive_score"]).all()
    assert rows["model_score"].notna().all()  # what it would have said
    assert rows["reasons"].isna().all()


def test_a_champion_that_is_too_old_does_not_decide(shop: Shop) -> None:
    shop.declare(score={"max_age": "2 days"})
    assert shop.score(2).served == {"champion": CUSTOMERS_A_DAY}
    said = only_reason(shop.score(3))
    assert said == "version 1 was promoted 3 days ago; score.max_age is 2 days"


def test_rows_outside_what_the_model_was_trained_on_are_the_fallbacks(shop: Shop) -> None:
    rows = customers_of(day_of(1))
    rows[5]["plan"], rows[6]["visits"] = "gold", 400
    shop.deliver(day_of(1), rows)
    scored = shop.score()
    assert scored.served == {"champion": CUSTOMERS_A_DAY - 2, "fallback": 2}
    why = shop.served(scored)["fallback_reason"]
    assert why[json.dumps([rows[5]["customer"]])] == "plan 'gold' was not in training"
    assert "visits is far above its range" in why[json.dumps([rows[6]["customer"]])]


def test_a_segment_that_passed_its_readiness_test_is_the_models(shop: Shop) -> None:
    rows = customers_of(day_of(1))
    rows[5]["plan"] = "gold"
    shop.deliver(day_of(1), rows)
    shop.tell(events.SEGMENT_READY, {"feature": "plan", "value": "gold"})
    assert shop.score().served == {"champion": CUSTOMERS_A_DAY}


def test_rows_that_fail_validation_are_served_and_say_so(shop: Shop) -> None:
    rows = customers_of(day_of(1))
    rows[5]["visits"] = 9000
    shop.deliver(day_of(1), rows)
    records = shop.run("score", night(1))
    assert records["features"].set_aside == 1
    scored = records["predict"]
    assert scored.served == {"champion": CUSTOMERS_A_DAY - 1, "fallback": 1}
    [reason] = scored.fallback_reasons
    assert reason.startswith("set aside by validation: customers.visits: values to be between")


def test_a_broken_contract_gives_the_night_to_the_fallback(shop: Shop) -> None:
    shop.deliver(day_of(1), [row | {"plan": None} for row in customers_of(day_of(1))])
    records = shop.run("score", night(1))
    broken = records["validate"].broken
    assert ("expectation", "customers", "plan") in {
        (b.detector, b.source, b.column) for b in broken
    }
    assert only_reason(records["predict"]).startswith(
        "the data's contract is broken: customers.plan"
    )
    assert records["predict"].breaches[: len(broken)] == broken


@pytest.mark.parametrize("nonsense", ["{}", "[]", "no JSON"])
def test_a_contract_that_cannot_be_looked_at_gives_the_night_to_the_fallback(
    shop: Shop, nonsense: str
) -> None:
    shop.score(1)
    for folder in [*(shop.stores.settings.home / "models").glob("*/*")]:
        for path in folder.rglob(CONTRACT_FILE):
            path.write_text(nonsense)
        folder.rename(folder.with_name(folder_digest(folder)))
    scored = shop.score(2)
    assert "could not be held against the contract" in only_reason(scored)
    assert [(one.name, one.cause) for one in scored.breaches] == [
        ("not_looked:rows", "contract could not be looked at")
    ]
    assert scored.contract_uri is None


def test_without_champion_and_manifest_the_declared_value_is_answered(shop: Shop) -> None:
    stores, uri = shop.stores, "validated/empty/manifest.json"
    stores.lake.put_json(uri, {})
    frozen = stores.ledger.last_good(MODEL)
    assert frozen is not None
    nothing = NightInputs(
        digest="n", uri=uri, quarantine={}, snapshot_digest="s", rows={}, stale={}, broken=[],
        warnings=[],
    )  # fmt: skip
    rule = rule_of(None, frozen, nothing, as_of=night(1), stores=stores)
    assert (rule.rule.prior, rule.threshold) == (0.5, np.nextafter(0.5, 1))
    assert "no label is known yet" in rule.note


def test_an_entity_that_comes_twice_is_served_once(shop: Shop) -> None:
    rows = customers_of(day_of(1))
    shop.deliver(day_of(1), [*rows, rows[5] | {"visits": 3}])
    scored = shop.score()
    assert scored.rows == CUSTOMERS_A_DAY == len(shop.served(scored))
    assert "several rows of an entity" in only_reason(scored)


def test_rows_that_cannot_be_validated_go_on_as_they_came(shop: Shop) -> None:
    wrong = {"sql": "SELECT nothing FROM customers", "expect": "expect_table_row_count_to_equal"}
    shop.declare(validate={"expectations": [{**wrong, "args": {"value": 0}}]})
    records = shop.run("score", night(1))
    assert [breach.detector for breach in records["validate"].broken] == ["validation"]
    assert "nothing" in only_reason(records["predict"])


def test_sql_that_does_not_run_leaves_the_champions_own(shop: Shop) -> None:
    shop.declare(sql="SELECT renewals FROM customers")
    records = shop.run("score", night(1))
    assert records["predict"].served == {"champion": CUSTOMERS_A_DAY}
    assert "that of version 1 is used" in records["features"].warnings[0]
    with pytest.raises(DefinitionError, match="renewals"):
        shop.run("score", night(-1))


# -------------------------------------------------------------------------------- sources that fail


def test_a_source_that_is_damaged_is_seen_as_it_was(shop: Shop) -> None:
    shop.score(1)
    (shop.folder / "data" / f"{day_of(2)}.csv").write_bytes(b"\x00\xff\x00 no csv at all \xff")
    records = shop.run("score", night(2))
    assert "customers" in records["ingest"].stale
    assert records["validate"].broken[0].detector == "stale_source"
    scored = records["predict"]
    assert only_reason(scored).startswith("the data's contract is broken")
    # Whom the night before had seen coming; who comes a day later was never seen.
    assert scored.rows == CUSTOMERS_A_DAY - 1


def test_on_an_earlier_try_a_source_that_fails_is_an_error(shop: Shop) -> None:
    shop.score(1)
    (shop.folder / "data" / f"{day_of(2)}.csv").write_text("customer,plan\nc1,basic\n")
    admission = admit(asked(night(2)), stores=shop.stores)
    with pytest.raises(Exception, match="renewal_at"):
        run_stage("ingest", admission, stores=shop.stores, last_try=False)


def asked(as_of, run_id: str = "score/by-hand") -> RunRequest:
    return RunRequest(
        model=MODEL, run_id=run_id, as_of=as_of, actor="ada", reason="a test", pipeline="score"
    )


# -------------------------------------------------------------------------- arms, segments, control


def test_arms_are_recorded_for_everybody_and_a_canary_serves_its_share(shop: Shop) -> None:
    version = another_version(shop)
    shop.arm(f"shadow:{version}")
    shop.arm(f"canary:{version}", share=0.3)
    scored = shop.score()
    rows, served = shop.log(scored), shop.served(scored)
    by_canary = served[served["source"] == "canary"]
    assert 0 < len(by_canary) < CUSTOMERS_A_DAY
    assert set(by_canary["version"]) == {version}
    for alias in (f"shadow:{version}", f"canary:{version}", "champion"):
        assert sorted(rows.loc[rows["alias"] == alias, "entity"]) == sorted(served.index), alias
    shadow = rows[rows["alias"] == f"shadow:{version}"].set_index("entity")
    assert set(shadow["source"]) == {"shadow"}
    assert (shadow["score"][by_canary.index] == by_canary["score"]).all()


def another_version(shop: Shop) -> int:
    """The champion's training once more with another seed, registered and not promoted."""
    shop.declare(train={**shop.body["train"], "seed": 1})
    request = asked(AS_OF, "train/second").model_copy(update={"pipeline": "train"})
    trained = run_pipeline(request, stores=shop.stores, until="train")["train"]
    shop.declare(train={**shop.body["train"], "seed": 0})
    return shop.stores.registry.ensure_version(MODEL, trained.model_uri, {})


def test_the_control_share_is_the_same_entities_every_time_and_served_by_the_rule(
    shop: Shop,
) -> None:
    shop.declare(score={"control_share": 0.25})
    scored = shop.score()
    rows = shop.served(scored)
    control = rows[rows["source"] == "control"]
    assert 0 < len(control) < CUSTOMERS_A_DAY / 2
    assert (control["score"] == control["naive_score"]).all()
    assert control["fallback_reason"].isna().all()
    assert control["model_score"].notna().all()


def test_a_segment_can_be_on_fallback_by_itself_until_its_time_runs_out(shop: Shop) -> None:
    rule = {"feature": "plan", "value": "basic", "served_by": "fallback"}
    until = night(1) + timedelta(hours=1)
    shop.tell(events.SEGMENT_RULED, {**rule, "until": until.isoformat()}, reason="prices changed")
    scored = shop.score(1)
    rows = shop.served(scored)
    frame = shop.stores.lake.read_table(scored.features_uri).to_pandas()
    basic = {json.dumps([who]) for who in frame.loc[frame["plan"] == "basic", "customer"]}
    assert set(rows.index[rows["source"] == "fallback"]) == basic
    [why] = scored.fallback_reasons
    assert why == "plan basic is on fallback until 2024-03-02 01:00 UTC: prices changed"
    assert shop.score(2).served == {"champion": CUSTOMERS_A_DAY}


def test_a_segments_older_version_that_cannot_score_leaves_it_to_the_fallback(shop: Shop) -> None:
    rule = {"feature": "plan", "value": "basic", "served_by": 77}
    shop.tell(events.SEGMENT_RULED, {**rule, "until": night(9).isoformat()})
    scored = shop.score()
    assert set(scored.served) == {"champion", "fallback"}
    assert sum(scored.served.values()) == CUSTOMERS_A_DAY
    assert "no version 77" in scored.version_problems["77"]


# ------------------------------------------------------------------------- MLflow away, files gone


def test_a_champion_that_scored_here_before_needs_no_mlflow(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.score(1)
    shop.mlflow_is_away(monkeypatch)
    assert shop.score(2).served == {"champion": CUSTOMERS_A_DAY}


def test_without_mlflow_a_night_is_tried_again_and_served_at_the_last_try(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.without_models()
    shop.mlflow_is_away(monkeypatch)
    stores = shop.stores
    admission = admit(asked(night(1)), stores=stores)
    inputs = run_stage(
        "validate", admission, run_stage("ingest", admission, stores=stores), stores=stores
    )
    features = run_stage("features", admission, inputs, stores=stores)
    with pytest.raises(UnavailableError, match="MLflow"):
        run_stage("predict", admission, inputs, features, stores=stores, last_try=False)
    scored = run_stage("predict", admission, inputs, features, stores=stores)
    assert only_reason(scored).startswith("version 1 cannot score: MLflow")


def test_a_champion_whose_file_is_gone_leaves_the_night_to_the_fallback(shop: Shop) -> None:
    shop.without_models()
    shop.tell(
        events.INTENDED,
        {"version": 1, "model_uri": "models:/m-" + "0" * 32, "previous": None,
         "evidence_digest": "e" * 32, "run_id": "r"},
    )  # fmt: skip
    said = only_reason(shop.score())
    assert said.startswith("version 1 cannot score: ")


def test_a_kept_file_that_was_changed_is_not_used(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.score(1)
    for path in (shop.stores.settings.home / "models").rglob("model.json"):
        path.write_text(path.read_text().replace('"threads": 1', '"threads": 2'))
    shop.mlflow_is_away(monkeypatch)
    assert only_reason(shop.score(2)).startswith("version 1 cannot score")


# ----------------------------------------------------------------------- nothing waits for training


@pytest.mark.parametrize("trouble", ["hung", "failing", "blocked"])
def test_seven_nights_are_scored_whatever_training_does(shop: Shop, trouble: str) -> None:
    if trouble == "hung":
        shop.stores.ledger.acquire_lease(
            MODEL, holder="train/hung", ttl=30 * DAY, as_of=AS_OF, actor="ada", reason="it hangs"
        )
    if trouble == "blocked":
        # Trainings by hand take places in the governor's window: more than seven are free here.
        shop.declare(gates={"threshold": {"roc_auc": {"at_least": 0.99}}}, retrain={"at_most": 9})
    for number in range(1, 8):
        try_to_train(shop, number, trouble)
        scored = shop.score(number)
        assert (scored.night, scored.served) == (night(number), {"champion": CUSTOMERS_A_DAY})
    nights = shop.stores.ledger.nights(MODEL)
    assert [one.night for one in nights] == [night(number) for number in range(1, 8)]


def try_to_train(shop: Shop, number: int, trouble: str) -> None:
    """A training that comes to nothing."""
    run_id = f"train/{number}"
    if trouble == "hung":
        assert isinstance(shop.run("train", night(number), run_id=run_id)["admit"], Refusal)
    elif trouble == "failing":
        with pytest.raises(RequestError, match="too short"):
            shop.run("train", night(number), run_id=run_id, window_days=31)
    else:  # the same one each time, which needs no new fit
        records = shop.run("train", night(1), run_id=run_id)
        assert records["register"].outcome == "blocked"
