"""Which layer failed, and the way out: from a night's decision or an error to its symptoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind import errors
from tradewind.nights import Symptom
from tradewind.policy.evidence import NO_CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tradewind.nights import Breach, Decision, Exclusion, Layer, Monitoring

DAG_FILE = "dag_file"
"""Stands in the place of a stage in the key of an incident: the file, and no task of it."""
_FIX_THE_SOURCE = (
    "put the source right and clear `ingest` of `{model}.score` and `.monitor`; or, "
    "if this is how the data are from now on, run `{model}.release` with `accept_contract` and "
    "`{breach}`"
)
# By what was wrong, the first that fits; everything else that is raised is the platform's.
_LAYERS: tuple[tuple[type[Exception], Layer], ...] = (
    (errors.SourceUnavailableError, "data"),
    (errors.UnavailableError, "platform"),
    (errors.DataError, "data"),
    (errors.DefinitionError, "model"),
    (errors.EvidenceError, "model"),
    (errors.SearchTimeoutError, "model"),
    (errors.ModelRefusedError, "model"),
)


def layer_of(error: BaseException) -> Layer:
    """The layer that an error blames: the data, the model, or else the platform."""
    return next((layer for kind, layer in _LAYERS if isinstance(error, kind)), "platform")


def symptom_of_failure(error: BaseException, *, model: str, pipeline: str, stage: str) -> Symptom:
    """What a failed task is a symptom of."""
    return Symptom(
        key=f"failed:{pipeline}:{stage}",
        title=f"{model}.{pipeline} failed in {stage}",
        layer=layer_of(error),
        severity="critical" if pipeline != "train" else "warning",
        way_out=f"read the log of `{stage}`, put right what it names, and clear the task in "
        f"`{model}.{pipeline}`",
        details=[f"{type(error).__name__}: {error}"],
    )


def symptom_of_tainted(found: Mapping[int, Exclusion], *, model: str) -> Symptom:
    """What is wrong while versions decide that were trained on data that is left out.

    Args:
        found: Those versions, at least one, each with an exclusion of what it was trained on.
        model: Whose versions.
    """
    said = ", ".join(f"version {number}" for number in sorted(found))
    return Symptom(
        key="tainted",
        title=f"{model}: {said} decides, and was trained on data that is left out",
        layer="data",
        severity="critical",
        way_out=_cut_out(model, next(iter(found.values()))),
        details=[
            f"version {number}: {cut.what}, left out by {cut.actor}: {cut.reason}"
            for number, cut in sorted(found.items())
        ],
    )


def _cut_out(model: str, cut: Exclusion) -> str:
    named = "parts" if cut.parts else "days" if cut.first_day or cut.last_day else "source"
    return (
        f"run `{model}.release` with `exclude` and the same {named}: it rolls back to a version "
        "that did not see them, or lets the naive rule decide, and trains without them; or "
        f"`{cut.model}.release` with `readmit` and event {cut.event_id}, if they are sound"
    )


def symptom_of_definition(problems: Sequence[str], *, model: str) -> Symptom:
    """What a model's broken folder is a symptom of: its runs go on with the last good one."""
    return Symptom(
        key="definition",
        title=f"{model}: its folder is broken",
        layer="model",
        severity="warning",
        way_out=f"put config/models/{model} right: `tradewind check` says where",
        details=list(problems),
    )


def symptom_of_file(pipeline: str, said: str, *, model: str) -> Symptom:
    """What a DAG file that Airflow cannot read is a symptom of: nothing of it runs any more."""
    return Symptom(
        key=f"failed:{pipeline}:{DAG_FILE}",
        title=f"Airflow cannot read dags/{pipeline}.py: {model}.{pipeline} does not run",
        layer="platform",
        severity="critical",
        way_out=f"put dags/{pipeline}.py right; Airflow's start page shows where it breaks",
        details=[said],
    )


