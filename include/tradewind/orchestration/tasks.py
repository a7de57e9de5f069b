"""The words that the DAG files are written in: one function a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.orchestration.operators import AdmitOperator, ReleaseOperator, StageOperator

if TYPE_CHECKING:
    from airflow.sdk import XComArg

    from tradewind.definition.schema import ModelDefinition


def admit(model: ModelDefinition) -> Any:
    """Take the model's lease and freeze its definition, or end the run green."""
    return AdmitOperator(task_id="admit", model=model.name).output


def ingest(admission: Any) -> XComArg:
    """Read what the sources have that the lake has not."""
    return _stage("ingest", admission)


def validate(admission: Any, snapshot: Any) -> XComArg:
    """Hold the rows against what is expected of them."""
    return _stage("validate", admission, snapshot)


def build_features(admission: Any, validated: Any) -> XComArg:
    """Run features.sql, and prove that no row sees its future."""
    return _stage("features", admission, validated)


def train(admission: Any, features: Any) -> XComArg:
    """Search, fit and calibrate a candidate."""
    return _stage("train", admission, features)


def evaluate(admission: Any, validated: Any, features: Any, candidate: Any) -> XComArg:
    """Judge candidate, champion and naive rule on the same rows."""
    return _stage("evaluate", admission, validated, features, candidate)


def pass_gates(admission: Any, candidate: Any, evaluation: Any) -> XComArg:
    """Let the candidate through, or say what blocks it."""
    return _stage("gate", admission, candidate, evaluation)


def register(admission: Any, candidate: Any, evaluation: Any, verdict: Any) -> XComArg:
    """Make the candidate the champion, through the ledger."""
    return _stage("register", admission, candidate, evaluation, verdict)


def release_lease(admission: Any) -> Any:
    """Give the lease back at the end, also when something failed."""
    release = ReleaseOperator(task_id="release", admission=admission)
    return release.as_teardown(setups=admission.operator)


def _stage(name: str, admission: Any, *inputs: Any) -> XComArg:
    return StageOperator(task_id=name, stage=name, admission=admission, inputs=inputs).output
