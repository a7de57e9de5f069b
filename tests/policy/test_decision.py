from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.grounds import (
    NIGHT,
    accepting,
    below_bound,
    breach,
    column,
    declared,
    grounds,
    guard,
    harm,
    nights_ago,
    past,
    retrain,
    sound_look,
)
from tradewind.nights import Decision, Grounds, HarmIndicator, LiveState
from tradewind.policy.decision import decide_on
from tradewind.policy.evidence import past_night

DRIFTING = sound_look(drift=[column("price"), column("rain")])


def decided(**changes: object) -> Decision:
    return decide_on(grounds(**changes), declared())


def test_nothing_is_decided_where_nothing_asks_for_anything_and_it_is_said_so() -> None:
    decision = decided()
    assert decision.actions == ["nothing"]
    assert "the contract holds" in decision.reason


def test_the_same_grounds_give_the_same_decision() -> None:
    stands_on = grounds(DRIFTING, past=past(4, alarmed=["price"]))
    again = Grounds.model_validate_json(stands_on.model_dump_json())
    assert decide_on(stands_on, declared()) == decide_on(again, declared())


@pytest.mark.parametrize(
    "look",
    [
        {"breaches": [breach()]},
        {"breaches": [breach()], "drift": [column("price"), column("rain")]},
        {"breaches": [breach()], "performance": below_bound()},
        {"breaches": [breach()], "probation": guard()},
    ],
    ids=["no drift", "drift", "performance", "probation"],
)
def test_broken_data_never_retrain_whatever_else_shows(look: dict[str, object]) -> None:
    decision = decided(look=sound_look(**look), past=past(9, alarmed=["price"], causes=["drift"]))
    assert decision.actions == ["quarantine"]
    assert decision.layer == "data"
    assert not decision.launches
    assert "null_rate:price" in decision.reason
    assert "retrain" in {other.action for other in decision.alternatives}


def test_a_contract_that_a_person_accepted_is_broken_no_more() -> None:
    look = sound_look(breaches=[breach()])
    assert decided(look=look, live=accepting("null_rate:price")).actions == ["nothing"]
    other = decided(look=look, live=accepting("null_rate:rain"))
    assert other.actions == ["quarantine"]


def test_drift_retrains_when_it_persists_in_k_of_the_last_n_nights() -> None:
    assert decided(look=DRIFTING, past=past(4)).actions == ["nothing"]
    one_more = past(4)[:2] + past(2, alarmed=["price"])
    decision = decided(look=DRIFTING, past=one_more)
    assert decision.actions == ["retrain"]
    assert decision.cause == "drift"
    assert "3 of the last 5 sound nights" in decision.reason


def test_drift_of_earlier_nights_retrains_nothing_when_tonight_is_quiet() -> None:
    assert decided(past=past(9, alarmed=["price"])).actions == ["nothing"]


def test_drift_in_features_that_do_not_matter_to_the_model_retrains_nothing() -> None:
    idle = sound_look(drift=[column("price", importance=0.001)])
    assert decided(look=idle, past=past(9, alarmed=["price"])).actions == ["nothing"]
    unknown = sound_look(drift=[column("price", importance=None)])
    assert decided(look=unknown, past=past(9, alarmed=["price"])).actions == ["retrain"]


def test_nights_on_broken_data_do_not_count_towards_persistence() -> None:
    broken = past(9, alarmed=["price"], broken=["null_rate:price"])
    assert decided(look=DRIFTING, past=broken).actions == ["nothing"]


def test_the_policy_of_the_textbooks_retrains_at_once_by_the_share_of_features() -> None:
    plain = declared(retrain={"drift": {"policy": "share", "above": 0.10}})
    quiet = [column(f"quiet_{number}", alarm=False) for number in range(18)]
    two_of_twenty = sound_look(drift=[column("price"), column("rain"), *quiet])
    assert decide_on(grounds(two_of_twenty), plain).actions == ["nothing"]
    three = sound_look(drift=[column("price"), column("rain"), column("wind"), *quiet[:17]])
    decision = decide_on(grounds(three), plain)
    assert decision.actions == ["retrain"]
    assert "3 of 20 features" in decision.reason


