"""House is kept: what is older than its models declare is let go of, unless something needs it.

Each model goes by itself: what cannot be told of one keeps its own things, and the others' go. What
is let go of says so to whoever reads it later. The ledger keeps how much of what went, and no more:
its own events, definitions and verdicts are never touched.

It may be killed at any point and be done again: what a run would take for whole without its rows
goes first, and everything else is found anew.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.errors import LakeError, TradewindError, UnavailableError
from tradewind.housekeeping_records import HouseKept, HouseRequest
from tradewind.records import StageOutcome
from tradewind.reports.housekeeping import house_lines
from tradewind.stages._house_files import Claims, Old, old_files
from tradewind.stages._house_heaps import heaps, heaps_of_leftovers
from tradewind.stages._house_models import old_models
from tradewind.stages._house_needed import needed_of
from tradewind.stages._house_parts import FOLDER, old_parts
from tradewind.stages._house_records import follow, with_records
from tradewind.stages._house_tenants import tenants
from tradewind.stores.chain_heads import keep
from tradewind.stores.events import HOUSE_KEPT
from tradewind.stores.leftovers import lake_files, old_cached, old_drafts, remove
from tradewind.stores.logged_models import LoggedModels
from tradewind.stores.subjects import ERASING, Subjects

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from tradewind.stages._house_needed import Needed
    from tradewind.stages._house_tenants import Tenant
    from tradewind.stores.leftovers import Lying
    from tradewind.stores.logged_models import LoggedModel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

ITSELF = "tradewind"
"""Whose run it is in the ledger, where a run is a model's."""
TASK = "keep_house"


