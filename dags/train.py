"""One DAG a model, `<model>.train`: from its sources to a registered champion.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from tradewind.orchestration import tasks
from tradewind.orchestration.models import runnable_models
from tradewind.orchestration.train_dag import train_dag

for model in runnable_models("train"):
    with train_dag(model):
        admission = tasks.admit(model)
        snapshot = tasks.ingest(admission)
        validated = tasks.validate(admission, snapshot)
        features = tasks.build_features(admission, validated)
        candidate = tasks.train(admission, features)
        evaluation = tasks.evaluate(admission, validated, features, candidate)
        verdict = tasks.pass_gates(admission, candidate, evaluation)
        registration = tasks.register(admission, candidate, evaluation, verdict)
        registration >> tasks.release_lease(admission)
