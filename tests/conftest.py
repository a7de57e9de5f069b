"""What every test sees: a clean environment, and fixtures that start real servers when asked for.

It is settled at import, because Airflow and MLflow read their environment when first imported.
"""

from __future__ import annotations

from tests.fixtures import sandbox

sandbox.settle()

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.mlflow",
    "tests.fixtures.s3",
    "tests.fixtures.home",
    "tests.fixtures.training",
]
