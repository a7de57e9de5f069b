"""One DAG a model, `<model>.score`: every entity of the night gets one decision, for good.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration import tasks
from tradewind.orchestration.model_dags import score_dag
from tradewind.orchestration.models import runnable_models

for model in runnable_models("score"):
    with score_dag(model):
        chain(
            tasks.admit(model),
            tasks.ingest(),
            tasks.validate(),
            tasks.build_features(),
            tasks.predict(),
            tasks.monitor_night(model),
        )
