"""House is kept: what is older than declared goes, and never what a version needs."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.stages.housed import BEFORE, DECIDES, LAST, MODEL, OVER, UNDECIDED, House, open_house
from tests.stages.nightly import AS_OF, night
from tradewind import cli
from tradewind.definition.moments import night_days
from tradewind.definition.retention import Retention
from tradewind.errors import LakeError, PromotionRefusedError, RegistryError
from tradewind.lineage import lineage_of
from tradewind.pipeline import run_pipeline
from tradewind.promotion import promote
from tradewind.records import RunRequest
from tradewind.stores.events import ARM_STOPPED, HOUSE_KEPT, RESUMED, SEGMENT_RULED
from tradewind.stores.lake import Lake
from tradewind.stores.subjects import Subjects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.home import Home
    from tradewind.housekeeping_records import Heap, HouseKept

KINDS = tuple(Retention.model_fields)
SHORTEST = {**dict.fromkeys(KINDS, "1 day"), "models": "keep", "evidence": "keep"}
LONG_AFTER = "2030-01-01"
KEPT_FOR_GOOD = ("audit", "snapshots", "verdicts", "cards", "decisions", "examinations")


@pytest.fixture(scope="module")
def whole(shared_home: Home) -> House:
    """The house as it was before anything went; only copies of its lake are tidied up."""
    return open_house(shared_home)


@pytest.fixture
def house(whole: House, tmp_path: Path) -> House:
    """A copy, in which everything may go as soon as it can."""
    whole.declare(SHORTEST)
    return whole.copied(tmp_path)


def kinds(heaps: list[Heap]) -> set[str]:
    return {heap.kind for heap in heaps}


def why(kept: HouseKept, kind: str) -> set[str]:
    return {heap.why for heap in kept.stays if heap.kind == kind}


def listed(house: House) -> set[str]:
    return set(house.stores.lake.list(""))


# ------------------------------------------------------------------------- whatever its age


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    ages=st.fixed_dictionaries(
        {
            kind: st.sampled_from(["1 day", "20 days", "100 days", "keep"])
            for kind in KINDS
            if kind not in {"models", "evidence"}
        }
    ),
    days=st.integers(0, 900),
    beside=st.sampled_from(["nobody", "an arm", "a segment"]),
)
def test_nothing_that_is_needed_ever_goes_and_a_second_time_changes_nothing(
    whole: House,
    tmp_path_factory: pytest.TempPathFactory,
    ages: dict[str, str],
    days: int,
    beside: str,
) -> None:
    house = whole.copied(tmp_path_factory.mktemp("copy"))
    house.declare({**ages, "models": "keep"})
    as_of = night(LAST) + timedelta(days=days)
    with_one(house, beside)
    live = [BEFORE, DECIDES, *([OVER] if beside != "nobody" else [])]
    before = {version: lineage_of(MODEL, version, house.stores) for version in live}
    there = house.files()
    try:
        house.keep(as_of.isoformat())
        once = house.files()
        again = house.keep(as_of.isoformat())
        after = {version: lineage_of(MODEL, version, house.stores) for version in live}
    finally:
        without(house, beside)
    assert (again.files, again.versions, again.errors) == (0, {}, {})
    assert house.files() == once
    # Rows are counted anew, from the very files: nothing of them may be missing or changed.
    assert after == before
    for path in before.values():
        assert path.gaps == []
        scores = path.evaluation.uri.replace(".json", ".parquet")
        for uri in (*(use.uri for use in path.parts), path.features.uri, scores):
            assert once[uri] == there[uri]
    gone = there.keys() - once.keys()
    assert not {path for path in gone if path.startswith(KEPT_FOR_GOOD)}
    window = (as_of - timedelta(days=57)).date().isoformat()
    assert not {path for path in gone if path.startswith("sources/") and day_in(path) >= window}
    definition = house.stores.ledger.last_good(MODEL).model
    awaited = as_of - night_days(definition) * timedelta(days=1)
    for served in house.stores.ledger.nights(MODEL):
        if served.night >= awaited:
            assert {served.uri, served.features_uri} <= once.keys()


def with_one(house: House, beside: str) -> None:
    if beside == "an arm":
        house.shop.arm(f"shadow:{OVER}")
    elif beside == "a segment":
        until = (AS_OF + timedelta(days=10_000)).isoformat()
        told = {"feature": "plan", "value": "plus", "served_by": OVER, "until": until}
        house.shop.tell(SEGMENT_RULED, told)


def without(house: House, beside: str) -> None:
    if beside == "an arm":
        house.shop.tell(ARM_STOPPED, {"name": f"shadow:{OVER}", "version": OVER})
    elif beside == "a segment":
        house.shop.tell(RESUMED, {"feature": "plan", "value": "plus"})


def day_in(part: str) -> str:
    return part.split("/")[2]


# ----------------------------------------------------------------------------------- what goes


def test_a_dry_run_says_what_would_go_and_changes_nothing(house: House) -> None:
    before, events = house.files(), len(house.stores.ledger.events(kind=HOUSE_KEPT))
    said = house.keep(LONG_AFTER, dry_run=True)
    assert house.files() == before
    assert len(house.stores.ledger.events(kind=HOUSE_KEPT)) == events
    done = house.keep(LONG_AFTER)
    assert (said.gone, said.stays) == (done.gone, done.stays)
    assert kinds(done.gone) == {*KINDS} - {"models", "evidence"}
    assert done.files == len(before) - len(listed(house) & before.keys())


def test_what_is_gone_says_when_and_why_to_whoever_reads_it(house: House) -> None:
    before = listed(house)
    house.keep(LONG_AFTER)
    gone = sorted(path for path in before - listed(house) if path.startswith("predictions/"))
    assert gone
    with pytest.raises(
        LakeError, match=r"let go of on \d{4}-.*retention: housed keeps predictions"
    ):
        house.stores.lake.read_bytes(gone[0])


def test_a_rule_that_was_fitted_for_a_night_goes_with_its_log_and_not_before(house: House) -> None:
    served = house.stores.ledger.night(MODEL, night(UNDECIDED))
    own = {served.uri, served.rule_uri}
    watched = night_days(house.stores.ledger.last_good(MODEL).model) * timedelta(days=1)
    house.keep((night(UNDECIDED) + watched).isoformat())
    assert own <= listed(house)
    house.keep(LONG_AFTER)
    assert not own & listed(house)


def test_the_ledger_keeps_how_much_went_and_no_path(house: House) -> None:
    kept = house.keep(LONG_AFTER)
    [event] = house.stores.ledger.events(kind=HOUSE_KEPT, newest_first=True, limit=1)
    assert (event.payload["files"], event.payload["bytes"]) == (kept.files, kept.bytes)
    assert {heap["kind"] for heap in event.payload["gone"]} == kinds(kept.gone)
    assert not [text for text in str(event.payload).split() if ".parquet" in text]
    outcome = house.stores.ledger.outcomes(model="tradewind", run_id=kept.run_id)[0]
    assert outcome.lines[0].endswith("went")


def test_what_a_table_without_days_was_last_seen_as_stays(house: House) -> None:
    plans = {path for path in listed(house) if path.startswith("sources/files-plans")}
    house.keep(LONG_AFTER)
    assert plans
    assert plans <= listed(house)


def test_a_killed_run_is_finished_by_the_next(
    whole: House, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = whole.copied(tmp_path / "other")
    undisturbed.keep(LONG_AFTER)
    replace, left = Lake.replace, iter(range(40))

    def killed(*args: Any, **kwargs: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        replace(*args, **kwargs)

    monkeypatch.setattr(Lake, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        house.keep(LONG_AFTER)
    monkeypatch.undo()
    assert len(listed(house)) > len(listed(undisturbed))
    house.keep(LONG_AFTER)
    heads = {path for path in listed(house) if path.startswith("audit/")}
    assert listed(house) - heads == {p for p in listed(undisturbed) if not p.startswith("audit/")}


def test_a_run_of_before_reads_and_makes_again_what_went(house: House) -> None:
    asked = {"model": MODEL, "run_id": "train/again", "as_of": AS_OF, "actor": "ann"}
    [of_before] = house.stores.ledger.outcomes(model=MODEL, run_id="train/1", stage="validate")
    house.keep(LONG_AFTER)
    assert not house.stores.lake.exists(of_before.result["uri"])
    request = RunRequest.model_validate({**asked, "reason": "a test", "override": "a test"})
    made = run_pipeline(request, stores=house.stores, until="features")
    assert made["ingest"].read
    assert made["validate"].rows == of_before.result["rows"]
    assert house.stores.lake.read_table(made["features"].uri).num_rows == made["features"].rows


# ----------------------------------------------------------------------------- how long, and whose


def test_a_shorter_age_counts_once_a_run_was_admitted_with_it(whole: House, house: House) -> None:
    house.declare({**SHORTEST, "predictions": "keep"})
    whole.shop.declare(whole_sql(house), retention=SHORTEST)
    assert "predictions" not in kinds(house.keep(LONG_AFTER, dry_run=True).gone)
    house.declare(SHORTEST)
    assert "predictions" in kinds(house.keep(LONG_AFTER, dry_run=True).gone)


def whole_sql(house: House) -> str:
    return (house.shop.folder / "config" / "models" / MODEL / "features.sql").read_text()


def test_the_longest_age_of_all_readers_counts_for_parts(house: House) -> None:
    folder = house.shop.folder / "config" / "models"
    other = folder / "other"
    shutil.copytree(folder / MODEL, other)
    text = (other / "model.yaml").read_text().replace(f"name: {MODEL}", "name: other")
    (other / "model.yaml").write_text(text.replace("raw: 1 day", "raw: keep"))
    try:
        kept = house.keep(LONG_AFTER, dry_run=True)
    finally:
        shutil.rmtree(other)
    assert "raw" not in kinds(kept.gone)
    assert "raw" in kinds(house.keep(LONG_AFTER, dry_run=True).gone)


def test_a_model_without_a_folder_goes_by_its_last_definition(house: House) -> None:
    folder = house.shop.folder / "config" / "models" / MODEL
    with_folder = house.keep(LONG_AFTER, dry_run=True)
    folder.rename(folder.with_name(".away"))
    try:
        kept = house.keep(LONG_AFTER, dry_run=True)
    finally:
        folder.with_name(".away").rename(folder)
    assert kept.gone == with_folder.gone


def test_a_model_that_cannot_be_told_of_stops_no_other_and_no_part_goes(house: House) -> None:
    broken = house.shop.folder / "config" / "models" / "broken"
    broken.mkdir()
    (broken / "model.yaml").write_text("name: broken\nowner: [")
    try:
        kept = house.keep(LONG_AFTER)
    finally:
        shutil.rmtree(broken)
    assert set(kept.errors) == {"broken"}
    assert {"predictions", "validated"} <= kinds(kept.gone)
    assert "raw" not in kinds(kept.gone)
    assert "what broken needs cannot be told" in why(kept, "raw")


def test_while_an_erasure_is_open_no_file_goes(house: House) -> None:
    subjects = Subjects.open(house.stores.settings)
    token, _ = subjects.ask("customer", "c1-1")
    subjects.hold(token, {"begun": True})
    try:
        kept = house.keep(LONG_AFTER)
    finally:
        subjects.delete(token)
    assert kept.gone == []
    assert set(kept.errors) == {"erasures"}


# --------------------------------------------------------------------------------- the command


def in_shell(house: House, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["housekeeping", *words], env=house.shop.environ)


def test_the_command_says_what_goes_and_what_stays(house: House) -> None:
    said = in_shell(house, "--dry-run", "--as-of", LONG_AFTER)
    assert said.exit_code == 0, said.output
    assert "would go: predictions of housed: " in said.output
    assert f"version {DECIDES} decides" in said.output
    done = in_shell(house, "--as-of", LONG_AFTER)
    assert done.output == said.output.replace("would go", "went")


def test_the_command_refuses_what_is_no_moment(house: House) -> None:
    said = in_shell(house, "--dry-run", "--as-of", "someday")
    assert said.exit_code != 0
    assert "as-of 'someday'" in str(said.exception)


# ---------------------------------------------------------------------- models, at the very end


def test_files_of_models_that_can_decide_no_more_go_and_say_so(house: House) -> None:
    house.declare({**SHORTEST, "models": "30 days"})
    early = house.keep((night(LAST) + timedelta(days=20)).isoformat())
    assert early.versions == {}
    kept = house.keep(LONG_AFTER)
    assert kept.versions == {MODEL: [0, OVER]}
    assert house.keep(LONG_AFTER).versions == {}
    registry = house.stores.registry
    uris = {one.version: one for one in registry.versions(MODEL)}
    with pytest.raises(RegistryError):
        registry.load(uris[OVER].model_uri)
    for version in (BEFORE, DECIDES):
        assert registry.load(uris[version].model_uri).metadata["model"] == MODEL
    assert registry.find_candidate(MODEL, uris[OVER].tags["tradewind.train_key"]) is None
    with pytest.raises(PromotionRefusedError, match="version 1 were let go of"):
        promote(
            stores=house.stores,
            model=MODEL,
            version=OVER,
            expected_previous=DECIDES,
            as_of=datetime(2030, 1, 1, tzinfo=UTC),
            actor="ann",
            reason="a test",
            evidence_digest="e" * 32,
        )
    assert lineage_of(MODEL, OVER, house.stores).training.model_uri == uris[OVER].model_uri
