"""What of a model is needed, whatever its age, and why.

Needed is what belongs to a version that decides, scores beside the champion, serves a segment or
could be rolled back to; to a candidate that is being trained, or that people are still to decide
about; and to nights that are watched, whose labels are awaited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradewind.definition.moments import night_days
from tradewind.errors import LakeError, LedgerError, UnavailableError
from tradewind.lineage import lineage_of
from tradewind.live import KINDS, line_of, newest_moment, state_of
from tradewind.promotion.approvals import deadline_of
from tradewind.stores.events import APPROVAL_ASKED, NIGHT_MONITORED
from tradewind.stores.exclusions import tainted_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.lineage_records import Lineage
    from tradewind.records import StageOutcome
    from tradewind.stages._house_tenants import Tenant
    from tradewind.stores.stores import Stores

_DAY = timedelta(days=1)
# Nights whose figures a night is held against: the contract's history, sound ones and others.
_LOOKED_BACK = 56
# What a person may still decide about; the others are decided.
_UNDECIDED = ("held", "retired")
_AWAITS = "awaits_approval"
_REGISTRY = "models:/"


@dataclass
class Needed:
    """What must stay of one model.

    Attributes:
        paths: In the lake, each with the reason.
        folders: The same, of all that is below; each ends with a slash.
        models: Addresses of logged models, each with the reason.
        definitions: Of versions that score by their own.
        since: Nights from here on are watched.
    """

    since: datetime
    paths: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    definitions: list[ModelDefinition] = field(default_factory=list)

    def why(self, path: str) -> str | None:
        """Why a file must stay; None where nothing asks for it."""
        if path in self.paths:
            return self.paths[path]
        parts = path.split("/")
        above = ("/".join(parts[:count]) + "/" for count in range(1, len(parts)))
        return next((self.folders[folder] for folder in above if folder in self.folders), None)

    def add(self, path: str, why: str) -> None:
        """Ask for a file; validated rows are asked for with all that lies beside them."""
        folder, _, rest = path.partition("/")
        if folder == "validated" and "/" in rest:
            self.folders.setdefault(f"{folder}/{rest.partition('/')[0]}/", why)
        else:
            self.paths.setdefault(path, why)


def needed_of(tenant: Tenant, stores: Stores) -> Needed:
    """Everything of a model that must stay.

    Raises:
        LedgerError: What a version was trained on cannot be told, so that nothing can be let go.
        UnavailableError: A store does not answer.
    """
    needed = Needed(since=watched_since(tenant))
    for version, why in versions_needed(tenant, stores).items():
        _add_version(needed, tenant.model, version, why, stores)
    for run_id, why in runs_needed(tenant, stores).items():
        _add_run(needed, tenant.model, run_id, why, stores)
    for definition in tenant.counting:
        _add_named_models(needed, definition, stores)
    looks = stores.ledger.events(
        model=tenant.model, kind=NIGHT_MONITORED, newest_first=True, limit=1
    )
    for look in looks:
        for name in ("uri", "judged_uri"):
            if look.payload.get(name):
                needed.add(look.payload[name], "the next night goes on from the last look")
    return needed


def watched_since(tenant: Tenant) -> datetime:
    """The first night that a look of today may still ask for."""
    spans = [
        max(
            night_days(each) * _DAY,
            each.promotion.probation + each.label.expires_after + each.horizon,
            _LOOKED_BACK * max(_DAY, each.score.every),
        )
        for each in tenant.counting
    ]
    return tenant.as_of - max(spans)


# ---------------------------------------------------------------------------------------- versions


def versions_needed(tenant: Tenant, stores: Stores) -> dict[int, str]:
    """Versions that decide, may be brought back or be decided about, each with the reason."""
    ledger, model = stores.ledger, tenant.model
    events = ledger.events(model=model, kind=KINDS)
    probation = max(each.promotion.probation for each in tenant.counting)
    found: dict[int, str] = {}
    for moment in {tenant.as_of, newest_moment(ledger, model)}:
        known = [event for event in events if event.as_of <= moment]
        state = state_of(model, known, as_of=moment, probation=probation)
        if state.champion is not None:
            found.setdefault(state.champion, f"version {state.champion} decides")
        for arm in state.arms:
            found.setdefault(arm.version, f"version {arm.version} scores beside the champion")
        for rule in state.segments:
            if isinstance(rule.served_by, int):
                found.setdefault(rule.served_by, f"version {rule.served_by} serves a segment")
    line = [int(event.payload["version"]) for event in line_of(events)]
    tainted = tainted_versions(ledger, model)
    clean = [version for version in line[:-1] if version not in tainted]
    for version in (*line[-2:-1], *clean[-1:]):
        found.setdefault(version, f"version {version} is the one to roll back to")
    for version in _undecided(model, line[-1] if line else 0, stores):
        found.setdefault(version, f"version {version} passed, and nobody has decided yet")
    return found


def _undecided(model: str, champion: int, stores: Stores) -> Iterator[int]:
    for said in stores.ledger.outcomes(model=model, stage="register", limit=None):
        version = said.result.get("version")
        if said.result.get("outcome") in _UNDECIDED and version and version > champion:
            yield version


def _add_version(needed: Needed, model: str, version: int, why: str, stores: Stores) -> None:
    path = lineage_of(model, version, stores)
    if not path.snapshots or path.features is None or path.training.model_uri is None:
        raise LedgerError(
            f"{model}: {why}, and what it was trained on cannot be told any more: nothing of this "
            f"model is let go of; see `tradewind lineage {model} {version}`"
        )
    for uri in _uris(path):
        needed.add(uri, why)
    needed.models.setdefault(path.training.model_uri, why)
    digest = path.training.definition_digest
    if digest is not None:
        needed.definitions.append(stores.ledger.definition(model, digest).model)
    if path.base is not None:
        base, _, number = path.base.rpartition(" version ")
        if number.isdigit():
            _add_version(needed, base, int(number), f"{why}, and came of {path.base}", stores)


def _uris(path: Lineage) -> Iterator[str]:
    yield from (held.uri for held in (*path.snapshots, *path.validated))
    yield from (use.uri for use in path.parts)
    if path.features is not None:
        yield path.features.uri
    for held in (path.evaluation, path.verdict):
        if held is not None:
            yield held.uri
            # What every player answered lies beside the figures.
            yield held.uri.removesuffix(".json") + ".parquet"


def _add_named_models(needed: Needed, definition: ModelDefinition, stores: Stores) -> None:
    """Models of this registry that a definition takes candidates from."""
    every = (*definition.candidates.values(), *definition.retrain.wider.candidates.values())
    named = {each.from_ for each in every if each.from_ and each.from_.startswith(_REGISTRY)}
    for uri in named:
        needed.models.setdefault(_logged(uri, stores), f"{definition.name} names it as a candidate")


def _logged(uri: str, stores: Stores) -> str:
    """The logged model behind `models:/<name>/<version>`; any other address as it is."""
    model, _, version = uri.removeprefix(_REGISTRY).partition("/")
    if not version.isdigit():
        return uri
    known = {one.version: one.model_uri for one in stores.registry.versions(model)}
    return known.get(int(version), uri)


# -------------------------------------------------------------------------------------------- runs


def runs_needed(tenant: Tenant, stores: Stores) -> dict[str, str]:
    """Runs at work, and those whose candidate people are still to decide about."""
    ledger, model = stores.ledger, tenant.model
    found: dict[str, str] = {}
    lease = ledger.lease(model)
    if lease is not None:
        found[lease.holder] = "a training is at work"
    now = ledger.now()
    registered = {
        said.run_id: said.result.get("outcome")
        for said in ledger.outcomes(model=model, stage="register", limit=None)
    }
    for asked in ledger.events(model=model, kind=APPROVAL_ASKED):
        run_id = asked.payload["run_id"]
        if registered.get(run_id, _AWAITS) == _AWAITS and now <= deadline_of(asked):
            found.setdefault(run_id, "its candidate awaits an approval")
    return found


def _add_run(needed: Needed, model: str, run_id: str, why: str, stores: Stores) -> None:
    for said in stores.ledger.outcomes(model=model, run_id=run_id, limit=None):
        for uri in named_paths(said):
            needed.add(uri, why)
            if uri.startswith("snapshots/"):
                for part in _parts_of(uri, stores):
                    needed.add(part, why)
        if said.result.get("model_uri"):
            needed.models.setdefault(said.result["model_uri"], why)


def _parts_of(uri: str, stores: Stores) -> list[str]:
    try:
        manifest = stores.lake.read_json(uri)
    except UnavailableError:
        raise
    except LakeError:
        return []
    return [
        part["uri"]
        for parts in manifest.values()
        for part in parts
        if isinstance(part, dict) and part["uri"]
    ]


def named_paths(said: StageOutcome) -> set[str]:
    """Every address in the lake that a stage handed on."""
    found = {text for text in _texts(said.result) if "/" in text and "://" not in text}
    if said.report_uri:
        found.add(said.report_uri)
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
