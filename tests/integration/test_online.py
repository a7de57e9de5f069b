"""The champion behind `mlflow models serve`, asked over HTTP, beside what scores it at night."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import mlflow
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.fixtures.mlflow import free_port
from tests.fixtures.training import AS_OF
from tradewind.stores.online import LOG_VARIABLE
from tradewind.stores.prediction_schema import entity_texts, prediction_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tests.fixtures.training import Training

_KEY = {"time_hour": "moment", "carrier": "value", "flight": "value", "origin": "value"}
_SECONDS_TO_START = 60


@dataclass(frozen=True)
class Served:
    """A model behind a server.

    Attributes:
        url: Of the server.
        log: The folder of its prediction log.
    """

    url: str
    log: Path

    def ask(self, frame: pd.DataFrame, **params: Any) -> dict[str, Any]:
        plain = frame.astype(object).where(frame.notna(), None)
        asked_for = {"dataframe_records": plain.to_dict(orient="records"), "params": params}
        body = json.dumps(asked_for, default=lambda moment: moment.isoformat()).encode()
        asked = Request(  # noqa: S310 -- an address of our own
            f"{self.url}/invocations", data=body, headers={"Content-Type": "application/json"}
        )
        with urlopen(asked, timeout=30) as response:  # noqa: S310
            return dict(json.load(response))

    def logged(self) -> list[Path]:
        return sorted(self.log.rglob("*.parquet"))


@pytest.fixture(scope="module")
def served(
    trained: Training, mlflow_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("online"), free_port()
    log = folder / "predictions"
    log.mkdir()
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow_server,
        LOG_VARIABLE: log.as_uri(),
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve"),
        *("-m", "models:/flight_delay@champion", "--env-manager", "local", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with (folder / "server.log").open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/ping", log=folder / "server.log")
        yield Served(f"http://127.0.0.1:{port}", log)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, *, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            with urlopen(url, timeout=2):  # noqa: S310
                return
        except (URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the model is not served:\n{log.read_text()}")
            time.sleep(0.1)


def _flights(trained: Training, rows: int = 40) -> pd.DataFrame:
    """The last flights before the as-of moment; one of an airline that nobody has seen."""
    frame = trained.stores.lake.read_table(trained.records["features"].uri).to_pandas()
    last = frame.tail(rows).drop(columns=[name for name in frame if name.startswith("label")])
    last = last.reset_index(drop=True)
    last.loc[0, "carrier"] = "ZZ"
    return last


def test_it_answers_on_line_as_it_does_at_night(trained: Training, served: Served) -> None:
    flights = _flights(trained)
    loaded = trained.stores.registry.load(trained.records["train"].model_uri)
    night = loaded.score(flights, guarded=True, reasons=2)

    answers = served.ask(flights, caller="desk 7", reasons=2)["predictions"]

    assert [answer["decision"] for answer in answers] == night["decision"].tolist()
    scores = [answer["score"] for answer in answers]
    assert np.allclose(scores, night["score"], rtol=0, atol=1e-12)
    told = [[reason["words"] for reason in answer["reasons"]] for answer in answers]
    assert told == [[reason["words"] for reason in reasons] for reasons in night["reasons"]]
    assert [answer["source"] for answer in answers] == ["fallback"] + ["champion"] * 39
    assert answers[0]["fallback_reason"] == "carrier 'ZZ' was not in training"
    assert answers[1]["fallback_reason"] is None

    version = trained.records["register"].version
    evidence = trained.stores.lake.read_json(trained.records["evaluate"].uri)["evidence"]
    one = answers[1]
    assert one["version"] == version
    assert one["judged"]["metric"] == "log_loss"
    assert one["judged"]["low"] == evidence["candidate"]["log_loss"]["low"]
    assert one["data_digest"] == trained.records["ingest"].digest
    assert one["card"] == trained.records["card"].uri
    assert one["logged"] is True

    (file,) = served.logged()
    assert file.parent.name == f"{datetime.now(tz=UTC):%Y-%m-%d}"
    log = pq.read_table(file)
    assert log.schema == prediction_schema()
    assert set(log["caller"].to_pylist()) == {"desk 7"}
    assert log["score"].to_pylist() == scores
    assert log["entity"].to_pylist() == entity_texts(flights, _KEY)
    assert log["prediction_time"].to_pandas().tolist() == flights["prediction_time"].tolist()
    assert log["feature_digest"].to_pylist() == loaded.scorer.digests(flights)
    assert set(log["version"].to_pylist()) == {version}
    assert set(log["alias"].to_pylist()) == {"champion"}
    assert min(log["latency_ms"].to_pylist()) > 0
    assert max(log["prediction_time"].to_pylist()) <= AS_OF


def test_what_cannot_be_logged_is_not_served(trained: Training, served: Served) -> None:
    kept = served.log.with_name("kept")
    served.log.rename(kept)
    served.log.write_text("a file where the folder should be")
    try:
        with pytest.raises(HTTPError) as refused:
            served.ask(_flights(trained, rows=2))
        said = refused.value.read().decode()
    finally:
        served.log.unlink()
        kept.rename(served.log)
    assert refused.value.code >= 400
    assert "what is not logged is not served" in said


def test_a_row_of_unknown_entity_is_logged_without_one(trained: Training, served: Served) -> None:
    before = set(served.logged())
    flights = _flights(trained, rows=3).drop(columns=["flight", "time_hour", "event_time"])
    answers = served.ask(flights)["predictions"]
    assert len(answers[1]["reasons"]) == 3
    (file,) = set(served.logged()) - before
    log = pq.read_table(file).to_pylist()
    assert {(row["entity"], row["caller"], row["event_time"]) for row in log} == {
        (None, "unknown", None)
    }


def test_switched_off_the_naive_rule_answers(
    trained: Training, mlflow_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tradewind.stores.online import SERVING_REASON_TAG, SERVING_TAG, OnlineModel
    from tradewind.stores.pyfunc_files import MODEL_FOLDER

    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    client = mlflow.MlflowClient(mlflow_server)
    place = mlflow.artifacts.download_artifacts(
        "models:/flight_delay@champion", dst_path=str(tmp_path), tracking_uri=mlflow_server
    )
    flights = _flights(trained, rows=5)
    online = OnlineModel.open(Path(place, MODEL_FOLDER))
    assert online.answer(flights)["source"].tolist() == ["fallback"] + ["champion"] * 4
    client.set_registered_model_tag("flight_delay", SERVING_TAG, "fallback")
    client.set_registered_model_tag("flight_delay", SERVING_REASON_TAG, "the sensor is broken")
    try:
        online.answer(flights)
        assert online.standing.switched_off is None  # asked again within the minute: not yet
        online.read_at -= 61
        off = online.answer(flights)
        # While MLflow does not answer, the last word holds.
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        online.read_at -= 61
        still = online.answer(flights)
    finally:
        client.delete_registered_model_tag("flight_delay", SERVING_TAG)
        client.delete_registered_model_tag("flight_delay", SERVING_REASON_TAG)
    assert set(off["fallback_reason"][1:]) == {"the sensor is broken"}
    assert off["score"].tolist() == off["naive_score"].tolist()
    assert off["logged"].tolist() == [False] * 5
    assert set(still["fallback_reason"]) == set(off["fallback_reason"])
    assert "does not answer" in still["note"][0]
