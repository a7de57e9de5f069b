"""The ML test score of a model that was really trained, served a night, and looked at."""

from __future__ import annotations

import json
import shutil
from contextlib import closing, contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from typer.testing import CliRunner

from tests.fixtures.home import home_of_its_own
from tests.gates.evidence import waivers
from tests.stages.nightly import AS_OF, Shop, night, open_shop
from tradewind import cli
from tradewind.as_of import current_definition
from tradewind.definition.scorecard import Documented, ScorecardSection
from tradewind.live import ROLL_BACK
from tradewind.pipeline import TRAIN as STAGES
from tradewind.reports.scorecard import lines_of, render
from tradewind.scorecard import reading_of, scorecard_of
from tradewind.scorecard.infrastructure import OF_A_TRAINING
from tradewind.scorecard_records import Scorecard
from tradewind.stores import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from click.testing import Result

    from tests.fixtures.home import Home
    from tradewind.scorecard_records import Point
    from tradewind.stores.ledger import RecordedOutcome

MODEL = "subscribers"
SCHEDULE = {"today": date(2024, 3, 1)}
HARM = {
    "by": "ada",
    "on": date(2024, 1, 1),
    "until": date(2099, 1, 1),
    "helps": ["Those who are called before they leave."],
    "harms": ["Those who are called for nothing."],
}
BEHAVIOUR = {
    "direction": [
        {
            "because": "Who visits more is no likelier to stay.",
            "feature": "visits",
            "by": 5,
            "must_not": "fall",
            "tolerance": 0.1,
            "share": 0.5,
        }
    ]
}
TRAIN = {
    "window": {"history": "1 day"},
    "judge_days": 30,
    "select_days": 14,
    "search": {"trials": 2, "rows": 1000},
    "candidates": {
        "tree": {
            "estimator": "sklearn.tree.DecisionTreeClassifier",
            "params": {"max_depth": 3},
            "search": {"min_samples_leaf": [10, 30]},
        }
    },
}
# Two features carry all there is to know of this shop, and what is dear to ask is asked elsewhere.
GATES = {
    "waivers": waivers("poisoning", "benchmark", "downstream", "promotion_budget", "calibration"),
    "behaviour": BEHAVIOUR,
    "leakage": {"alone_auc": 0.95, "very_good_auc": 0.95},
    "fragility": {"loses": 5.0},
}


@pytest.fixture(scope="module")
def shop(shared_home: Home) -> Shop:
    """After one training, the nights until some truth is known, and one look at them.

    To look at, or to change and put back.
    """
    shop = open_shop(shared_home, nights=3, model=MODEL)
    shop.declare(schedule=SCHEDULE, harm_review=HARM, train=TRAIN, gates=GATES)
    records = shop.run("train", AS_OF)
    assert records["register"].outcome == "promoted", records["gate"].results
    # What came of the first night's customers is known two nights later.
    for number in (1, 2, 3):
        shop.score(number)
    shop.run("monitor", night(3))
    return shop


@pytest.fixture
def written(shop: Shop) -> Iterator[Shop]:
    """The same with a copy of its ledger: an event that a test writes stays for good."""
    with home_of_its_own(shop.folder, shop.environ, template=shop.home.ledger) as home:
        yield Shop(home, dict(shop.body))


def card_of(shop: Shop, **changes: Any) -> Scorecard:
    """The scorecard now, with the definition changed in memory only."""
    stores = shop.stores
    model = current_definition(MODEL, stores=stores).model_copy(update=changes)
    return scorecard_of(model, stores)


def point(card: Scorecard, test: str) -> Point:
    return next(one for section in card.sections for one in section.points if one.test == test)


def total(card: Scorecard, test: str) -> float:
    return next(one.total for one in card.sections if one.name == test.partition("_")[0])


# ------------------------------------------------------------------------------ what can be broken


def said(shop: Shop, stage: str, pipeline: str) -> RecordedOutcome:
    found = shop.stores.ledger.last_outcome(MODEL, stage, pipeline=pipeline)
    assert found is not None
    return found


@contextmanager
def lost(shop: Shop, uri: str | None) -> Iterator[None]:
    """Something is not in the lake any more."""
    assert uri is not None
    place = shop.stores.settings.home / "lake" / uri
    shutil.move(place, shop.folder / "lost")
    yield
    shutil.move(shop.folder / "lost", place)


@contextmanager
def silent(shop: Shop, stage: str, pipeline: str) -> Iterator[None]:
    """A stage of the last run never said anything."""
    dsn = shop.environ["AIRFLOW_CONN_TRADEWIND_LEDGER"]
    run_id = said(shop, stage, pipeline).run_id
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM outcomes WHERE stage = %s AND run_id = %s", (stage, run_id))
        assert cursor.rowcount == 1
    yield
    shop.stores.ledger.rebuild_projections()


