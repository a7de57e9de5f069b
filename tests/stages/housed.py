"""A shop that has been open for a while: three champions in a row, nights, and a lake to tidy up.

Version 3 decides, 2 is the one to roll back to, 1 can decide no more, and one candidate was trained
and never registered. Of version 1's window some days are read by nobody any more.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.gates.evidence import EXAMINED, waivers
from tests.stages.nightly import AS_OF, FIRST_DAY, Shop, customers, day_of, night, open_shop
from tradewind.housekeeping_records import HouseKept, HouseRequest
from tradewind.pipeline import run_pipeline
from tradewind.records import RunRequest
from tradewind.stages.keep_house import keep_house

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fixtures.home import Home
    from tradewind.records import Record

MODEL = "housed"
DECIDES, BEFORE, OVER = 3, 2, 1
TRAINED_ON = {OVER: AS_OF, BEFORE: night(3), DECIDES: night(6)}
LAST = 8
"""The newest night that was served."""
UNDECIDED = -1
"""A night before the first champion."""
SET_ASIDE = FIRST_DAY.replace(day=20)
"""Some of its rows cannot be."""
SQL = """
SELECT c.customer, c.renewal_at, c.renewal_at - getvariable('horizon') AS prediction_time,
  c.plan, c.visits, p.price
FROM customers AS c LEFT JOIN plans AS p USING (plan)
"""
PLANS: dict[str, Any] = {
    "kind": "files",
    "pattern": "plans.csv",
    "key": ["plan"],
    "types": {"plan": "VARCHAR", "price": "DOUBLE"},
}


@dataclass
class House:
    """The shop, and its ledger, lake and models as they are now.

    Attributes:
        runs: How many times house was kept here.
    """

    shop: Shop
    model: str = MODEL
    runs: list[str] = field(default_factory=list)

    @property
    def stores(self) -> Any:
        return self.shop.stores

    @property
    def lake(self) -> Path:
        return Path(self.stores.settings.lake_uri.removeprefix("file://"))

    def files(self) -> dict[str, bytes]:
        """The lake, whole, but for heads of the chain."""
        every = (path for path in self.lake.rglob("*") if path.is_file())
        named = {str(path.relative_to(self.lake)): path for path in every}
        return {n: path.read_bytes() for n, path in named.items() if not n.startswith("audit/")}

    def keep(self, as_of: str | None, *, dry_run: bool = False) -> HouseKept:
        self.runs.append(f"housekeeping/{len(self.runs)}")
        asked = HouseRequest(run_id=self.runs[-1], actor="ann", as_of=as_of, dry_run=dry_run)
        return keep_house(asked, stores=self.stores)

    def declare(self, retention: Mapping[str, str]) -> None:
        """Have a run admitted with these ages: from then on they count."""
        self.shop.declare(SQL, retention=dict(retention))
        files = {
            name: (self.shop.folder / "config" / "models" / self.model / name).read_text()
            for name in ("model.yaml", "features.sql")
        }
        self.stores.ledger.freeze_definition(self.model, files, as_of=night(LAST), actor="ann")

    def copied(self, folder: Path) -> House:
        """The same house, with a lake of its own."""
        shutil.copytree(self.lake, folder / "lake")
        environ = {**self.shop.environ, "TRADEWIND_LAKE": (folder / "lake").as_uri()}
        home = replace(self.shop.home, environ=environ)
        return replace(self, shop=replace(self.shop, home=home))


def open_house(home: Home, *, model: str = MODEL) -> House:
    """Three trainings, each promoted, and the nights after them."""
    shop = open_shop(home, nights=LAST, model=model)
    (shop.folder / "plans.csv").write_text("plan,price\nbasic,10\nplus,20\n")
    odd = customers(SET_ASIDE)
    shop.deliver(SET_ASIDE, [{**row, "visits": 999} for row in odd[:3]] + odd[3:])
    house = House(shop, model)
    shop.run("score", night(UNDECIDED))
    for version, as_of in TRAINED_ON.items():
        trained = _train(shop, as_of, depth=version)
        assert trained["register"].version == version, trained["register"]
        for number in (1, 2):
            _serve(shop, (as_of - AS_OF).days + number)
    _train(shop, night(LAST), depth=5, until="train")
    return house


def _train(shop: Shop, as_of: Any, *, depth: int, until: str | None = None) -> dict[str, Record]:
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": depth}}
    window = {"days": 56, "history": "1 day"}
    shop.declare(
        SQL,
        sources={**shop.body["sources"], "plans": PLANS},
        features={"types": {"plan": "categorical", "visits": "numeric", "price": "numeric"}},
        train={**shop.body["train"], "window": window, "candidates": {"one": tree}},
        gates={"waivers": waivers(*EXAMINED, "beats_champion")},
        retrain={"cadence": "never", "cooldown": "365 days"},
    )
    asked = {"model": shop.model, "run_id": f"train/{depth}", "as_of": as_of, "actor": "ann"}
    request = RunRequest.model_validate({**asked, "reason": "a test", "override": "a test"})
    return run_pipeline(request, stores=shop.stores, until=until)


def _serve(shop: Shop, number: int) -> None:
    for pipeline in ("score", "monitor"):
        shop.run(pipeline, night(number))


__all__ = ["BEFORE", "DECIDES", "LAST", "OVER", "UNDECIDED", "House", "day_of", "open_house"]
