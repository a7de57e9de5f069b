"""The way of every kind of run, stage by stage.

Airflow's tasks, the command line and a notebook all come through here, so that what one of them
does is what every one does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tradewind.definition.loader import load_definition, model_folder
from tradewind.definition.wider import widened
from tradewind.errors import TradewindError
from tradewind.nights import (
    Alerted,
    Decision,
    Monitoring,
    NightFeatures,
    NightInputs,
    Released,
    ReleaseOrder,
    ScoredNight,
)
from tradewind.records import (
    Admission,
    Card,
    Evaluation,
    Examination,
    FeatureSet,
    Pinned,
    Pipeline,
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
from tradewind.reports.forgetting import forgetting_lines
from tradewind.stores.chain_heads import keep
from tradewind.stores.launches import write_back
from tradewind.stores.leases import lease_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.erasure import Erased, ErasureOrder
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
        must_serve: Whether it does with what there is when it will not be tried again: a night
            never yields nothing. Such a stage takes `last_try`.
    """

    function: str
    inputs: tuple[str, ...]
    result: type[Record]
    must_serve: bool = False

    def load(self) -> Callable[..., Record]:
        """Import the stage's function."""
        module, name = self.function.split(":")
        return cast("Callable[..., Record]", getattr(import_module(module), name))


# What looks at a judged candidate, side by side, and what each is given.
_TASKS = ("probe", "refit", "load_test")
_JUDGED = ("validate", "features", "train", "evaluate")
TRAIN: Mapping[str, Stage] = {
    "ingest": Stage("tradewind.stages.ingest:ingest", (), Snapshot),
    "validate": Stage("tradewind.stages.validate:validate", ("ingest",), Validated),
    "features": Stage("tradewind.stages.features:build_features", ("validate",), FeatureSet),
    "train": Stage("tradewind.stages.train:train", ("features",), TrainedModel),
    "evaluate": Stage(
        "tradewind.stages.evaluate:evaluate", ("validate", "features", "train"), Evaluation
    ),
    **{task: Stage(f"tradewind.stages.examine:{task}", _JUDGED, Examination) for task in _TASKS},
    "gate": Stage("tradewind.stages.gate:judge", ("train", "evaluate", *_TASKS), Verdict),
    "card": Stage("tradewind.stages.card:make_card", (*_JUDGED, "gate", *_TASKS), Card),
    "register": Stage(
        "tradewind.stages.register:register", ("train", "evaluate", "gate"), Registration
    ),
}

SCORE: Mapping[str, Stage] = {
    "ingest": Stage("tradewind.stages.ingest:ingest_night", (), Snapshot, must_serve=True),
    "validate": Stage("tradewind.stages.validate_night:validate_night", ("ingest",), NightInputs),
    "features": Stage("tradewind.stages.features_night:build_night", ("validate",), NightFeatures),
    "predict": Stage(
        "tradewind.stages.score:score", ("validate", "features"), ScoredNight, must_serve=True
    ),
}
MONITOR: Mapping[str, Stage] = {
    "ingest": Stage("tradewind.stages.ingest:ingest_night", (), Snapshot, must_serve=True),
    "validate": Stage("tradewind.stages.validate_night:validate_night", ("ingest",), NightInputs),
    "monitor": Stage("tradewind.stages.monitor:monitor", ("validate",), Monitoring),
    "decide": Stage("tradewind.stages.decide:decide", ("monitor",), Decision),
    "alert": Stage("tradewind.stages.alert:alert", ("monitor", "decide"), Alerted),
}
PIPELINES: Mapping[Pipeline, Mapping[str, Stage]] = {
    "train": TRAIN,
    "score": SCORE,
    "monitor": MONITOR,
}


def admit(request: RunRequest, *, stores: Stores) -> Admission | Refusal:
    """Let the run in, or say why not; either way the ledger knows."""
    from tradewind.stages.admit import admit as admit_stage  # noqa: PLC0415 (see Stage.function)

    try:
        decision = admit_stage(request, stores=stores, config_dir=stores.settings.config_dir)
    except Exception:
        # Nothing runs after a failed admission, not even the release that would tell of it.
        _tell_of_failure(request, stores=stores)
        raise
    report("admit", request, decision, stores=stores)
    if isinstance(decision, Refusal):
        write_back(request, stores=stores)
    elif decision.warning is None:
        end_failure("definition", request.model, stores=stores)
    return decision


def _tell_of_failure(request: RunRequest, *, stores: Stores) -> None:
    try:
        write_back(request, stores=stores)
    except TradewindError:
        logging.getLogger(__name__).exception("what became of %s is not kept", request.run_id)


def run_stage(
    name: str, admission: Admission, *inputs: Record, stores: Stores, last_try: bool = True
) -> Record:
    """Run one stage of an admitted run.

    A training's lease is renewed first, so that a run which lost it stops before it does anything.

    Raises:
        LeaseLostError: Another run holds the model's lease now.
        TradewindError: What the stage itself raises.
    """
    frozen = frozen_definition(admission, stores=stores)
    if admission.fencing_token is not None:
        stores.ledger.renew_lease(
            admission.model,
            holder=admission.request.run_id,
            fencing_token=admission.fencing_token,
            ttl=lease_time(frozen.model.schedule),
        )
    stage = PIPELINES[admission.request.pipeline][name]
    must = {"last_try": last_try} if stage.must_serve else {}
    result = stage.load()(admission, frozen, *inputs, stores=stores, **must)
    report(name, admission.request, result, stores=stores)
    return result


