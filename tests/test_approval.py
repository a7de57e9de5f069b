"""Candidates that people must approve of, trained and answered for without Airflow.

One story: a weak first champion is approved; three candidates are judged beside it and wait; the
last of them is approved first, so that the champion of the other two is another one by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from tests.stages.nightly import AS_OF, Shop, night, open_shop
from tradewind import cli
from tradewind.approval import answer_awaited
from tradewind.cli import plumbing
from tradewind.errors import LeaseHeldError, RequestError
from tradewind.records import Registration
from tradewind.stores.events import APPROVAL_STANDS, APPROVED, INTENDED, REJECTED
from tradewind.stores.leases import Lease

if TYPE_CHECKING:
    from click.testing import Result

    from tests.fixtures.home import Home
    from tradewind.records import Record
    from tradewind.stores.stores import Stores

MODEL = "callers"
PROMOTION = {"approval": "required", "reviewers": ["a test", "rita", "carl"]}


@dataclass
class Story:
    """What became of each candidate.

    Attributes:
        runs: What the stages of its training returned, by candidate.
        answered: What was said when it was approved of.
        refused: What was said to answers that were none.
        shell: What the commands did.
    """

    stores: Stores
    runs: dict[str, dict[str, Record]]
    answered: dict[str, Registration]
    refused: dict[str, str]
    shell: dict[str, Result]

    def version_of(self, name: str) -> int | None:
        return self.answered[name].version


def trees(depth: int, **params: Any) -> dict[str, Any]:
    tree = "sklearn.tree.DecisionTreeClassifier"
    return {"tree": {"estimator": tree, "params": {"max_depth": depth, **params}}}


def refusal(by: str, stores: Stores) -> str:
    with pytest.raises(RequestError) as error:
        answer_awaited(MODEL, "approved", by=by, note="yes", stores=stores)
    return str(error.value)


@pytest.fixture(scope="module")
def story(shared_home: Home) -> Story:
    return tell(open_shop(shared_home, nights=2, model=MODEL))


def tell(shop: Shop) -> Story:
    found = Story(shop.stores, {}, {}, {}, {})
    train(found, shop, "weak", AS_OF, trees(1))
    found.refused["stranger"] = refusal("mallory", found.stores)
    found.refused["own"] = refusal("a test", found.stores)
    found.shell["reject"] = in_shell(shop, "mallory", "reject")
    found.shell["approve"] = in_shell(shop, "carl", "approve")
    found.refused["again"] = refusal("rita", found.stores)
    train(found, shop, "weak_too", night(1), trees(1, min_samples_leaf=5))
    train(found, shop, "good_too", night(1), trees(4, min_samples_leaf=5))
    train(found, shop, "good", night(1), trees(4))
    approve(found, "good", by="rita")
    held = hold(found.stores)
    with pytest.raises(LeaseHeldError) as error:
        approve(found, "good_too", by="rita")
    found.refused["held"] = str(error.value)
    found.stores.ledger.release_lease(MODEL, holder="other", fencing_token=held.fencing_token)
    approve(found, "good_too", by="rita")
    approve(found, "weak_too", by="rita")
    return found


def train(story: Story, shop: Shop, name: str, as_of: Any, candidates: dict[str, Any]) -> None:
    shop.declare(promotion=PROMOTION, train={**shop.body["train"], "candidates": candidates})
    # As a decision launches it: by hand it would be within the cool-down.
    story.runs[name] = shop.run("train", as_of, run_id=f"train/{name}", override="a test")


def in_shell(shop: Shop, who: str, command: str) -> Result:
    words = [command, MODEL, "--note", "it will do"]
    # A shell's user is the operating system's, whom a test cannot become.
    with patch.object(plumbing, "shell_name", return_value=who):
        return CliRunner().invoke(cli.app, words, env=shop.environ)


def approve(story: Story, name: str, *, by: str) -> None:
    story.answered[name] = answer_awaited(
        MODEL, "approved", by=by, note=f"{name} will do", stores=story.stores
    )


def hold(stores: Stores) -> Lease:
    said = {"as_of": AS_OF, "actor": "ann", "reason": "a training"}
    lease = stores.ledger.acquire_lease(MODEL, holder="other", ttl=timedelta(hours=1), **said)
    assert isinstance(lease, Lease)
    return lease


def test_a_run_without_airflow_ends_with_a_candidate_that_awaits_its_approval(
    story: Story,
) -> None:
    said = story.runs["weak"]["register"]
    assert isinstance(said, Registration)
    assert (said.outcome, said.version, said.champion) == ("awaits_approval", None, None)
    assert "awaits the approval of rita or carl until" in said.reason
    assert "`tradewind approve callers --note ...`" in said.reason


def test_who_may_not_answer_is_told_why(story: Story) -> None:
    assert "mallory is none of the declared reviewers" in story.refused["stranger"]
    assert "a test started this training" in story.refused["own"]


def test_an_approval_registers_and_promotes(story: Story) -> None:
    done = story.shell["approve"]
    assert done.exit_code == 0, done.output
    assert "promoted: no gate blocks it: " in done.stdout
    first = story.stores.ledger.events(model=MODEL, kind=APPROVED)[0]
    assert (first.actor, first.reason) == ("carl", "it will do")
    champion = story.stores.ledger.events(model=MODEL, kind=INTENDED)[0]
    version = story.stores.registry.version(MODEL, champion.payload["version"])
    assert version.tags["approved_by"] == "carl"


def test_a_shell_of_nobody_who_may_answer_changes_nothing(story: Story) -> None:
    refused = story.shell["reject"].exception
    assert isinstance(refused, RequestError)
    assert "mallory is none of the declared reviewers (a test, rita, carl)" in str(refused)
    assert story.stores.ledger.events(model=MODEL, kind=REJECTED) == []


def test_what_was_answered_is_not_asked_again(story: Story) -> None:
    assert story.refused["again"] == "callers: no candidate awaits an approval"


def test_other_trainings_run_while_an_approval_is_awaited(story: Story) -> None:
    outcomes = [story.runs[name]["register"].outcome for name in ("weak_too", "good_too", "good")]
    assert outcomes == ["awaits_approval"] * 3


def test_an_answer_that_comes_while_another_run_is_at_work_is_kept(story: Story) -> None:
    assert "the run other holds the lease" in story.refused["held"]
    assert "the answer about this candidate is kept" in story.refused["held"]
    said = story.stores.ledger.events(model=MODEL, kind=APPROVED)
    assert len([event for event in said if event.payload["run_id"] == "train/good_too"]) == 1


def test_an_approval_stands_where_nothing_but_the_champion_changed(story: Story) -> None:
    first, again = story.answered["good"], story.answered["good_too"]
    assert (first.outcome, again.outcome) == ("promoted", "promoted")
    (event,) = story.stores.ledger.events(model=MODEL, kind=APPROVAL_STANDS)
    assert event.payload["instead_of"] == story.runs["good_too"]["gate"].digest
    assert f"the champion is version {first.version} now, and was version" in event.reason
    moves = story.stores.ledger.events(model=MODEL, kind=INTENDED)
    assert moves[-1].payload["evidence_digest"] == event.payload["verdict_digest"]
    assert moves[-1].payload["previous"] == first.version


def test_a_candidate_that_the_new_champion_beats_is_blocked_though_it_was_approved(
    story: Story,
) -> None:
    assert story.runs["weak_too"]["gate"].passed
    said = story.answered["weak_too"]
    assert (said.outcome, said.version) == ("blocked", None)
    assert said.reason.startswith("beats_champion:")
    assert said.champion == story.version_of("good_too")
