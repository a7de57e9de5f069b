"""One DAG a model, `<model>.release`: who decides, changed by hand and with a reason.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration import tasks
from tradewind.orchestration.model_dags import release_dag
from tradewind.orchestration.models import runnable_models

for model in runnable_models("release"):
    with release_dag(model):
        chain(tasks.carry_out(model), tasks.train_without(model))
