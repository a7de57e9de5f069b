"""Where a version came from: the digests that its tags name, or those of its run in the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.records import Pretrained, Stretch
from tradewind.stores.events import ARM_STARTED, INTENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.records import StageOutcome
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.registry import ModelVersion

# As `stages.train` and `stages.register` write them.
_OWN = "tradewind."
_RESULT, _GIT = "tradewind.result", "mlflow.source.git.commit"


@dataclass(frozen=True)
class Way:
    """One way from sources to rows: of the training, or of a run that found the training again.

    Attributes:
        definition: Digest of the frozen definition that says when rows are known.
    """

    run_id: str | None
    as_of: datetime | None
    definition: str | None
    snapshot: str | None
    validated: str | None


@dataclass(frozen=True)
class Origin:
    """All that is recorded of how a version came about; what is not is None.

    Attributes:
        ways: That of the training first.
        features: Digest of the feature set that the model was fitted on.
        record: The version of the feature set, by which its record is found.
        said: The training's result: candidate, stretches, where it comes from.
        tags: The version's own; empty where MLflow has it no more.
        outcomes: What the stages said of the run that registered it, by stage.
    """

    model: str
    version: int | None
    ways: tuple[Way, ...]
    features: str | None
    record: str | None
    model_uri: str | None
    mlflow_run_id: str | None
    said: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    registered_by: str | None = None
    registered_at: datetime | None = None
    outcomes: Mapping[str, StageOutcome] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For a sentence."""
        return (
            f"{self.model} version {self.version}" if self.version else f"a model of {self.model}"
        )

    def stretch(self, name: str) -> Stretch | None:
        """The fit, select or judge stretch; None where it is not known."""
        return Stretch.model_validate(self.said[name]) if self.said.get(name) else None

    @property
    def pretrained(self) -> Pretrained | None:
        """Where the model comes from, where it was not fitted here."""
        told = self.said.get("pretrained")
        return Pretrained.model_validate(told) if told else None


def of_version(found: ModelVersion, model: str, *, ledger: Ledger) -> Origin:
    """The origin of a version as its tags tell it.

    Where the run that registered it found an earlier training of the same inputs, its own way is
    told too: it had the same features, and perhaps other parts.
    """
    tags, run_id = found.tags, found.tags.get("dag_run_id")
    outcomes = _outcomes(ledger, model, run_id)
    own = Way(
        run_id=tags.get(f"{_OWN}run_id"),
        as_of=_moment(tags.get(f"{_OWN}as_of")),
        definition=tags.get(f"{_OWN}definition_digest"),
        snapshot=tags.get(f"{_OWN}snapshot_digest"),
        validated=tags.get(f"{_OWN}validated_digest"),
    )
    again = _way(run_id, outcomes)
    ways = [own, *([again] if _differs(again, own) else [])]
    return Origin(
        model=model,
        version=found.version,
        ways=tuple(ways),
        features=tags.get(f"{_OWN}feature_set_digest"),
        record=tags.get(f"{_OWN}feature_set_version"),
        model_uri=found.model_uri,
        mlflow_run_id=tags.get("mlflow_run_id") or found.run_id or None,
        said=json.loads(tags[_RESULT]) if _RESULT in tags else {},
        tags=tags,
        registered_by=run_id,
        registered_at=found.created_at,
        outcomes=outcomes,
    )


def of_run(ledger: Ledger, model: str, run_id: str | None, *, version: int | None) -> Origin:
    """The origin of a model as the ledger tells of the run that trained it."""
    outcomes = _outcomes(ledger, model, run_id)
    features, said = _result(outcomes, "features"), _result(outcomes, "train")
    return Origin(
        model=model,
        version=version,
        ways=(_way(run_id, outcomes),),
        features=features.get("digest"),
        record=features.get("version"),
        model_uri=said.get("model_uri"),
        mlflow_run_id=said.get("run_id"),
        said=said,
        registered_by=run_id,
        outcomes=outcomes,
    )


def of_model_uri(ledger: Ledger, model_uri: str) -> Origin | None:
    """The origin of a logged model that is no version, by the training that logged it."""
    for outcome in ledger.outcomes(stage="train", limit=None):
        if outcome.result.get("model_uri") == model_uri:
            return of_run(ledger, outcome.model, outcome.run_id, version=None)
    return None


def named_in(events: Iterable[Event]) -> dict[int, str | None]:
    """Every version that the ledger names, with the run that brought it in, where one did."""
    found: dict[int, str | None] = {}
    for event in events:
        if event.kind in (INTENDED, ARM_STARTED):
            found.setdefault(int(event.payload["version"]), event.payload.get("run_id"))
    return found


def code_revision(origin: Origin) -> str | None:
    """The commit that the training's clone stood at."""
    return origin.tags.get(_GIT)


def tag(origin: Origin, name: str) -> str | None:
    """What the training said of itself."""
    return origin.tags.get(f"{_OWN}{name}")


def _way(run_id: str | None, outcomes: Mapping[str, StageOutcome]) -> Way:
    admitted, validated = outcomes.get("admit"), _result(outcomes, "validate")
    return Way(
        run_id=run_id,
        as_of=admitted.as_of if admitted else None,
        definition=_result(outcomes, "admit").get("definition_digest"),
        snapshot=_result(outcomes, "ingest").get("digest"),
        validated=validated.get("digest"),
    )


def _differs(again: Way, own: Way) -> bool:
    """Whether a run that registered a version looked at other rows than its training did."""
    known = again.snapshot is not None and again.validated is not None
    return known and (again.snapshot, again.validated) != (own.snapshot, own.validated)


def _outcomes(ledger: Ledger, model: str, run_id: str | None) -> dict[str, StageOutcome]:
    if run_id is None:
        return {}
    return {one.stage: one for one in ledger.outcomes(model=model, run_id=run_id, limit=None)}


def _result(outcomes: Mapping[str, StageOutcome], stage: str) -> Mapping[str, Any]:
    return outcomes[stage].result if stage in outcomes else {}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
