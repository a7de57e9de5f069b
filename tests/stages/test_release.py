from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.candidates import Shelf, fresh_name, trained_model
from tests.definition.folders import SQL, WHOLE
from tests.gates.evidence import BLOCKS, PASSES
from tradewind.definition.loader import parse_definition
from tradewind.errors import (
    PromotionRefusedError,
    RegistryError,
    RegistryUnavailableError,
    RequestError,
)
from tradewind.live import live_state
from tradewind.nights import Guard, LiveState, Released, ReleaseOrder
from tradewind.promotion import (
    CHALLENGER,
    SERVING,
    SERVING_REASON,
    conclude_arm,
    expire_arms,
    promote,
)
from tradewind.records import (
    Admission,
    GateResult,
    RunRequest,
    StageOutcome,
    Verdict,
)
from tradewind.reports.brief import lines_of
from tradewind.stages.release import carry_out
from tradewind.stores.ledger import ROUTINE
from tradewind.stores.registry import Registry
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Scene:
    """Real stores, and a model whose first version decides."""

    stores: Stores
    model: str
    runs: list[str] = field(default_factory=list)

    def version(self, key: str, *results: GateResult, judged: bool = True, **changes: str) -> int:
        """A registered version with its verdict."""
        said = Verdict(
            passed=all(found.outcome != "blocked" for found in results),
            digest=f"verdict on {self.model} {key}",
            uri=f"verdicts/{self.model}-{key}.json",
            results=list(results),
        )
        candidate = Shelf(self.stores.registry, self.model).log(key)
        trained = trained_model(candidate.run_id, candidate.model_uri, as_of=JULY, key=key)
        run_id = f"train/{key}"
        said_by = {"admit": self.admission(run_id), "train": trained}
        for stage, found in {**said_by, **({"gate": said} if judged else {})}.items():
            self.stores.ledger.record_outcome(
                StageOutcome(
                    model=self.model, run_id=run_id, stage=stage, as_of=JULY, lines=[],
                    result=found.model_dump(mode="json"),
                )
            )  # fmt: skip
        tags = {"dag_run_id": run_id, **changes}
        return self.stores.registry.ensure_version(self.model, candidate.model_uri, tags)

    def admission(self, run_id: str) -> Admission:
        request = RunRequest(
            model=self.model, run_id=run_id, as_of=JULY, actor="ann", reason="nightly"
        )
        digest = self.stores.ledger.last_definition(self.model)
        assert digest is not None
        return Admission(request=request, definition_digest=digest, fencing_token=1)

    def order(self, action: str, *, as_of: datetime = JULY + DAY, **more: Any) -> ReleaseOrder:
        self.runs.append(f"release/{len(self.runs)}")
        given = {
            "model": self.model,
            "action": action,
            "as_of": as_of,
            "actor": "ann",
            "reason": "because",
            "run_id": self.runs[-1],
            **more,
        }
        return ReleaseOrder.model_validate(given)

    def do(self, action: str, **more: Any) -> Released:
        return carry_out(self.order(action, **more), stores=self.stores)

    def live(self, as_of: datetime | None = None) -> LiveState:
        return live_state(self.stores.ledger, self.model, as_of=as_of)

    def tags(self) -> dict[str, str]:
        return self.stores.registry.model_tags(self.model) or {}

    def alias(self, name: str = "champion") -> int | None:
        return self.stores.registry.alias(self.model, name)

    def kinds(self) -> list[str]:
        found = self.stores.ledger.events(model=self.model, without=ROUTINE)
        return [event.kind for event in found]


@pytest.fixture
def scene(home: Settings, ledger_dsn: str, mlflow_server: str) -> Scene:
    scene = Scene(Stores.open(home), fresh_name())
    frozen = parse_definition({"model.yaml": WHOLE, "features.sql": SQL}, where="late")
    scene.stores.ledger.freeze_definition(scene.model, frozen.files, as_of=JULY, actor="ann")
    promote(
        stores=scene.stores,
        model=scene.model,
        version=scene.version("first", PASSES),
        expected_previous=None,
        as_of=JULY,
        actor="ann",
        reason="nightly",
        evidence_digest=f"verdict on {scene.model} first",
    )
    return scene


