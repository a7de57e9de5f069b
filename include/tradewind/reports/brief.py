"""Each stage's result in a few lines: what a task's page, its log and the command line show."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from tradewind.records import (
    Admission,
    Evaluation,
    FeatureSet,
    Record,
    Refusal,
    Registration,
    RunRequest,
    Snapshot,
    StageOutcome,
    TrainedModel,
    Validated,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = {"passed": "pass", "blocked": "BLOCK", "not_applicable": "n/a"}


def brief(stage: str, request: RunRequest, result: Record) -> StageOutcome:
    """Say what a stage did, for the person who asked for the run."""
    return StageOutcome(
        model=request.model,
        run_id=request.run_id,
        stage=stage,
        as_of=request.as_of,
        lines=lines_of(result),
        report_uri=_report_of(result),
        mlflow_run_id=result.run_id if isinstance(result, TrainedModel) else None,
        result=result.model_dump(mode="json"),
    )


def _report_of(result: Record) -> str | None:
    if isinstance(result, Validated):
        return result.report_uri
    if isinstance(result, Evaluation | Verdict):
        return result.uri
    return None


@singledispatch
def lines_of(result: Record) -> list[str]:
    """A few sentences with the figures of a stage's result."""
    return [f"{type(result).__name__}"]


@lines_of.register
def _(result: Admission) -> list[str]:
    request = result.request
    return [
        (
            f"{request.model} stands at {request.as_of:%Y-%m-%d %H:%M} UTC, "
            f"asked by {request.actor}: {request.reason}"
        ),
        f"definition {result.definition_digest[:12]}, lease {result.fencing_token}",
        *([f"warning: {result.warning}"] if result.warning else []),
    ]


@lines_of.register
def _(result: Refusal) -> list[str]:
    return [f"not admitted: {result.reason}"]


@lines_of.register
def _(result: Snapshot) -> list[str]:
    return [
        f"{result.parts:,} parts, {result.read:,} read now; rows: {_counts(result.rows)}",
        f"snapshot {result.digest[:12]}",
    ]


@lines_of.register
def _(result: Validated) -> list[str]:
    lines = [f"rows that go on: {_counts(result.rows)}"]
    if any(result.repaired.values()):
        lines.append(f"repaired: {_counts(result.repaired)}")
    if any(result.quarantined.values()):
        lines.append(f"quarantined: {_counts(result.quarantined)}")
    return lines + [f"warning: {warning}" for warning in result.warnings]


@lines_of.register
def _(result: FeatureSet) -> list[str]:
    proof = result.proof
    return [
        (
            f"{result.rows:,} rows: {result.labelled:,} with a label, "
            f"{result.pending:,} awaiting one, {result.expired:,} that will never have one"
        ),
        (
            f"point in time: {proof.rows:,} rows at {proof.moments} moments recomputed without "
            "their future, all equal"
        ),
        f"feature set {result.digest[:12]}",
    ]


@lines_of.register
def _(result: TrainedModel) -> list[str]:
    stretches = {"fit": result.fit, "select": result.select, "judge": result.judge}
    return [
        f"{result.candidate} won of {result.trials} trials; calibration: {result.calibration}",
        *(
            f"{name}: {s.rows:,} rows, {s.start:%Y-%m-%d} to {s.end:%Y-%m-%d}"
            for name, s in stretches.items()
        ),
        f"logged as {result.model_uri}",
    ]


@lines_of.register
def _(result: Evaluation) -> list[str]:
    return [result.headline, *([result.money] if result.money else [])]


@lines_of.register
def _(result: Verdict) -> list[str]:
    head = "every gate lets it through" if result.passed else "blocked"
    return [head] + [f"{_MARK[r.outcome]:<5} {r.gate}: {r.sentence}" for r in result.results]


@lines_of.register
def _(result: Registration) -> list[str]:
    champion = f"champion: version {result.champion}" if result.champion else "no champion"
    warned = [f"warning: {result.warning}"] if result.warning else []
    return [f"{result.outcome.replace('_', ' ')}: {result.reason}", champion, *warned]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())
