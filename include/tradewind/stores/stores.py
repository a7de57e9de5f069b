"""The stores a stage works with, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tradewind.settings import Settings, load_settings
from tradewind.stores.catalog import Catalog
from tradewind.stores.lake import Lake
from tradewind.stores.ledger import Ledger
from tradewind.stores.registry import Registry


@dataclass(frozen=True)
class Stores:
    """The lake, the catalog of its parts, the ledger and the registry of one platform.

    Each connects when it is first used, so that a stage pays only for what it touches.
    """

    settings: Settings

    @classmethod
    def open(cls, settings: Settings | None = None) -> Stores:
        """Open what the settings (the environment's, where none are given) name."""
        return cls(settings or load_settings())

    @cached_property
    def lake(self) -> Lake:
        """Parquet and JSON, immutable."""
        return Lake.open(self.settings)

    @cached_property
    def catalog(self) -> Catalog:
        """Which parts of which source were observed when."""
        return Catalog.open(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """What happened, in order, for good."""
        return Ledger.open(self.settings)

    @cached_property
    def registry(self) -> Registry:
        """Models, versions and aliases in MLflow."""
        return Registry.open(self.settings)
