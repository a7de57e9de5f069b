"""The commands of the audit, on a real ledger and a lake in a folder."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.stores.test_chain import ANEW, MARCH, tamper, write
from tradewind import cli
from tradewind.erasure import ErasureOrder
from tradewind.pipeline import release
from tradewind.records import Admission, Identity, RunRequest
from tradewind.stores.chain_heads import keep, newest
from tradewind.stores.elsewhere import erase_words
from tradewind.stores.ledger import Lease
from tradewind.stores.needles import Needles
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tradewind.settings import Settings

__all__ = ["tamper"]


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["audit", *words])


def test_the_end_of_a_training_keeps_the_head(stores: Stores) -> None:
    said = {"as_of": MARCH, "actor": "ann", "reason": "nightly"}
    lease = stores.ledger.acquire_lease("m", holder="train/a", ttl=timedelta(hours=1), **said)
    assert isinstance(lease, Lease)
    request = RunRequest(model="m", run_id="train/a", **said)
    token = lease.fencing_token
    release(Admission(request=request, definition_digest="d", fencing_token=token), stores=stores)

    head = newest(stores.lake)

    (given_back,) = stores.ledger.events(kind="lease_released")
    assert head is not None
    assert head.event_id == given_back.id


def test_a_ledger_as_it_was_written_is_said_to_be_so(stores: Stores) -> None:
    write(stores.ledger, "a", "b")
    bare = run("verify")
    assert bare.exit_code == 0, bare.output
    assert "2 events in the chain, 0 frozen definitions: all is as it was written" in bare.output
    assert "no head that was kept elsewhere agrees" in bare.output
    head = keep(stores.ledger, stores.lake)
    assert head is not None

    done = run("verify", "--head", head.hash)

    assert done.exit_code == 0, done.output
    assert "2 heads kept elsewhere agree, the last with entry 2, 0 minutes old" in done.output


def test_what_is_wrong_is_said_event_by_event(
    stores: Stores, tamper: Callable[[str], None]
) -> None:
    write(stores.ledger, "a", "b", "c")
    tamper("UPDATE events SET reason = 'other' WHERE id = 1; DELETE FROM events WHERE kind = 'c';")

    done = run("verify")
    machine = run("verify", "--json")

    assert done.exit_code == machine.exit_code == 1
    assert "altered: event 1 (`a` of m, recorded at " in done.output
    assert "missing: event 3 (`c` of m, recorded at " in done.output
    assert "2 things are not as it was written" in done.output
    said = json.loads(machine.output)["findings"]
    assert [(one["event_id"], one["kind"], one["model"]) for one in said] == [
        (3, "c", "m"),
        (1, "a", "m"),
    ]


def test_a_head_from_an_alert_file_finds_a_chain_written_anew(
    stores: Stores, tamper: Callable[[str], None], tmp_path: Path
) -> None:
    write(stores.ledger, "a")
    head = stores.ledger.chain.head()
    assert head is not None
    alerts = tmp_path / "m.jsonl"
    alerts.write_text(json.dumps({"model": "m", "head": head.model_dump(mode="json")}) + "\n")
    assert run("verify", "--head", str(alerts)).exit_code == 0
    tamper("UPDATE events SET reason = 'other';" + ANEW)

    assert run("verify").exit_code == 0
    done = run("verify", "--head", str(alerts))
    assert done.exit_code == 1
    assert "rewritten: entry 1, which was kept elsewhere for event 1" in done.output


def test_what_erasures_took_out_is_said_and_what_else_is_gone_is_a_finding(
    stores: Stores, home: Settings, tamper: Callable[[str], None]
) -> None:
    write(stores.ledger, "a", "b", reason="Zq-ann-4711 has complained")
    write(stores.ledger, "c")
    order = {"reason": "a test", "actor": "ann", "by": Identity(kind="shell", name="ann")}
    order |= {"reference": "0" * 32, "run_id": "forget/1"}
    erase_words(home, Needles(["Zq-ann-4711"]), ErasureOrder.model_validate(order))

    done, machine = run("verify"), run("verify", "--json")

    assert done.exit_code == 0, done.output
    assert "2 texts of events erased, as events of 1 erasure say" in done.output
    said = json.loads(machine.output)
    assert (said["erased"], said["erasures"]) == (2, 1)
    tamper("UPDATE words SET texts = replace(texts::text, 'because', 'no')::jsonb;")
    done = run("verify")
    assert done.exit_code == 1
    assert "altered: the words of event 3 (`c` of m, recorded at " in done.output
    tamper("DELETE FROM words WHERE event_id = 3;")
    assert "missing: the words of event 3 (`c` of m, recorded at " in run("verify").output


@pytest.mark.parametrize("words", ["abc", "/no/such/file"])
def test_what_is_no_head_is_the_wrong_word(stores: Stores, words: str) -> None:
    done = run("verify", "--head", words)
    assert done.exit_code == 2
    assert f"{words}: there is no head in it" in done.output


def test_the_head_is_printed_with_the_age_of_the_one_that_is_kept(stores: Stores) -> None:
    assert "nothing has happened yet" in run("head").output
    write(stores.ledger, "a")
    assert "the lake keeps none yet" in run("head").output
    head = keep(stores.ledger, stores.lake)
    assert head is not None
    write(stores.ledger, "b")

    done, machine = run("head"), run("head", "--json")

    newest = stores.ledger.chain.head()
    assert newest is not None
    assert newest.sentence in done.output
    assert (
        "the lake keeps entry 1, 0 minutes old; since then, beside events that tell of heads: 1"
        in done.output
    )
    said = json.loads(machine.output)
    assert (said["head"]["hash"], said["kept"]["hash"]) == (newest.hash, head.hash)
