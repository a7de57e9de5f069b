"""Ledger and MLflow, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.promotion import CHAMPION

if TYPE_CHECKING:
    import pytest

    from tests.promotion.past import Past


def looked(past: Past, *, alias: int | None) -> str:
    """What a look finds once the champion's alias stands at a version, or nowhere."""
    if alias is None:
        past.registry.remove_alias(past.model, CHAMPION)
    else:
        past.registry.set_alias(past.model, CHAMPION, alias)
    return str(past.reconcile().state)


def test_where_both_agree_nothing_is_written_and_nobody_is_warned(
    past: Past, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = past.reconcile()
    assert (nothing.state, nothing.champion, nothing.alias) == ("agrees", None, None)
    past.became(1)
    assert looked(past, alias=1) == "agrees"
    assert past.kinds() == ["intended", "applied"]
    assert caplog.messages == []


def test_an_interrupted_promotion_is_finished_and_told_once(
    past: Past, caplog: pytest.LogCaptureFixture
) -> None:
    past.became(1)
    decision = past.decided(2)
    past.registry.set_alias(past.model, CHAMPION, 1)

    found = past.reconcile()

    assert (found.state, found.champion, found.alias) == ("repaired", 2, 1)
    assert caplog.messages == [found.sentence]
    assert found.sentence == (
        f"{past.model}: the promotion of version 2 was interrupted and is finished now; MLflow's "
        "alias 'champion' was at version 1"
    )
    assert past.alias() == 2
    applied = past.ledger.events(model=past.model, kind="applied")[-1]
    assert applied.actor == "tradewind"
    assert (applied.payload["intended"], applied.payload["repaired"]) == (decision.id, True)
    assert past.reconcile().state == "agrees"
    assert past.kinds() == ["intended", "applied"] * 2


def test_a_promotion_of_a_version_that_mlflow_has_lost_is_not_finished(past: Past) -> None:
    past.decided(9)
    found = past.reconcile()
    assert (found.state, found.champion, found.alias) == ("tampered", 9, None)
    assert past.kinds() == ["intended", "tampering"]


def test_each_mismatch_is_reported_once_until_the_alias_is_back(
    past: Past, caplog: pytest.LogCaptureFixture
) -> None:
    past.became(1)
    states = [looked(past, alias=alias) for alias in (2, 2, 3, 1, 1, 3)]
    assert states == ["tampered"] * 3 + ["agrees"] * 2 + ["tampered"]
    assert past.alias() == 3
    written = past.ledger.events(model=past.model)[2:]
    assert [(event.kind, event.payload["alias"]) for event in written] == [
        ("tampering", 2),
        ("tampering", 3),
        ("tampering_ended", 1),
        ("tampering", 3),
    ]
    assert caplog.messages[0] == (
        f"{past.model}: MLflow's alias 'champion' is at version 2, and the ledger says version 1: "
        "it was moved, or its version deleted, behind the ledger's back. The ledger stays right; "
        "find out who did it, and set the alias back"
    )


def test_a_promotion_ends_what_was_wrong_before_it(past: Past) -> None:
    past.became(1)
    assert looked(past, alias=2) == "tampered"
    past.became(3)
    assert looked(past, alias=3) == "agrees"
    assert past.kinds()[3:] == ["intended", "applied"]
    assert looked(past, alias=2) == "tampered"
    assert past.kinds()[5:] == ["tampering"]


def test_an_alias_where_the_ledger_knows_of_no_champion_is_tampering(past: Past) -> None:
    assert looked(past, alias=2) == "tampered"
    assert looked(past, alias=None) == "agrees"
    reported, ended = past.ledger.events(model=past.model)
    assert reported.payload == {"alias": 2, "champion": None}
    assert ended.payload == {"alias": None, "tampering": reported.id}
