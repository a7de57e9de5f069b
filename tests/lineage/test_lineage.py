"""Lineage answers both ways for every version of a replayed stretch of nights."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.lineage.story import CORRECTED, MODEL, NIGHTS, SET_ASIDE, Story, tell
from tests.stages.nightly import AS_OF, CUSTOMERS_A_DAY, FIRST_DAY, night, open_shop
from tradewind import cli
from tradewind.errors import RequestError
from tradewind.lineage import (
    day_lineage,
    lineage_of,
    part_lineage,
    versions_that_saw,
    versions_trained_on,
)
from tradewind.lineage._careers import Careers
from tradewind.lineage._origins import of_run, of_version
from tradewind.lineage._uses import reading
from tradewind.lineage_records import TRAINED
from tradewind.reports.lineage import lineage_lines, lineage_page, part_lines
from tradewind.stores.events import DATA_EXCLUDED, DATA_READMITTED
from tradewind.stores.exclusions import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.fixtures.home import Home
    from tradewind.lineage_records import Lineage, NightUse, PartUse

VERSIONS = (1, 2, 3, 4)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def story(shared_home: Home) -> Story:
    return tell(open_shop(shared_home, nights=NIGHTS, model=MODEL))


@pytest.fixture(scope="module")
def paths(story: Story) -> dict[int, Lineage]:
    """Each version's, by its number."""
    return {version: lineage_of(MODEL, version, story.stores) for version in VERSIONS}


def in_shell(story: Story, *words: str) -> Result:
    return CliRunner().invoke(cli.app, ["lineage", *words], env=story.shop.environ)


def of_day(lineage: Lineage, source: str, day: object) -> list[str]:
    return [use.uri for use in lineage.parts if (use.source, use.day) == (source, day)]


@contextmanager
def without(story: Story, uri: str) -> Iterator[None]:
    """A file is not in the lake for a while."""
    path = Path(story.stores.settings.lake_uri.removeprefix("file://"), uri)
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


# ----------------------------------------------------------------------------------- both ways


def test_what_a_version_names_names_it_again(story: Story, paths: dict[int, Lineage]) -> None:
    every = {use.uri for path in paths.values() for use in path.parts}
    found = {one.version: one for one in versions_that_saw(every, story.stores)}
    assert set(found) == set(VERSIONS)
    for version, path in paths.items():
        assert path.parts
        assert found[version].uses == path.parts
        assert found[version].state == path.state


@pytest.mark.parametrize("source", ["customers", "weather", "plans"])
def test_each_part_alone_finds_the_versions_that_could_learn_from_it(
    story: Story, paths: dict[int, Lineage], source: str
) -> None:
    some = sorted({use.uri for use in paths[2].parts if use.source == source})[::13]
    assert some
    for uri in some:
        expected = [
            version
            for version, path in paths.items()
            if any(use.uri == uri and use.reach in TRAINED for use in path.parts)
        ]
        assert [one.version for one in versions_trained_on([uri], story.stores)] == expected


def test_digest_address_and_day_name_the_same_part(story: Story, paths: dict[int, Lineage]) -> None:
    use = next(use for use in paths[1].parts if use.source == "weather")
    by_uri = part_lineage(use.uri, story.stores)
    whole = f"{story.stores.lake.uri}/{use.uri}"
    assert by_uri.parts == {use.uri: 4}
    assert [one.version for one in by_uri.versions] == [1, 2, 3, 4]
    assert part_lineage(use.digest, story.stores).versions == by_uri.versions
    assert part_lineage(whole, story.stores).versions == by_uri.versions
    assert day_lineage("weather", use.day, story.stores).versions == by_uri.versions
    assert day_lineage(use.source_id, use.day, story.stores).versions == by_uri.versions


def test_a_corrected_day_is_two_parts_and_each_has_its_own_versions(
    story: Story, paths: dict[int, Lineage]
) -> None:
    (old,), (new,) = (of_day(paths[version], "customers", CORRECTED) for version in (1, 2))
    assert [one.version for one in versions_that_saw([old], story.stores)] == [1]
    assert 1 not in [one.version for one in versions_that_saw([new], story.stores)]
    both = day_lineage("customers", CORRECTED, story.stores)
    assert both.parts == {old: CUSTOMERS_A_DAY, new: CUSTOMERS_A_DAY - 1}


