"""One DAG a model, `<model>.monitor`: look at the night, decide, and launch what is decided.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration import tasks
from tradewind.orchestration.model_dags import monitor_dag
from tradewind.orchestration.models import runnable_models

for model in runnable_models("monitor"):
    with monitor_dag(model):
        chain(
            tasks.admit(model),
            tasks.ingest(),
            tasks.validate(),
            tasks.monitor(),
            tasks.decide(),
            [tasks.alert(), tasks.launch_training(model)],
        )