# ---------------------------------------------------------------------------------------- refusals


def test_an_order_without_a_reason_is_refused(scene: Scene) -> None:
    for reason in ("", "  "):
        with pytest.raises(RequestError, match="fall_back needs a reason"):
            scene.do("fall_back", reason=reason)


def test_a_model_that_nobody_knows_takes_no_order(scene: Scene) -> None:
    with pytest.raises(RequestError, match="knows of no model 'nobody'"):
        scene.do("fall_back", model="nobody")


NONSENSE: list[tuple[str, dict[str, Any], str]] = [
    ("promote", {}, "say which `version`"),
    ("promote", {"version": 1}, "is the champion already"),
    ("promote", {"version": 9}, "no version 9"),
    ("roll_back", {}, "nothing to roll back to"),
    ("roll_back", {"version": 2}, "never live before it"),
    ("hold", {}, "say `until` when"),
    ("hold", {"until": JULY}, "is not after the moment"),
    ("start_canary", {"version": 1, "share": 0.1}, "is the champion, which scores already"),
    ("start_canary", {"version": 2, "share": 0.0}, "lies between 0 and 1"),
    ("start_canary", {"version": 2, "share": 1.0}, "lies between 0 and 1"),
    ("start_canary", {"version": 9, "share": 0.1}, "no version 9"),
    ("start_shadow", {"version": 1}, "is the champion"),
    ("stop_arm", {"version": 2}, "does not score beside the champion; arms are: none"),
    ("resume", {}, "neither switched off nor held nor retired"),
    ("resume", {"feature": "origin", "value": "JFK"}, "no rule for origin=JFK is in force"),
    ("segment", {"feature": "nonsense", "value": "x"}, "no feature 'nonsense'; it has"),
    ("segment", {"feature": "distance"}, "which `value`"),
    ("segment", {"feature": "distance", "value": "1"}, "say `until` when"),
    ("segment", {"feature": "distance", "value": "1", "until": JULY}, "is not after the moment"),
    ("accept_contract", {"breach": "null_rate:temp"}, "no night was looked at yet"),
]


def test_an_order_that_makes_no_sense_is_refused_and_changes_nothing(scene: Scene) -> None:
    scene.version("second", PASSES)
    before = scene.kinds()
    for action, more, sentence in NONSENSE:
        with pytest.raises((RequestError, PromotionRefusedError, RegistryError), match=sentence):
            scene.do(action, **more)
    assert scene.kinds() == before


# --------------------------------------------------------------------------------------- promotion


def test_a_version_with_a_passing_verdict_is_promoted_by_hand(scene: Scene) -> None:
    second = scene.version("second", PASSES)

    done = scene.do("promote", version=second)

    assert (done.before.champion, done.after.champion, scene.alias()) == (1, second, second)
    assert f"version {second} decides from the next night on" in done.sentence
    assert "by ann: because" in done.sentence
    assert lines_of(done)[1:] == [
        "before: champion: version 1, since 2013-07-01 04:00",
        f"now: champion: version {second}, since 2013-07-02 04:00; before it version 1; previous:1",
        "permitted: shell:ann may promote: at tier low anybody may, where nobody is named",
    ]


def test_nobody_promotes_without_a_passing_verdict(scene: Scene) -> None:
    blocked = scene.version("blocked", PASSES, BLOCKS)
    none = Shelf(scene.stores.registry, scene.model).version("none")
    empty, unjudged = scene.version("empty"), scene.version("unjudged", judged=False)
    # Whoever may write tags in MLflow may point a version at the run of another.
    other = scene.version("other", BLOCKS, dag_run_id="train/first")
    lost = scene.version("lost", PASSES, dag_run_id="train/gone")
    for version, sentence in (
        (blocked, r"its own blocks \(threshold\); there are no waivers"),
        (none, "it has none"),
        (empty, "no gate let it pass"),
        (unjudged, "the run train/unjudged was not judged"),
        (lost, "did not train it"),
        (other, "the run train/first that it names did not train it"),
    ):
        with pytest.raises(PromotionRefusedError, match=sentence):
            scene.do("promote", version=version)
        with pytest.raises(PromotionRefusedError, match=sentence):
            scene.do("start_canary", version=version, share=0.1)
    assert scene.alias() == 1


