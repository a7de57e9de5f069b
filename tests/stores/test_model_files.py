from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from tradewind.errors import ModelRefusedError
from tradewind.stores.model_files import (
    folder_digest,
    open_model,
    require_same_answers,
    write_model,
)

if TYPE_CHECKING:
    from pathlib import Path

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
LABEL = np.array([0, 0, 1, 1])
METADATA: dict[str, Any] = {
    "model": "toy",
    "candidate": "linear",
    "problem": "binary",
    "features": {"a": "numeric"},
    "decision_threshold": 0.5,
}


def own_function(values: Any) -> Any:
    return values


class OwnClassifier(ClassifierMixin, BaseEstimator):
    def fit(self, features: Any, label: Any) -> OwnClassifier:
        self.classes_ = np.unique(label)
        return self


def _with(function: Any) -> Pipeline:
    return Pipeline([("own", FunctionTransformer(function)), ("model", LogisticRegression())])


def test_a_model_reads_back_as_it_was_written(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(FRAME, LABEL)
    scorer = write_model(tmp_path / "model", fitted, metadata=METADATA)
    scored = scorer.score(FRAME.assign(more="ignored"))
    assert np.array_equal(scored["score"], fitted.predict_proba(FRAME)[:, 1])
    assert scored["decision"].tolist() == [0, 0, 1, 1]
    assert set(scored["source"]) == {"model"}
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "model.json",
        "model.skops",
    ]


def test_what_is_laid_beside_a_model_is_part_of_it(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(FRAME, LABEL)
    beside = {"profile.json": b"{}"}
    write_model(tmp_path / "one", fitted, metadata=METADATA, beside=beside)
    assert open_model(tmp_path / "one").beside == beside
    write_model(tmp_path / "two", fitted, metadata=METADATA)
    assert open_model(tmp_path / "two").beside == {}
    assert folder_digest(tmp_path / "one") != folder_digest(tmp_path / "two")
    with pytest.raises(ModelRefusedError, match=r"may be laid beside a model as 'model\.json'"):
        write_model(tmp_path / "three", fitted, metadata=METADATA, beside={"model.json": b""})


def test_a_regression_gives_no_decision(tmp_path: Path) -> None:
    metadata = {**METADATA, "problem": "regression", "decision_threshold": None}
    scorer = write_model(tmp_path, Ridge().fit(FRAME, LABEL), metadata=metadata)
    assert list(scorer.score(FRAME).columns) == ["score", "source"]


def test_no_rows_are_no_scores(tmp_path: Path) -> None:
    scorer = write_model(tmp_path, LogisticRegression().fit(FRAME, LABEL), metadata=METADATA)
    assert scorer.score(FRAME.head(0)).empty


def test_a_missing_feature_is_named(tmp_path: Path) -> None:
    scorer = write_model(tmp_path, LogisticRegression().fit(FRAME, LABEL), metadata=METADATA)
    with pytest.raises(KeyError, match="not in the frame: a"):
        scorer.score(FRAME.rename(columns={"a": "b"}))


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (_with(own_function).fit(FRAME, LABEL), r"test_model_files\.own_function"),
        (_with(lambda values: values).fit(FRAME, LABEL), "<lambda>"),
        (OwnClassifier().fit(FRAME, LABEL), r"test_model_files\.OwnClassifier"),
    ],
)
def test_types_of_ones_own_are_refused_by_name(tmp_path: Path, estimator: Any, named: str) -> None:
    with pytest.raises(
        ModelRefusedError, match=f"toy, candidate linear: the model holds .*{named}"
    ):
        write_model(tmp_path, estimator, metadata=METADATA)
    assert not (tmp_path / "model.skops").exists()


def test_what_skops_cannot_hold_is_refused(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(FRAME, LABEL)
    fitted.handle = (tmp_path / "open").open("w")
    with fitted.handle, pytest.raises(ModelRefusedError, match="toy, candidate linear"):
        write_model(tmp_path / "model", fitted, metadata=METADATA)


def test_a_stored_list_of_trusted_types_is_not_believed(tmp_path: Path) -> None:
    write_model(tmp_path, LogisticRegression().fit(FRAME, LABEL), metadata=METADATA)
    file = tmp_path / "model.json"
    wicked = {**json.loads(file.read_text()), "trusted_types": ["os.system"]}
    file.write_text(json.dumps(wicked))
    with pytest.raises(ModelRefusedError, match=r"may not load os\.system"):
        open_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    write_model(tmp_path, LogisticRegression().fit(FRAME, LABEL), metadata=METADATA)
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ModelRefusedError, match="the stored model cannot be read"):
        open_model(tmp_path)


def test_a_model_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, LogisticRegression().fit(FRAME, LABEL), metadata=METADATA)
    file = tmp_path / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 3}))
    with pytest.raises(ModelRefusedError, match="a model of format 3; up to 2 is known"):
        open_model(tmp_path)


def test_scores_that_change_in_the_storing_are_refused(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(FRAME, LABEL)
    scorer = write_model(tmp_path, fitted, metadata=METADATA)
    scores = fitted.predict_proba(FRAME)[:, 1]
    require_same_answers(scorer, scores, FRAME, who="toy")
    scores[2] = np.nextafter(scores[2], 1)
    with pytest.raises(ModelRefusedError, match="toy: 1 of 4 scores differ"):
        require_same_answers(scorer, scores, FRAME, who="toy")


def test_a_folders_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "file").write_text("a")
    assert folder_digest(tmp_path / "one") == folder_digest(tmp_path / "two")
    (tmp_path / "two" / "sub" / "file").rename(tmp_path / "two" / "file")
    assert folder_digest(tmp_path / "one") != folder_digest(tmp_path / "two")
