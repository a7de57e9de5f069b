"""A stretch of nights with several trainings: two champions that people approved, and an arm.

The shop has a time-stamped source beside its customers, whose rows are known at their own time, and
a reference table. One day was corrected between two trainings, and some rows were set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.gates.evidence import EXAMINED, waivers
from tests.stages.nightly import AS_OF, DEFINITION, FIRST_DAY, Shop, customers, night
from tradewind.approval import answer_awaited
from tradewind.replay.nights import replay_night

if TYPE_CHECKING:
    from datetime import date

    from tradewind.records import Record
    from tradewind.stores.stores import Stores

MODEL = "memberships"
SQL = """
SELECT c.customer, c.renewal_at, c.renewal_at - getvariable('horizon') AS prediction_time,
  c.plan, c.visits, p.price, w.rain
FROM customers AS c
LEFT JOIN plans AS p USING (plan)
ASOF LEFT JOIN weather AS w ON c.renewal_at - getvariable('horizon') >= w.known_at
"""
SOURCES: dict[str, Any] = {
    **DEFINITION["sources"],
    "weather": {
        "kind": "files",
        "pattern": "weather/{date}.csv",
        "key": ["seen_at"],
        "time_column": "seen_at",
        "types": {"seen_at": "TIMESTAMPTZ", "day": "BIGINT", "rain": "DOUBLE"},
    },
    "plans": {
        "kind": "files",
        "pattern": "plans.csv",
        "key": ["plan"],
        "types": {"plan": "VARCHAR", "price": "DOUBLE"},
    },
}
APPROVED = {"approval": "required", "reviewers": ["rita", "carl"]}
CORRECTED = AS_OF.date() - timedelta(days=1)
"""Delivered again after the first training, within the sources' lookback."""
SET_ASIDE = FIRST_DAY + timedelta(days=10)
"""Three of its rows cannot be."""
NEED_NOT_BE_BETTER = {"waivers": waivers(*EXAMINED, "beats_champion")}
NIGHTS = 10
"""The last of them is after the last training."""


@dataclass
class Story:
    """What happened.

    Attributes:
        trainings: What the stages of each training returned, by version.
    """

    shop: Shop
    trainings: dict[int, dict[str, Record]]

    @property
    def stores(self) -> Stores:
        return self.shop.stores


def tell(shop: Shop) -> Story:
    story = Story(shop, {})
    for number in range(-60, NIGHTS + 2):
        deliver_weather(shop, (AS_OF + timedelta(days=number)).date())
    (shop.folder / "plans.csv").write_text("plan,price\nbasic,10\nplus,20\n")
    odd = customers(SET_ASIDE)
    shop.deliver(SET_ASIDE, [{**row, "visits": 999} for row in odd[:3]] + odd[3:])
    train(story, 1, AS_OF, tree(1), promotion=APPROVED)
    answer_awaited(MODEL, "approved", by="carl", note="it will do", stores=story.stores)
    replayed(story, 1, 2)
    shop.deliver(CORRECTED, customers(CORRECTED)[1:])
    train(story, 2, night(3), tree(4), gates=NEED_NOT_BE_BETTER, promotion=APPROVED)
    answer_awaited(MODEL, "approved", by="rita", note="better", stores=story.stores)
    replayed(story, 4, 5)
    train(story, 3, night(7), tree(5), gates=NEED_NOT_BE_BETTER, promotion={"mode": "shadow"})
    replayed(story, 8, 8)
    given = {"from": f"models:/{MODEL}/2"}
    train(story, 4, night(9), given, gates=NEED_NOT_BE_BETTER, promotion={"mode": "shadow"})
    story.shop.score(10)
    return story


def tree(depth: int) -> dict[str, Any]:
    return {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": depth}}


def train(
    story: Story, version: int, as_of: datetime, candidate: dict[str, Any], **declared: Any
) -> None:
    body = {**story.shop.body["train"], "candidates": {"one": candidate}}
    types = {"plan": "categorical", "visits": "numeric", "price": "numeric", "rain": "numeric"}
    story.shop.body.pop("promotion", None)
    never = {"cadence": "never", "cooldown": "365 days"}
    story.shop.declare(
        SQL, sources=SOURCES, features={"types": types}, train=body, retrain=never, **declared
    )
    run_id = f"train/{version}"
    found = story.shop.run("train", as_of, run_id=run_id, override="a test")
    assert found["register"].outcome in {"awaits_approval", "started_as_arm"}, found["register"]
    story.trainings[version] = found


def replayed(story: Story, first: int, last: int) -> None:
    stores = story.stores
    model = stores.ledger.last_good(MODEL).model
    for number in range(first, last + 1):
        replay_night(model, night(number), stores=stores)


def deliver_weather(shop: Shop, day: date) -> None:
    (shop.folder / "weather").mkdir(parents=True, exist_ok=True)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    # It never rains: what the weather says decides nothing, and is learned from all the same.
    lines = [f"{(at + timedelta(hours=6 * n)).isoformat()},{day.day},0" for n in range(4)]
    (shop.folder / "weather" / f"{day}.csv").write_text(
        "seen_at,day,rain\n" + "\n".join(lines) + "\n"
    )
