"""Bad data are cut out: of every later manifest, of who decides, and back again."""

from __future__ import annotations

import itertools
import re
import shutil
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.fixtures.home import copy_of, home_of_its_own
from tests.gates.evidence import EXAMINED, waivers
from tests.policy.grounds import sound_look
from tests.stages.nightly import AS_OF, DAY, DEFINITION, FIRST_DAY, Shop, night, settle
from tradewind import cli
from tradewind.definition.loader import load_definition
from tradewind.errors import AllExcludedError, PromotionRefusedError, RequestError
from tradewind.live import live_state
from tradewind.nights import Released, ReleaseOrder
from tradewind.overview import status_rows
from tradewind.pipeline import admit, feature_set_of, release_order, run_pipeline, run_stage
from tradewind.promotion import roll_back
from tradewind.records import EXCLUDED, Admission, FeatureSet, RunRequest, Snapshot
from tradewind.reports.brief import lines_of
from tradewind.reports.nightly import released_page
from tradewind.stages.decide import grounds_of
from tradewind.stages.ingest import ingest, ingest_night
from tradewind.stores.events import DATA_EXCLUDED
from tradewind.stores.exclusions import exclusions, tainted_versions
from tradewind.stores.ledger import ROUTINE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.home import Home
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Record

OURS, THEIRS = "subscriptions", "upgrades"
SQL = """
SELECT c.customer, c.renewal_at, c.renewal_at - getvariable('horizon') AS prediction_time,
  c.plan, c.visits, p.price
FROM customers AS c LEFT JOIN plans AS p USING (plan)
"""
PLANS = {
    "kind": "files",
    "pattern": "plans.csv",
    "key": ["plan"],
    "types": {"plan": "VARCHAR", "price": "DOUBLE"},
}
LATE = date(2024, 2, 22)
"""Judged on by the first version, which stands at 1 March; known before the judge stretch of the
second, three days later, begins."""
EARLY = (date(2024, 1, 8), date(2024, 1, 9))
"""Both versions were fitted on them."""
ORDERED = night(5)
_numbers = itertools.count(1)


class Street(Shop):
    """Two models that read the same shop: ours has two versions, theirs has one."""

    def open(self, model: str, depth: int) -> None:
        tree = {
            "estimator": "sklearn.tree.DecisionTreeClassifier",
            "params": {"max_depth": depth},
        }
        types = {"plan": "categorical", "visits": "numeric", "price": "numeric"}
        body = {
            **DEFINITION,
            "name": model,
            "sources": {**DEFINITION["sources"], "plans": PLANS},
            "features": {"types": types},
            "train": {**DEFINITION["train"], "candidates": {"one": tree}},
            "gates": {"waivers": waivers(*EXAMINED, "beats_champion")},
        }
        folder = self.folder / "config" / "models" / model
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(yaml.safe_dump(body))
        (folder / "features.sql").write_text(SQL)

    def frozen(self, model: str = OURS) -> FrozenDefinition:
        return load_definition(self.folder / "config" / "models" / model)

    def asked(self, as_of: datetime, *, model: str = OURS, **more: Any) -> RunRequest:
        told = {
            "model": model,
            "run_id": f"{more.get('pipeline', 'train')}/{model}/{as_of.isoformat()}",
            "as_of": as_of,
            "actor": "ann",
            "reason": "a test",
            "override": "a test",
            **more,
        }
        return RunRequest.model_validate(told)

    def go(self, pipeline: str, as_of: datetime, **more: Any) -> dict[str, Record]:
        return run_pipeline(self.asked(as_of, pipeline=pipeline, **more), stores=self.stores)

    def seen(self, as_of: datetime) -> Snapshot:
        """What a training would see."""
        return ingest(self.admission(as_of), self.frozen(), stores=self.stores)

    def seen_at_night(self, as_of: datetime, *, last_try: bool = True) -> Snapshot:
        """What a night would see."""
        found = admit(self.asked(as_of, pipeline="score"), stores=self.stores)
        return ingest_night(found, self.frozen(), stores=self.stores, last_try=last_try)

    def admission(self, as_of: datetime) -> Admission:
        asked, digest = self.asked(as_of), self.frozen().digest
        return Admission(request=asked, definition_digest=digest, fencing_token=0)

    def features(self, as_of: datetime) -> FeatureSet:
        return feature_set_of(self.asked(as_of), self.frozen(), stores=self.stores)

    def order(self, action: str, **more: Any) -> ReleaseOrder:
        told = {
            "model": OURS,
            "action": action,
            "as_of": ORDERED,
            "actor": "ann",
            "reason": "the feed was doubled",
            "run_id": f"release/{next(_numbers)}",
            **more,
        }
        return ReleaseOrder.model_validate(told)

    def do(self, action: str, **more: Any) -> Released:
        return release_order(self.order(action, **more), stores=self.stores)

    def exclude(self, first: date, last: date, **more: Any) -> Released:
        told = {"source": "customers", "first_day": first, "last_day": last, **more}
        return self.do("exclude", **told)

    def decisions(self) -> list[tuple[str | None, str]]:
        return [(one.model, one.kind) for one in self.stores.ledger.events(without=ROUTINE)]

    def champion(self, model: str = OURS) -> int | None:
        return live_state(self.stores.ledger, model).champion


