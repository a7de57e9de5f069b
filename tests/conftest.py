"""What every test sees: a clean environment, and fixtures that start real servers when asked for.

It is settled at import, because Airflow and MLflow read their environment when first imported.
Every worker of a run settles its own: a folder, a PostgreSQL with all its databases, an MLflow and
an S3 server of its own, on ports that no other worker takes.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

from tests.fixtures import sandbox
from tests.fixtures.sharing import ByFile, longest_first

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer

sandbox.settle()

# A million objects of imported packages live as long as the process: to look through them again
# and again for what may go costs every test a fifteenth of its time.
gc.set_threshold(100_000, 50, 100)

# No test fails because another worker has the core: nothing here is timed.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.mlflow",
    "tests.fixtures.s3",
    "tests.fixtures.home",
    "tests.fixtures.training",
    "tests.fixtures.renewals",
]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share the tests by file, whatever `--dist` says."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker waits for it at the end."""
    items.sort(key=lambda item: longest_first(item.nodeid))


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    sandbox.leave()