def test_nobody_promotes_by_hand_what_people_must_approve_of_and_did_not(scene: Scene) -> None:
    may = "permissions: {promote: 'shell:ann'}"
    text = f"{WHOLE}\nrisk_tier: high\npromotion: {{reviewers: [rita]}}\n{may}\n"
    frozen = parse_definition({"model.yaml": text, "features.sql": SQL}, where="late")
    scene.stores.ledger.freeze_definition(scene.model, frozen.files, as_of=JULY, actor="ann")
    version = scene.version("unapproved", PASSES)
    with pytest.raises(PromotionRefusedError, match="0 of the 1 approvals that it needs"):
        scene.do("promote", version=version)


def test_a_rollback_and_the_way_back_need_a_verdict_only_the_second_time(scene: Scene) -> None:
    second = scene.version("second", PASSES)
    scene.do("promote", version=second)

    done = scene.do("roll_back")

    assert (done.before.champion, done.after.champion, scene.alias()) == (second, 1, 1)
    assert f"version {second} was rolled back, and needs a new verdict" in done.sentence
    with pytest.raises(PromotionRefusedError, match="needs a new verdict to return"):
        scene.do("promote", version=second)
    with pytest.raises(RequestError, match="was rolled back, and decides for nobody"):
        scene.do("start_canary", version=second, share=0.1)
    assert scene.do("start_shadow", version=second).after.arms[0].version == second


def test_the_same_order_again_is_one_event(scene: Scene) -> None:
    second = scene.version("second", PASSES)
    for action, more in (
        ("promote", {"version": second}),
        ("roll_back", {}),
        ("fall_back", {}),
        ("hold", {"until": JULY + 9 * DAY}),
        ("start_shadow", {"version": second}),
        ("stop_arm", {"version": second}),
        ("resume", {}),
    ):
        order = scene.order(action, **more)
        first, before = carry_out(order, stores=scene.stores), scene.kinds()
        assert carry_out(order, stores=scene.stores) == first
        assert scene.kinds() == before


def test_a_run_carries_out_one_order(scene: Scene) -> None:
    order = scene.order("fall_back")
    carry_out(order, stores=scene.stores)
    with pytest.raises(RequestError, match="carried out another order already"):
        carry_out(order.model_copy(update={"action": "retire"}), stores=scene.stores)


# ------------------------------------------------------------------------------------- kill switch


def test_the_kill_switch_acts_from_the_next_night_and_on_line_at_once(scene: Scene) -> None:
    done = scene.do("fall_back", reason="nonsense on line")

    assert scene.live(JULY).switched_off is None
    assert scene.live(JULY + DAY).switched_off == "nonsense on line"
    assert scene.tags() == {SERVING: "fallback", SERVING_REASON: "nonsense on line"}
    assert "the naive rule decides" in done.sentence
    with pytest.raises(RequestError, match="switched off already: nonsense on line"):
        scene.do("fall_back")

    second = scene.version("second", PASSES)
    assert scene.do("promote", version=second).after.switched_off == "nonsense on line"
    assert SERVING in scene.tags()

    back = scene.do("resume")
    assert back.sentence.startswith(f"{scene.model}: lifted: the switch-off; version {second}")
    assert scene.tags() == {}


class Silent(Registry):
    """A registry whose tags cannot be reached."""

    def model_tags(self, model: str) -> dict[str, str] | None:
        raise RegistryUnavailableError(f"{model}: MLflow does not answer")


def test_the_kill_switch_stands_also_where_mlflow_does_not_answer(scene: Scene) -> None:
    order, address = scene.order("fall_back"), scene.stores.registry.address
    down: Any = SimpleNamespace(
        ledger=scene.stores.ledger, lake=scene.stores.lake, registry=Silent(address)
    )
    with pytest.raises(RegistryUnavailableError, match="fall_back stands in the ledger"):
        carry_out(order, stores=down)
    assert scene.live().switched_off == "because"

    carry_out(order, stores=scene.stores)

    assert scene.tags()[SERVING] == "fallback"
    assert scene.kinds().count("switched_off") == 1