def deliver_all(street: Street) -> None:
    for number in range(70):
        street.deliver(FIRST_DAY + number * DAY)
    (street.folder / "plans.csv").write_text("plan,price\nbasic,10\nplus,20\n")


def history(street: Street) -> list[str]:
    words = ["history", OURS, "--limit", "1000"]
    said = CliRunner().invoke(cli.app, words, env=street.environ, catch_exceptions=False)
    return said.stdout.splitlines()


@pytest.fixture(scope="module")
def trained(shared_home: Home) -> Street:
    """The street after its trainings and some nights: to be copied."""
    street = Street(settle(shared_home))
    deliver_all(street)
    street.open(OURS, 2)
    street.open(THEIRS, 3)
    for model, as_of in ((OURS, AS_OF), (THEIRS, AS_OF)):
        assert street.go("train", as_of, model=model)["register"].outcome == "promoted"
    street.go("score", night(1))
    street.open(OURS, 4)
    assert street.go("train", night(3))["register"].outcome == "promoted"
    street.go("score", night(4))
    return street


@pytest.fixture
def street(trained: Street, tmp_path: Path) -> Iterator[Street]:
    """A copy of all that a test may change; the lake and MLflow are shared."""
    with copy_of(trained.home, tmp_path) as home:
        copied = Street(home)
        copied.stores.registry.set_alias(OURS, "champion", 2)
        yield copied


def days(street: Street, snapshot: Snapshot) -> set[str]:
    manifest = street.stores.lake.read_json(snapshot.uri)
    return {part["day"] for part in manifest["customers"] if part["rows"]}


# -------------------------------------------------------------------------------------- manifests


def test_days_that_are_left_out_are_in_no_later_manifest_which_says_so(street: Street) -> None:
    before = street.seen(ORDERED)
    street.exclude(*EARLY)
    after, again = street.seen(ORDERED), street.seen(ORDERED)
    told = [day.isoformat() for day in EARLY]
    assert days(street, before) - days(street, after) == set(told)
    assert street.stores.lake.read_json(after.uri)[EXCLUDED] == {"customers": told}
    assert after.excluded == {"customers": 2}
    assert "left out of customers: 2 parts" in lines_of(after)
    assert after.digest != before.digest
    assert again.digest == after.digest
    assert not {*told} & days(street, street.seen_at_night(ORDERED))


def test_each_of_two_orders_on_one_source_holds(street: Street) -> None:
    street.exclude(*EARLY)
    street.exclude(LATE, LATE)
    assert street.seen(ORDERED).excluded == {"customers": 3}


