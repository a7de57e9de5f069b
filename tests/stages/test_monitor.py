"""One night's look: what is judged, what is not, and what is said of what could not be seen."""

from __future__ import annotations

import copy
import itertools
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import Scene
from tests.stages.watching import BODY, DAY, EVERY, FIRST, LAST, Watched
from tradewind.errors import LakeUnavailableError, RegistryError
from tradewind.learning.reference import LABEL, PREDICTION
from tradewind.live import live_state
from tradewind.nights import Breach
from tradewind.records import GateResult, Verdict
from tradewind.reports.looked import look_lines
from tradewind.reports.monitoring import render
from tradewind.stages._contract import history_of
from tradewind.stages.decide import decide
from tradewind.stages.register import register
from tradewind.stores.events import ARM_STOPPED, NIGHT_MONITORED, RESUMED, SWITCHED_OFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures.home import Home
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.stores.stores import Stores

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stores(shared_home: Home) -> Stores:
    return shared_home.stores


@pytest.fixture(scope="module")
def trained(stores):
    scene = Scene(stores, "watched")
    return scene.evaluate(scene.definition(**BODY), frames.feature_set())[1:]


@pytest.fixture(scope="module")
def second(stores):
    """Another model of the same kind, to be a version beside the first."""
    scene = Scene(stores, "watched")
    frozen = scene.definition(**{**BODY, "train": {**BODY["train"], "seed": 7}})
    return scene.train(frozen, frames.feature_set())[2]


@pytest.fixture
def watched(stores, trained, second) -> Callable[..., Watched]:
    """Makes a model of its own whose champion is the trained one."""
    model, evaluation = trained

    def made(**changes: object) -> Watched:
        scene = Scene(stores, f"watched_{next(_numbers)}")
        return Watched(scene, model, evaluation_uri=evaluation.uri, second=second, changes=changes)

    return made


@pytest.fixture(scope="module")
def month(stores, trained) -> Watched:
    """Thirty sound nights of one model; to look at, and to serve no more nights of."""
    model, evaluation = trained
    changes = {
        "features": {"types": frames.TYPES, "protected": ["carrier"]},
        "monitor": {"performance": {"slices": ["carrier", "distance"]}},
    }
    made = Watched(Scene(stores, "month"), model, evaluation_uri=evaluation.uri, changes=changes)
    made.score(*EVERY)
    return made


@pytest.fixture(scope="module")
def looked(month):
    return month.look()


def stored(watched: Watched, look) -> dict:
    return watched.scene.stores.lake.read_json(look.uri)


def events(watched: Watched) -> list:
    ledger = watched.scene.stores.ledger
    return ledger.events(model=watched.scene.model, kind=NIGHT_MONITORED)


# ------------------------------------------------------------------------------- labels in time


def test_every_prediction_is_matured_pending_or_expired(month, looked):
    labels = looked.labels
    assert labels.predictions == labels.matured + labels.pending + labels.expired
    known = month.frame[month.frame["label_known_at"] <= LAST]
    since = known["prediction_time"] > LAST - 28 * DAY
    assert labels.matured == since.sum()
    assert (labels.expired, labels.revised, labels.orphans) == (0, 0, 0)
    assert looked.problems == []


def test_the_same_night_again_is_the_same_look_and_no_second_event(month, looked):
    assert month.look() == looked
    assert len(events(month)) == 1


def test_a_label_that_arrives_later_changes_nothing_of_an_earlier_night(watched):
    night = FIRST + 3 * DAY
    one, other = watched(), watched()
    for each in (one, other):
        each.score(*(FIRST + n * DAY for n in range(4)))
    late = one.frame["label_known_at"] > night
    unknown = one.frame.assign(label=one.frame["label"].where(~late, None))
    before, after = one.look(night, frame=unknown), other.look(night)
    same = {"labels", "performance", "drift", "value", "people", "breaches"}
    assert before.model_dump(include=same) == after.model_dump(include=same)


