"""The files of models that can no longer decide, in MLflow and in this machine's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.live import KINDS
from tradewind.stages._house_files import Old
from tradewind.stores.logged_models import LoggedModels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tradewind.stages._house_needed import Needed
    from tradewind.stages._house_tenants import Tenant
    from tradewind.stores.events import Event
    from tradewind.stores.logged_models import LoggedModel
    from tradewind.stores.stores import Stores


def old_models(
    tenant: Tenant, needed: Mapping[str, Needed], stores: Stores
) -> Iterator[tuple[Old, LoggedModel, int]]:
    """Every logged model of a model that is older than declared, and what keeps it, if so.

    Args:
        tenant: Whose.
        needed: What every model needs, by name.
        stores: Registry and ledger.

    Returns:
        Each with its version; 0 for a candidate that never became one.

    Raises:
        RegistryError: MLflow does not answer, or refuses.
    """
    limit = tenant.limit("models")
    events = stores.ledger.events(model=tenant.model, kind=KINDS)
    versions = {one.model_uri: one.version for one in stores.registry.versions(tenant.model)}
    logged = LoggedModels.of(stores.registry)
    for found in logged.of_model(tenant.model):
        version = versions.get(found.uri, 0)
        at = max([found.as_of, *_moments(events, version)])
        if at >= limit:
            continue
        files, size = logged.files(found)
        why = next(
            (each.models[found.uri] for each in needed.values() if found.uri in each.models), None
        )
        because = f"retention: {tenant.model} keeps models {tenant.kept_for('models')}"
        old = Old(
            kind="models",
            model=tenant.model,
            path=found.uri,
            at=at,
            bytes=size,
            because=because,
            why=why,
            files=files,
        )
        yield old, found, version


def _moments(events: list[Event], version: int) -> Iterator[datetime]:
    """When a version was last brought in, taken back or replaced: it decided, or scored, so far."""
    for event in events:
        said = event.payload
        named = {said.get("version"), said.get("previous"), said.get("from"), said.get("served_by")}
        named.add(_number(str(said.get("name", "")).partition(":")[2]))
        if version and version in named:
            yield event.as_of


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