# ------------------------------------------------------------------------------- how far they came


def test_rows_that_were_set_aside_were_seen_and_did_not_go_on(paths: dict[int, Lineage]) -> None:
    (use,) = [use for use in paths[1].parts if (use.source, use.day) == ("customers", SET_ASIDE)]
    assert (use.rows, use.went_on, use.set_aside) == (CUSTOMERS_A_DAY, CUSTOMERS_A_DAY - 3, 3)


def test_judged_on_is_told_apart_from_trained_on(paths: dict[int, Lineage]) -> None:
    days = {
        (use.source, use.reach): use.day for use in paths[1].parts if use.source != "plans"
    }  # the last day of each
    judge = AS_OF.date() - 30 * DAY
    # Weather is known at its own time; an entity's row is predicted on a day before its time.
    assert days["weather", "judged"] == AS_OF.date() - DAY
    assert days["weather", "learned"] == judge - DAY
    assert days["customers", "learned"] == judge
    # Renewals are known three weeks ahead.
    assert days["customers", "ahead"] == judge + 20 * DAY
    assert days["customers", "judged"] == AS_OF.date() - DAY
    (plans,) = [use for use in paths[1].parts if use.source == "plans"]
    assert (plans.reach, plans.went_on, plans.first_known) == ("learned", 2, None)


def test_every_row_that_went_on_is_counted_once(story: Story, paths: dict[int, Lineage]) -> None:
    validated = story.trainings[1]["validate"]
    told = {one.source: (one.went_on, one.set_aside) for one in paths[1].sources}
    aside = validated.quarantined
    assert told == {name: (n, aside.get(name, 0)) for name, n in validated.rows.items()}
    snapshot = story.trainings[1]["ingest"]
    assert {one.source: one.rows for one in paths[1].sources} == snapshot.rows
    assert len(paths[1].parts) == snapshot.parts


def test_a_model_taken_from_a_version_has_learned_from_that_ones_parts(
    story: Story, paths: dict[int, Lineage]
) -> None:
    taken = paths[4]
    assert taken.base == "memberships version 2"
    through = {use.uri: use.reach for use in taken.parts if use.through is not None}
    assert through == {use.uri: use.reach for use in paths[2].parts}
    # On this day version 2 was not trained, and the run that took it over saw it anew.
    day = night(9).date() - DAY
    (use,) = [use for use in taken.parts if (use.source, use.day) == ("weather", day)]
    assert (use.through, use.reach) == (None, "judged")
    assert any("not fitted here: it comes from models:/memberships/2, which is" in line
               for line in lineage_lines(taken))  # fmt: skip


# --------------------------------------------------------------------------------- the other steps


def test_the_path_names_what_each_stage_of_the_training_returned(
    story: Story, paths: dict[int, Lineage]
) -> None:
    for version, path in paths.items():
        records = story.trainings[version]
        trained = records["train"]
        assert path.gaps == []
        assert [one.digest for one in path.snapshots] == [records["ingest"].digest]
        assert [one.digest for one in path.validated] == [records["validate"].digest]
        assert path.features.digest == records["features"].digest
        assert path.features.labelled == records["features"].labelled
        assert path.training.train_key == trained.train_key
        assert (path.training.fit, path.training.judge) == (trained.fit, trained.judge)
        assert path.evaluation.digest == records["evaluate"].digest
        assert path.verdict.digest == records["gate"].digest
        assert path.training.code_revision
        assert path.training.definition_digest == records["admit"].definition_digest


def test_a_version_that_people_let_in_says_who(paths: dict[int, Lineage]) -> None:
    told = [(one.kind, one.actor, one.reason) for one in paths[1].approvals]
    assert told[0][0] == "approval_asked"
    assert told[1:] == [("approved", "carl", "it will do")]
    assert any("approved by carl: it will do" in line for line in lineage_lines(paths[1]))
    assert paths[3].approvals == []