def test_a_label_that_changes_after_maturing_is_counted_and_judged_by_the_newest(watched):
    made = watched()
    made.score(FIRST, FIRST + DAY)
    made.look(FIRST)
    first = made.frame.index[:5]
    changed = made.frame.copy()
    changed.loc[first, "label"] = ~changed.loc[first, "label"].astype(bool)
    assert made.look(FIRST + DAY, frame=changed).labels.revised == 5
    table = stores_judged(made)
    assert set(table.loc[table["revised"], "entity"]) == {
        f"[{flight}]" for flight in changed.loc[first, "flight"]
    }


def stores_judged(made: Watched):
    uri = events(made)[-1].payload["judged_uri"]
    return made.scene.stores.lake.read_table(uri).to_pandas()


def test_labels_that_can_no_longer_come_are_expired_and_too_many_break_the_contract(watched):
    made = watched()
    made.score(*(FIRST + n * DAY for n in range(6)))
    never = made.frame.assign(label=None)
    look = made.look(FIRST + 5 * DAY, frame=never)
    assert look.performance is None
    assert look.labels.matured == 0
    assert look.labels.expired > 100
    (breach,) = look.breaches
    assert (breach.detector, breach.cause) == ("expired_labels", "labels never come")
    assert "at most 10% are declared" in breach.sentence


def test_labels_that_nobody_predicted_are_counted(watched):
    made = watched()
    made.score(FIRST, FIRST + 2 * DAY)
    look = made.look(FIRST + 2 * DAY)
    times = made.frame["prediction_time"]
    missed = (times > FIRST) & (times <= FIRST + DAY)
    assert look.labels.orphans == pytest.approx(missed.sum(), abs=5)
    assert look.operations["nights_missed"] == 1


# -------------------------------------------------------------------------------- performance


def test_the_champion_is_judged_beside_the_naive_rule_and_its_own_promise(month, looked, trained):
    found = looked.performance
    assert (found.metric, found.rows) == ("log_loss", looked.labels.matured)
    assert found.figures["log_loss"].value < found.naive["log_loss"].value
    assert found.against_naive.low > 0
    told = month.scene.stores.lake.read_json(trained[1].uri)["evidence"]["candidate"]["log_loss"]
    assert found.judged.model_dump() == told
    assert not found.below_bound
    assert "within its bound" in found.sentence


def test_figures_by_slice_and_small_slices_are_said_to_be_small(looked):
    found = looked.performance
    assert {"carrier=AA", "carrier=DL", "carrier=UA"} <= set(found.slices)
    assert sum(name.startswith("distance=") for name in found.slices) == 4
    assert "only " in found.missing["carrier=none"]


def test_slices_beyond_the_most_are_left_out_and_counted(watched, monkeypatch):
    monkeypatch.setattr("tradewind.stages._measuring.MOST_GROUPS", 2)
    made = watched()
    made.changes = {
        "features": {"types": frames.TYPES, "protected": ["carrier"]},
        "monitor": {"performance": {"slices": ["carrier"]}},
    }
    made.score()
    found = made.look(EVERY[17])
    assert "smallest slices are left out" in found.performance.missing["carrier"]
    assert sum("carrier=" in name for name in found.performance.slices) == 2
    assert "smallest groups are left out" in found.people["carrier"]["missing"]


def test_without_a_readable_log_the_problem_is_the_logs(watched):
    made = watched()
    made.score(FIRST, uri="predictions/gone.parquet")
    problems = made.look(FIRST).problems
    assert problems
    assert all("predictions" in one for one in problems), problems


def test_a_model_whose_relation_broke_is_below_its_bound(watched):
    made = watched()
    made.score()
    turned = made.frame.assign(label=~made.frame["label"].astype(bool))
    look = made.look(frame=turned)
    assert look.performance.below_bound
    assert "below its bound" in look.performance.sentence
    assert look.value.value < 0


def test_too_few_days_bear_no_verdict(watched):
    made = watched()
    made.score(*(FIRST + n * DAY for n in range(5)))
    turned = made.frame.assign(label=~made.frame["label"].astype(bool))
    found = made.look(FIRST + 4 * DAY, frame=turned).performance
    assert not found.below_bound
    assert "no verdict yet, 5 of the 14 matured days" in found.sentence


