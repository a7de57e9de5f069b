"""What keeps a version from becoming champion, and in what words a person is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.test_live import DAY, JUNE, happened, promoted, rolled_back
from tradewind.errors import PromotionRefusedError
from tradewind.promotion.rules import compare, refusal_of, rollback_target
from tradewind.stores.ledger import ChampionRecord

if TYPE_CHECKING:
    from datetime import datetime

HELD = ("held", {"until": (JUNE + 9 * DAY).isoformat()})
RETIRED = ("retired", {})
TAKEN_BACK = (promoted(1, "for 1"), promoted(2, "for 2"), rolled_back(1))


def refused(*steps: tuple[str, dict[str, Any]], **changes: Any) -> tuple[str, str] | None:
    """The outcome and the sentence for version 2, a day after it was judged anew."""
    asked = {"version": 2, "evidence_digest": "new", "as_of": JUNE + DAY, **changes}
    found = refusal_of(happened(*steps), model="m", **asked)
    return None if found is None else (found.outcome, found.sentence)


# ------------------------------------------------------------------------------------- refusal


@pytest.mark.parametrize("by_hand", [False, True])
def test_nothing_keeps_a_version_from_an_ordinary_promotion(by_hand: bool) -> None:
    assert refused(promoted(1), by_hand=by_hand) is None


def test_nothing_is_promoted_before_a_hold_ends_and_it_says_how_to_lift_it() -> None:
    assert refused(promoted(1), HELD) == (
        "held",
        (
            "m: nothing is promoted before 2013-06-10 00:00 UTC, by ann: reason 2; lift the hold "
            "with `resume`, or wait"
        ),
    )
    assert refused(promoted(1), HELD, as_of=JUNE + 9 * DAY) is None


def test_a_retired_model_is_left_alone_until_a_person_brings_it_back() -> None:
    assert refused(promoted(1), RETIRED) == (
        "retired",
        "m was retired by ann: reason 2; a person brings it back, with `promote` or `resume`",
    )
    assert refused(promoted(1), RETIRED, by_hand=True) is None


def test_what_was_rolled_back_returns_on_a_new_verdict_only() -> None:
    assert refused(*TAKEN_BACK, evidence_digest="for 2") == (
        "rolled_back_before",
        (
            "m: version 2 was rolled back after it had been promoted on this very evidence (for "
            "2): it needs a new verdict to return"
        ),
    )
    assert refused(*TAKEN_BACK) is None
    assert refused(*TAKEN_BACK, version=3, evidence_digest="for 2") is None


# ------------------------------------------------------------------------------- the champion


def champion(version: int = 1) -> ChampionRecord:
    return ChampionRecord(
        version=version,
        since=JUNE,
        event_id=1,
        recorded_at=JUNE + timedelta(hours=6),
        actor="ann",
        model_uri=None,
        run_id=None,
        evidence_digest="e",
        previous=None,
    )


def refusal(
    version: int, current: ChampionRecord | None, expected: int | None, *, as_of: datetime = JUNE
) -> str:
    """What a version is told that may not take the champion's place."""
    with pytest.raises(PromotionRefusedError) as found:
        compare("m", version, current, expected_previous=expected, as_of=as_of)
    assert found.value.champion == (current.version if current else None)
    return str(found.value)


def test_a_first_version_has_nobody_to_be_judged_against() -> None:
    compare("m", 1, None, expected_previous=None, as_of=JUNE)


@pytest.mark.parametrize("later", [timedelta(0), DAY])
def test_a_version_that_was_judged_against_the_champion_may_take_its_place(
    later: timedelta,
) -> None:
    compare("m", 2, champion(), expected_previous=1, as_of=JUNE + later)