def test_a_retired_model_is_brought_back_by_hand(scene: Scene) -> None:
    second = scene.version("second", PASSES)
    scene.do("retire", reason="a new product")
    assert scene.tags()[SERVING_REASON] == "a new product"
    with pytest.raises(RequestError, match="is retired already"):
        scene.do("retire")
    with pytest.raises(RequestError, match="was retired: a new product"):
        scene.do("start_shadow", version=second)
    assert scene.do("promote", version=second).after.retired is None
    assert scene.tags() == {}


def test_a_hold_refuses_promotions_by_hand_too(scene: Scene) -> None:
    second = scene.version("second", PASSES)
    done = scene.do("hold", until=JULY + 9 * DAY, reason="a sale")
    assert "nothing is promoted before 2013-07-10 04:00 UTC; training goes on" in done.sentence
    with pytest.raises(PromotionRefusedError, match="by ann: a sale; lift the hold with `resume`"):
        scene.do("promote", version=second)
    scene.do("resume")
    assert scene.do("promote", version=second).after.champion == second


# ------------------------------------------------------------------------------- arms and segments


def test_an_arm_scores_from_its_night_on_until_it_is_stopped(scene: Scene) -> None:
    second, third = scene.version("second", PASSES), scene.version("third", PASSES)
    scene.do("start_shadow", version=second)
    done = scene.do("start_canary", version=third)
    assert f"version {third} decides for 5.0% of the entities" in done.sentence

    assert [(arm.name, arm.share) for arm in done.after.arms] == [
        (f"shadow:{second}", 0.0),
        (f"canary:{third}", 0.05),
    ]
    assert scene.live(JULY).arms == []
    assert scene.alias(CHALLENGER) == third
    with pytest.raises(RequestError, match=f"beside the champion already, as shadow:{second}"):
        scene.do("start_canary", version=second, share=0.1)
    fourth = scene.version("fourth", PASSES)
    with pytest.raises(RequestError, match=r"0\.05 of the entities have a canary already"):
        scene.do("start_canary", version=fourth, share=0.96)

    assert [arm.version for arm in scene.do("stop_arm", version=third).after.arms] == [second]
    assert scene.alias(CHALLENGER) == second
    scene.do("promote", version=second)
    assert scene.live().arms == []
    assert scene.alias(CHALLENGER) is None


def test_a_segment_is_served_otherwise_for_a_while(scene: Scene) -> None:
    second = scene.version("second", PASSES)
    week = JULY + 8 * DAY
    rule = {"feature": "distance", "value": "187", "until": week}
    with pytest.raises(RequestError, match="version 1 is the champion"):
        scene.do("segment", **rule, served_by="1")
    with pytest.raises(RequestError, match="by `fallback` or by a version's number"):
        scene.do("segment", **rule, served_by="somebody")

    scene.do("promote", version=second)
    done = scene.do("segment", **rule, served_by="1")

    assert "distance=187 is served by version 1 until 2013-07-09" in done.sentence
    assert scene.live(week - DAY).segments[0].served_by == 1
    assert scene.live(week).segments == []
    assert scene.do("resume", feature="distance", value="187").after.segments == []


def looked_at(scene: Scene, night: datetime, *breaches: str) -> None:
    """Decide a night on which these breaches were seen."""
    scene.stores.ledger.append(
        model=scene.model,
        kind="decided",
        as_of=night,
        actor="tradewind",
        reason="looked",
        payload={"night": {"broken": list(breaches)}},
    )


def test_a_breach_that_was_seen_becomes_the_contract(scene: Scene) -> None:
    looked_at(scene, JULY, "null_rate:temp")
    scene.do("accept_contract", breach="null_rate:temp")
    (event,) = scene.stores.ledger.events(model=scene.model, kind="contract_accepted")
    assert event.payload["breach"] == "null_rate:temp"
    assert scene.live().accepted == ["null_rate:temp"]
    withdrawn = scene.do("resume", breach="null_rate:temp")
    assert "null_rate:temp is a breach of the contract again" in withdrawn.sentence
    assert scene.live().accepted == []
    with pytest.raises(RequestError, match="accepted are: none"):
        scene.do("resume", breach="null_rate:temp")
    week = JULY + 7 * DAY
    scene.do("accept_contract", breach="null_rate:temp", until=week)
    assert scene.live(week - DAY).accepted == ["null_rate:temp"]
    assert scene.live(week).accepted == []
    # Once it is accepted no look finds it broken; it may be accepted for longer all the same.
    looked_at(scene, JULY, "volume:rows")
    scene.do("accept_contract", breach="null_rate:temp", until=week + DAY)
    assert scene.live(week).accepted == ["null_rate:temp"]


