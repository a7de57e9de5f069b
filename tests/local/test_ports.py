"""The choice of ports."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.mlflow import free_port
from tradewind.local import ports

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def preferred(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Two ports that are free now, as the usual ones."""
    wanted = {"airflow": free_port(), "mlflow": free_port()}
    monkeypatch.setattr(ports, "PREFERRED", wanted)
    return wanted


def listen(port: int, address: str = "127.0.0.1") -> socket.socket:
    taken = socket.socket()
    taken.bind((address, port))
    taken.listen()
    return taken


def test_the_usual_ports_are_taken_when_they_are_free(tmp_path: Path, preferred: dict[str, int]):
    with ports.chosen(tmp_path / "ports.json") as chosen:
        assert chosen == preferred


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 -- a stranger's choice
def test_a_taken_port_makes_room_for_the_next_free_one(
    tmp_path: Path, preferred: dict[str, int], address: str
):
    with listen(preferred["airflow"], address), ports.chosen(tmp_path / "ports.json") as chosen:
        assert chosen["airflow"] > preferred["airflow"]
        assert ports.is_free(chosen["airflow"])
        assert chosen["mlflow"] == preferred["mlflow"]


def test_a_choice_is_remembered(tmp_path: Path, preferred: dict[str, int]):
    file = tmp_path / "ports.json"
    with listen(preferred["airflow"]), ports.chosen(file) as first:
        pass
    with ports.chosen(file) as second:
        assert second == first
    assert ports.remembered(file) == first


def test_the_port_of_a_running_server_stays_its_own(tmp_path: Path, preferred: dict[str, int]):
    file = tmp_path / "ports.json"
    file.write_text(json.dumps(preferred))
    with listen(preferred["mlflow"]), ports.chosen(file, keep={"mlflow"}) as chosen:
        assert chosen == preferred


def test_two_clones_that_start_at_once_choose_different_ports(
    tmp_path: Path, preferred: dict[str, int]
):
    with ports.chosen(tmp_path / "one.json") as one, ports.chosen(tmp_path / "two.json") as two:
        assert not set(one.values()) & set(two.values())


def test_a_broken_memory_is_no_memory(tmp_path: Path, preferred: dict[str, int]):
    file = tmp_path / "ports.json"
    file.write_text("{")
    with ports.chosen(file) as chosen:
        assert chosen == preferred