def release(admission: Admission, *, stores: Stores) -> None:
    """Give the model's lease back, whatever became of the run; it may never have had one.

    A decision that launched the run learns what became of it.
    """
    if admission.fencing_token is None:
        return
    write_back(admission.request, stores=stores)
    stores.ledger.release_lease(
        admission.model,
        holder=admission.request.run_id,
        fencing_token=admission.fencing_token,
    )
    keep(stores.ledger, stores.lake)


def release_order(order: ReleaseOrder, *, stores: Stores) -> Released:
    """Carry out what a person orders for a model; its page says what it came to."""
    from tradewind.stages.release import carry_out  # noqa: PLC0415 (see Stage.function)

    result = carry_out(order, stores=stores)
    request = RunRequest(
        model=order.model,
        run_id=order.run_id,
        as_of=order.as_of,
        actor=order.actor,
        reason=order.reason,
    )
    report("release", request, result, stores=stores)
    keep(stores.ledger, stores.lake)
    return result


def forget_subject(order: ErasureOrder, *, stores: Stores) -> Erased:
    """Erase whoever a reference stands for; the log says what it came to."""
    from tradewind.stages.forget import forget  # noqa: PLC0415 (see Stage.function)

    result = forget(order, stores=stores)
    _log("forget", forgetting_lines(result))
    keep(stores.ledger, stores.lake)
    return result


def feature_set_of(request: RunRequest, frozen: FrozenDefinition, *, stores: Stores) -> FeatureSet:
    """Make the feature set that a training would learn from, and train nothing.

    No lease is taken. What the lake already holds is reused, and what it has not is ingested,
    validated and proved exactly as in a run.
    """
    admission = Admission(request=request, definition_digest=frozen.digest, fencing_token=0)
    record: tuple[Record, ...] = ()
    for name in ("ingest", "validate", "features"):
        record = (TRAIN[name].load()(admission, frozen, *record, stores=stores),)
    return cast("FeatureSet", record[0])


def pin_days(request: RunRequest, *, start: date, end: date, stores: Stores) -> Pinned:
    """Pin the labelled rows of some whole days, with the features of the folder's definition.

    Args:
        request: Who asks, for which model, and as of when.
        start: The first day, in the model's time zone.
        end: The day after the last one.
        stores: Where everything is kept.

    Raises:
        DefinitionError: The model's folder is broken.
        RequestError: The days cannot be pinned as of that moment.
    """
    from tradewind.stages.pin import pin  # noqa: PLC0415 (see Stage.function)

    frozen = load_definition(model_folder(stores.settings.config_dir, request.model))
    admission = Admission(request=request, definition_digest=frozen.digest, fencing_token=0)
    feature_set = feature_set_of(request, frozen, stores=stores)
    return pin(admission, frozen, feature_set, start=start, end=end, stores=stores)


def run_pipeline(
    request: RunRequest, *, stores: Stores, until: str | None = None
) -> dict[str, Record]:
    """Run a pipeline from admission to its end in this process.

    Args:
        request: What is asked for, and which pipeline.
        stores: Where everything is kept.
        until: The last stage to run; all of them where none is named.

    Returns:
        The record of each stage by name; `admit` alone where the run was not admitted.
    """
    decision = admit(request, stores=stores)
    records: dict[str, Record] = {"admit": decision}
    if isinstance(decision, Refusal):
        return records
    try:
        for name, stage in PIPELINES[request.pipeline].items():
            inputs = [records[earlier] for earlier in stage.inputs]
            records[name] = run_stage(name, decision, *inputs, stores=stores)
            if name == until:
                break
    finally:
        release(decision, stores=stores)
    return records


def frozen_definition(admission: Admission, *, stores: Stores) -> FrozenDefinition:
    """The definition that the run was admitted with, whatever the folder says by now.

    A run of a wider search has what `retrain.wider` says in the place of the usual search.
    """
    frozen = stores.ledger.definition(admission.model, admission.definition_digest)
    return replace(frozen, model=widened(frozen.model)) if admission.request.wider else frozen


def record_from(kind: type[R], value: Mapping[str, Any]) -> R:
    """Read a record back from the plain values that XCom carries."""
    return kind.model_validate(dict(value))


def report(stage: str, request: RunRequest, result: Record, *, stores: Stores) -> None:
    """Write what a stage said into the ledger and the log, and close what its failure opened."""
    outcome = brief(stage, request, result)
    stores.ledger.record_outcome(outcome)
    _end_failures(stage, request, stores=stores)
    _log(stage, outcome.lines)


def _log(stage: str, lines: Sequence[str]) -> None:
    log = logging.getLogger(f"{__name__}.{stage}")
    for line in lines:
        level = logging.WARNING if line.startswith("warning: ") else logging.INFO
        log.log(level, "%s: %s", stage, line)


def _end_failures(stage: str, request: RunRequest, *, stores: Stores) -> None:
    """Close what was opened because this stage failed, or was late: it is done now."""
    pipeline = request.run_id.partition("/")[0]
    end_failure(f"failed:{pipeline}:{stage}", request.model, stores=stores)
    if stage == "predict":
        end_failure("late:score", request.model, stores=stores)


def end_failure(key: str, model: str, *, stores: Stores) -> None:
    """Close the incident of a task that failed or was late, and is done now; there may be none."""
    incidents = stores.ledger.incidents
    if key in {incident.key for incident in incidents.select(model=model)}:
        incidents.close(model, key, as_of=stores.ledger.now(), reason="it is done now")