def test_a_breach_that_the_last_look_did_not_find_cannot_be_accepted(scene: Scene) -> None:
    looked_at(scene, JULY, "volume:rows", "null_rate:wind")
    looked_at(scene, JULY - DAY, "null_rate:temp")
    said = (
        "the last look, as of 2013-07-01 04:00 UTC, found no breach 'null_rate:temp', so there is "
        "nothing to accept; it found: null_rate:wind, volume:rows"
    )
    with pytest.raises(RequestError, match=re.escape(said)):
        scene.do("accept_contract", breach="null_rate:temp")
    looked_at(scene, JULY)
    with pytest.raises(RequestError, match="it found: none"):
        scene.do("accept_contract", breach="null_rate:wind")
    with pytest.raises(RequestError, match="say which `breach`"):
        scene.do("accept_contract")


def test_an_arm_that_nothing_was_decided_of_is_stopped_in_time(scene: Scene) -> None:
    second, third = scene.version("second", PASSES), scene.version("third", PASSES)
    scene.do("start_canary", version=second, share=0.1)
    scene.do("start_shadow", version=third, as_of=JULY + 3 * DAY)

    def expire(night: datetime) -> list[str]:
        return expire_arms(
            stores=scene.stores,
            model=scene.model,
            as_of=night,
            probation=28 * DAY,
            actor="tradewind",
            run_id=f"monitor/{night}",
        )

    assert expire(JULY + 28 * DAY) == []
    scene.do("hold", as_of=JULY + 28 * DAY, until=JULY + 40 * DAY)
    assert expire(JULY + 29 * DAY) == []
    scene.do("resume", as_of=JULY + 29 * DAY)
    assert expire(JULY + 29 * DAY) == [f"canary:{second}"]
    assert expire(JULY + 29 * DAY) == []
    assert [arm.version for arm in scene.live().arms] == [third]
    (event,) = scene.stores.ledger.events(model=scene.model, kind="arm_stopped")
    assert event.reason == "undecided after 28 days"
    assert scene.alias("challenger") == third


def guard(first: int, second: int, state: str) -> Guard:
    return Guard.model_validate(
        {
            "first": first,
            "second": second,
            "metric": "log_loss",
            "units": 30,
            "rows": 3000,
            "mean_difference": -0.01,
            "low": -0.02,
            "high": -0.001,
            "state": state,
            "error": 0.05,
            "sentence": "the comparison says so",
        }
    )


def test_an_arm_is_promoted_or_dropped_by_its_comparison(scene: Scene) -> None:
    second, third = scene.version("second", PASSES), scene.version("third", PASSES)
    scene.do("start_shadow", version=second)
    scene.do("start_shadow", version=third)

    def conclude(version: int, state: str, against: int = 1) -> str:
        return conclude_arm(
            stores=scene.stores,
            model=scene.model,
            name=f"shadow:{version}",
            guard=guard(version, against, state),
            as_of=JULY + 9 * DAY,
            actor="tradewind",
            run_id="monitor/9",
        )

    assert conclude(second, "undecided") == "goes_on"
    assert conclude(third, "first_worse") == "stopped"
    assert conclude(third, "first_worse") == "goes_on"
    scene.do("hold", until=JULY + 20 * DAY)
    assert conclude(second, "first_better") == "goes_on"
    scene.do("resume")
    assert conclude(second, "first_better", against=7) == "goes_on"
    assert conclude(second, "first_better") == "promoted"
    assert conclude(second, "first_better") == "goes_on"
    assert (scene.live().champion, scene.live().previous, scene.alias()) == (second, 1, second)