def test_before_labels_mature_there_is_an_estimate_called_one(watched):
    made = watched()
    made.score()
    awaited = made.frame["prediction_time"] > EVERY[17] - 2 * DAY
    look = made.look(frame=made.frame.assign(label=made.frame["label"].where(~awaited, None)))
    found = look.performance
    assert found.estimated_rows == look.labels.pending > 50
    assert found.estimated.value == pytest.approx(found.figures["log_loss"].value, abs=0.15)
    assert any(line.startswith("estimate for ") for line in look_lines(look))


def test_selective_labels_are_marked(watched):
    made = watched(label={**BODY["label"], "selective": True})
    made.score()
    assert "selective: labels come after a positive decision only" in (
        made.look().performance.sentence
    )


# --------------------------------------------------------------------------- drift and contract


def test_every_column_is_compared_with_training_and_has_its_importance(looked):
    found = {one.column: one for one in looked.drift}
    assert set(found) == {*frames.TYPES, PREDICTION, LABEL}
    assert (found[PREDICTION].role, found[LABEL].role) == ("prediction", "label")
    assert found["delay"].importance > 0.5
    assert found[LABEL].importance is None
    assert not any(one.alarm for one in looked.drift)


def test_a_shift_of_a_feature_is_an_alarm(watched):
    made = watched()
    made.score(rows=made.frame.assign(delay=made.frame["delay"] + 2.0))
    found = {one.column: one for one in made.look().drift}
    assert found["delay"].alarm
    assert not found["weekend"].alarm


def test_a_window_that_is_not_whole_never_alarms(watched):
    made = watched()
    made.score(FIRST, FIRST + DAY, rows=made.frame.assign(delay=made.frame["delay"] + 2.0))
    (delay,) = [one for one in made.look(FIRST + DAY).drift if one.column == "delay"]
    assert (delay.state, delay.alarm, delay.alarm_level) == ("difference", False, None)


def test_nights_on_broken_data_say_nothing_of_the_model_nor_of_drift(watched):
    breach = Breach(detector="null_rate", cause="null spike", column="delay", sentence="too many")
    made = watched()
    made.score(*(FIRST + n * DAY for n in range(16)))
    shifted = made.frame.assign(delay=made.frame["delay"] + 2.0)
    made.score(FIRST + 16 * DAY, rows=shifted, breaches=[breach])
    look = made.look(FIRST + 16 * DAY)
    assert [(one.detector, one.column, one.since) for one in look.breaches] == [
        ("null_rate", "delay", FIRST + 16 * DAY)
    ]
    assert not any(one.alarm for one in look.drift)
    times = made.frame["prediction_time"]
    sound = made.frame[(times > FIRST - DAY) & (times <= FIRST + 15 * DAY)]
    assert look.performance.rows == len(sound)


def test_what_validation_finds_tonight_is_a_breach(watched):
    breach = Breach(detector="freshness", cause="source late", source="flights", sentence="late")
    made = watched()
    made.score(FIRST)
    look = made.look(FIRST, broken=(breach,))
    assert [one.detector for one in look.breaches] == ["freshness"]
    assert look.performance is None


def test_a_night_that_was_not_held_against_its_contract_is_a_problem(watched):
    made = watched()
    made.score(FIRST, contract_uri=None)
    assert any("not held against the days" in one for one in made.look(FIRST).problems)


# ------------------------------------------------------------------------------ people and worth


def test_groups_of_people_have_their_rates_with_intervals_and_coverage(looked):
    found = looked.people["carrier"]
    for rate in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        assert found[f"UA: {rate} low"] <= found[f"UA: {rate}"] <= found[f"UA: {rate} high"]
    assert found["UA: selection_rate"] > found["WN: selection_rate"]
    assert 0 <= found["coverage_distance"] < 0.1
    assert found["never_in_training"] == 0


def test_worth_is_what_the_model_gains_above_the_naive_rule(looked):
    assert looked.value_currency == "USD"
    assert 0 < looked.value.low < looked.value.value < looked.value.high


# ------------------------------------------------------------------------- versions side by side


