from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.definition.folders import TEN_LINES
from tests.stores.test_ledger import run_sql
from tradewind.errors import LedgerUnavailableError
from tradewind.stores.admitted import every_admitted, last_readable
from tradewind.stores.ledger import Ledger

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
SQL = "SELECT bill, paid_at, guests FROM bills\n"


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def freeze(ledger: Ledger, text: str, *, model: str = "tips") -> str:
    files = {"model.yaml": text, "features.sql": SQL}
    return ledger.freeze_definition(model, files, as_of=MARCH, actor="ann")


def test_every_definition_is_told_once_and_which_is_the_last(ledger: Ledger) -> None:
    first = freeze(ledger, TEN_LINES)
    second = freeze(ledger, TEN_LINES.replace("the restaurant", "the bar"))
    freeze(ledger, TEN_LINES)
    freeze(ledger, TEN_LINES, model="more_tips")

    every = every_admitted(ledger)

    assert [(one.model, one.digest, one.is_last) for one in every] == [
        ("tips", first, True),
        ("tips", second, False),
        ("more_tips", first, True),
    ]
    owners = [one.definition.owner for one in every if one.definition]
    assert owners == ["the restaurant", "the bar", "the restaurant"]


def test_one_that_cannot_be_read_any_more_is_among_them(
    ledger: Ledger, ledger_owner_dsn: str
) -> None:
    broken = freeze(ledger, "name: [")
    changed = freeze(ledger, TEN_LINES)
    run_sql(ledger_owner_dsn, "ALTER TABLE definitions DISABLE TRIGGER append_only")
    run_sql(ledger_owner_dsn, f"UPDATE definitions SET files = '{{}}' WHERE digest = '{changed}'")

    every = every_admitted(ledger)

    assert [(one.digest, one.definition) for one in every] == [(broken, None), (changed, None)]


def test_a_ledger_that_does_not_answer_is_no_unreadable_definition(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(ledger, TEN_LINES)

    def silent(_: Ledger, digest: str) -> dict[str, str]:
        raise LedgerUnavailableError(f"{digest} was asked for")

    monkeypatch.setattr(Ledger, "definition_files", silent)
    with pytest.raises(LedgerUnavailableError, match="was asked for"):
        every_admitted(ledger)


def test_the_last_definition_is_nothing_where_it_cannot_be_read(ledger: Ledger) -> None:
    assert last_readable(ledger, "tips") is None
    digest = freeze(ledger, TEN_LINES)
    found = last_readable(ledger, "tips")
    assert found is not None
    assert found.digest == digest
    freeze(ledger, "name: [")
    assert last_readable(ledger, "tips") is None
