"""What MLflow is told of the ledger's state, for whoever serves from there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.promotion.past import ReadOnly
from tradewind.promotion import CHALLENGER, SERVING, SERVING_REASON, follow
from tradewind.promotion.following import write_applied

if TYPE_CHECKING:
    from tests.promotion.past import Past


def told(past: Past) -> None:
    with past.ledger.lock(past.model) as ledger:
        follow(past, ledger, past.model)  # type: ignore[arg-type]


def off(reason: str) -> dict[str, str]:
    return {SERVING: "fallback", SERVING_REASON: reason}


def test_the_challenger_is_whoever_was_started_last_beside_the_champion(past: Past) -> None:
    past.became(1)
    found = []
    for kind, version in (
        ("arm_started", 2),
        ("arm_started", 3),
        ("arm_stopped", 3),
        ("arm_stopped", 2),
    ):
        said = {"version": version, "kind": "shadow", "share": 0.0}
        past.happened(kind, name=f"shadow:{version}", **said)
        told(past)
        found.append(past.alias(CHALLENGER))
    assert found == [2, 3, 2, None]


def test_a_challenger_that_mlflow_has_lost_is_nobody(past: Past) -> None:
    past.became(1)
    past.beside(2)
    told(past)
    past.beside(9)
    told(past)
    assert past.alias(CHALLENGER) is None


def test_whoever_serves_is_told_why_the_model_may_not_decide_until_it_may(past: Past) -> None:
    past.became(1)
    past.happened("switched_off")
    told(past)
    assert past.tags() == off("because")
    past.happened("resumed")
    told(past)
    assert past.tags() == {}


def test_a_retirement_is_the_reason_that_counts(past: Past) -> None:
    past.happened("switched_off")
    told(past)
    retired = {"model": past.model, "kind": "retired", "as_of": past.ledger.now(), "actor": "ann"}
    past.ledger.append(**retired, reason="a new product", payload={})  # type: ignore[arg-type]
    told(past)
    assert past.tags() == off("a new product")


@pytest.mark.parametrize("kind", ["switched_off", "retired"])
def test_a_model_that_mlflow_never_heard_of_has_nothing_to_be_told_of(
    past: Past, kind: str
) -> None:
    unheard = replace(past, model=f"{past.model}_of_nobody")
    unheard.happened(kind)
    told(unheard)
    assert unheard.registry.model_tags(unheard.model) is None


def test_what_mlflow_was_told_already_is_not_told_again(past: Past) -> None:
    asked = replace(past, registry=ReadOnly(past.registry.address))
    past.became(1)
    told(asked)
    past.beside(2)
    past.happened("switched_off")
    told(past)
    told(asked)
    assert past.alias(CHALLENGER) == 2
    assert past.tags() == off("because")


def test_who_made_mlflow_follow_is_kept_and_whether_it_was_a_repair(past: Past) -> None:
    intended = past.decided(1)
    for by, found in ((None, 2), ("tradewind", 3)):
        write_applied(past.ledger, past.model, intended, found=found, repaired_by=by)
    own, repair = past.ledger.events(model=past.model, kind="applied")
    same = {"intended": intended.id, "version": 1}
    assert (own.actor, own.reason) == ("ann", "because")
    assert own.payload == {**same, "found": 2, "repaired": False}
    assert (repair.actor, repair.reason) == ("tradewind", "an interrupted promotion was finished")
    assert repair.payload == {**same, "found": 3, "repaired": True}