@contextmanager
def told(
    shop: Shop, stage: str, pipeline: str, change: Callable[[dict[str, Any]], None]
) -> Iterator[None]:
    """A stage of the last run said something else."""
    before = said(shop, stage, pipeline)
    after = before.plain.model_copy(deep=True)
    change(after.result)
    shop.stores.ledger.record_outcome(after)
    yield
    shop.stores.ledger.record_outcome(before.plain)


def answered(shop: Shop, gate: str, outcome: str) -> AbstractContextManager[None]:
    """A gate of the last verdict said something else."""

    def change(result: dict[str, Any]) -> None:
        next(one for one in result["results"] if one["gate"] == gate)["outcome"] = outcome

    return told(shop, "gate", "train", change)


def report(shop: Shop, stage: str, pipeline: str) -> AbstractContextManager[None]:
    return lost(shop, said(shop, stage, pipeline).report_uri)


def part(shop: Shop, stage: str, pipeline: str, name: str) -> AbstractContextManager[None]:
    return lost(shop, said(shop, stage, pipeline).result[name])


def one_trial(result: dict[str, Any]) -> None:
    result["trials"] = 1


def nothing_proved(result: dict[str, Any]) -> None:
    result["proof"]["rows"] = 0


def served_by_rule(result: dict[str, Any]) -> None:
    result["served"] = {"fallback": result["rows"]}


BROKEN: list[tuple[str, str, Callable[[Shop], AbstractContextManager[None]]]] = [
    ("data_1", "its report is lost", lambda s: report(s, "validate", "train")),
    ("data_2", "the card is lost", lambda s: report(s, "card", "train")),
    ("data_3", "a gate is waived", lambda s: answered(s, "fragility", "waived")),
    ("data_3", "nobody looked", lambda s: part(s, "load_test", "train", "uri")),
    ("data_4", "a gate is waived", lambda s: answered(s, "leakage", "waived")),
    ("data_4", "nothing was proved", lambda s: told(s, "features", "train", nothing_proved)),
    ("data_7", "no features were made", lambda s: silent(s, "features", "train")),
    ("model_2", "the look is lost", lambda s: report(s, "monitor", "monitor")),
    ("model_3", "there was one trial", lambda s: told(s, "train", "train", one_trial)),
    ("model_4", "a gate is waived", lambda s: answered(s, "stability", "waived")),
    ("model_5", "a gate is waived", lambda s: answered(s, "simplicity", "waived")),
    ("model_6", "a gate is waived", lambda s: answered(s, "slices", "waived")),
    ("model_6", "nobody looked", lambda s: part(s, "probe", "train", "uri")),
    ("model_7", "its time is over", lambda s: answered(s, "harm_review", "blocked")),
    ("infrastructure_1", "nobody looked", lambda s: part(s, "refit", "train", "uri")),
    ("infrastructure_2", "a gate is waived", lambda s: answered(s, "behaviour", "waived")),
    ("infrastructure_3", "nothing came to the end", lambda s: silent(s, "register", "train")),
    ("infrastructure_3", "a stage is missing", lambda s: silent(s, "probe", "train")),
    ("infrastructure_3", "the rule decided", lambda s: told(s, "predict", "score", served_by_rule)),
    ("infrastructure_4", "the verdict is lost", lambda s: report(s, "gate", "train")),
    ("infrastructure_4", "a gate is waived", lambda s: answered(s, "beats_naive", "waived")),
    ("infrastructure_5", "the log is lost", lambda s: part(s, "predict", "score", "uri")),
    ("infrastructure_6", "a gate is waived", lambda s: answered(s, "service", "waived")),
    ("monitoring_1", "nobody was told", lambda s: silent(s, "alert", "monitor")),
    ("monitoring_2", "its report is lost", lambda s: report(s, "validate", "score")),
    ("monitoring_3", "it is lost", lambda s: part(s, "predict", "score", "contract_uri")),
    ("monitoring_4", "the look is lost", lambda s: report(s, "monitor", "monitor")),
    ("monitoring_5", "the log is lost", lambda s: part(s, "predict", "score", "uri")),
    ("monitoring_6", "the look is lost", lambda s: report(s, "monitor", "monitor")),
    ("monitoring_7", "there was no look", lambda s: silent(s, "monitor", "monitor")),
]


@pytest.mark.parametrize(("test", "breaking"), [(t, b) for t, _, b in BROKEN],
                         ids=[f"{t}: {why}" for t, why, _ in BROKEN])  # fmt: skip