@pytest.mark.parametrize(
    ("current", "expected", "said"),
    [
        pytest.param(
            champion(3),
            1,
            "m: version 2 was judged against version 1, but the champion is version 3 (by ann, "
            "2013-06-01 06:00:00 UTC): judge it again, against that one",
            id="another one won meanwhile",
        ),
        pytest.param(
            champion(3),
            None,
            "m: version 2 was judged against no champion, but the champion is version 3 (by ann, "
            "2013-06-01 06:00:00 UTC): judge it again, against that one",
            id="a first one came meanwhile",
        ),
        pytest.param(
            None,
            1,
            "m: version 2 was judged against version 1, but the champion is no champion: judge it "
            "again, against that one",
            id="the ledger knows of none",
        ),
    ],
)
def test_a_version_is_promoted_in_place_of_that_champion_only_that_it_was_judged_against(
    current: ChampionRecord | None, expected: int | None, said: str
) -> None:
    assert refusal(2, current, expected) == said


def test_the_champion_is_not_promoted_again() -> None:
    said = "m: version 1 is the champion already (by ann, 2013-06-01 06:00:00 UTC)"
    assert refusal(1, champion(), 1) == said


def test_a_night_before_the_champions_own_promotes_nothing() -> None:
    said = refusal(2, champion(), 1, as_of=JUNE - timedelta(seconds=1))
    assert said == (
        "m: version 2 stands for 2013-05-31T23:59:59+00:00, before the champion's "
        "2013-06-01T00:00:00+00:00 (version 1): an older night promotes nothing"
    )


# ------------------------------------------------------------------------------------- rollback


def target(
    *steps: tuple[str, dict[str, Any]], to: int | None = None, expected: int | None = None
) -> int:
    return rollback_target("m", happened(*steps), to=to, expected=expected)


THREE = (promoted(1), promoted(2), promoted(3))


@pytest.mark.parametrize(
    ("to", "expected", "found"),
    [
        pytest.param(None, None, 2, id="whoever came before"),
        pytest.param(None, 3, 2, id="whoever came before the one that is meant"),
        pytest.param(2, None, 2, id="by its number"),
        pytest.param(1, None, 1, id="two steps back, by its number"),
    ],
)
def test_the_place_goes_back_to_a_version_that_was_live_before(
    to: int | None, expected: int | None, found: int
) -> None:
    assert target(*THREE, to=to, expected=expected) == found


@pytest.mark.parametrize(
    ("steps", "asked", "said"),
    [
        pytest.param((), {}, "m has no champion yet that could be rolled back", id="no champion"),
        pytest.param(
            THREE,
            {"expected": 2},
            "m: version 2 was to be rolled back, but the champion is version 3 (by ann): look "
            "again",
            id="another champion than was meant",
        ),
        pytest.param(
            (promoted(1),),
            {},
            "m: there is nothing to roll back to, because no version was live before version 1; "
            "`fall_back` lets the naive rule decide",
            id="no predecessor",
        ),
        pytest.param(
            (*THREE, rolled_back(2)),
            {},
            "m: ann rolled version 0 back to version 2 already (reason 4); to go further back, "
            "name the version: live before were version 1",
            id="rolled back already",
        ),
        pytest.param(
            THREE,
            {"to": 3},
            "m: the champion, version 3, cannot be rolled back to version 3, which is itself; live "
            "before were version 1, version 2",
            id="itself",
        ),
        pytest.param(
            THREE,
            {"to": 9},
            "m: the champion, version 3, cannot be rolled back to version 9, which was never live "
            "before it; live before were version 1, version 2",
            id="never live",
        ),
        pytest.param(
            (*THREE, rolled_back(2)),
            {"to": 3},
            "m: the champion, version 2, cannot be rolled back to version 3, which was rolled back "
            "itself; live before were version 1",
            id="rolled back itself",
        ),
        pytest.param(
            (promoted(1),),
            {"to": 9},
            "m: the champion, version 1, cannot be rolled back to version 9, which was never live "
            "before it; no other version was live before",
            id="nothing to choose from",
        ),
    ],
)
def test_a_rollback_that_cannot_be_says_why_and_what_could(
    steps: tuple[Any, ...], asked: dict[str, int], said: str
) -> None:
    with pytest.raises(PromotionRefusedError) as found:
        target(*steps, **asked)
    assert str(found.value) == said


def test_after_a_rollback_a_version_further_back_is_named() -> None:
    assert target(*THREE, rolled_back(2), to=1) == 1