def test_drift_never_retrains_where_the_policy_says_never() -> None:
    never = declared(retrain={"drift": {"policy": "never"}})
    assert decide_on(grounds(DRIFTING, past=past(9, alarmed=["price"])), never).actions == [
        "nothing"
    ]


def test_a_figure_below_its_bound_retrains() -> None:
    decision = decided(look=sound_look(performance=below_bound()))
    assert decision.actions == ["retrain"]
    assert decision.cause == "performance"
    assert "0.52 when it was promoted" in decision.reason


def test_a_promotion_that_does_worse_than_its_predecessor_is_taken_back_and_then_retrained() -> (
    None
):
    decision = decided(look=sound_look(probation=guard()))
    assert decision.actions == ["roll_back", "retrain"]
    assert decision.roll_back_to == 1
    assert decision.run_id is not None


def test_a_predecessor_that_may_not_come_back_is_left_to_a_person() -> None:
    why = "version 1 was trained on what is left out"
    decision = decided(look=sound_look(probation=guard()), barred=why)
    assert decision.actions == ["call_human", "retrain"]
    assert decision.roll_back_to is None
    assert "does worse than version 1" in decision.reason
    assert why in decision.reason


def test_below_its_bound_the_better_predecessor_returns_before_the_interval_is_sure() -> None:
    sure = sound_look(performance=below_bound(), probation=guard("undecided", 0.02))
    assert decided(look=sure).actions == ["roll_back", "retrain"]
    worse = sound_look(performance=below_bound(), probation=guard("undecided", -0.02))
    assert decided(look=worse).actions == ["retrain"]


def test_a_rollback_waits_for_no_cooldown_and_its_retrain_does() -> None:
    decision = decided(look=sound_look(probation=guard()), retrains=[retrain(2)])
    assert decision.actions == ["roll_back"]
    assert decision.governor is not None
    assert decision.governor.rule == "cooldown"


def test_nothing_is_taken_back_where_nothing_was_live_before() -> None:
    live = LiveState(model="churn", as_of=NIGHT, champion=2, champion_since=nights_ago(10))
    assert decided(look=sound_look(probation=guard()), live=live).actions == ["nothing"]


def test_an_old_champion_is_trained_anew_and_a_challenge_counts_as_news_of_its_age() -> None:
    old = LiveState(model="churn", as_of=NIGHT, champion=2, champion_since=nights_ago(40))
    decision = decided(live=old)
    assert (decision.actions, decision.cause) == (["retrain"], "age")
    assert decided(live=old, retrains=[retrain(20, cause="age")]).actions == ["nothing"]
    failed = decided(live=old, retrains=[retrain(20, cause="age", outcome="failed")])
    assert failed.launches


@pytest.mark.parametrize(("days", "launches"), [(34, False), (35, True)])
def test_a_champion_is_old_from_its_cadence_on(days: int, launches: bool) -> None:
    live = LiveState(model="churn", as_of=NIGHT, champion=2, champion_since=nights_ago(days))
    assert decided(live=live).launches is launches


CHALLENGED = ("unchanged", "blocked", "would_have", "started_as_arm", "held")


@pytest.mark.parametrize("outcome", CHALLENGED)
def test_a_champion_that_nobody_beats_is_challenged_for_ever_and_calls_nobody(
    outcome: str,
) -> None:
    old = LiveState(model="churn", as_of=NIGHT, champion=2, champion_since=nights_ago(400))
    launched = [retrain(ago, cause="age", outcome=outcome) for ago in range(396, 0, -36)]
    assert decided(live=old, retrains=launched).actions == ["retrain"]