def test_a_worse_promotion_is_seen_in_its_probation(watched):
    made = watched()
    before, since = made.version, AS_OF + 2 * DAY
    made.score(FIRST, FIRST + DAY)
    made.version = made.promote(made.second, as_of=since)
    made.frame["label"] = made.frame["label"].astype(bool)
    nights = [since + n * DAY for n in range(1, 15)]
    # Whoever was champion before is far better: the new one is served with turned scores.
    for night in nights:
        made.serve(night, arms={f"previous:{before}": (before, 0.0)}, worse=0.25)
    look = made.look(nights[-1])
    guard = look.probation
    assert (guard.first, guard.second, guard.state) == (made.version, before, "first_worse")
    assert f"Version {made.version} is worse than version {before}" in guard.sentence
    assert look.performance.previous_version == before
    better = look.performance.previous["log_loss"].value
    assert better < look.performance.figures["log_loss"].value
    assert stored(made, look)["page"]["groups"]["probation"]


def test_the_days_of_a_comparison_are_kept_from_look_to_look(watched):
    made = watched(monitor={"performance": {"window": "10 days"}, "drift": {"window": "7 days"}})
    arm = made.shadow(made.second)
    nights = [FIRST + n * DAY for n in range(20)]
    for night in nights:
        made.serve(night, arms={arm.name: (arm.version, 0.2)})
        if night in (nights[9], nights[19]):
            guard = made.look(night).arms[arm.name]
    assert guard.units >= 19
    assert guard.state == "first_worse"
    # Nobody judged the two beside each other before: half the declared error is asked for.
    assert guard.error == 0.025


@pytest.mark.parametrize("better", [True, False])
def test_a_candidate_scores_beside_the_champion_until_the_nights_decide(watched, better):
    made = watched(promotion={"mode": "shadow"})
    champion, scene, frozen = made.version, made.scene, made.definition
    arm = let_in(made, frozen)
    assert live_state(scene.stores.ledger, scene.model).champion == champion
    for night in EVERY[1:15]:
        arms = {one.name: (one.version, 0.0 if better else 0.25) for one in made.live(night).arms}
        made.serve(night, arms=arms, worse=0.25 if better else 0.0)
    look = made.look(night)
    guard = look.arms[f"shadow:{arm}"]
    assert (guard.first, guard.second) == (arm, champion)
    # The stretch on which both were judged tells how much days vary: the declared error holds.
    assert guard.error == 0.05
    for _ in range(2):
        decide(scene.admission(frozen, as_of=night), frozen, look, stores=scene.stores)
    live = made.live(night + DAY)
    assert live.arms == []
    assert (live.champion, live.previous) == ((arm, champion) if better else (champion, None))
    stops = scene.stores.ledger.events(model=scene.model, kind=ARM_STOPPED)
    assert [guard.sentence] * (not better) == [event.reason for event in stops]


def test_what_a_night_was_like_is_history_once_its_breaches_were_accepted(watched):
    made = watched()
    stores, model = made.scene.stores, made.scene.model
    stores.lake.put_json(f"{model}/sound.json", {"night": 1})
    stores.lake.put_json(f"{model}/broken.json", {"night": 2})
    broken = [Breach(detector="null_rate", cause="null spike", column="delay", sentence="gone")]
    made.serve(EVERY[0], contract_uri=f"{model}/sound.json")
    made.serve(EVERY[1], contract_uri=f"{model}/broken.json", breaches=broken)
    for accepted, known in (((), [1]), (("null_rate:delay",), [1, 2])):
        found = history_of(model, EVERY[2], accepted=accepted, stores=stores)
        assert [one["night"] for one in found] == known


def let_in(made: Watched, frozen: FrozenDefinition) -> int:
    """Train, judge and register a candidate the day after the champion's promotion."""
    scene, ledger = made.scene, made.scene.stores.ledger
    body = {**BODY, **made.changes, "train": {**BODY["train"], "seed": 7}}
    own = scene.definition(**body)
    admission, trained, evaluation = scene.evaluate(own, frames.feature_set())
    passes = GateResult(gate="beats_naive", outcome="passed", sentence="it is better")
    verdict = Verdict(passed=True, digest="v" * 32, uri="verdicts/v.json", results=[passes])
    lease = ledger.acquire_lease(
        scene.model, holder="r1", ttl=DAY, as_of=AS_OF, actor="ada", reason="a test"
    )
    admission = admission.model_copy(update={"fencing_token": lease.fencing_token})
    found = register(admission, own, trained, evaluation, verdict, stores=scene.stores)
    ledger.release_lease(scene.model, holder="r1", fencing_token=lease.fencing_token)
    assert found.outcome == "started_as_arm", found.reason
    return found.version


