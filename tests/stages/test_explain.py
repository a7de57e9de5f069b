"""One decision's story, of real nights of a small shop: who is meant, and that it all agrees."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.stages.nightly import AS_OF, MODEL, SQL, Shop, day_of, night
from tests.stages.nightly import customers as customers_of
from tradewind import cli
from tradewind.errors import LedgerError, RequestError
from tradewind.explanation import Explained
from tradewind.nights import ScoredNight
from tradewind.overview import decision_story
from tradewind.pipeline import run_pipeline
from tradewind.records import RunRequest
from tradewind.reports.explained import explained_page, lines_of_explained
from tradewind.stages import _explain_rows, _explain_score, explain
from tradewind.stores import events

_numbers = itertools.count(1)


def somebody(number: int = 1, place: int = 5) -> dict[str, str]:
    """A customer whom a night serves."""
    return customers_of(day_of(number))[place]


def story(shop: Shop, key: str, **asked: object) -> Explained:
    told = explain.explain(shop.stores, MODEL, key, **asked)
    assert isinstance(told, Explained)
    return told


def lines(told: Explained) -> str:
    return "\n".join(lines_of_explained(told))


def test_a_served_decision_is_told_from_its_row_to_its_score(shop: Shop) -> None:
    scored, who = shop.score(), somebody()
    told = story(shop, who["customer"])
    row = shop.served(scored).loc[json.dumps([who["customer"]])]
    assert (told.night, told.key) == (night(1), {"customer": who["customer"]})
    assert (told.score, told.decision) == (row["score"], row["decision"])
    # The raw row, without what was not known yet.
    [raw] = told.raw
    [shown] = raw.shown
    assert (raw.relation, raw.by, raw.rows) == ("customers", ["customer"], 1)
    assert shown.values["plan"] == who["plan"]
    assert "churned" not in shown.values
    assert shown.known_at < told.prediction_time
    # The reasons.
    added = told.reasons.mean + sum(one.effect for one in told.features)
    assert added == pytest.approx(told.reasons.margin, abs=told.reasons.tolerance)
    assert told.reasons.after == pytest.approx(told.score, abs=told.reasons.tolerance)
    assert (told.reasons.problems, told.reasons.scale) == ([], "log-odds")
    effects = {one["feature"]: one["effect"] for one in row["reasons"]}
    assert {one.name: one.effect for one in told.features} == pytest.approx(effects)
    assert all("training rows" in one.usual for one in told.features)
    # Who, and what else.
    assert (told.decider.version, told.decider.alias) == (scored.champion, "champion")
    promotion, _, approval = told.decider.because
    assert f"version {scored.champion} is champion since" in promotion
    assert "in the run train/" in promotion
    assert approval.startswith("no person was asked")
    assert told.naive.score == row["naive_score"]
    assert f"with plan {who['plan']}" in told.naive.words
    assert told.naive.computed == pytest.approx(told.naive.score, abs=told.naive.tolerance)
    assert told.naive.problem is None
    assert told.owner in told.contest
    assert told.threshold is not None
    text = lines(told)
    for said in (
        "mean: where nothing is known",
        "it is what was served",
        "to contest it: write to",
    ):
        assert said in text


def test_a_feature_says_what_it_is_in_words_that_came_after_its_version(shop: Shop) -> None:
    plan = somebody()["plan"]
    meaning = {
        "visits": "how often they came",
        "plan": {"is": "what they pay for", "values": {plan: "the one of this test"}},
    }
    shop.declare(features={**shop.body["features"], "meaning": meaning})
    shop.score()
    text = lines(story(shop, somebody()["customer"]))
    assert f"plan {plan} (the one of this test): the same in" in text
    assert re.search(r"visits \d+: above .*\n +how often they came\n", text)


def test_what_became_of_it_is_told_when_a_later_night_has_looked(shop: Shop) -> None:
    shop.score()
    who = somebody(place=30)  # of the afternoon: its label comes after the next midnight
    assert story(shop, who["customer"]).label.state == "unknown"
    shop.score(2)
    assert story(shop, who["customer"]).label.state == "pending"
    shop.score(3)
    label = story(shop, who["customer"], as_of=night(1)).label
    assert (label.state, label.label, label.looked) == ("known", who["churned"], night(3))


def test_the_newest_night_that_served_the_key_is_meant_unless_one_is_named(shop: Shop) -> None:
    shop.score(1)
    shop.score(2)
    assert story(shop, somebody(2)["customer"]).night == night(2)
    assert story(shop, somebody(1)["customer"]).night == night(1)
    with pytest.raises(LedgerError, match="served nobody with the key"):
        story(shop, somebody(2)["customer"], as_of=night(1))


def test_a_night_that_was_not_scored_names_its_neighbours(shop: Shop) -> None:
    with pytest.raises(LedgerError, match="no night was scored"):
        story(shop, "c1")
    shop.score(1)
    shop.score(3)
    with pytest.raises(
        LedgerError, match=r"2024-03-02 00:00 UTC before .* 2024-03-04 00:00 UTC aft"
    ):
        story(shop, "c1", as_of=night(2))


def test_a_key_that_no_night_served_says_which_nights_there_are(shop: Shop) -> None:
    shop.score(1)
    with pytest.raises(LedgerError, match=r"none of its 1 scored nights .*'nobody'.*2024-03-02"):
        story(shop, "nobody")


def test_a_row_that_validation_set_aside_shows_the_row_and_why(shop: Shop) -> None:
    rows = customers_of(day_of(1))
    rows[5] |= {"visits": 9000}
    shop.deliver(day_of(1), rows)
    shop.score()
    told = story(shop, rows[5]["customer"])
    assert (told.decider.source, told.decider.version) == ("fallback", None)
    [shown] = told.raw[0].shown
    assert shown.values["visits"] == "9000.0"
    assert "visits" in shown.set_aside
    assert told.fallback_reason.startswith("set aside by validation")
    assert (told.reasons, told.score) == (None, told.naive.score)
    assert all(one.effect is None for one in told.features)
    assert "set aside by validation" in lines(told)
    [visits] = [one for one in told.features if one.name == "visits"]
    assert visits.usual.startswith("above all")


def test_a_model_that_is_switched_off_says_who_did_it_and_what_it_would_have_said(
    shop: Shop,
) -> None:
    shop.tell(events.SWITCHED_OFF, reason="the figures look wrong")
    shop.score()
    told = story(shop, somebody()["customer"])
    because = "\n".join(told.decider.because)
    assert "the model is switched off: the figures look wrong" in because
    assert "ordered by ada" in because
    assert "the champion, did not decide" in because
    assert (told.score, told.decision) == (told.naive.score, told.naive.decision)
    assert "the model would have said" in lines(told)


def test_what_was_written_after_the_night_changes_nothing_of_its_story(shop: Shop) -> None:
    shop.score()
    before = story(shop, somebody()["customer"])
    shop.tell(events.SWITCHED_OFF)
    assert story(shop, somebody()["customer"]) == before


def test_a_segments_rule_names_who_ordered_it(shop: Shop) -> None:
    said = {"feature": "plan", "value": "basic", "served_by": "fallback"}
    until = night(30).isoformat()
    shop.tell(events.SEGMENT_RULED, {**said, "until": until}, reason="prices changed")
    shop.score()
    basic = next(row for row in customers_of(day_of(1))[1:] if row["plan"] == "basic")
    told = story(shop, basic["customer"])
    assert any("ordered by ada" in one and "prices changed" in one for one in told.decider.because)


def test_a_canary_with_features_of_its_own_is_explained_by_those(shop: Shop) -> None:
    version = with_other_features(shop)
    shop.arm(f"canary:{version}", share=1.0)
    shop.score()
    who = somebody()
    told = story(shop, who["customer"])
    assert (told.decider.source, told.decider.version) == ("canary", version)
    assert told.decider.because[0].startswith(f"canary:{version} serves a stable share of 100 %")
    assert "started by ada" in told.decider.because[1]
    [visits] = [one for one in told.features if one.name == "visits"]
    assert float(visits.value) == -2.0 * who["visits"]
    assert (told.reasons.version, told.reasons.problems) == (version, [])
    # The champion's own answer is recorded beside it.
    [other] = told.others
    assert other.alias == "champion"
    assert other.version != version


def with_other_features(shop: Shop) -> int:
    """A version whose own SQL gives other features, registered and not promoted."""
    shop.declare(sql=SQL.replace("visits", "visits * -2.0 AS visits"))
    asked = {"model": MODEL, "run_id": "train/second", "as_of": AS_OF, "actor": "ada"}
    request = RunRequest(**asked, reason="a test", pipeline="train")
    trained = run_pipeline(request, stores=shop.stores, until="train")["train"]
    shop.declare()
    return shop.stores.registry.ensure_version(MODEL, trained.model_uri, {})


def test_the_control_share_is_the_naive_rules(shop: Shop) -> None:
    shop.declare(score={"control_share": 0.999})
    shop.score()
    told = story(shop, somebody()["customer"])
    assert (told.decider.source, told.score) == ("control", told.naive.score)
    assert "control share" in told.decider.because[0]
    assert (told.reasons, told.fallback_reason) == (None, None)


def test_before_the_first_champion_the_story_says_what_rule_decided(shop: Shop) -> None:
    scored, who = shop.score(-1), somebody(-1)
    told = story(shop, who["customer"])
    assert told.decider.because == ["because there is no champion yet"]
    rule = shop.stores.lake.read_json(scored.rule_uri)
    assert told.naive.words == (
        "fitted that night from the labels known then, the rate of the rows with plan "
        f"{who['plan']}, mixed with that of all {rule['rows']:,}"
    )
    assert told.naive.threshold == told.threshold == rule["decision_threshold"]
    assert (told.naive.decision, told.naive.score) == (told.decision, told.score)
    assert told.naive.computed == pytest.approx(told.score, abs=told.naive.tolerance)
    assert told.naive.problem is None
    assert told.kept["naive rule"] == scored.rule_uri
    assert "computed again from the same features, it is what was recorded" in lines(told)
    assert told.raw[0].rows == 1


def test_without_a_version_nothing_is_said_of_training_rows(shop: Shop) -> None:
    shop.score(-1)
    told = story(shop, somebody(-1)["customer"])
    assert {one.usual for one in told.features} == {None}
    assert told.usual_problem is None
    for text in (lines(told), explained_page(told)):
        assert "profile" not in text
        assert "How usual" not in text
        assert "None" not in text


def test_a_version_without_a_profile_is_said_to_have_none_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_explain_score, "PROFILE_FILE", "another.json")
    shop.score()
    told = story(shop, somebody()["customer"])
    assert {one.usual for one in told.features} == {None}
    for text in (lines(told), explained_page(told)):
        assert text.count("no profile of its training rows lies beside version") == 1


def test_before_the_first_label_the_story_says_that_no_rule_could_be_fitted(shop: Shop) -> None:
    shop.declare(fallback={"otherwise": 0.3})
    shop.score(-60)
    told = story(shop, somebody(-60)["customer"])
    assert told.naive.words == "no label was known that night: the declared value is answered"
    assert (told.naive.computed, told.naive.problem) == (0.3, None)


def test_a_night_that_its_champion_could_not_score_is_told_by_the_rule_that_was_fitted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.without_models()
    there = shop.environ["MLFLOW_TRACKING_URI"]
    shop.mlflow_is_away(monkeypatch)
    scored = shop.score()
    shop.environ["MLFLOW_TRACKING_URI"] = there
    told = story(shop, somebody()["customer"])
    assert told.naive.words.startswith("fitted that night")
    assert (told.naive.problem, told.naive.decision) == (None, told.decision)
    # Of such a night of before it cannot be told: the champion's rule is another.
    of_before(monkeypatch, scored.model_copy(update={"rule_uri": None}))
    assert "it was not kept" in story(shop, somebody()["customer"]).naive.words


def test_a_night_from_before_rules_were_kept_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = shop.score(-1).model_dump(mode="json")
    del scored["rule_uri"]
    of_before(monkeypatch, ScoredNight.model_validate(scored))
    naive = story(shop, somebody(-1)["customer"]).naive
    assert naive.words.endswith("it was not kept")
    assert (naive.threshold, naive.decision, naive.computed) == (None, None, None)


def of_before(monkeypatch: pytest.MonkeyPatch, scored: ScoredNight) -> None:
    """From here on this is what was recorded of the night that is asked for."""
    real = explain.served_as
    monkeypatch.setattr(explain, "served_as", lambda *asked: replace(real(*asked), night=scored))


def lake_file(shop: Shop, uri: str) -> Path:
    return Path(shop.stores.settings.lake_uri.removeprefix("file://")) / uri


def test_a_rule_that_went_leaves_the_rest_of_the_story(shop: Shop) -> None:
    scored = shop.score(-1)
    lake_file(shop, scored.rule_uri).unlink()
    told = story(shop, somebody(-1)["customer"])
    assert told.naive.words.startswith("the rule that was fitted that night cannot be read: ")
    assert (told.score, told.raw[0].rows) == (told.naive.score, 1)


def test_a_score_that_is_not_the_rules_is_told_in_plain_words(shop: Shop) -> None:
    scored = shop.score(-1)
    kept = lake_file(shop, scored.rule_uri)
    rule = json.loads(kept.read_text())
    kept.write_text(json.dumps({**rule, "groups": dict.fromkeys(rule["groups"], 0.75)}))
    told = story(shop, somebody(-1)["customer"])
    assert "0.75 now" in told.naive.problem
    assert f"WRONG: {told.naive.problem}" in lines(told)


def test_features_that_are_not_those_that_were_scored_get_no_reasons(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.score()
    monkeypatch.setattr(explain, "_digest", lambda *_: "another")
    told = story(shop, somebody()["customer"])
    assert told.reasons is None
    assert "are not those that are kept" in told.reasons_problem


def test_a_model_that_cannot_be_loaded_leaves_the_rest_of_the_story(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.score()
    shop.without_models()
    shop.mlflow_is_away(monkeypatch)
    told = story(shop, somebody()["customer"])
    assert "cannot be loaded" in told.reasons_problem
    assert told.raw[0].rows == 1
    assert told.decider.version is not None
    assert "cannot be loaded" in lines(told)
    assert told.naive.words.startswith("the rule that travels with its champion; version 1 cannot")


def test_a_score_that_is_not_what_the_version_says_is_told_in_plain_words(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.score()
    real = explain.explained_score
    tampered = lambda *given, **named: real(*given, **{**named, "served": 0.123})  # noqa: E731
    monkeypatch.setattr(explain, "explained_score", tampered)
    told = story(shop, somebody()["customer"])
    assert "these reasons do not explain what was served" in told.reasons.problems[0]
    assert "does not agree" in explained_page(told)
    assert "WRONG: from the same features" in lines(told)


def test_personal_columns_are_shown_nowhere(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.score()
    named = frozenset({"plan"})
    for module in (_explain_rows, _explain_score):
        monkeypatch.setattr(module, "personal_columns", lambda _: named)
    who = somebody()
    told = story(shop, who["customer"])
    shown = told.model_dump(mode="json")
    assert shown["raw"][0]["shown"][0]["values"]["plan"] == _explain_rows.PERSONAL
    assert [one.value for one in told.features if one.name == "plan"] == [_explain_rows.PERSONAL]
    assert who["plan"] not in lines(told)
    assert f"with plan {_explain_rows.PERSONAL}" in told.naive.words


def test_a_repaired_cell_shows_what_it_was(shop: Shop) -> None:
    shop.declare(
        repair=[{"source": "customers", "column": "visits", "when": "visits = 499",
                 "set": "9.0", "because": "a broken counter"}]
    )  # fmt: skip
    rows = customers_of(day_of(1))
    rows[5] |= {"visits": 499}
    shop.deliver(day_of(1), rows)
    shop.score()
    [shown] = story(shop, rows[5]["customer"]).raw[0].shown
    assert (shown.values["visits"], shown.repaired) == ("9.0", {"visits": "499.0"})


def test_a_part_of_a_key_is_no_key_where_it_has_one_column(shop: Shop) -> None:
    shop.score()
    with pytest.raises(LedgerError, match="served anybody"):
        story(shop, somebody()["customer"][:-1])


def test_the_example_is_the_row_with_the_highest_score(shop: Shop) -> None:
    with pytest.raises(
        LedgerError, match=f"no night was scored: run `tradewind run {MODEL} score`"
    ):
        decision_story(shop.stores, MODEL)
    scored = shop.score()
    told = decision_story(shop.stores, MODEL)
    assert told.score == shop.served(scored)["score"].max()
    shop.tell(events.SWITCHED_OFF)
    shop.score(2)
    with pytest.raises(LedgerError, match="no version decided for anybody"):
        decision_story(shop.stores, MODEL)
    assert decision_story(shop.stores, MODEL, as_of="2024-03-02").key == told.key
    with pytest.raises(
        LedgerError, match=f"no night of 2023-01-01 .*`tradewind history {MODEL}` lists"
    ):
        decision_story(shop.stores, MODEL, as_of="2023-01-01")


def test_the_command_prints_the_story_its_json_and_its_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.score()
    for name, value in shop.environ.items():
        monkeypatch.setenv(name, value)
    run, who = CliRunner().invoke, somebody()["customer"]
    printed = run(cli.app, ["explain", MODEL, f"customer={who}", "--as-of", "2024-03-02"])
    assert printed.exit_code == 0, printed.output
    assert "to contest it" in printed.output
    told = json.loads(run(cli.app, ["explain", MODEL, who, "--json"]).output)
    assert Explained.model_validate(told).key == {"customer": who}
    page = tmp_path / "page.html"
    assert run(cli.app, ["explain", MODEL, who, "-o", str(page)]).exit_code == 0
    assert "<svg" in page.read_text()
    for words, code in (
        (["explain", "renewal", who], 2),
        (["explain", MODEL, '["a", "b"]'], 2),
        (["explain", MODEL, who, "--as-of", "yesterday"], 2),
    ):
        assert run(cli.app, words).exit_code == code
    assert isinstance(run(cli.app, ["explain", MODEL, "nobody"]).exception, LedgerError)


def test_the_words_of_who_asks_are_read_in_the_models_time_zone(shop: Shop) -> None:
    shop.score()
    who = somebody()["customer"]
    assert decision_story(shop.stores, MODEL, who, as_of="2024-03-02").night == night(1)
    with pytest.raises(RequestError, match="expected a date"):
        decision_story(shop.stores, MODEL, who, as_of="soon")
    with pytest.raises(RequestError, match="no night was scored"):
        decision_story(shop.stores, "nothing", who, as_of="2024-03-02")