def nights_of(uses: list[NightUse], role: str) -> list[int]:
    return [(use.night - AS_OF).days for use in uses if use.role == role]


def test_nights_are_those_that_the_version_scored(paths: dict[int, Lineage]) -> None:
    assert nights_of(paths[1].nights, "champion") == [1, 2]
    assert nights_of(paths[2].nights, "champion") == [4, 5, 8, 10]
    assert nights_of(paths[3].nights, "shadow") == [8]
    assert [use for use in paths[3].nights if use.decided] == []
    assert sum(use.rows for use in paths[1].nights if use.decided) == 2 * CUSTOMERS_A_DAY
    assert nights_of(paths[4].nights, "shadow") == [10]


def test_the_state_is_that_of_now(paths: dict[int, Lineage]) -> None:
    words = {version: path.state.word for version, path in paths.items()}
    assert words == {1: "arm", 2: "champion", 3: "never_live", 4: "arm"}
    assert paths[1].state.sentence.startswith("scores beside the champion as previous:1 since")
    assert paths[2].state.sentence == "champion since 2024-03-04 00:00 UTC"


def test_a_version_that_mlflow_lost_is_told_from_the_ledger(story: Story) -> None:
    ledger = story.stores.ledger
    tagged = of_version(story.stores.registry.version(MODEL, 2), MODEL, ledger=ledger)
    told = of_run(ledger, MODEL, "train/2", version=2)
    assert (told.ways, told.features, told.record) == (tagged.ways, tagged.features, tagged.record)
    assert [told.stretch(name) for name in ("fit", "select", "judge")] == [
        tagged.stretch(name) for name in ("fit", "select", "judge")
    ]
    assert told.model_uri == tagged.model_uri


def test_a_version_of_a_model_that_nobody_ever_promoted_was_never_live(story: Story) -> None:
    assert Careers(story.stores.ledger, "nobody_promoted").state(1).word == "never_live"


def test_a_training_that_another_run_found_again_is_behind_the_parts_of_both(
    story: Story,
) -> None:
    first, second = (story.trainings[version] for version in (1, 2))
    found = story.stores.registry.version(MODEL, 1)
    found = replace(found, tags={**found.tags, "dag_run_id": "train/2"})
    origin = of_version(found, MODEL, ledger=story.stores.ledger)
    snapshots = [first["ingest"].digest, second["ingest"].digest]
    assert [way.snapshot for way in origin.ways] == snapshots
    assert origin.features == first["features"].digest
    with reading(story.stores) as reader:
        uses = reader.uses(origin, wanted=lambda _, __: True).uses
    corrected = [use for use in uses if (use.source, use.day) == ("customers", CORRECTED)]
    assert len(corrected) == 2
    assert len({(use.source, use.uri) for use in uses}) == len(uses)


# ------------------------------------------------------------------------------ what is not there


def test_a_manifest_that_is_gone_is_said_both_ways(story: Story, paths: dict[int, Lineage]) -> None:
    digest = story.trainings[1]["ingest"].digest
    with without(story, f"snapshots/{digest}.json"):
        path = lineage_of(MODEL, 1, story.stores)
        found = versions_trained_on([paths[3].parts[-1].uri], story.stores)
    what = "memberships version 1: the manifest of the snapshot"
    said = f"{what}, snapshots/{digest}.json, is not in the lake"
    assert path.gaps == [said]
    assert (path.parts, path.snapshots[0].there) == ([], False)
    assert path.features == paths[1].features
    assert said in "\n".join(lineage_lines(path))
    # It may have seen any part: so it is among those of every question.
    assert [(one.version, one.reach) for one in found if one.version == 1] == [(1, "unknown")]
    assert found[0].gaps == [said]


def test_where_validated_rows_are_gone_all_that_was_seen_counts_as_learned_from(
    story: Story, paths: dict[int, Lineage]
) -> None:
    folder = f"validated/{story.trainings[1]['validate'].digest}"
    with without(story, f"{folder}/weather.parquet"):
        path = lineage_of(MODEL, 1, story.stores)
    assert {use.reach for use in path.parts if use.source == "weather"} == {"unknown"}
    assert [use for use in path.parts if use.source == "customers"] == [
        use for use in paths[1].parts if use.source == "customers"
    ]
    [gap] = path.gaps
    said = f"the validated rows {folder}/weather.parquet cannot be read any more: "
    assert gap.startswith(f"memberships version 1: {said}")
    assert gap.count("weather.parquet") > 1