def test_evidence_that_is_taken_away_lowers_the_score(
    shop: Shop, test: str, breaking: Callable[[Shop], AbstractContextManager[None]]
) -> None:
    before = card_of(shop)
    with breaking(shop):
        after = card_of(shop)
    assert point(after, test).points < point(before, test).points
    assert total(after, test) < total(before, test)
    assert point(after, test).way_up
    assert card_of(shop) == before


@pytest.mark.parametrize(
    ("loss", "points"), [((0.01, 0.02), 1.0), ((-0.01, 0.02), 0.5), ((-0.02, -0.01), 0.5)]
)
def test_a_feature_is_beneficial_that_is_surely_missed(
    shop: Shop, loss: tuple[float, float], points: float
) -> None:
    place = shop.stores.settings.home / "lake" / str(said(shop, "card", "train").report_uri)
    before = place.read_text()
    card = json.loads(before)
    low, high = loss
    card["explained"]["weights"][-1]["loss"] |= {"low": low, "high": high}
    place.write_text(json.dumps(card))
    found = point(card_of(shop), "data_2")
    place.write_text(before)
    assert found.points == points


def test_what_a_first_run_reaches(shop: Shop) -> None:
    card = card_of(shop)
    found = {one.test: one.points for section in card.sections for one in section.points}
    without = {test for test, points in found.items() if not points}
    assert without == {"data_5", "model_1", "infrastructure_7"}
    halves = {test for test, points in found.items() if points == 0.5}
    assert halves == {
        *("data_3", "data_6", "data_7", "model_2", "model_7", "infrastructure_6"),
        *("monitoring_6", "monitoring_7"),
    }
    assert card.score == min(section.total for section in card.sections) == 4.5


def test_every_point_says_where_its_evidence_is(shop: Shop) -> None:
    points = [one for section in card_of(shop).sections for one in section.points]
    assert len({one.test for one in points}) == 28
    for one in points:
        assert bool(one.evidence) == (one.points > 0), one
        assert bool(one.way_up) == (one.points < 1), one
    stages = [each for one in points for each in one.evidence if each.stage]
    assert all(f"--run-id '{each.run_id}'" in (each.command or "") for each in stages
               if each.command and each.command.startswith("tradewind report"))  # fmt: skip


def test_evidence_that_is_too_old_is_none(shop: Shop) -> None:
    late = current_definition(MODEL, stores=shop.stores).schedule.model_copy(
        update={"today": date(2025, 3, 1)}
    )
    card = card_of(shop, schedule=late)
    # What the ledger's own events say of the champion's way in is as true as it was.
    assert {one.test for section in card.sections for one in section.points if one.points} == {
        *("data_6", "infrastructure_4"),
    }
    assert "is of 2024-03-01 00:00 UTC" in point(card, "model_6").sentence
    assert "tradewind run" in str(point(card, "model_6").way_up)


def test_a_model_of_which_nothing_ran_has_no_point(shop: Shop) -> None:
    card = card_of(shop, name="nobody")
    assert card.score == 0
    assert {one.points for section in card.sections for one in section.points} == {0.0}
    assert card.reading == reading_of(0)


def promoted(shop: Shop, **changes: Any) -> None:
    """The last promotion once more, with some of it otherwise."""
    last = shop.stores.ledger.events(model=MODEL, kind=events.INTENDED, newest_first=True, limit=1)
    shop.tell(events.INTENDED, {**last[0].payload, **changes})


def test_a_rollback_counts_until_it_is_long_ago(written: Shop) -> None:
    assert point(card_of(written), "infrastructure_7").points == 0
    promoted(written, action=ROLL_BACK, **{"from": 2})
    assert point(card_of(written), "infrastructure_7").points == 1
    late = current_definition(MODEL, stores=written.stores).schedule.model_copy(
        update={"today": date(2025, 3, 1)}
    )
    assert point(card_of(written, schedule=late), "infrastructure_7").points == 0.5


def test_a_champion_that_was_an_arm_first_was_canaried(written: Shop) -> None:
    assert point(card_of(written), "infrastructure_6").points == 0.5
    champion = written.stores.ledger.champion(MODEL)
    written.arm(f"canary:{champion.version}", share=0.1)
    assert point(card_of(written), "infrastructure_6").points == 1