def test_trainings_for_age_that_came_to_no_verdict_end_in_a_human_until_one_does() -> None:
    old = LiveState(model="churn", as_of=NIGHT, champion=2, champion_since=nights_ago(400))
    failed = [
        retrain(ago, cause="age", outcome=word)
        for ago, word in ((200, "failed"), (150, "refused"), (90, "failed"))
    ]
    assert decided(live=old, retrains=failed).actions == ["call_human"]
    once = [*failed, retrain(60, cause="drift", outcome="blocked")]
    assert decided(live=old, retrains=once).actions == ["retrain"]
    by_hand = old.model_copy(update={"champion_since": nights_ago(60)})
    assert decided(live=by_hand, retrains=failed).actions == ["retrain"]


def test_a_training_that_came_to_no_verdict_makes_no_wider_search() -> None:
    lasting = past(60, alarmed=["price"], causes=["drift"])
    for outcome in ("failed", "refused"):
        decision = decided(look=DRIFTING, past=lasting, retrains=[retrain(15, outcome=outcome)])
        assert decision.actions == ["retrain"]


def test_a_model_without_a_champion_is_trained() -> None:
    nobody = LiveState(model="churn", as_of=NIGHT, champion=None)
    decision = decided(look=sound_look(champion=None, champion_since=None), live=nobody)
    assert (decision.actions, decision.cause) == (["retrain"], "no_champion")


def test_what_could_not_be_looked_at_is_never_taken_for_being_well() -> None:
    for look in (sound_look(night=None), sound_look(problems=["the champion's file is gone"])):
        decision = decided(look=look, past=past(9, alarmed=["price"]))
        assert decision.actions == ["call_human"]
        assert decision.layer == "platform"
        assert not decision.launches


def test_what_could_not_be_looked_at_protects_no_bad_promotion() -> None:
    look = sound_look(probation=guard(), problems=["there is no profile to compare with"])
    assert decided(look=look).actions[0] == "roll_back"


def test_a_retired_model_is_left_alone() -> None:
    retired = LiveState(model="churn", as_of=NIGHT, champion=2, retired="the desk closed")
    decision = decided(look=sound_look(performance=below_bound()), live=retired)
    assert decision.actions == ["nothing"]
    assert "the desk closed" in decision.reason


def test_a_cause_that_a_retrain_did_not_clear_gets_a_wider_search_once_and_then_a_human() -> None:
    lasting = past(60, alarmed=["price"], causes=["drift"])
    first = decided(look=DRIFTING, past=lasting)
    assert first.actions == ["retrain"]
    second = decided(look=DRIFTING, past=lasting, retrains=[retrain(15)])
    assert second.actions == ["wider_search"]
    assert second.wider
    third = decided(look=DRIFTING, past=lasting, retrains=[retrain(45), retrain(29)])
    assert third.actions == ["retrain"]
    early = decided(look=DRIFTING, past=lasting, retrains=[retrain(40), retrain(25)])
    assert early.actions == ["back_off"]
    launched = [retrain(59), retrain(44), retrain(29)]
    assert decided(look=DRIFTING, past=lasting, retrains=launched).actions == ["call_human"]


def test_a_cause_that_was_away_in_between_begins_anew() -> None:
    cleared = past(5, alarmed=["price"], causes=["drift"])
    quiet = past(20)[:15]
    decision = decided(look=DRIFTING, past=quiet + cleared, retrains=[retrain(18)])
    assert decision.actions == ["retrain"]


def test_a_model_that_lost_its_champion_again_begins_anew() -> None:
    nobody = LiveState(model="churn", as_of=NIGHT, champion=None)
    look = sound_look(champion=None, champion_since=None)
    before = [retrain(ago, cause="no_champion") for ago in (85, 70, 42)]
    never = past(88, causes=["no_champion"])
    assert decided(look=look, live=nobody, past=never, retrains=before).actions == ["call_human"]
    had_one = never[:60] + past(28)[:10] + never[70:]
    assert decided(look=look, live=nobody, past=had_one, retrains=before).actions == ["retrain"]


