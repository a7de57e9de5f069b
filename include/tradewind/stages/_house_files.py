"""What runs and nights left in the lake: of which kind each file is, whose, and of which moment.

A file is named by the runs whose stages handed it on, or by its own path; it is as old as the
newest of them. What no run names any more (a killed one's, a notebook's) is as old as its file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.stages._house_needed import named_paths
from tradewind.stages._house_tenants import FOREVER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tradewind.definition.retention import Kind
    from tradewind.stages._house_needed import Needed
    from tradewind.stages._house_tenants import Tenant
    from tradewind.stores.leftovers import Lying
    from tradewind.stores.stores import Stores

_KINDS: dict[str, Kind] = {
    "features": "features",
    "predictions": "predictions",
    "monitoring": "monitoring",
    "evaluations": "monitoring",
    "snapshots": "evidence",
    "verdicts": "evidence",
    "cards": "evidence",
    "approvals": "evidence",
    "decisions": "evidence",
    "examinations": "evidence",
}
_JSON: dict[str, Kind | None] = {"evaluations": "evidence", "features": None}
_BESIDE_ROWS: dict[str, Kind] = {"validated.json": "evidence", "report.json": "reports"}
_WATCHED: tuple[Kind, ...] = ("predictions", "features", "monitoring")
_OWN_FOLDER = ("predictions", "monitoring")
_LEAST_PARTS = 4
_CANNOT = "no run names it, and it may be a model's of which nothing can be told"


@dataclass(frozen=True)
class Old:
    """Something that is older than declared.

    Attributes:
        model: Whose; None of what is no single model's.
        because: What is said to whoever asks for it once it is gone.
        why: What keeps it; None where it is let go of.
    """

    kind: Kind
    model: str | None
    path: str
    at: datetime
    bytes: int
    because: str = ""
    why: str | None = None
    files: int = 1


@dataclass
class Claims:
    """Who names which file, and of which moment it is to them."""

    by_path: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    by_folder: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, models: Iterable[str], stores: Stores) -> Claims:
        """What the ledger says of some models.

        Raises:
            LedgerError: It cannot be reached.
        """
        claims = cls()
        for model in models:
            for said in stores.ledger.outcomes(model=model, limit=None):
                for path in named_paths(said):
                    claims.add(path, model, said.as_of)
            for night in stores.ledger.nights(model):
                named = (night.uri, night.features_uri, night.contract_uri, night.rule_uri)
                for path in filter(None, named):
                    claims.add(path, model, night.night)
        return claims

    def add(self, path: str, model: str, moment: datetime) -> None:
        """Say that a model names a file; validated rows with all that lies beside them."""
        folder, _, rest = path.partition("/")
        if folder == "validated":
            told = self.by_folder[f"{folder}/{rest.partition('/')[0]}/"]
        else:
            told = self.by_path[path]
        told[model] = max(told.get(model, moment), moment)

    def on(self, path: str) -> Mapping[str, datetime]:
        """Who names a file, with the newest moment of it for each."""
        folder, _, rest = path.partition("/")
        if folder == "validated":
            return self.by_folder.get(f"{folder}/{rest.partition('/')[0]}/", {})
        own = {**self.by_path.get(path, {})}
        if folder in _OWN_FOLDER and (said := _by_its_name(path)) is not None:
            own.setdefault(*said)
        return own


def kind_of(path: str) -> Kind | None:
    """Of which kind a file is.

    None of what is kept for good, of parts, which are looked at apart, and of records of feature
    sets, which go with the rows that they speak of (`_house_records.with_records`).
    """
    folder, _, rest = path.partition("/")
    name = path.rpartition("/")[2]
    if folder == "validated":
        return "quarantine" if "/quarantine/" in rest else _BESIDE_ROWS.get(name, "validated")
    if folder == "predictions" and name.startswith("contract-"):
        return "monitoring"
    if name.endswith(".json") and folder in _JSON:
        return _JSON[folder]
    return _KINDS.get(folder)


def old_files(
    files: Mapping[str, Lying],
    claims: Claims,
    tenants: Mapping[str, Tenant],
    needed: Mapping[str, Needed],
    held: Collection[str],
    *,
    unknown: Collection[str],
) -> Iterator[Old]:
    """Every file of trainings and nights that is older than declared, and what keeps it, if so.

    Args:
        files: The lake's.
        claims: Who names which.
        tenants: The models that can be told of, by name.
        needed: What each of them needs. A model that is not among them needs all that it names.
        held: Files that an erasure at work has to do with.
        unknown: Models that cannot be told of: what no run names may be theirs.
    """
    for path, lying in files.items():
        kind = kind_of(path)
        if kind is None:
            continue
        told = claims.on(path)
        old = _named(path, kind, told, tenants) if told else _unnamed(lying, kind, tenants.values())
        if old is None:
            continue
        model, at, because = old
        yield Old(
            kind=kind,
            model=model,
            path=path,
            at=at,
            bytes=lying.bytes,
            because=because,
            why=_kept_by(path, kind, told, needed, held) if told or not unknown else _CANNOT,
        )


def _named(
    path: str, kind: Kind, told: Mapping[str, datetime], tenants: Mapping[str, Tenant]
) -> tuple[str | None, datetime, str] | None:
    for model, moment in told.items():
        # Of a model that cannot be told of, nothing can be said to be too old.
        if model in tenants and moment >= tenants[model].limit(kind):
            return None
    known = [model for model in told if model in tenants]
    if not known:
        return None
    longest = min(known, key=lambda model: tenants[model].limit(kind))
    one = longest if len(told) == 1 else None
    return one, max(told.values()), f"{longest} keeps {kind} {tenants[longest].kept_for(kind)}"


def _unnamed(
    lying: Lying, kind: Kind, tenants: Iterable[Tenant]
) -> tuple[str | None, datetime, str] | None:
    limits = {tenant.model: tenant.limit(kind) for tenant in tenants}
    earliest = min(limits.values(), default=FOREVER)
    if lying.at >= earliest:
        return None
    return None, lying.at, f"no run names it, and no model keeps {kind} for so long"


def _kept_by(
    path: str,
    kind: Kind,
    told: Mapping[str, datetime],
    needed: Mapping[str, Needed],
    held: Collection[str],
) -> str | None:
    if path in held:
        return "an erasure that is not done yet has to do with it"
    for model in told:
        if model not in needed:
            return f"what {model} needs cannot be told"
        if kind in _WATCHED and told[model] >= needed[model].since:
            return "its night is still watched, and labels are awaited"
    # What one model's version needs may be another's by name: of a pretrained model, all of it.
    return next((why for each in needed.values() if (why := each.why(path))), None)


def _by_its_name(path: str) -> tuple[str, datetime] | None:
    """Model and night, or day, of `predictions/<model>/<night>/…` and the like."""
    parts = path.split("/")
    if len(parts) < _LEAST_PARTS:
        return None
    model, when = parts[1], parts[2]
    try:
        if when == "online":
            return model, datetime.fromisoformat(parts[3]).replace(tzinfo=UTC)
        return model, datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
