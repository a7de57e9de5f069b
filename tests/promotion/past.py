"""A model in both stores, whose past is written straight into the ledger: it is told quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.desk import DAY, JUNE, Desk
from tradewind.errors import RegistryError
from tradewind.promotion.following import write_applied
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from tradewind.stores.ledger import Event


@dataclass
class Past(Desk):
    """A model whose versions 1, 2 and 3 MLflow knows."""

    def happened(self, kind: str, /, *, day: int = 0, **payload: Any) -> Event:
        """Something that Ann did, a number of days into June."""
        return self.ledger.append(
            model=self.model,
            kind=kind,
            as_of=JUNE + day * DAY,
            actor="ann",
            reason="because",
            payload=payload,
        )

    def decided(self, version: int, *, day: int = 0, **more: Any) -> Event:
        """A version is to be champion; nobody has told MLflow yet."""
        said = {"action": "promote", "evidence_digest": f"for {version}", "run_id": None, **more}
        return self.happened("intended", day=day, version=version, previous=self.champion(), **said)

    def became(self, version: int, *, day: int = 0) -> Event:
        """A version is champion, and MLflow was told."""
        intended = self.decided(version, day=day)
        write_applied(self.ledger, self.model, intended, found=None, repaired_by=None)
        return intended

    def beside(self, version: int, *, kind: str = "shadow", share: float = 0.0) -> None:
        """A version scores beside the champion from 1 June on."""
        name = f"{kind}:{version}"
        self.happened("arm_started", name=name, version=version, kind=kind, share=share)

    def tags(self) -> dict[str, str]:
        """What MLflow says of the model as a whole."""
        return self.registry.model_tags(self.model) or {}


class ReadOnly(Registry):
    """A registry that may be asked, and refuses to change anything."""

    def set_alias(self, model: str, alias: str, version: int) -> None:
        raise RegistryError(f"{model}: nothing may be changed")

    def remove_alias(self, model: str, alias: str) -> None:
        raise RegistryError(f"{model}: nothing may be changed")

    def set_model_tag(self, model: str, name: str, value: str) -> None:
        raise RegistryError(f"{model}: nothing may be changed")

    def remove_model_tag(self, model: str, name: str) -> None:
        raise RegistryError(f"{model}: nothing may be changed")