@pytest.mark.parametrize("stage", ["features", "evaluate", "gate"])
def test_a_step_that_is_gone_is_said(story: Story, stage: str) -> None:
    record = story.trainings[2][stage]
    with without(story, record.uri):
        path = lineage_of(MODEL, 2, story.stores)
    assert len(path.gaps) == 1
    assert f"{record.uri}, is not in the lake" in path.gaps[0]
    assert "(not in the lake any more)" in "\n".join(lineage_lines(path))


def test_a_part_that_is_gone_is_said(story: Story, paths: dict[int, Lineage]) -> None:
    uri = paths[2].parts[0].uri
    with without(story, uri):
        path = lineage_of(MODEL, 2, story.stores)
    assert path.parts == paths[2].parts
    assert "1 of" in path.gaps[0]
    assert path.gaps[0].endswith(f"are not in the lake any more, such as {uri}")


def test_an_unknown_version_is_told_which_there_are(story: Story) -> None:
    with pytest.raises(RequestError, match="memberships has no version 9; it has 1, 2, 3, 4"):
        lineage_of(MODEL, 9, story.stores)
    done = in_shell(story, MODEL, "9")
    assert (done.exit_code, done.stdout) == (2, "")
    assert in_shell(story, "membership", "1").exit_code == 2
    assert "memberships" in in_shell(story, "membership", "1").stderr


def test_an_unknown_part_is_told_what_there_is(story: Story) -> None:
    done = in_shell(story, "--source", "weather", "--day", "2023-01-01")
    assert done.exit_code == 2
    assert "weather of 2023-01-01: no snapshot of a version" in done.stderr
    assert f"): {FIRST_DAY} to 2024-03-" in done.stderr


def test_a_part_that_only_nights_saw_is_in_the_lake_and_no_versions(story: Story) -> None:
    found = day_lineage("customers", night(10).date(), story.stores)
    assert (found.parts, found.versions) == ({}, [])
    identity = next(one.source_id for one in found.there_is if one.source == "customers")
    found = day_lineage(identity, night(10).date(), story.stores)
    (unseen,) = found.unseen
    assert unseen.startswith(f"sources/{identity}/{night(10).date()}/")
    assert "the lake has it, and no version saw it:" in part_lines(found)


# ------------------------------------------------------------------------------------- for people


@pytest.mark.parametrize(
    "words", [[], [MODEL], ["--day", "2024-01-01"], [MODEL, "1", "--part", "x"]]
)
def test_a_question_that_is_none_is_told_how_to_ask(story: Story, words: list[str]) -> None:
    done = in_shell(story, *words)
    assert done.exit_code == 2
    assert done.stderr.startswith("say which: a model and a version")


def test_the_lines_go_from_the_sources_down_to_the_nights(
    story: Story, paths: dict[int, Lineage]
) -> None:
    done = in_shell(story, MODEL, "1")
    assert done.exit_code == 0, done.output
    steps = ("sources", "snapshot ", "validated ", "features ", "model ", "evaluation ",
             "verdict ", "approval", "version 1 of memberships", "nights")  # fmt: skip
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [head.startswith(step) for head, step in zip(heads, steps, strict=True)] == [True] * 10
    listed = in_shell(story, MODEL, "1", "--parts").stdout
    assert all(use.uri in listed for use in paths[1].parts)
    assert paths[1].parts[0].uri not in done.stdout


def test_the_lines_and_the_page_count_what_the_gates_said(
    story: Story, paths: dict[int, Lineage]
) -> None:
    said = story.trainings[1]["gate"].account
    assert said.startswith("no gate blocks it: ")
    assert f"  {said}" in lineage_lines(paths[1])
    assert f"<summary>{said}</summary>" in lineage_page(paths[1])


