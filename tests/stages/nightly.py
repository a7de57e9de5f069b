"""A small shop whose customers renew or leave: a trained champion, and nights after it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml

from tests.fixtures.sandbox import CLONE
from tests.gates.evidence import waivers
from tradewind.pipeline import run_pipeline
from tradewind.records import RunRequest
from tradewind.stores import events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    import pytest

    from tests.fixtures.home import Home
    from tradewind.nights import ScoredNight
    from tradewind.records import Record
    from tradewind.stores.stores import Stores

MODEL = "renewals"
FIRST_DAY = date(2024, 1, 1)
TRAINED_DAYS = 60
CUSTOMERS_A_DAY = 40
AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SQL = """
SELECT customer, renewal_at, renewal_at - getvariable('horizon') AS prediction_time, plan, visits
FROM customers
"""
DEFINITION: dict[str, Any] = {
    "name": MODEL,
    "owner": "a test",
    "purpose": "to be served every night",
    "problem": "binary",
    "entity_key": "customer",
    "event_time": "renewal_at",
    "horizon": "1 day",
    "sources": {
        "customers": {
            "kind": "files",
            "pattern": "data/{date}.csv",
            "key": ["customer"],
            "time_column": "renewal_at",
            "types": {"renewal_at": "TIMESTAMPTZ", "visits": "DOUBLE", "plan": "VARCHAR"},
            # Renewals are known three weeks before, what came of them half a day after.
            "known_at": "renewal_at - INTERVAL 21 DAY",
            "late": {
                "outcome": {"columns": ["churned"], "known_at": "renewal_at + INTERVAL 12 HOUR"}
            },
        }
    },
    "validate": {
        "expectations": [
            {
                "on": "customers",
                "expect": "expect_column_values_to_be_between",
                "args": {"column": "visits", "min_value": 0, "max_value": 500},
                "severity": "quarantine",
            },
            {
                "on": "customers",
                "expect": "expect_column_values_to_not_be_null",
                "args": {"column": "plan", "mostly": 0.99},
            },
        ]
    },
    "features": {"types": {"plan": "categorical", "visits": "numeric"}},
    "label": {"relation": "customers_outcome", "expression": "churned", "expires_after": "2 days"},
    "fallback": {"rule": "group", "by": ["plan"]},
    "metrics": {"resample": {"draws": 200}},
    "monitor": {"performance": {"window": "7 days"}},
    "gates": {"waivers": waivers()},
    "train": {
        "window": {"history": "1 day"},
        "judge_days": 30,
        "select_days": 14,
        "search": {"trials": 1, "rows": 1000},
        "candidates": {
            "linear": {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": 1.0}}
        },
    },
}


def customers(day: date) -> list[dict[str, Any]]:
    """Those who renew on a day: heavy visitors of the basic plan leave."""
    number_of_day = (day - FIRST_DAY).days
    rows = []
    for number in range(CUSTOMERS_A_DAY):
        visits = (number * 7 + number_of_day * 3) % 20
        plan = ("basic", "plus")[(number + number_of_day) % 2]
        churned = (visits > 12 and plan == "basic") != ((number + number_of_day) % 11 == 0)
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=30 * number)
        who = f"c{number_of_day}-{number}"
        rows.append(
            {
                "customer": who, "renewal_at": at.isoformat(), "plan": plan, "visits": visits,
                "churned": str(churned).lower(),
            }
        )  # fmt: skip
    return rows


@dataclass
class Shop:
    """The shop, its platform, and its nights.

    Attributes:
        home: Its folder holds `data/<date>.csv` and `config/`.
        body: What its `model.yaml` says.
    """

    home: Home
    body: dict[str, Any] = field(default_factory=lambda: dict(DEFINITION))

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.home.folder

    @property
    def environ(self) -> dict[str, str]:
        """Of its platform."""
        return self.home.environ

    @property
    def model(self) -> str:
        """Its name."""
        return str(self.body["name"])

    @property
    def stores(self) -> Stores:
        """As a new process opens them."""
        return self.home.stores

    def declare(self, sql: str = SQL, **changes: Any) -> None:
        """Write the model's folder."""
        gates = {**self.body["gates"], **changes.pop("gates", {})}
        self.body |= {**changes, "gates": gates}
        folder = self.folder / "config" / "models" / self.model
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(yaml.safe_dump(self.body))
        (folder / "features.sql").write_text(sql)

    def deliver(self, day: date, rows: list[dict[str, Any]] | None = None) -> None:
        """Write a day's file, or write it again."""
        told = customers(day) if rows is None else rows
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        lines = [",".join(told[0])] if told else ["customer,renewal_at,plan,visits,churned"]
        lines += [",".join("" if v is None else str(v) for v in row.values()) for row in told]
        (self.folder / "data" / f"{day}.csv").write_text("\n".join(lines) + "\n")

    def run(self, pipeline: str, as_of: datetime, **changes: Any) -> dict[str, Record]:
        """One run."""
        asked = {
            "model": self.model,
            "run_id": f"{pipeline}/{as_of.isoformat()}",
            "as_of": as_of,
            "actor": "a test",
            "reason": "to see that it is served",
            "pipeline": pipeline,
            **changes,
        }
        return run_pipeline(RunRequest.model_validate(asked), stores=self.stores)

    def score(self, number: int = 1) -> ScoredNight:
        """The night that many days after the training."""
        return self.run("score", night(number))["predict"]

    def log(self, scored: ScoredNight) -> pd.DataFrame:
        """A night's rows."""
        return self.stores.lake.read_table(scored.uri).to_pandas()

    def served(self, scored: ScoredNight) -> pd.DataFrame:
        """A night's served rows, by entity."""
        rows = self.log(scored)
        return rows[rows["source"] != "shadow"].set_index("entity")

    def tell(
        self, kind: str, payload: Mapping[str, Any] | None = None, *, reason: str = "a test says so"
    ) -> None:
        """Write what changes who decides, from the training's moment on."""
        self.stores.ledger.append(
            model=self.model,
            kind=kind,
            as_of=AS_OF,
            actor="ada",
            reason=reason,
            payload=payload or {},
        )

    def arm(self, name: str, *, share: float = 0.0) -> None:
        """Start an arm, named by its kind and version."""
        kind, _, version = name.partition(":")
        told = {"name": name, "version": int(version), "kind": kind, "share": share}
        self.tell(events.ARM_STARTED, told)

    def without_models(self) -> None:
        """Forget the model files that are kept in the home."""
        shutil.rmtree(self.stores.settings.home / "models", ignore_errors=True)

    def mlflow_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From here on nobody answers for MLflow."""
        self.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def night(number: int) -> datetime:
    """The as-of moment that many days after the training."""
    return AS_OF + number * DAY


def day_of(number: int) -> date:
    """The day whose customers a night serves: the horizon is a day."""
    return night(number).date()


def settle(home: Home) -> Home:
    """Let a home read its configuration and its files from its own folder."""
    home.environ.update(
        {
            "TRADEWIND_ROOT": str(CLONE),
            "TRADEWIND_CONFIG": str(home.folder / "config"),
            "TRADEWIND_FILES": str(home.folder),
        }
    )
    return home


def open_shop(home: Home, *, nights: int, model: str = MODEL) -> Shop:
    """A shop with its customers up to some nights after the training.

    Whoever trains it otherwise than it is declared here gives its model a name of its own: MLflow
    numbers the versions of a name, and is shared.
    """
    shop = Shop(settle(home))
    shop.declare(name=model)
    for number in range(TRAINED_DAYS + nights + 2):
        shop.deliver(FIRST_DAY + number * DAY)
    return shop
