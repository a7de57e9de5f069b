"""The two stores that a promotion touches, and a model of its own in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.candidates import Shelf
from tradewind.errors import RegistryError
from tradewind.live import live_state
from tradewind.promotion import CHAMPION, Promotion, promote, reconcile, roll_back
from tradewind.stores.ledger import ROUTINE, Lease, Ledger
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from tradewind.nights import LiveState

JUNE = datetime(2013, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Desk:
    """The two stores that a promotion touches, and a model of its own."""

    ledger: Ledger
    registry: Registry
    model: str
    token: int = 0

    def lease(self, holder: str = "r1", *, ttl: timedelta = DAY) -> int:
        taken = self.ledger.acquire_lease(
            self.model, holder=holder, ttl=ttl, as_of=JUNE, actor="ann", reason="nightly"
        )
        assert isinstance(taken, Lease)
        return taken.fencing_token

    def version(self, train_key: str) -> int:
        return Shelf(self.registry, self.model).version(train_key)

    def promote(self, version: int, previous: int | None, **changes: Any) -> Promotion:
        given: dict[str, Any] = {
            "as_of": JUNE,
            "actor": "ann",
            "reason": "nightly",
            "evidence_digest": "e" * 32,
            "fencing_token": self.token,
            **changes,
        }
        return promote(
            stores=self,  # type: ignore[arg-type]
            model=self.model,
            version=version,
            expected_previous=previous,
            **given,
        )

    def roll_back(self, to: int | None = None, **changes: Any) -> Promotion:
        given: dict[str, Any] = {
            "as_of": JUNE,
            "actor": "bob",
            "reason": "it is worse",
            **changes,
        }
        return roll_back(stores=self, model=self.model, to=to, **given)  # type: ignore[arg-type]

    def reconcile(self) -> Any:
        return reconcile(stores=self, model=self.model)  # type: ignore[arg-type]

    def live(self, as_of: datetime | None = None, **how: Any) -> LiveState:
        return live_state(self.ledger, self.model, as_of=as_of, **how)

    def champion(self, as_of: datetime | None = None) -> int | None:
        found = self.ledger.champion(self.model, as_of=as_of)
        return found.version if found else None

    def alias(self, name: str = CHAMPION) -> int | None:
        return self.registry.alias(self.model, name)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.events(model=self.model, without=ROUTINE)]


class Interrupted(Registry):
    """A registry that stops answering when the alias is to be moved."""

    def set_alias(self, model: str, alias: str, version: int) -> None:
        raise RegistryError(f"{model}: MLflow does not answer")