def test_an_unseen_value_is_handed_over_once_the_model_has_shown_itself(watched):
    made = watched(score={"new_segments": {"labels": 100, "error": 0.2}})
    made.frame.loc[made.frame["carrier"] == "AA", "carrier"] = "XX"
    made.score()
    look = made.look()
    assert [(one.feature, one.value) for one in look.ready] == [("carrier", "XX")]
    (tested,) = stored(made, look)["page"]["segments"]
    assert tested["rows"] >= 100


# ---------------------------------------------------------------------------------- bad endings


def test_a_night_that_was_never_scored_is_said_to_be_so(watched):
    look = watched().look(FIRST)
    assert look.night is None
    assert "was never scored" in look.problems[0]
    assert look.drift == []


def test_before_the_first_champion_the_naive_rule_is_all_there_is(stores, trained):
    made = Watched(Scene(stores, f"watched_{next(_numbers)}"), trained[0], version=-1)
    made.serve(FIRST, champion=None)
    look = made.look(FIRST)
    assert (look.champion, look.performance, look.problems) == (None, None, [])
    assert "no champion yet" in look_lines(look)[0]


def test_a_night_without_rows_is_no_crash(watched):
    made = watched()
    made.serve(FIRST, rows=made.frame.iloc[:0])
    look = made.look(FIRST)
    assert look.labels.predictions == 0
    assert look.problems == []


