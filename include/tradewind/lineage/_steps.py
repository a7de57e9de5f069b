"""What the lake still has of each step behind a version; what it has no more is a gap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradewind.errors import LakeError, UnavailableError
from tradewind.lineage._uses import snapshot_uri, validated_folder
from tradewind.lineage_records import FeatureStep, Held

if TYPE_CHECKING:
    from tradewind.lineage._origins import Origin
    from tradewind.stores.lake import Lake


class Steps:
    """The steps of one origin.

    Attributes:
        gaps: What was looked for so far and is not there, one sentence each.
    """

    def __init__(self, origin: Origin, lake: Lake) -> None:
        self._origin = origin
        self._lake = lake
        self.gaps: list[str] = []

    def ways(self, what: str) -> list[Held]:
        """The manifests of `snapshot` or `validated`; a lost snapshot is told with its parts."""
        found: dict[str, Held] = {}
        for way in self._origin.ways:
            digest = way.snapshot if what == "snapshot" else way.validated
            if digest is not None:
                uri = (
                    snapshot_uri(digest)
                    if what == "snapshot"
                    else f"{validated_folder(digest)}/manifest.json"
                )
                there = self._lake.exists(uri)
                if not there and what == "validated":
                    self._gone("the manifest of the validated rows", uri)
                found[digest] = Held(digest=digest, uri=uri, there=there)
        return list(found.values())

    def features(self) -> FeatureStep | None:
        """The feature set, with its counts."""
        digest, record = self._origin.features, self._origin.record
        if digest is None:
            self.gaps.append(f"{self._origin.name}: no feature set is recorded")
            return None
        uri = f"features/{digest}.parquet"
        there = self._there("the feature set", uri)
        what = "the record of the feature set"
        told = (record and self._json(what, f"features/{record}.json")) or {}
        counts = {name: told.get(name) for name in ("rows", "labelled", "pending", "expired")}
        return FeatureStep(digest=digest, uri=uri, there=there, **counts)

    def held(self, what: str, digest: str | None) -> Held | None:
        """The evaluation, or the verdict."""
        if digest is None:
            self.gaps.append(f"{self._origin.name}: no {what} is recorded")
            return None
        uri = f"{what}s/{digest}.json"
        return Held(digest=digest, uri=uri, there=self._there(f"the {what}", uri))

    def judged(self, verdict: Held | None) -> tuple[str | None, bool | None, dict[str, str]]:
        """The evaluation's headline, whether the gates let it through, and what each said."""
        outcomes, tags = self._origin.outcomes, self._origin.tags
        said = outcomes["evaluate"].lines[0] if "evaluate" in outcomes else None
        if said is None and "judged" in tags:
            figure = json.loads(tags["judged"])
            said = f"{figure['metric']} {figure['value']} on {figure['rows']:,} rows"
        told = self._json("the verdict", verdict.uri) if verdict and verdict.there else None
        if told is None:
            return said, None, {}
        gates = {one["gate"]: f"{one['outcome']}: {one['sentence']}" for one in told["results"]}
        return said, bool(told["passed"]), gates

    def _there(self, what: str, uri: str) -> bool:
        there = self._lake.exists(uri)
        if not there:
            self._gone(what, uri)
        return there

    def _json(self, what: str, uri: str) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = self._lake.read_json(uri)
        except UnavailableError:
            raise
        except LakeError:
            self._gone(what, uri)
            return None
        return value

    def _gone(self, what: str, uri: str) -> None:
        state = "cannot be read" if self._lake.exists(uri) else "is not in the lake"
        self.gaps.append(f"{self._origin.name}: {what}, {uri}, {state}")
