"""One DAG a model, `<model>.train`: from its sources to a registered champion.

Airflow parses this file for every task, so it wires and does nothing else. What each task hands on
is a small record, by XCom; `tradewind.pipeline` says which stage is given which.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration import tasks
from tradewind.orchestration.model_dags import train_dag
from tradewind.orchestration.models import runnable_models

for model in runnable_models("train"):
    with train_dag(model):
        admission = tasks.admit(model)
        chain(
            admission,
            tasks.ingest(),
            tasks.validate(),
            tasks.build_features(),
            tasks.train(),
            tasks.evaluate(),
            [tasks.probe(), tasks.refit(), tasks.load_test()],
            tasks.pass_gates(),
            tasks.card(),
            *tasks.approvals(model),
            tasks.register(),
            tasks.release_lease(admission),
        )