def test_the_features_without_them_are_those_of_a_source_that_never_had_them(
    street: Street, tmp_path: Path
) -> None:
    before = street.features(ORDERED)
    street.exclude(*EARLY)
    after = street.features(ORDERED)
    folder = tmp_path / "never"
    shutil.copytree(tmp_path / "data", folder / "data")
    shutil.copy(tmp_path / "plans.csv", folder)
    known = {**street.environ, "TRADEWIND_LAKE": (folder / "lake").as_uri()}
    with home_of_its_own(folder, known) as home:
        never = Street(settle(home))
        for day in EARLY:
            never.deliver(day, [])
        expected = feature_set_of(never.asked(ORDERED), street.frozen(), stores=never.stores)
    assert after.digest == expected.digest
    assert after.digest != before.digest
    assert after.rows == before.rows - 2 * 40


def test_a_night_that_was_served_sees_what_it_saw_then(street: Street) -> None:
    saw = street.stores.ledger.outcomes(model=OURS, stage="ingest", pipeline="score")
    street.exclude(*EARLY)
    for one in saw:
        again = street.seen_at_night(one.as_of)
        assert (again.digest, again.excluded) == (one.result["digest"], {})
    assert len(saw) == 2


def test_a_part_that_is_left_out_comes_back_when_its_day_is_delivered_anew(street: Street) -> None:
    last = ORDERED.date() - DAY
    manifest = street.stores.lake.read_json(street.seen(ORDERED).uri)
    [part] = [one for one in manifest["customers"] if one["day"] == last.isoformat()]
    done = street.do("exclude", source="customers", parts=[part["digest"]])
    assert done.cutting.exclusion.parts == [part["uri"]]
    [told] = [line for line in history(street) if "  data_excluded " in line]
    assert told.endswith(f": 1 part of customers, {part['uri']})")
    assert last.isoformat() not in days(street, street.seen(ORDERED))
    street.deliver(last, [{"customer": "new", "renewal_at": f"{last}T01:00:00+00:00",
                           "plan": "basic", "visits": 1, "churned": "true"}])  # fmt: skip
    assert last.isoformat() in days(street, street.seen(night(6)))


def test_without_any_row_of_a_source_a_training_stops_and_a_night_goes_on(street: Street) -> None:
    done = street.do("exclude", source="plans")
    assert "all of plans" in done.sentence
    with pytest.raises(AllExcludedError, match=r"source plans: every row .* the feed was doubled"):
        street.seen(ORDERED)
    saw = street.seen_at_night(ORDERED, last_try=False)
    assert "every row" in saw.stale["plans"]
    assert saw.excluded == {"plans": 1}
    scored = street.go("score", ORDERED)["predict"]
    assert scored.served == {"fallback": scored.rows}
    assert scored.rows == 40


# ------------------------------------------------------------------------------------ who decides


def test_a_tainted_champion_gives_its_place_back_to_the_newest_clean_one(street: Street) -> None:
    done = street.exclude(LATE, LATE)
    tainted = [(one.model, one.version) for one in done.cutting.tainted if one.version <= 2]
    assert tainted == [(OURS, 2)]
    assert (done.before.champion, done.after.champion) == (2, 1)
    assert street.champion() == street.stores.registry.alias(OURS, "champion") == 1
    assert done.cutting.done == ["version 1 decides again, in place of version 2"]
    assert done.cutting.training == f"without customers of {LATE}: the feed was doubled"
    assert (done.cutting.parts, done.cutting.rows) == (1, 40)
    [event] = street.stores.ledger.events(model=OURS, kind=DATA_EXCLUDED)
    assert event.payload["tainted"] == {OURS: [2]}
    assert any("tainted: subscriptions version 2: up to 40 of the rows" in line
               for line in lines_of(done))  # fmt: skip
    assert "tainted: subscriptions version 2" in released_page(done)


def test_the_training_that_follows_sees_nothing_of_them_and_may_decide(street: Street) -> None:
    done = street.exclude(LATE, LATE)
    found = street.go("train", done.order.as_of, trigger="decision", run_id="train/after")
    assert found["ingest"].excluded == {"customers": 1}
    assert found["register"].outcome == "promoted", found["register"]
    new = found["register"].version
    assert street.champion() == new
    assert new not in tainted_versions(street.stores.ledger, OURS)