def test_a_new_feature_counts_once_a_champion_has_it(written: Shop) -> None:
    ledger, first = written.stores.ledger, said(written, "admit", "train").plain
    files = ledger.definition_files(first.result["definition_digest"])
    more = files["model.yaml"].replace("visits: numeric", "visits: numeric\n    spent: numeric")
    new = {**files, "model.yaml": more}
    digest = ledger.freeze_definition(MODEL, new, as_of=AS_OF, actor="ada")
    # A promotion of a run that stood on the definition before brings nothing new.
    promoted(written)
    assert point(card_of(written), "data_6").points == 0.5
    second = {"run_id": "train/second", "result": {**first.result, "definition_digest": digest}}
    ledger.record_outcome(first.model_copy(update=second))
    promoted(written, run_id="train/second")
    found = point(card_of(written), "data_6")
    assert found.points == 1
    assert "(spent)" in found.sentence


# --------------------------------------------------------------------------------------- documents


def document(shop: Shop, **changes: Any) -> dict[str, ScorecardSection]:
    today = shop.stores.ledger.now().date()
    told_of = {
        "where": "docs/scorecard.md",
        "by": "ada",
        "on": today - timedelta(days=1),
        "review": today + timedelta(days=1),
        **changes,
    }
    documents = {"model_1": Documented.model_validate(told_of)}
    return {"scorecard": ScorecardSection(documents=documents)}


def test_a_document_is_half_a_point(shop: Shop) -> None:
    found = point(card_of(shop, **document(shop)), "model_1")
    assert found.points == 0.5
    assert found.evidence[0].uri == "docs/scorecard.md"
    assert "by ada" in found.sentence


def test_an_address_needs_no_file(shop: Shop) -> None:
    there = document(shop, where="https://example.org/review")
    assert point(card_of(shop, **there), "model_1").points == 0.5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"days": (-9, -1)}, "somebody has to do it again"),
        ({"days": (1, 9)}, "still to come"),
        ({"where": "docs/nobody-wrote-it.md"}, "there is no file docs/nobody-wrote-it.md"),
    ],
)
def test_a_document_that_does_not_hold_counts_for_nothing(
    shop: Shop, changes: dict[str, Any], why: str
) -> None:
    today = shop.stores.ledger.now().date()
    first, last = changes.pop("days", (-1, 1))
    dates = {"on": today + timedelta(days=first), "review": today + timedelta(days=last)}
    found = point(card_of(shop, **document(shop, **dates, **changes)), "model_1")
    assert found.points == 0
    assert why in found.sentence


def test_a_document_adds_nothing_to_what_is_shown(shop: Shop) -> None:
    named = document(shop)["scorecard"].documents["model_1"]
    section = ScorecardSection(documents={"model_6": named, "data_7": named})
    card = card_of(shop, scorecard=section)
    assert point(card, "model_6") == point(card_of(shop), "model_6")
    assert point(card, "data_7").points == 0.5


# ------------------------------------------------------------------------------------------- shown


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0, "experiment"),
        (0.5, "holes"),
        (1, "holes"),
        (1.5, "first pass"),
        (2, "first pass"),
        (3, "reasonably"),
        (3.5, "strongly"),
        (5, "strongly"),
        (5.5, "beyond"),
    ],
)
def test_each_score_has_its_reading(score: float, words: str) -> None:
    assert words in reading_of(score)


def test_the_lines_hold_every_test_with_sums_and_the_least_of_them(shop: Shop) -> None:
    card = card_of(shop)
    text = "\n".join(lines_of(card))
    for section in card.sections:
        assert f": {section.total:g} of 7" in text
        assert all(one.name in text and one.sentence in text for one in section.points)
    assert f"ML test score {card.score:g} of 7: {card.reading}" in text


def test_the_page_links_to_the_runs_and_loads_nothing(shop: Shop) -> None:
    page = render(card_of(shop, owner="<script>alert('x')</script>"))
    assert "<script" not in page
    assert f"/tradewind/dags/{MODEL}.train/runs/" in page
    assert 'src="http' not in page


def test_the_command_prints_the_score_and_writes_the_page(shop: Shop, tmp_path: Path) -> None:
    def ask(*words: str) -> Result:
        return CliRunner().invoke(cli.app, ["scorecard", *words], env=shop.environ)

    card, page = card_of(shop), tmp_path / "page.html"
    printed = ask(MODEL, "--output", str(page))
    assert printed.exit_code == 0
    assert printed.stdout.splitlines() == [*lines_of(card), str(page)]
    assert page.read_text() == render(card)
    assert Scorecard.model_validate_json(ask(MODEL, "--json").stdout) == card
    unknown = ask("renewal")
    assert unknown.exit_code == 2
    assert MODEL in unknown.stderr


def test_a_whole_training_is_every_stage_of_one() -> None:
    assert set(OF_A_TRAINING) == set(STAGES)
