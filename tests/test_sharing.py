"""How the tests are shared between workers, seen on a few small ones."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.fixtures.mlflow import free_port
from tests.fixtures.sandbox import CLONE

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """\
from tests.fixtures.sharing import ByFile, longest_first

def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: longest_first(item.nodeid))
"""
TEST = """\
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(5))
def test_one(number):
    with pathlib.Path("log").open("a") as log:
        print(__name__.rpartition(".")[2], os.environ["PYTEST_XDIST_WORKER"], file=log)
"""


def test_a_file_has_one_worker_and_what_belongs_together_has_one_that_begins_with_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    together = [f"integration/test_{name}" for name in ("platform", "scheduler", "training")]
    airflow = ("local/test_pools", "plugins/test_page")
    for name in ("alone/test_a", *airflow, *together, "test_d"):
        path = tmp_path / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--quiet", "--import-mode=importlib"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CLONE), "PATH": os.defpath},
        check=True,
        capture_output=True,
    )
    ran = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert len(ran) == 35
    workers = {name: {worker for who, worker in ran if who == name} for name, _ in ran}
    assert all(len(seen) == 1 for seen in workers.values())
    (first,) = workers["test_platform"]
    order = dict.fromkeys(name for name, worker in ran if worker == first)
    assert list(order)[:3] == ["test_training", "test_platform", "test_scheduler"]
    assert workers["test_page"] == workers["test_pools"] != {first}


def test_ports_are_not_given_twice_and_not_side_by_side() -> None:
    given = [free_port() for _ in range(10)]
    assert len(set(given)) == 10
    assert not {port + 1 for port in given} & set(given)
