"""Ways to take the evidence of a model's test score away, and to put it back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2

from tests.fixtures.git import git
from tests.stages.nightly import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.scorecard_records import Point, Scorecard
    from tradewind.stores.ledger import RecordedOutcome

ADA = "Ada <ada@example.org>"
Change = Callable[[dict[str, Any]], None]
Breaking = Callable[[Shop], AbstractContextManager[None]]


def point(card: Scorecard, test: str) -> Point:
    return next(one for section in card.sections for one in section.points if one.test == test)


def total(card: Scorecard, test: str) -> float:
    return next(one.total for one in card.sections if one.name == test.partition("_")[0])


def said(shop: Shop, stage: str, pipeline: str) -> RecordedOutcome:
    found = shop.stores.ledger.last_outcome(shop.model, stage, pipeline=pipeline)
    assert found is not None
    return found


def commit(config: Path, *trailers: str) -> None:
    """Keep the definitions in a clone of their own, all as they are."""
    git(config, "init")
    git(config, "add", ".")
    message = "\n".join(["Say it", "", *trailers])
    git(config, "commit", "--allow-empty", f"--author={ADA}", "--message", message)


@contextmanager
def moved_away(place: Path, aside: Path) -> Iterator[None]:
    shutil.move(place, aside)
    yield
    shutil.move(aside, place)


def lost(shop: Shop, uri: str | None) -> AbstractContextManager[None]:
    """Something is not in the lake any more."""
    assert uri is not None
    return moved_away(shop.stores.settings.home / "lake" / uri, shop.folder / "lost")


@contextmanager
def rewritten(shop: Shop, uri: str | None, change: Change) -> Iterator[None]:
    """Something in the lake says something else."""
    place = shop.stores.settings.home / "lake" / str(uri)
    before = place.read_text()
    content = json.loads(before)
    change(content)
    place.write_text(json.dumps(content))
    yield
    place.write_text(before)


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
def told(shop: Shop, stage: str, pipeline: str, change: Change) -> Iterator[None]:
    """A stage of the last run said something else."""
    before = said(shop, stage, pipeline)
    after = before.plain.model_copy(deep=True)
    change(after.result)
    shop.stores.ledger.record_outcome(after)
    yield
    shop.stores.ledger.record_outcome(before.plain)


def answered(shop: Shop, gates: str, outcome: str) -> AbstractContextManager[None]:
    """Gates of the last verdict, one or more, said something else."""

    def change(result: dict[str, Any]) -> None:
        found = [one for one in result["results"] if one["gate"] in gates.split()]
        assert found
        for one in found:
            one["outcome"] = outcome

    return told(shop, "gate", "train", change)


def report(shop: Shop, stage: str, pipeline: str) -> AbstractContextManager[None]:
    return lost(shop, said(shop, stage, pipeline).report_uri)


def reported(shop: Shop, stage: str, pipeline: str, change: Change) -> AbstractContextManager[None]:
    return rewritten(shop, said(shop, stage, pipeline).report_uri, change)


def part(shop: Shop, stage: str, pipeline: str, name: str) -> AbstractContextManager[None]:
    return lost(shop, said(shop, stage, pipeline).result[name])


@contextmanager
def another_commit(shop: Shop) -> Iterator[None]:
    """The definition that the last training ran with is not what is committed any more."""
    config = shop.stores.settings.config_dir
    sql = config / "models" / shop.model / "features.sql"
    before = sql.read_text()
    sql.write_text(f"{before}-- more\n")
    commit(config)
    yield
    git(config, "reset", "--hard", "HEAD~1")


def no_git(shop: Shop) -> AbstractContextManager[None]:
    return moved_away(shop.stores.settings.config_dir / ".git", shop.folder / "no_git")


def one_trial(result: dict[str, Any]) -> None:
    result["trials"] = 1


def nothing_proved(result: dict[str, Any]) -> None:
    result["proof"]["rows"] = 0


def nothing_tested(result: dict[str, Any]) -> None:
    result["tests"] = None


def one_untested(result: dict[str, Any]) -> None:
    result["tests"]["tested"].pop()


def served_by_rule(result: dict[str, Any]) -> None:
    result["served"] = {"fallback": result["rows"]}


def addresses_found(report: dict[str, Any]) -> None:
    found = {"source": "s", "column": "c", "kind": "e-mail address", "values": 9, "sampled": 9}
    report["sensitive"] = [found]


QUALITY = "threshold beats_naive beats_champion"
BROKEN: list[tuple[str, str, Breaking]] = [
    ("data_1", "its report is lost", lambda s: report(s, "validate", "train")),
    ("data_2", "the card is lost", lambda s: report(s, "card", "train")),
    ("data_3", "a gate is waived", lambda s: answered(s, "fragility", "waived")),
    ("data_3", "nobody looked", lambda s: part(s, "load_test", "train", "uri")),
    ("data_4", "a gate is waived", lambda s: answered(s, "leakage", "waived")),
    ("data_4", "nothing was proved", lambda s: told(s, "features", "train", nothing_proved)),
    ("data_5", "its report is lost", lambda s: report(s, "validate", "train")),
    ("data_5", "addresses came in", lambda s: reported(s, "validate", "train", addresses_found)),
    ("data_6", "nobody knows what ran", lambda s: silent(s, "admit", "train")),
    ("data_7", "no features were made", lambda s: silent(s, "features", "train")),
    ("data_7", "no test was run", lambda s: told(s, "features", "train", nothing_tested)),
    ("data_7", "one is not tested", lambda s: told(s, "features", "train", one_untested)),
    ("model_1", "another one is committed", another_commit),
    ("model_1", "there is no clone", no_git),
    ("model_1", "nobody knows what ran", lambda s: silent(s, "admit", "train")),
    ("model_2", "the look is lost", lambda s: report(s, "monitor", "monitor")),
    ("model_3", "there was one trial", lambda s: told(s, "train", "train", one_trial)),
    ("model_4", "a gate is waived", lambda s: answered(s, "stability", "waived")),
    ("model_5", "a gate is waived", lambda s: answered(s, "simplicity", "waived")),
    ("model_6", "a gate is waived", lambda s: answered(s, "slices", "waived")),
    ("model_6", "nobody looked", lambda s: part(s, "probe", "train", "uri")),
    ("model_7", "its time is over", lambda s: answered(s, "harm_review", "blocked")),
    ("model_7", "nobody looked", lambda s: part(s, "probe", "train", "uri")),
    ("infrastructure_1", "nobody looked", lambda s: part(s, "refit", "train", "uri")),
    ("infrastructure_2", "a gate is waived", lambda s: answered(s, "behaviour", "waived")),
    ("infrastructure_3", "nothing came to the end", lambda s: silent(s, "register", "train")),
    ("infrastructure_3", "a stage is missing", lambda s: silent(s, "probe", "train")),
    ("infrastructure_3", "the rule decided", lambda s: told(s, "predict", "score", served_by_rule)),
    ("infrastructure_4", "the verdict is lost", lambda s: report(s, "gate", "train")),
    ("infrastructure_4", "its gates are waived", lambda s: answered(s, QUALITY, "waived")),
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
