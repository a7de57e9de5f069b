"""What Tradewind adds to Airflow: the Models page, tabs on DAGs and tasks, an ear for broken files.

Every task process imports this file, so it imports next to nothing; the pages are loaded by the API
server alone.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from tradewind.orchestration import broken_files


class TradewindPlugin(AirflowPlugin):
    """Registers the pages, and what is called when a DAG file cannot be read."""

    name = "tradewind"
    listeners = [broken_files]  # noqa: RUF012 (Airflow's base class declares it so)

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The pages' server, which only the API server reads."""
        from tradewind_ui.app import create_app

        return [{"app": create_app(), "url_prefix": "/tradewind", "name": "Tradewind"}]

    external_views = [  # noqa: RUF012 (Airflow's base class declares it so)
        {
            "name": "Models",
            "href": "/tradewind/",
            "destination": "nav",
            "url_route": "models",
            "nav_top_level": True,
        },
        {
            "name": "Model",
            "href": "/tradewind/dags/{DAG_ID}",
            "destination": "dag",
            "url_route": "model",
        },
        {
            "name": "Result",
            "href": "/tradewind/dags/{DAG_ID}/runs/{RUN_ID}/{TASK_ID}",
            "destination": "task_instance",
            "url_route": "result",
        },
    ]
