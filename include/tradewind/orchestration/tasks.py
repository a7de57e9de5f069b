"""The words that the DAG files are written in: one function a task, used inside a DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.orchestration.launching import (
    LaunchTrainingOperator,
    MonitorNightOperator,
    TrainAfterErasureOperator,
    TrainWithoutOperator,
)
from tradewind.orchestration.operators import (
    AdmitOperator,
    AlertOperator,
    ForgetOperator,
    ReleaseOperator,
    ReleaseOrderOperator,
    StageOperator,
)
from tradewind.orchestration.plumbing import ADMIT

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from tradewind.definition.schema import ModelDefinition


def admit(model: ModelDefinition) -> BaseOperator:
    """Freeze the definition, and for a training take the model's lease, or end the run green."""
    return AdmitOperator(task_id=ADMIT, model=model.name)


def ingest() -> BaseOperator:
    """Read what the sources have that the lake has not."""
    return StageOperator(task_id="ingest")


def validate() -> BaseOperator:
    """Hold the rows against what is expected of them."""
    return StageOperator(task_id="validate")


def build_features() -> BaseOperator:
    """Run features.sql, and prove that no row sees its future."""
    return StageOperator(task_id="features")


def train() -> BaseOperator:
    """Search, fit and calibrate a candidate."""
    return StageOperator(task_id="train")


def evaluate() -> BaseOperator:
    """Judge candidate, champion and naive rule on the same rows."""
    return StageOperator(task_id="evaluate")


def probe() -> BaseOperator:
    """Ask the finished model what its figures do not show."""
    return StageOperator(task_id="probe")


def refit() -> BaseOperator:
    """Learn again from the same rows, to see what hangs on chance and on single rows."""
    return StageOperator(task_id="refit")


def load_test() -> BaseOperator:
    """Load the model where nothing else is installed, and serve it under load."""
    return StageOperator(task_id="load_test")


def pass_gates() -> BaseOperator:
    """Let the candidate through, or say what blocks it."""
    return StageOperator(task_id="gate")


def card() -> BaseOperator:
    """Write the candidate's model card, from evidence; without one nobody is asked about it."""
    return StageOperator(task_id="card")


def approvals(model: ModelDefinition) -> list[BaseOperator]:
    """Ask the declared reviewers, as many as the model's risk needs; of most models nobody."""
    if not model.approvals_needed:
        return []
    from tradewind.orchestration.approvals import approval_tasks

    return approval_tasks(model)


def register() -> BaseOperator:
    """Make the candidate the champion, through the ledger."""
    return StageOperator(task_id="register")


def release_lease(admission: BaseOperator) -> BaseOperator:
    """Give the lease back at the end, also when something failed."""
    release = ReleaseOperator(task_id="release")
    release.as_teardown(setups=admission)
    return release


def predict() -> BaseOperator:
    """Score every entity of the night once, and keep what was served for good."""
    return StageOperator(task_id="predict")


def monitor_night(model: ModelDefinition) -> BaseOperator:
    """Start the look at the night."""
    return MonitorNightOperator(task_id="monitor", model=model.name)


def monitor() -> BaseOperator:
    """Join what is known by now, and hold the night against its reference."""
    return StageOperator(task_id="monitor")


def decide() -> BaseOperator:
    """Decide the night, once, with its reasons."""
    return StageOperator(task_id="decide")


def alert() -> BaseOperator:
    """Open, update and close incidents, and tell whoever is to be told."""
    return AlertOperator(task_id="alert")


def launch_training(model: ModelDefinition) -> BaseOperator:
    """Start the training that the decision launches, if it launches one."""
    return LaunchTrainingOperator(task_id="retrain", model=model.name)


def carry_out(model: ModelDefinition) -> BaseOperator:
    """Do what the form orders."""
    return ReleaseOrderOperator(task_id="release", model=model.name)


def train_without(model: ModelDefinition) -> BaseOperator:
    """Start the training without what the order left out, if a champion had to go for it."""
    return TrainWithoutOperator(task_id="retrain", model=model.name)


def forget() -> BaseOperator:
    """Erase whoever the form's reference stands for."""
    return ForgetOperator(task_id="forget")


def train_forgetful(model: ModelDefinition) -> BaseOperator:
    """Start a model's training, if a version decided in it that saw whoever was forgotten."""
    return TrainAfterErasureOperator(task_id=f"retrain_{model.name}", model=model.name)