@pytest.mark.parametrize("cause", ["performance", "drift"])
def test_nights_that_could_not_judge_a_cause_do_not_count_as_its_being_away(cause: str) -> None:
    look = DRIFTING if cause == "drift" else sound_look(performance=below_bound())
    there = {"alarmed": ["price"], "causes": [cause]}
    blind = past(60, **there)[:46] + past(14, judged=[])[:10] + past(4, **there)
    launched = [retrain(16, cause=cause, outcome="promoted")]
    assert decided(look=look, past=blind, retrains=launched).actions == ["wider_search"]


def test_harm_switches_off_before_anything_is_learned_or_taken_back() -> None:
    look = sound_look(
        indicators=[harm()],
        drift=[column("price")],
        performance=below_bound(),
        probation=guard(),
    )
    decision = decided(look=look, past=past(9, alarmed=["price"]))
    assert (decision.actions, decision.layer, decision.cause) == (["switch_off"], "model", "harm")
    assert not decision.launches
    assert "version 2 decide no longer: needless: false positive rate" in decision.reason


@pytest.mark.parametrize(
    "one",
    [harm(then="alert"), harm(state="within"), harm(state="unknown")],
    ids=lambda one: one.state,
)
def test_only_seen_harm_that_is_to_switch_off_does(one: HarmIndicator) -> None:
    assert decided(look=sound_look(indicators=[one])).actions == ["nothing"]


def test_nothing_is_switched_off_on_broken_data_nor_twice_nor_for_another_version() -> None:
    broken = sound_look(indicators=[harm()], breaches=[breach()])
    assert decided(look=broken).actions == ["quarantine"]
    look = sound_look(indicators=[harm()])
    off = accepting().model_copy(update={"switched_off": "harm"})
    assert decided(look=look, live=off).actions == ["nothing"]
    moved = accepting().model_copy(update={"champion": 3})
    assert decided(look=look, live=moved).actions == ["nothing"]


def judged(**changes: object) -> list[str]:
    return past_night(grounds(sound_look(**changes)), declared()).judged


def test_a_night_says_which_causes_it_could_judge() -> None:
    quiet = column("price", alarm=False)
    few = quiet.model_copy(update={"state": "too_few_rows"})
    unbounded = quiet.model_copy(update={"alarm_level": None})
    assert judged(drift=[few, unbounded]) == ["no_champion"]
    assert judged(drift=[few, quiet]) == ["no_champion", "drift"]
    enough = below_bound().model_copy(update={"below_bound": False, "units": 14})
    short = enough.model_copy(update={"units": 13})
    assert judged(drift=[], performance=enough) == ["no_champion", "performance"]
    assert judged(drift=[], performance=short) == ["no_champion"]
    assert judged(performance=enough, breaches=[breach()]) == ["no_champion"]


@given(
    alarmed=st.lists(st.booleans(), min_size=60, max_size=60),
    cleared=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_sixty_nights_launch_a_bounded_number_never_two_within_the_cooldown(
    alarmed: list[bool], cleared: list[bool]
) -> None:
    model = declared()
    nights, launches = [], []
    for ago in range(59, -1, -1):
        moment = nights_ago(ago)
        look = sound_look(as_of=moment, drift=[column("price", alarm=alarmed[ago])])
        stands_on = grounds(look, past=nights, retrains=launches)
        decision = decide_on(stands_on, model)
        in_alarm = ["price"] if alarmed[ago] else []
        causes = ["drift"] if decision.cause == "drift" else []
        nights = [*nights, *past(ago, alarmed=in_alarm, causes=causes)[:1]] if ago else nights
        if decision.launches:
            outcome = "promoted" if cleared[ago] else "blocked"
            launches = [*launches, retrain(ago, outcome=outcome)]
    moments = [one.decided for one in launches]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(launches) <= 5
    assert all(gap >= model.retrain.cooldown for gap in gaps)