def test_a_training_that_saw_them_before_they_were_left_out_is_not_let_in(street: Street) -> None:
    street.open(OURS, 5)
    asked = street.asked(ORDERED, run_id="train/in flight")
    admission = admit(asked, stores=street.stores)
    snapshot = run_stage("ingest", admission, stores=street.stores)
    street.exclude(LATE, LATE)
    records = {"ingest": snapshot}
    for name, needs in {
        "validate": ["ingest"],
        "features": ["validate"],
        "train": ["features"],
        "evaluate": ["validate", "features", "train"],
    }.items():
        inputs = [records[each] for each in needs]
        records[name] = run_stage(name, admission, *inputs, stores=street.stores)
    tasks = ("probe", "refit", "load_test")
    judged = [records[each] for each in ("validate", "features", "train", "evaluate")]
    looks = [run_stage(each, admission, *judged, stores=street.stores) for each in tasks]
    verdict = run_stage(
        "gate", admission, records["train"], records["evaluate"], *looks, stores=street.stores
    )
    said = run_stage(
        "register",
        admission,
        records["train"],
        records["evaluate"],
        verdict,
        stores=street.stores,
    )
    assert said.outcome == "blocked"
    assert "left out (the feed was doubled) after the training had begun" in said.reason
    assert street.champion() == 1


def test_where_no_clean_version_was_live_the_naive_rule_decides(street: Street) -> None:
    done = street.exclude(*EARLY)
    assert done.after.champion == 2
    assert "no version that was live before is without them" in str(done.after.switched_off)
    assert done.cutting.training
    scored = street.go("score", ORDERED)["predict"]
    assert scored.served == {"fallback": scored.rows}
    with pytest.raises(RequestError, match="version 2 would decide again"):
        street.do("resume", as_of=night(6))


def test_a_tainted_version_is_neither_promoted_nor_rolled_back_to(street: Street) -> None:
    street.exclude(LATE, LATE)
    found = street.go("train", ORDERED, trigger="decision", run_id="train/after")
    assert found["register"].outcome == "promoted"
    with pytest.raises(PromotionRefusedError, match=r"version 2 (was trained on|needs|was rolled)"):
        street.do("promote", version=2, as_of=night(6))
    street.exclude(*EARLY, as_of=night(6))
    bad = grounds_of(street.stores.ledger, street.frozen().model, sound_look(), as_of=night(7))
    assert "version 1 was trained on customers" in (bad.barred or "")
    with pytest.raises(PromotionRefusedError, match="version 1 was trained on customers"):
        roll_back(
            stores=street.stores, model=OURS, to=1, as_of=night(6), actor="ann", reason="no",
        )  # fmt: skip


def test_a_champion_that_was_only_judged_on_them_stays(street: Street) -> None:
    day = ORDERED.date() - 2 * DAY
    done = street.exclude(day, day)
    assert done.cutting.tainted == []
    assert done.cutting.done == []
    assert done.cutting.training is None
    assert street.champion() == 2


def test_the_same_order_twice_changes_nothing(street: Street) -> None:
    order = street.order("exclude", source="customers", first_day=LATE, last_day=LATE)
    first = release_order(order, stores=street.stores)
    decisions = street.decisions()
    again = release_order(order, stores=street.stores)
    assert again == first
    other = street.exclude(LATE, LATE)
    assert other.cutting.already
    assert (other.cutting.done, other.cutting.training) == ([], None)
    assert street.decisions() == decisions
    assert street.champion() == 1


