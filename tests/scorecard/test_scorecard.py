"""The ML test score of a model that was really trained, served a night, and looked at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.fixtures.git import git
from tests.fixtures.home import home_of_its_own
from tests.gates.evidence import waivers
from tests.scorecard.breaking import ADA, BROKEN, commit, point, rewritten, said, total
from tests.stages.nightly import AS_OF, Shop, night, open_shop
from tradewind import cli
from tradewind.as_of import current_definition
from tradewind.definition.scorecard import Documented, ScorecardSection
from tradewind.erasure import Erased
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

MODEL = "subscribers"
SCHEDULE = {"today": date(2024, 3, 1)}
TESTS = """\
columns:
  customers:
    {customer: VARCHAR, renewal_at: TIMESTAMPTZ, plan: VARCHAR, visits: DOUBLE, churned: BOOLEAN}
tests:
  - name: both are as the customer's row says
    as_of: 2024-03-01T00:00:00Z
    given:
      customers: [{customer: a, renewal_at: 2024-03-01T12:00:00Z, plan: plus, visits: 7}]
    expect: [{customer: a, plan: plus, visits: 7}]
"""
HARM = {
    "by": "ada",
    "on": date(2024, 1, 1),
    "until": date(2099, 1, 1),
    "helps": ["Those who are called before they leave."],
    "harms": ["Those who are called for nothing."],
    "indicators": {"called_for_nothing": {"metric": "false_positive_rate", "at_most": 0.9}},
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
    (shop.folder / "config" / "models" / MODEL / "tests.yaml").write_text(TESTS)
    commit(shop.folder / "config")
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
    low, high = loss

    def change(card: dict[str, Any]) -> None:
        card["explained"]["weights"][-1]["loss"] |= {"low": low, "high": high}

    with rewritten(shop, said(shop, "card", "train").report_uri, change):
        assert point(card_of(shop), "data_2").points == points


def test_a_definition_is_reviewed_where_somebody_else_read_each_of_its_files(shop: Shop) -> None:
    assert point(card_of(shop), "model_1").points == 0.5
    config = shop.stores.settings.config_dir
    folder = config / "models" / MODEL
    whole = {name: (folder / name).read_text() for name in ("model.yaml", "features.sql")}
    whole["tests.yaml"] = TESTS
    reviewed = "Reviewed-by: Grace <grace@example.org>"
    try:
        for name, text in whole.items():
            (folder / name).write_text(f"{text}# on its way\n")
            commit(config)
            (folder / name).write_text(text)
            commit(config, reviewed)
            found = point(card_of(shop), "model_1")
            assert found.points == (1 if name == "tests.yaml" else 0.5)
        assert "reviewed by Grace <grace@example.org>" in found.sentence
        commit(config, f"Reviewed-by: {ADA}")
        assert point(card_of(shop), "model_1").points == 1
    finally:
        git(config, "reset", "--hard", git(config, "rev-list", "--max-parents=0", "HEAD"))


def erased(kind: str, **came_to: Any) -> dict[str, Any]:
    told = {"reference": "0" * 32, "kind": kind, "at": AS_OF, "actor": "ada", "reason": "a drill"}
    return Erased.model_validate(told | came_to).model_dump(mode="json")


def test_an_erasure_counts_that_took_out_rows_of_those_whose_rows_the_sources_hold(
    written: Shop,
) -> None:
    sources = current_definition(MODEL, stores=written.stores).sources
    own = sources["customers"].model_copy(update={"subjects": {"customer": "customer"}})
    people = {"sources": {**sources, "customers": own}}
    written.tell(events.ERASED, erased("patient", files=2, rows=3))
    assert point(card_of(written, **people), "data_5").points == 0.5
    written.tell(events.ERASED, erased("customer"))
    logs = {"place": "logs", "what": "1"}
    written.tell(events.ERASED, erased("customer", elsewhere=[logs]))
    found = point(card_of(written, **people), "data_5")
    assert (found.points, "no erasure took rows" in found.sentence) == (0.5, True)
    written.tell(events.ERASED, erased("customer", files=2, rows=3))
    # One of nobody, that came after it, takes nothing away.
    written.tell(events.ERASED, erased("customer"))
    found = point(card_of(written, **people), "data_5")
    assert found.points == 1
    assert found.evidence[-1].command == "tradewind erasures"
    assert point(card_of(written), "data_5").points == 0.5


def test_what_a_first_run_reaches(shop: Shop) -> None:
    card = card_of(shop)
    found = {one.test: one.points for section in card.sections for one in section.points}
    without = {test for test, points in found.items() if not points}
    assert without == {"infrastructure_7"}
    halves = {test for test, points in found.items() if points == 0.5}
    assert halves == {
        *("data_3", "data_5", "data_6", "model_1", "model_2", "infrastructure_6"),
        *("monitoring_6", "monitoring_7"),
    }
    assert card.score == min(section.total for section in card.sections) == 5.5


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
    documents = {"infrastructure_7": Documented.model_validate(told_of)}
    return {"scorecard": ScorecardSection(documents=documents)}


def test_a_document_is_half_a_point(shop: Shop) -> None:
    found = point(card_of(shop, **document(shop)), "infrastructure_7")
    assert found.points == 0.5
    assert found.evidence[0].uri == "docs/scorecard.md"
    assert "by ada" in found.sentence


def test_an_address_needs_no_file(shop: Shop) -> None:
    there = document(shop, where="https://example.org/review")
    assert point(card_of(shop, **there), "infrastructure_7").points == 0.5


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
    found = point(card_of(shop, **document(shop, **dates, **changes)), "infrastructure_7")
    assert found.points == 0
    assert why in found.sentence


def test_a_document_adds_nothing_to_what_is_shown(shop: Shop) -> None:
    named = document(shop)["scorecard"].documents["infrastructure_7"]
    section = ScorecardSection(documents={"model_6": named, "data_3": named})
    card = card_of(shop, scorecard=section)
    assert point(card, "model_6") == point(card_of(shop), "model_6")
    assert point(card, "data_3").points == 0.5


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