@dataclass
class _Found:
    """What is older than declared, and of whom it cannot be told.

    Attributes:
        old: In the lake.
        models: In MLflow, each with its version.
        leftovers: Drafts and cached models, by kind.
        errors: By model.
    """

    old: list[Old] = field(default_factory=list)
    models: list[tuple[Old, LoggedModel, int]] = field(default_factory=list)
    leftovers: dict[str, list[Lying]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def every(self) -> list[Old]:
        """What is old, wherever it lies."""
        return [*self.old, *(old for old, _, _ in self.models)]


def keep_house(request: HouseRequest, *, stores: Stores) -> HouseKept:
    """Let go of what is older than declared, and say what stays although it is.

    Args:
        request: For which moment, and whether it is only to be said what would go.
        stores: Where everything is kept.

    Returns:
        How much of which kind and model went. What kept a model's things from being looked at, or
        from going, is among `errors`: whoever called says so at the end.

    Raises:
        DefinitionError: The moment is none.
        UnavailableError: A store does not answer. What went is gone; the same again goes on from
            there.
    """
    if request.dry_run:
        return _kept(request, stores)
    # What an erasure rewrites does not go meanwhile.
    with stores.ledger.lock(ERASING):
        kept = _kept(request, stores)
    _tell(request, kept, stores)
    return kept


def _kept(request: HouseRequest, stores: Stores) -> HouseKept:
    now = stores.ledger.now()
    found = _looked(request, now, stores)
    versions = {} if request.dry_run else _carried_out(found, now, stores)
    return HouseKept(
        run_id=request.run_id,
        as_of=now,
        dry_run=request.dry_run,
        gone=[
            *heaps(old for old in found.every if old.why is None),
            *heaps_of_leftovers(found.leftovers),
        ],
        stays=heaps(old for old in found.every if old.why is not None),
        versions=versions,
        errors=found.errors,
    )


# ----------------------------------------------------------------------------------------- looking


def _looked(request: HouseRequest, now: datetime, stores: Stores) -> _Found:
    every, unknown = tenants(stores, asked=request.as_of, now=now)
    found = _Found(errors=dict(unknown))
    needed = _needed(every, found, stores)
    files = lake_files(stores.settings)
    held = _held_by_erasures(files, found, stores)
    by_name = {tenant.model: tenant for tenant in every}
    claims = Claims.of([*by_name, *unknown], stores)
    follow(claims, needed.values(), files, stores)
    lake = [
        *old_files(files, claims, by_name, needed, held, unknown=unknown),
        *old_parts(files, every, needed, held, unknown=unknown, stores=stores),
    ]
    records = with_records([old for old in lake if old.why is None], files, stores)
    found.old = [*lake, *records]
    if not unknown:
        _look_at_models([one for one in every if one.model in needed], needed, found, stores)
    found.leftovers["drafts"] = old_drafts(files.values(), stores.settings, now=now)
    if not found.errors:
        models = {uri for each in needed.values() for uri in each.models}
        found.leftovers["cache"] = old_cached(stores.settings, models, now=now)
    return found


def _needed(every: Sequence[Tenant], found: _Found, stores: Stores) -> dict[str, Needed]:
    needed = {}
    for tenant in every:
        try:
            needed[tenant.model] = needed_of(tenant, stores)
        except UnavailableError:
            raise
        except TradewindError as error:
            log.warning("what %s needs cannot be told: %s", tenant.model, error)
            found.errors[tenant.model] = str(error)
    return needed


def _look_at_models(
    every: Sequence[Tenant], needed: dict[str, Needed], found: _Found, stores: Stores
) -> None:
    for tenant in every:
        try:
            found.models += old_models(tenant, needed, stores)
        except UnavailableError:
            raise
        except TradewindError as error:
            found.errors[tenant.model] = f"its models in MLflow could not be looked at: {error}"


def _held_by_erasures(files: Collection[str], found: _Found, stores: Stores) -> Collection[str]:
    """All there is, while somebody is to be erased of whom it has begun.

    Such an erasure goes first, and rewrites what holds something of them. One that cannot be
    finished holds every file, until somebody has seen to it.
    """
    begun = Subjects.open(stores.settings).begun()
    if not begun:
        return ()
    found.errors["erasures"] = (
        f"{len(begun):,} begun and not done, and no file of the lake goes before: "
        "`tradewind forget` with the reference goes on, and says what is in its way; see "
        "docs/forgetting.md"
    )
    return files


# ------------------------------------------------------------------------------------- letting go


def _carried_out(found: _Found, now: datetime, stores: Stores) -> dict[str, list[int]]:
    going = [old for old in found.old if old.why is None]
    parts = [old for old in going if old.path.startswith(f"{FOLDER}/")]
    rest = [old for old in going if not old.path.startswith(f"{FOLDER}/")]
    # Small files say of the large ones that they are there: a killed run leaves none that does.
    _let_go(sorted(rest, key=lambda old: not old.path.endswith(".json")), found, now, stores)
    by_source: dict[str, list[Old]] = defaultdict(list)
    for old in parts:
        by_source[old.path.split("/")[1]].append(old)
    for source_id, some in by_source.items():
        with stores.catalog.exclusive(source_id):
            _let_go(some, found, now, stores)
    for kind in found.leftovers.values():
        for left in kind:
            remove(left, stores.settings)
    return _let_go_of_models(found, now, stores)


def _let_go(some: Iterable[Old], found: _Found, now: datetime, stores: Stores) -> None:
    for old in some:
        try:
            stores.lake.replace(old.path, None, why=f"retention: {old.because}", at=now)
        except UnavailableError:
            raise
        except LakeError as error:
            _not_gone(old, found, error)


def _let_go_of_models(found: _Found, now: datetime, stores: Stores) -> dict[str, list[int]]:
    versions: dict[str, list[int]] = defaultdict(list)
    logged = LoggedModels.of(stores.registry) if found.models else None
    for old, model, version in list(found.models):
        if old.why is not None or logged is None:
            continue
        try:
            logged.let_go(model, why=old.because, at=now)
        except TradewindError as error:
            found.models.remove((old, model, version))
            found.errors[str(old.model)] = str(error)
        else:
            versions[str(old.model)].append(version)
    return {model: sorted(some) for model, some in versions.items()}


def _not_gone(old: Old, found: _Found, error: LakeError) -> None:
    # Somebody else may have let go of it meanwhile, which is as well.
    with suppress(ValueError):
        found.old.remove(old)
    found.errors[old.model or old.kind] = str(error)


def _tell(request: HouseRequest, kept: HouseKept, stores: Stores) -> None:
    told = kept.model_dump(mode="json", include={"run_id", "gone", "versions"})
    stores.ledger.append(
        model=None,
        kind=HOUSE_KEPT,
        as_of=kept.as_of,
        actor=request.actor,
        reason=house_lines(kept)[0],
        payload={
            **told,
            "files": kept.files,
            "bytes": kept.bytes,
            "errors": sorted(kept.errors),
        },
    )
    keep(stores.ledger, stores.lake)
    stores.ledger.record_outcome(
        StageOutcome(
            model=ITSELF,
            run_id=request.run_id,
            stage=TASK,
            as_of=kept.as_of,
            lines=house_lines(kept),
            result=kept.model_dump(mode="json"),
        )
    )
