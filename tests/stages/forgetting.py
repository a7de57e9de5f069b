"""A shop with customers who will ask to be forgotten: trained on, scored, set aside, explained."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml

from tests.gates.evidence import EXAMINED, waivers
from tests.stages.nightly import DAY, DEFINITION, FIRST_DAY, TRAINED_DAYS, Shop, night
from tests.stages.nightly import customers as ordinary
from tradewind.erasure import ErasureOrder
from tradewind.pipeline import forget_subject, run_pipeline
from tradewind.records import Identity, RunRequest
from tradewind.stages.forget import ask

if TYPE_CHECKING:
    from tradewind.erasure import Erased
    from tradewind.records import Record

PLAIN, CITY = "renewals_of_people", "renewals_by_city"
"""Two models of the same files: the first reads no city, the second learns from it."""
NIGHTS = 4
UNDECIDED = -20
"""A night of the second before it had a champion."""
_numbers = itertools.count(1)
_EXPECTED = {
    "on": "customers",
    "expect": "expect_column_values_to_not_be_null",
    "args": {"column": "email"},
    "severity": "warn",
}


@dataclass(frozen=True)
class Person:
    """Somebody who comes again and again.

    Attributes:
        key: What the source calls them.
        days: On which they renew, from the first day on; the one of `set_aside` with more visits
            than anybody has.
        city: Where nobody else lives, where it is theirs alone.
    """

    key: str
    days: tuple[int, ...]
    set_aside: int | None = None
    city: str = "Ham"

    @property
    def email(self) -> str:
        """In which the key does not stand."""
        return f"mail-{self.key[::-1]}@example.org"

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Their row of a day, where they have one."""
        if number not in self.days:
            return []
        at = datetime.combine(FIRST_DAY + number * DAY, datetime.min.time()) + timedelta(hours=21)
        visits = 600 if number == self.set_aside else 7
        return [
            {
                "customer": self.key, "renewal_at": f"{at.isoformat()}+00:00", "plan": "plus",
                "visits": visits, "churned": "false",
                "renewal": f"{self.key}/{number}", "email": self.email, "city": self.city,
            }
        ]  # fmt: skip


SCORED = TRAINED_DAYS + 1
"""The day whose customers the first night serves."""
ANN = Person("Zq-ann-4711", (3, 20, 34, SCORED), set_aside=20, city="Nether Wallop-9")
BEN = Person("Zq-ben-4712", (4, 33, SCORED))
CARA = Person("Zq-cara-4713", (5, 21))
DAN = Person("Zq-dan-4714", (6, SCORED))
EVE = Person("Zq-eve-4715", (7,))
FAY = Person("Zq-fay-4716", (9,))
SHORT = Person("77", (8, 40))
EVERYBODY = (ANN, BEN, CARA, DAN, EVE, FAY, SHORT)


@dataclass
class House(Shop):
    """The shop of both models.

    Attributes:
        gone: Whom the source has deleted.
    """

    gone: set[str] = field(default_factory=set)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """All rows of a day that the source still has."""
        day = FIRST_DAY + number * DAY
        found = [
            {**row, "renewal": row["customer"], "email": f"{row['customer']}@example.org",
             "city": "Ham"}
            for row in ordinary(day)
        ]  # fmt: skip
        planted = [row for one in EVERYBODY if one.key not in self.gone for row in one.rows(number)]
        return [*found, *planted]

    def open_all(self) -> None:
        """Write both models, and every day."""
        for number in range(TRAINED_DAYS + NIGHTS + 2):
            self.deliver(FIRST_DAY + number * DAY, self.rows(number))
        self.describe(PLAIN)
        self.describe(CITY, city=True, fallback={"rule": "group", "by": ["city"]})

    def describe(self, model: str, *, city: bool = False, **more: Any) -> None:
        """Write a model's folder."""
        source = {
            **DEFINITION["sources"]["customers"],
            "key": ["renewal"],
            "personal": {
                "email": {"ingest": "keep", "because": "letters are sent to it"},
                "city": {"ingest": "keep", "because": "prices differ"},
            },
            "subjects": {"customer": "customer"},
        }
        types = {"plan": "categorical", "visits": "numeric"}
        checks = DEFINITION["validate"]["expectations"]
        body = {
            **DEFINITION,
            "name": model,
            "entity_key": "renewal",
            "sources": {"customers": source},
            "features": {"types": {**types, **({"city": "categorical"} if city else {})}},
            "validate": {"expectations": [*checks, *([] if city else [_EXPECTED])]},
            "gates": {"waivers": waivers(*EXAMINED, "beats_champion")},
            **more,
        }
        columns = "plan, visits, city" if city else "plan, visits"
        sql = (
            "SELECT renewal, renewal_at, renewal_at - getvariable('horizon') AS prediction_time, "
            f"{columns} FROM customers\n"
        )
        folder = self.folder / "config" / "models" / model
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(yaml.safe_dump(body))
        (folder / "features.sql").write_text(sql)

    def go(
        self, pipeline: str, as_of: datetime, model: str = PLAIN, **more: Any
    ) -> dict[str, Record]:
        """One run."""
        told = {
            "model": model, "run_id": f"{pipeline}/{as_of.isoformat()}", "as_of": as_of,
            "actor": "a test", "reason": "a test", "override": "a test", "pipeline": pipeline,
            **more,
        }  # fmt: skip
        return run_pipeline(RunRequest.model_validate(told), stores=self.stores)

    def run_until(self, stage: str, *, model: str = PLAIN, **more: Any) -> None:
        """A model's training, up to a stage."""
        told = {
            "model": model, "run_id": "train/1", "as_of": night(0), "actor": "a test",
            "reason": "a test", **more,
        }  # fmt: skip
        request = RunRequest.model_validate(told)
        run_pipeline(request, stores=self.stores, until=stage)

    def delete_at_source(self, *people: Person) -> None:
        """What has to be done before: the source holds them no more."""
        self.gone |= {one.key for one in people}
        for number in sorted({day for one in people for day in one.days}):
            self.deliver(FIRST_DAY + number * DAY, self.rows(number))

    def asked(self, person: Person) -> str:
        """Their reference."""
        return ask("customer", person.key, actor="ann", stores=self.stores)

    def order(self, reference: str, **more: Any) -> ErasureOrder:
        """An order to forget."""
        told = {
            "reference": reference, "reason": "they asked for it", "actor": "ann",
            "by": Identity(kind="shell", name="ann"), "run_id": f"forget/{next(_numbers)}", **more,
        }  # fmt: skip
        return ErasureOrder.model_validate(told)

    def forget(self, reference: str, **more: Any) -> Erased:
        """Carry it out."""
        return forget_subject(self.order(reference, **more), stores=self.stores)

    def day(self, number: int) -> date:
        """A day by its number."""
        return FIRST_DAY + number * DAY


def open_house(house: House) -> None:
    """Train both models, and serve the first nights of the first."""
    house.open_all()
    house.go("score", night(UNDECIDED), CITY)
    for model in (PLAIN, CITY):
        assert house.go("train", night(0), model)["register"].outcome == "promoted"
    for number in (1, 2):
        house.go("score", night(number))
        house.go("monitor", night(number))