def symptoms_of(monitoring: Monitoring, decision: Decision) -> list[Symptom]:
    """Everything that is wrong with a night, one symptom a cause."""
    return [
        *_of_data(monitoring, decision),
        *_of_platform(monitoring),
        *_of_harm(monitoring),
        *_of_model(decision),
    ]


def _of_data(monitoring: Monitoring, decision: Decision) -> Iterator[Symptom]:
    # What a person accepted as the new contract is no breach any more, and the decision knows.
    if decision.cause != "contract":
        return
    causes = dict.fromkeys(breach.cause for breach in monitoring.breaches)
    for cause in causes:
        same = [breach for breach in monitoring.breaches if breach.cause == cause]
        yield _contract(monitoring.model, cause, same)


def _contract(model: str, cause: str, breaches: Sequence[Breach]) -> Symptom:
    names = [breach.name for breach in breaches]
    where = ", ".join(dict.fromkeys(b.column or b.source or "the rows" for b in breaches))
    return Symptom(
        key=f"contract:{cause}",
        title=f"{model}: the data are not whole: {cause} in {where}",
        layer="data",
        severity="critical",
        way_out=_FIX_THE_SOURCE.format(model=model, breach=names[0]),
        details=[breach.sentence for breach in breaches],
    )


def _of_platform(monitoring: Monitoring) -> Iterator[Symptom]:
    if monitoring.night is None:
        yield Symptom(
            key="not_scored",
            title=f"{monitoring.model}: the night was not scored",
            layer="platform",
            severity="critical",
            way_out=f"run `{monitoring.model}.score` for this night, and see why it did not run",
        )
    if monitoring.problems:
        yield Symptom(
            key="not_looked",
            title=f"{monitoring.model}: the night could not be judged",
            layer="platform",
            severity="critical",
            way_out="put right what is named below, and clear the task `monitor`",
            details=list(monitoring.problems),
        )


def _of_harm(monitoring: Monitoring) -> Iterator[Symptom]:
    for one in monitoring.indicators:
        if one.state != "harm":
            continue
        switched = one.then == "switch_off"
        yield Symptom(
            key=f"harm:{one.name}",
            title=f"{monitoring.model}: {one.name} shows harm",
            layer="model",
            severity="critical",
            way_out=(
                "the naive rule decides: put the model right, and run "
                f"`{monitoring.model}.release` with `resume`"
                if switched
                else f"see whom it hits; to switch the model off run `{monitoring.model}.release` "
                "with `fall_back`"
            ),
            details=[one.sentence],
        )


_OF_MODEL: dict[str, tuple[str, str]] = {
    "probation": (
        "a promotion was taken back",
        (
            "nothing: the version before it decides from the next night on; it returns by a new "
            "verdict only"
        ),
    ),
    "performance": (
        "the model is worse than what it was promoted on",
        (
            "wait for the training that is launched; to switch the model off meanwhile run "
            "`{model}.release` with `fall_back`"
        ),
    ),
    "drift": (
        "the data drift in columns that matter to the model",
        "wait for the training that is launched; the page of `monitor` shows which columns moved",
    ),
    NO_CHAMPION: ("there is no champion", "run `{model}.train`, and read its verdict"),
}


def _of_model(decision: Decision) -> Iterator[Symptom]:
    called = "call_human" in decision.actions and decision.cause != "not_looked"
    if decision.cause not in _OF_MODEL and not called:
        return
    title, way_out = _OF_MODEL.get(decision.cause, ("a training did not help", ""))
    if called:
        title = f"{title}, and no training cleared it"
        way_out = (
            "see what the last verdicts blocked, change the definition, and run `{model}.train` "
            "with a reason in `override`"
        )
    yield Symptom(
        key=f"model:{decision.cause}",
        title=f"{decision.model}: {title}",
        layer="model",
        severity="critical"
        if called or decision.cause in ("probation", "performance")
        else "warning",
        way_out=way_out.format(model=decision.model),
        details=[decision.reason],
    )