def test_a_break_in_between_is_mended_by_the_same_order(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = street.order("exclude", source="customers", first_day=LATE, last_day=LATE)

    def dies(*_: object, **__: object) -> None:
        raise PromotionRefusedError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("tradewind.stages._taking_back.roll_back", dies)
        with pytest.raises(PromotionRefusedError, match="killed"):
            release_order(order, stores=street.stores)
    assert street.champion() == 2
    done = release_order(order, stores=street.stores)
    assert (done.before.champion, done.after.champion, street.champion()) == (2, 1, 1)
    assert len(exclusions(street.stores.ledger)) == 1


# ------------------------------------------------------------------------------------ other models


def test_another_models_champion_is_named_and_left_alone(street: Street) -> None:
    done = street.exclude(*EARLY)
    assert (THEIRS, 1) in [(one.model, one.version) for one in done.cutting.tainted]
    assert street.champion(THEIRS) == 1
    assert live_state(street.stores.ledger, THEIRS).switched_off is None
    [incident] = street.stores.ledger.incidents.select(model=THEIRS)
    assert (incident.key, incident.severity, incident.owner) == ("tainted", "critical", "a test")
    assert "`upgrades.release` with `exclude`" in incident.way_out
    assert done.cutting.others == {THEIRS: incident.way_out}


def test_the_same_order_for_the_other_model_acts_on_it_without_a_second_exclusion(
    street: Street,
) -> None:
    street.exclude(*EARLY)
    done = street.exclude(*EARLY, model=THEIRS)
    assert done.cutting.already
    assert done.after.switched_off is not None
    assert done.cutting.training
    assert len(exclusions(street.stores.ledger)) == 1
    assert street.stores.ledger.incidents.select(model=THEIRS) == []


def test_the_exclusion_holds_for_every_model_that_reads_the_source(street: Street) -> None:
    street.exclude(*EARLY)
    frozen = street.frozen(THEIRS)
    asked = street.asked(ORDERED, model=THEIRS)
    admission = Admission(request=asked, definition_digest=frozen.digest, fencing_token=0)
    assert ingest(admission, frozen, stores=street.stores).excluded == {"customers": 2}


# ------------------------------------------------------------------------------------------- undo


def test_what_is_taken_back_in_is_seen_as_before_and_promotes_nobody(street: Street) -> None:
    before = street.seen(ORDERED).digest
    cut = street.exclude(LATE, LATE).cutting.exclusion
    assert street.seen(ORDERED).digest != before
    done = street.do("readmit", exclusion=cut.event_id, reason="it was right after all")
    assert "nobody is promoted" in done.sentence
    assert street.seen(ORDERED).digest == before
    assert tainted_versions(street.stores.ledger, OURS) == {}
    assert (street.champion(), done.after.champion) == (1, 1)


def test_an_exclusion_is_taken_back_by_the_same_source_and_days_too(street: Street) -> None:
    street.exclude(*EARLY)
    meant = {"source": "customers", "first_day": EARLY[0], "last_day": EARLY[1]}
    order = street.order("readmit", **meant)
    first = release_order(order, stores=street.stores)
    assert release_order(order, stores=street.stores) == first
    assert exclusions(street.stores.ledger) == []
    assert street.stores.ledger.incidents.select(model=THEIRS) == []
    with pytest.raises(RequestError, match="left out are: nothing"):
        street.do("readmit", **meant)


def test_an_order_that_was_undone_is_not_carried_out_again(street: Street) -> None:
    order = street.order("exclude", source="customers", first_day=LATE, last_day=LATE)
    done = release_order(order, stores=street.stores)
    street.do("readmit", exclusion=done.cutting.exclusion.event_id)
    decisions = street.decisions()
    release_order(order, stores=street.stores)
    assert street.decisions() == decisions
    assert exclusions(street.stores.ledger) == []


def test_between_the_two_orders_it_stays_left_out(street: Street) -> None:
    street.exclude(*EARLY)
    street.do("readmit", source="customers", first_day=EARLY[0], last_day=EARLY[1], as_of=night(7))
    assert street.seen(night(6)).excluded == {"customers": 2}
    assert street.seen(night(7)).excluded == {}


# ---------------------------------------------------------------------------------------- refusals


NONSENSE: list[tuple[str, dict[str, Any], str]] = [
    ("exclude", {}, "say which `source` is meant by exclude; it reads customers, plans"),
    ("exclude", {"source": "custmers"}, "reads no source 'custmers'.*customers"),
    (
        "exclude",
        {"source": "customers", "first_day": date(2023, 1, 1), "last_day": date(2023, 2, 1)},
        "holds no row of customers from 2023-01-01 to 2023-02-01; it holds rows of customers from",
    ),
    ("exclude", {"source": "customers", "parts": ["ab12"]}, "holds no part 'ab12' of customers"),
    (
        "exclude",
        {"source": "customers", "first_day": LATE, "last_day": EARLY[0]},
        "is after the last one",
    ),
    ("exclude", {"source": "plans", "first_day": LATE}, "plans is a table without days"),
    (
        "exclude",
        {"source": "customers", "first_day": LATE, "parts": ["ab12"]},
        "name days or parts of customers, not both",
    ),
    ("exclude", {"source": "customers", "as_of": night(4)}, "was served already"),
    ("readmit", {"exclusion": 1}, "nothing is left out by event 1 .*; left out are: nothing"),
    ("readmit", {"source": "customers"}, "nothing is left out of customers"),
]


def test_an_order_that_makes_no_sense_is_refused_and_changes_nothing(street: Street) -> None:
    before = street.decisions()
    for action, more, sentence in NONSENSE:
        with pytest.raises(RequestError, match=sentence):
            street.do(action, **more)
    assert street.decisions() == before


# ----------------------------------------------------------------------------------- where it shows


def test_the_models_page_says_what_is_left_out_and_which_versions_saw_it(street: Street) -> None:
    cut = street.exclude(*EARLY).cutting.exclusion
    rows = {row["model"]: row for row in status_rows(street.stores)}
    [line] = rows[OURS]["left_out"]
    since = f"from 2024-03-06 00:00 UTC on (event {cut.event_id}"
    assert f"customers from 2024-01-08 to 2024-01-09, {since}" in line
    assert "tainted: version 1, 2" in line
    assert rows[THEIRS]["left_out"][0].endswith("tainted: version 1")


def test_the_command_says_what_it_did_and_how_to_train(street: Street) -> None:
    words = ["release", OURS, "exclude", "--source", "customers", "--first-day", str(LATE)]
    more = ["--last-day", str(LATE), "--reason", "doubled", "--as-of", ORDERED.isoformat()]
    found = CliRunner().invoke(cli.app, [*words, *more], env=street.environ)
    assert found.exit_code == 0, found.output
    assert "left out of every later manifest of every model" in found.stdout
    # Nothing begins by itself in a shell.
    assert f"to be trained without customers of {LATE}: doubled" in found.stdout
    assert "begins" not in found.stdout
    assert f"train now: tradewind run {OURS} train --as-of {ORDERED.isoformat()}" in found.stdout
    wrong = CliRunner().invoke(cli.app, [*words[:-1], "yesterday", *more], env=street.environ)
    assert wrong.exit_code == 2


def test_the_history_says_what_was_left_out_by_which_event_and_which_version_moved(
    street: Street,
) -> None:
    cut = street.exclude(*EARLY).cutting.exclusion
    street.do("readmit", exclusion=cut.event_id)
    told = history(street)
    days = "customers from 2024-01-08 to 2024-01-09"
    left_out, back = (
        next(line for line in told if f"  {kind} " in line)
        for kind in ("data_excluded", "data_readmitted")
    )
    assert left_out.endswith(f"(event {cut.event_id}: {days})")
    assert back.endswith(f": {days}; event {cut.event_id} is over)")
    moved = [line for line in told if "  intended " in line or "  applied " in line]
    assert moved
    assert all(re.search(r"\(version \d+\)$", line) for line in moved)


def test_a_warning_is_printed_once(street: Street, caplog: pytest.LogCaptureFixture) -> None:
    first, last = (str(day) for day in EARLY)
    words = ["release", OURS, "exclude", "--source", "customers", "--first-day", first]
    more = ["--last-day", last, "--reason", "doubled", "--as-of", ORDERED.isoformat()]
    found = CliRunner().invoke(cli.app, [*words, *more], env=street.environ)
    assert found.stdout.count(f"warning: {THEIRS}: ") == 1
    assert "warning: " not in caplog.text
