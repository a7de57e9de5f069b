"""One DAG in all, `tradewind.forget`: somebody is erased from all that is kept, by a reference.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration import tasks
from tradewind.orchestration.models import every_model
from tradewind.orchestration.platform_dags import forget_dag

with forget_dag():
    chain(tasks.forget(), [tasks.train_forgetful(model) for model in every_model()])