def test_a_schedule_that_was_known_early_is_judged_on_like_all_that_lies_in_the_judge_stretch(
    paths: dict[int, Lineage],
) -> None:
    lines = "\n".join(lineage_lines(paths[1]))
    words = (
        "judged on, at most: their labels came later; what was known of them before the judge "
        "stretch began, as a schedule is, features could look at by then"
    )
    (line,) = (line for line in lines.splitlines() if line.endswith(words))
    judge = paths[1].training.judge.start.date()
    assert line.strip().startswith(f"{judge + DAY} to {judge + 20 * DAY}: ")
    assert words in lineage_page(paths[1])


@contextmanager
def left_out(story: Story, use: PartUse) -> Iterator[int]:
    """A day of a source is left out for a while, by the event that is named."""
    stores = story.stores
    place = place_of(stores.ledger.last_good(MODEL).model.sources[use.source])
    what = {"source": use.source, "place": place, "first_day": str(use.day)}
    what |= {"last_day": str(use.day), "parts": []}
    told = {"model": MODEL, "as_of": AS_OF, "actor": "rita", "reason": "a broken gauge"}
    event = stores.ledger.append(kind=DATA_EXCLUDED, payload={**what, "tainted": {}}, **told)
    try:
        yield event.id
    finally:
        stores.ledger.append(kind=DATA_READMITTED, payload={**what, "excluded": event.id}, **told)


def test_a_part_that_is_left_out_is_said_to_be_so_from_both_ends(
    story: Story, paths: dict[int, Lineage]
) -> None:
    use = next(one for one in paths[1].parts if one.source == "weather")
    asked = ("--source", "weather", "--day", str(use.day))
    with left_out(story, use) as event:
        said = f"excluded from every later manifest (event {event})"
        for words in (asked, ("--part", use.uri)):
            assert f"  {use.uri}  {use.rows:,} rows, {said}" in in_shell(story, *words).stdout
        lines = in_shell(story, MODEL, "1").stdout
        assert f"    1 part {said}" in lines
        (part,) = (
            line
            for line in in_shell(story, MODEL, "1", "--parts").stdout.splitlines()
            if use.uri in line
        )
        assert part.endswith(said)
        found = lineage_of(MODEL, 1, story.stores)
        assert [one.uri for one in found.parts if one.excluded == event] == [use.uri]
        assert lineage_page(found).count(f"excluded (event {event})") == 1
    assert "excluded" not in in_shell(story, *asked).stdout
    assert "excluded" not in in_shell(story, MODEL, "1").stdout


def test_the_values_are_printed_for_machines(story: Story, paths: dict[int, Lineage]) -> None:
    told = json.loads(in_shell(story, MODEL, "2", "--json").stdout)
    assert told == paths[2].model_dump(mode="json")
    uri = paths[2].parts[0].uri
    told = json.loads(in_shell(story, "--part", uri, "--json").stdout)
    assert told == part_lineage(uri, story.stores).model_dump(mode="json")


def test_the_lines_of_a_part_tell_trained_on_from_judged_on(
    story: Story, paths: dict[int, Lineage]
) -> None:
    use = next(use for use in paths[1].parts if (use.source, use.reach) == ("weather", "judged"))
    lines = part_lines(part_lineage(use.uri, story.stores))
    trained = next(i for i, line in enumerate(lines) if line.startswith("trained on it"))
    others = next(i for i, line in enumerate(lines) if line.startswith("not trained on it"))
    first = next(i for i, line in enumerate(lines) if line.startswith("  memberships version 1 "))
    assert trained < others < first
    assert "judged on, at most" in lines[first + 1]


def test_the_page_is_whole_in_itself_and_escapes_what_people_wrote(
    paths: dict[int, Lineage],
) -> None:
    path = paths[1]
    wrote = [one.model_copy(update={"reason": "<script>x</script>"}) for one in path.approvals]
    page = lineage_page(path.model_copy(update={"approvals": wrote, "gaps": ["a gap"]}))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    for words in ("a gap", "lineage of version 1", path.features.digest, "as champion"):
        assert words in page
    assert page.index("Sources</h2>") < page.index("Verdict</h2>") < page.index("Nights</h2>")