def test_a_champion_whose_file_is_gone_is_a_problem_in_words_and_may_come_back(watched):
    made = watched()
    made.score(FIRST)
    home, registry = made.scene.stores.settings.home, made.scene.stores.registry
    kept = home / "models"
    kept.rename(home / "hidden")
    unusable = registry.load
    registry.load = lambda uri: (_ for _ in ()).throw(RegistryError(f"{uri} is gone"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tradewind.stores.model_cache._fetched", lambda *_, **__: None)
            look = made.look(FIRST)
    finally:
        registry.load = unusable
        (home / "hidden").rename(kept)
    assert any("the champion, version 1, could not be looked at" in one for one in look.problems)
    assert made.look(FIRST).problems == []


def test_a_model_of_an_earlier_release_has_no_reference_and_that_is_said(watched, monkeypatch):
    made = watched()
    made.score(FIRST)
    monkeypatch.setattr("tradewind.learning.reference._FILES", ("never.json",))
    (problem,) = made.look(FIRST).problems
    assert "no never.json beside the model: an earlier release trained it" in problem


def test_an_exception_in_one_part_is_a_problem_and_the_others_are_looked_at(watched, monkeypatch):
    made = watched()
    made.score(FIRST)
    monkeypatch.setattr("tradewind.stages.monitor.drift_of", lambda _: 1 / 0)
    look = made.look(FIRST)
    assert look.problems == ["drift could not be looked at: division by zero"]
    assert look.labels.predictions > 0
    assert look_lines(look)[0].startswith("warning: drift could not be looked at")


def test_a_store_that_does_not_answer_is_tried_again(watched, monkeypatch):
    def refuse(_: object) -> None:
        raise LakeUnavailableError("no answer")

    made = watched()
    made.score(FIRST)
    monkeypatch.setattr("tradewind.stages.monitor.drift_of", refuse)
    with pytest.raises(LakeUnavailableError):
        made.look(FIRST)
    assert events(made) == []


# ------------------------------------------------------------------------------------- the page


def test_the_page_is_whole_and_says_what_was_seen(month, looked):
    page = render(stored(month, looked))
    for words in ("Nothing asks for anything.", "Performance", "Drift", "People", "Vital signs"):
        assert words in page
    assert page.count("<svg") == 4
    assert "http" not in page.replace("http-equiv", "")


# -------------------------------------------------------------------------------------------- harm

REVIEW = {"by": "Grace", "on": "2013-01-01", "until": "2014-01-01", "helps": ["a"], "harms": ["b"]}
LIMITED = {
    "few": {"metric": "selection_rate", "where": {"carrier": "UA"}, "at_least": 0.999},
    "many": {"metric": "selection_rate", "where": {"carrier": "UA"}, "at_most": 0.001},
    "enough": {"metric": "selection_rate", "where": {"carrier": "UA"}, "at_least": 0.001},
    "work_days": {"metric": "mean_score", "where": {"weekend": False}, "at_most": 0.999},
    "honest": {"metric": "calibration_gap", "at_most": 0.9, "window": "15 days"},
    "last_week": {"metric": "mean_score", "at_most": 0.9, "window": "7 days"},
    "nobody": {"metric": "true_positive_rate", "where": {"carrier": "QQ"}, "at_most": 0.5},
}


def reviewed(indicators: dict) -> dict:
    dates = {name: date.fromisoformat(REVIEW[name]) for name in ("on", "until")}
    return {**REVIEW, **dates, "indicators": indicators}


def test_declared_figures_of_groups_are_held_against_their_limits(month, looked):
    made = copy.copy(month)
    made.changes = {**month.changes, "harm_review": reviewed(LIMITED)}
    look = made.look()
    found = {one.name: one for one in look.indicators}
    states = {name: one.state for name, one in found.items()}
    assert states == {
        "few": "harm",
        "many": "harm",
        "enough": "within",
        "work_days": "within",
        "honest": "within",
        "last_week": "unknown",
        "nobody": "unknown",
    }
    people = looked.people["carrier"]
    for name in ("few", "many"):
        assert found[name].rows == people["UA: rows"]
        assert found[name].figure.value == pytest.approx(people["UA: selection_rate"])
    assert "few: selection rate of carrier = UA is 0." in found["few"].sentence
    assert "at least 0.999 is declared" in found["few"].sentence
    assert "at most 0.001 is declared" in found["many"].sentence
    known = month.frame[month.frame["label_known_at"] <= LAST]
    recent = known[known["prediction_time"] > LAST - 28 * DAY]
    assert found["work_days"].rows == (~recent["weekend"]).sum()
    assert (found["honest"].where, found["honest"].units) == ("all rows", 15)
    assert "7 of the 14 matured days" in found["last_week"].sentence
    assert "0 matured rows, and 100 are needed" in found["nobody"].sentence
    assert any(line.startswith("warning: harm: many: ") for line in look_lines(look))
    page = render(stored(made, look))
    assert "The model does harm, by its own review." in page
    assert "Harm, as its review says it would be seen" in page


def test_without_a_review_no_figure_is_watched(looked):
    assert looked.indicators == []


def test_harm_switches_the_model_off_until_a_person_resumes_it(watched):
    limit = {"many": {**LIMITED["many"], "then": "switch_off"}}
    made = watched(harm_review=reviewed(limit))
    made.score()
    scene, frozen = made.scene, made.definition
    stores, night, look = scene.stores, EVERY[17], made.look()
    for _ in range(2):
        decision = decide(scene.admission(frozen, as_of=night), frozen, look, stores=stores)
    assert decision.actions == ["switch_off"]
    (event,) = stores.ledger.events(model=scene.model, kind=SWITCHED_OFF)
    assert (event.as_of, event.reason) == (night, decision.reason)
    assert made.live(night).switched_off == decision.reason
    assert stores.registry.model_tags(scene.model)["tradewind.serving"] == "fallback"
    # A person has looked, and brings it back: what was before does not overrule that.
    stores.ledger.append(
        model=scene.model, kind=RESUMED, as_of=night, actor="ada", reason="it is right", payload={}
    )
    made.serve(EVERY[18])
    (again,) = made.look(EVERY[18]).indicators
    assert again.state == "unknown"
    # Whoever does the night's work a second time does not switch it off a second time.
    decide(scene.admission(frozen, as_of=night), frozen, look, stores=stores)
    assert made.live(EVERY[18]).switched_off is None
