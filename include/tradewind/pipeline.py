"""The way of a training run, stage by stage.

Airflow's tasks, the command line and a notebook all come through here, so that what one of them
does is what every one does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tradewind.records import (
    Admission,
    Evaluation,
    FeatureSet,
    Record,
    Refusal,
    Registration,
    RunRequest,
    Snapshot,
    TrainedModel,
    Validated,
    Verdict,
)
from tradewind.reports.brief import brief
from tradewind.stores.leases import lease_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.stores.stores import Stores

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Stage:
    """One arrow of the path.

    Attributes:
        function: Where its function is, as `module:name`; imported when it runs, because a stage
            brings libraries that take seconds to load.
        inputs: The earlier stages whose records it is given, in order.
        result: The record it returns.
    """

    function: str
    inputs: tuple[str, ...]
    result: type[Record]

    def load(self) -> Callable[..., Record]:
        """Import the stage's function."""
        module, name = self.function.split(":")
        return cast("Callable[..., Record]", getattr(import_module(module), name))


TRAIN: Mapping[str, Stage] = {
    "ingest": Stage("tradewind.stages.ingest:ingest", (), Snapshot),
    "validate": Stage("tradewind.stages.validate:validate", ("ingest",), Validated),
    "features": Stage("tradewind.stages.features:build_features", ("validate",), FeatureSet),
    "train": Stage("tradewind.stages.train:train", ("features",), TrainedModel),
    "evaluate": Stage(
        "tradewind.stages.evaluate:evaluate", ("validate", "features", "train"), Evaluation
    ),
    "gate": Stage("tradewind.stages.gate:judge", ("train", "evaluate"), Verdict),
    "register": Stage(
        "tradewind.stages.register:register", ("train", "evaluate", "gate"), Registration
    ),
}


def admit(request: RunRequest, *, stores: Stores) -> Admission | Refusal:
    """Let the run in, or say why not; either way the ledger knows."""
    from tradewind.stages.admit import admit as admit_stage  # noqa: PLC0415 (see Stage.function)

    decision = admit_stage(request, stores=stores, config_dir=stores.settings.config_dir)
    _report("admit", request, decision, stores=stores)
    return decision


def run_stage(name: str, admission: Admission, *inputs: Record, stores: Stores) -> Record:
    """Run one stage of an admitted run.

    The run's lease is renewed first, so that a run which lost it stops before it does anything.

    Raises:
        LeaseLostError: Another run holds the model's lease now.
        TradewindError: What the stage itself raises.
    """
    frozen = frozen_definition(admission, stores=stores)
    stores.ledger.renew_lease(
        admission.model,
        holder=admission.request.run_id,
        fencing_token=admission.fencing_token,
        ttl=lease_time(frozen.model.schedule),
    )
    result = TRAIN[name].load()(admission, frozen, *inputs, stores=stores)
    _report(name, admission.request, result, stores=stores)
    return result


def release(admission: Admission, *, stores: Stores) -> None:
    """Give the model's lease back, whatever became of the run."""
    stores.ledger.release_lease(
        admission.model,
        holder=admission.request.run_id,
        fencing_token=admission.fencing_token,
    )


def run_training(
    request: RunRequest, *, stores: Stores, until: str = "register"
) -> dict[str, Record]:
    """Run a training from admission to registration in this process.

    Args:
        request: What is asked for.
        stores: Where everything is kept.
        until: The last stage to run.

    Returns:
        The record of each stage by name; `admit` alone where the run was not admitted.
    """
    decision = admit(request, stores=stores)
    records: dict[str, Record] = {"admit": decision}
    if isinstance(decision, Refusal):
        return records
    try:
        for name, stage in TRAIN.items():
            inputs = [records[earlier] for earlier in stage.inputs]
            records[name] = run_stage(name, decision, *inputs, stores=stores)
            if name == until:
                break
    finally:
        release(decision, stores=stores)
    return records


def frozen_definition(admission: Admission, *, stores: Stores) -> FrozenDefinition:
    """The definition that the run was admitted with, whatever the folder says by now."""
    return stores.ledger.definition(admission.model, admission.definition_digest)


def record_from(kind: type[R], value: Mapping[str, Any]) -> R:
    """Read a record back from the plain values that XCom carries."""
    return kind.model_validate(dict(value))


def _report(stage: str, request: RunRequest, result: Record, *, stores: Stores) -> None:
    outcome = brief(stage, request, result)
    stores.ledger.record_outcome(outcome)
    log = logging.getLogger(f"{__name__}.{stage}")
    for line in outcome.lines:
        level = logging.WARNING if line.startswith("warning: ") else logging.INFO
        log.log(level, "%s: %s", stage, line)
