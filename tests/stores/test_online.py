from __future__ import annotations

import traceback
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
from sklearn.linear_model import LogisticRegression

from tests.fixtures.s3 import KEY, REGION, SECRET
from tradewind.stores.model_files import write_model
from tradewind.stores.online import (
    LOG_VARIABLE,
    NotLoggedError,
    OnlineModel,
    Standing,
    read_standing,
    write_log,
)
from tradewind.stores.prediction_schema import (
    PREDICTION_COLUMNS,
    entity_texts,
    key_kinds,
    prediction_schema,
    prediction_table,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.s3 import Bucket

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
METADATA: dict[str, Any] = {
    "model": "toy",
    "candidate": "linear",
    "problem": "binary",
    "features": {"a": "numeric"},
    "decision_threshold": 0.5,
    "naive": {"rule": "prior", "by": [], "prior": 0.4, "groups": {}, "rows": 4},
}


@pytest.fixture
def model(tmp_path: Path) -> OnlineModel:
    folder = tmp_path / "artifacts" / "model"
    write_model(folder, LogisticRegression().fit(FRAME, [0, 0, 1, 1]), metadata=METADATA)
    return OnlineModel.open(folder)


def test_every_column_of_the_log_has_its_type_and_is_null_unless_told() -> None:
    table = prediction_table({"caller": "desk", "score": [0.5, np.nan]}, rows=2)
    assert table.schema == prediction_schema()
    assert tuple(table.column_names) == PREDICTION_COLUMNS
    assert table["caller"].to_pylist() == ["desk", "desk"]
    assert table["score"].to_pylist() == [0.5, None]
    assert table["entity"].null_count == 2


def test_an_entity_is_the_same_out_of_a_table_and_out_of_json() -> None:
    moment = pd.Timestamp("2013-07-01T04:00:00Z")
    table = pd.DataFrame({"hour": [moment], "carrier": ["AA"], "flight": [11]})
    key = key_kinds(table, ["hour", "carrier", "flight"])
    told = pd.DataFrame(
        {"flight": [11.0], "hour": ["2013-07-01T00:00:00-04:00"], "carrier": ["AA"]}, dtype=object
    )
    assert entity_texts(table, key) == ['["2013-07-01T04:00:00.000000Z", "AA", 11]']
    assert entity_texts(told, key) == entity_texts(table, key)
    assert entity_texts(told.drop(columns="flight"), key) is None


def test_a_call_is_a_file_of_its_day(tmp_path: Path) -> None:
    table = prediction_table({"score": [0.5]}, rows=1)
    names = {write_log(tmp_path.as_uri(), table, moment=NOON) for _ in range(2)}
    assert len(names) == 2
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == names
    assert all(name.startswith("2013-07-01/") for name in names)
    assert ds.dataset(tmp_path).to_table().schema == prediction_schema()


def test_the_log_may_be_in_a_bucket(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    table = prediction_table({"score": [0.5]}, rows=1)
    name = write_log(f"s3://{s3.name}/predictions/toy/online", table, moment=NOON)
    found = s3.client().list_objects_v2(Bucket=s3.name)["Contents"]
    assert f"predictions/toy/online/{name}" in [one["Key"] for one in found]


def test_what_cannot_be_logged_is_not_answered(
    model: OnlineModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(LOG_VARIABLE, (tmp_path / "file").as_uri())
    with pytest.raises(NotLoggedError, match=f"is not served: .*correct {LOG_VARIABLE}"):
        model.answer(FRAME)


def test_a_caller_learns_nothing_of_the_logs_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = prediction_table({"score": [0.5]}, rows=1)
    for folder in ("nothing://ann:s3cret@host/x", "s3://ann:s3cret@no bucket/x?nonsense=1"):
        with pytest.raises(NotLoggedError) as raised:
            write_log(folder, table, moment=NOON)
        told = "".join(traceback.format_exception(raised.value))
        assert "s3cret@" not in told
    assert "s3cret" not in caplog.text


def test_reasons_are_between_none_and_twenty(
    model: OnlineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    asked = []
    score = model.scorer.score
    monkeypatch.setattr(
        model.scorer,
        "score",
        lambda *given, reasons, **more: asked.append(reasons) or score(*given, **more),
    )
    for reasons in (-5, 3, 10**9):
        model.answer(FRAME, {"reasons": reasons})
    assert asked == [0, 3, 20]


@pytest.mark.parametrize("tag", ["no JSON {", "[1]", '"word"'])
def test_a_tag_that_cannot_be_read_fails_no_call(
    model: OnlineModel, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    client = SimpleNamespace(
        get_registered_model=lambda _: SimpleNamespace(aliases={"champion": 1}, tags={}),
        get_model_version=lambda *_: SimpleNamespace(tags={"judged": tag}),
    )
    monkeypatch.setattr(mlflow, "MlflowClient", lambda: client)
    standing = read_standing(Standing(name="toy", version=1))
    assert (standing.alias, standing.judged) == ("champion", None)
    assert "nothing of how it was judged" in (standing.note or "")


def test_without_a_log_the_answer_says_so(
    model: OnlineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    answer = model.answer(FRAME)
    assert answer["logged"].tolist() == [False] * 4
    assert answer["source"].tolist() == ["champion"] * 4
    assert answer["version"].tolist() == [None] * 4
    assert "without a registered name" in answer["note"][0]


def test_another_version_than_the_champion_is_a_canary() -> None:
    assert Standing(version=3, champion=3).source == "champion"
    assert Standing(version=3, champion=None).source == "champion"
    assert Standing(version=4, champion=3).source == "canary"


def test_while_mlflow_is_away_the_last_word_holds(
    model: OnlineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the environment: MLflow would keep what it is told otherwise, there and for good.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    model.standing = Standing(name="toy", version=1, switched_off="a person said so")
    model.read_at -= 61
    answer = model.answer(FRAME)
    assert answer["fallback_reason"].tolist() == ["a person said so"] * 4
    assert answer["score"].tolist() == [0.4] * 4
    assert "does not answer" in answer["note"][0]
