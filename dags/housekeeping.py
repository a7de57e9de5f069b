"""One DAG in all, `tradewind.housekeeping`: what is older than declared is let go of, weekly.

Airflow parses this file for every task, so it wires and does nothing else.
"""

from __future__ import annotations

from airflow.sdk import chain

from tradewind.orchestration.housekeeping import finish_erasures, keep_house
from tradewind.orchestration.platform_dags import housekeeping_dag

with housekeeping_dag():
    chain(finish_erasures(), keep_house())
