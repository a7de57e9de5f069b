from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer

from tests.learning import frames
from tradewind.definition.learning import Candidate
from tradewind.learning.blend import blended
from tradewind.learning.estimators import build_pipeline
from tradewind.learning.naive import fit_naive
from tradewind.stores import scorer as module
from tradewind.stores.casting import cast, cast_features, feature_digests
from tradewind.stores.fallback import MOST_CATEGORIES, Known, NaiveRule
from tradewind.stores.model_files import write_model
from tradewind.stores.prediction_schema import prediction_table
from tradewind.stores.reasons import told_against
from tradewind.stores.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

TYPES: dict[str, Any] = dict(frames.TYPES)
ROWS = frames.feature_set(days=12)
RULE = fit_naive(frames.definition(fallback={"rule": "group", "by": ["carrier"]}), ROWS)


def blend_of(problem: Any) -> Any:
    """Trees that see less and a bent weighted sum, fitted and put together."""
    trees, straight = {
        "binary": ("HistGradientBoostingClassifier", "LogisticRegression"),
        "regression": ("HistGradientBoostingRegressor", "Ridge"),
    }[problem]
    declared = {
        "trees": Candidate(
            estimator=f"sklearn.ensemble.{trees}", params={"max_iter": 10}, without=["carrier"]
        ),
        "bent": Candidate(estimator=f"sklearn.linear_model.{straight}", numbers="splines"),
    }
    features, label = cast(ROWS, TYPES).frame, ROWS["label"].astype(int)
    members = {
        name: build_pipeline(
            one, {}, types=TYPES, problem=problem, seed=0, where="toy"
        ).fit(features, label)
        for name, one in declared.items()
    }  # fmt: skip
    return blended(members, problem=problem, features=features, where="toy")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    declared = Candidate(
        estimator="sklearn.ensemble.HistGradientBoostingClassifier", params={"max_iter": 10}
    )
    pipeline = build_pipeline(declared, {}, types=TYPES, problem="binary", seed=0, where="toy")
    features = cast(ROWS, TYPES)
    pipeline.fit(features.frame, ROWS["label"].astype(int))
    metadata = {
        "model": "toy",
        "candidate": "boosting",
        "problem": "binary",
        "features": TYPES,
        "decision_threshold": 0.5,
        "naive": {**RULE.to_json(), "decision_threshold": 0.3},
        "known": Known.of(features).to_json(),
        "explains": told_against(pipeline, TYPES, features.frame),
    }
    return write_model(tmp_path_factory.mktemp("model"), pipeline, metadata=metadata)


def rows_of(**changes: Any) -> pd.DataFrame:
    return ROWS.head(4)[[*TYPES]].assign(**changes)


def test_rows_like_those_of_training_are_the_models(scorer: Scorer) -> None:
    plain, guarded = scorer.score(ROWS), scorer.score(ROWS, guarded=True)
    assert list(plain.columns) == ["score", "decision", "source"]
    assert guarded[["score", "decision", "source"]].equals(plain)
    assert set(guarded["source"]) == {"model"}
    assert guarded["fallback_reason"].isna().all()
    assert guarded["model_score"].equals(plain["score"])
    assert guarded["naive_score"].tolist() == RULE.score(ROWS).tolist()


def test_a_category_never_seen_is_the_naive_rules(scorer: Scorer) -> None:
    frame = rows_of(carrier=["ZZ", "AA", None, "AA"])
    scored = scorer.score(frame, guarded=True, reasons=2)
    assert scored["source"].tolist() == ["fallback", "model", "model", "model"]
    assert scored["fallback_reason"].tolist() == [
        *("carrier 'ZZ' was not in training", None, None, None)
    ]
    # A group never seen has the rate of all, which the rule's own threshold judges.
    assert scored["score"][0] == RULE.prior
    assert scored["decision"][0] == int(RULE.prior >= 0.3)
    assert scored["model_score"].equals(scorer.score(frame)["score"])
    assert scored["reasons"][0] == []
    assert len(scored["reasons"][1]) == 2


def test_a_category_may_be_let_through(scorer: Scorer) -> None:
    frame = rows_of(carrier=["ZZ", "YY", "AA", "AA"])
    ready = scorer.score(frame, guarded=True, ready={"carrier": {"ZZ"}})
    assert ready["source"].tolist() == ["model", "fallback", "model", "model"]
    assert set(scorer.score(frame, guarded=True, unseen="model")["source"]) == {"model"}


def test_a_number_is_outside_beyond_a_share_of_the_range(scorer: Scorer) -> None:
    known = scorer.known
    assert known is not None
    low, high = known.ranges["delay"] or (0.0, 0.0)
    edge = high + 0.5 * (high - low)
    frame = rows_of(delay=[edge, np.nextafter(edge, 9e9), low - (high - low), np.nan])
    scored = scorer.score(frame, guarded=True)
    assert scored["source"].tolist() == ["model", "fallback", "fallback", "model"]
    assert scored["fallback_reason"][1].startswith("delay is far above its range in training")
    assert scored["fallback_reason"][2].startswith("delay is far below its range in training")
    near = scorer.score(frame, guarded=True, outside_range=2.0)
    assert set(near["source"]) == {"model"}


def test_two_grounds_are_both_told(scorer: Scorer) -> None:
    scored = scorer.score(rows_of(carrier="ZZ", delay=1e9), guarded=True)
    assert scored["fallback_reason"][0].count(";") == 1


def test_a_row_is_put_on_fallback_from_without(scorer: Scorer) -> None:
    forced = pd.Series([None, "its row failed validation", np.nan, None], index=[7, 3, 9, 1])
    scored = scorer.score(rows_of(carrier=["AA", "AA", "ZZ", "AA"]), force_fallback=forced)
    assert scored["source"].tolist() == ["model", "fallback", "model", "model"]
    assert scored["fallback_reason"][1] == "its row failed validation"
    assert scored["score"][1] == scored["naive_score"][1]


def test_a_model_of_format_1_is_read_and_never_falls_back_by_itself(
    scorer: Scorer, tmp_path: Path
) -> None:
    old = {
        name: value
        for name, value in scorer.metadata.items()
        if name not in ("naive", "known", "explains", "format", "trusted_types")
    }
    write_model(tmp_path, scorer.estimator, metadata=old)
    file = tmp_path / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 1}))
    opened = Scorer.open(tmp_path)
    frame = rows_of(carrier="ZZ")
    assert (opened.naive, opened.known) == (None, None)
    assert opened.score(frame).equals(scorer.score(frame))
    assert set(opened.score(frame, guarded=True)["source"]) == {"model"}
    with pytest.raises(ValueError, match="switched off, and this model was stored without a naive"):
        opened.score(frame, force_fallback=pd.Series(["switched off"] * 4))


def test_parts_make_the_same_whole(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"guarded": True, "reasons": 3}
    frame = ROWS.assign(carrier=ROWS["carrier"].where(ROWS.index % 7 > 0, "ZZ"))
    whole, digests = scorer.score(frame, **options), scorer.digests(frame)
    monkeypatch.setattr(module, "CHUNK_ROWS", 100)
    parts = scorer.score(frame, **options)
    assert parts.drop(columns="reasons").equals(whole.drop(columns="reasons"))
    assert parts["reasons"].tolist() == whole["reasons"].tolist()
    assert scorer.digests(frame) == digests


def test_who_asks_for_reasons_gets_the_same_scores(scorer: Scorer) -> None:
    frame = ROWS.assign(carrier=ROWS["carrier"].where(ROWS.index % 7 > 0, "ZZ"))
    told = scorer.score(frame, guarded=True, reasons=2)
    assert told.drop(columns="reasons").equals(scorer.score(frame, guarded=True))
    assert told["reasons"].map(len).eq(0).tolist() == told["source"].eq("fallback").tolist()
    # The log keeps them as they are told.
    logged = prediction_table({"reasons": told["reasons"]}, rows=len(frame))
    assert logged["reasons"].to_pylist() == told["reasons"].tolist()


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_a_blend_with_reasons_prepares_once_and_scores_the_same_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    both, features = blend_of(problem), cast(ROWS, TYPES).frame
    by_hand = both.predict_proba(features)[:, 1] if problem == "binary" else both.predict(features)
    prepared, ask = [], ColumnTransformer.transform
    monkeypatch.setattr(
        ColumnTransformer, "transform", lambda own, rows: prepared.append(own) or ask(own, rows)
    )
    metadata = {
        "problem": problem,
        "features": TYPES,
        "decision_threshold": 0.5,
        "naive": RULE.to_json(),
        "explains": told_against(both, TYPES, features),
    }
    prepared.clear()
    forced = pd.Series(np.where(np.arange(len(ROWS)) % 7, None, "asked for"))
    told = Scorer(both, metadata).score(ROWS, reasons=2, force_fallback=forced)
    assert len(prepared) == len(both.estimators_)
    assert (told["model_score"] == by_hand).all()
    alone = Scorer(both, metadata).score(ROWS.iloc[[1, 8]], reasons=2)["reasons"].tolist()
    assert told["reasons"].iloc[[0, 1, 7, 8]].tolist() == [[], alone[0], [], alone[1]]


def test_no_rows_have_the_same_columns(scorer: Scorer) -> None:
    none = scorer.score(ROWS.head(0), guarded=True, reasons=2)
    assert list(none.columns) == list(scorer.score(ROWS, guarded=True, reasons=2).columns)
    assert none.empty


def test_a_rule_reads_back_as_it_was_written() -> None:
    told = json.loads(json.dumps(RULE.to_json()))
    assert NaiveRule.from_json(told) == RULE


def test_a_group_is_the_same_whatever_type_carries_its_numbers() -> None:
    rule = NaiveRule("group", ("hour", "late"), 0.5, {"[6, 1]": 0.1, "[null, 0]": 0.2}, 9)
    whole = pd.DataFrame({"hour": [6, 7], "late": [True, False]})
    cast_too = pd.DataFrame({"hour": [6.0, np.nan], "late": [1.0, 0.0]})
    assert rule.score(whole).tolist() == [0.1, 0.5]
    assert rule.score(cast_too).tolist() == [0.1, 0.2]


def test_too_many_categories_are_not_held_against_a_row() -> None:
    frame = pd.DataFrame({"tail": [f"N{number}" for number in range(MOST_CATEGORIES + 1)]})
    known = Known.of(cast(frame, {"tail": "categorical"}))
    assert known.to_json()["categories"] == {"tail": None}
    unseen = cast(pd.DataFrame({"tail": ["new"]}), {"tail": "categorical"})
    assert known.outside(unseen, outside_range=0.5).tolist() == [None]


def test_a_number_that_training_never_saw_is_outside() -> None:
    known = Known.of(cast(pd.DataFrame({"gust": [np.nan, np.nan]}), {"gust": "numeric"}))
    rows = cast(pd.DataFrame({"gust": [np.nan, 3.0]}), {"gust": "numeric"})
    assert known.outside(rows, outside_range=0.5).tolist() == [
        *(None, "gust had no value in training")
    ]


@pytest.mark.parametrize("kind", ["str", "object", "category"])
def test_words_become_objects_and_gaps_nan(kind: str) -> None:
    frame = pd.DataFrame({"word": pd.Series(["a", None, "b"], dtype=object).astype(kind)})
    found = cast_features(frame, {"word": "categorical"})["word"]
    assert found.dtype == object
    assert found[[0, 2]].tolist() == ["a", "b"]
    assert isinstance(found[1], float)


@given(st.lists(st.tuples(st.floats(), st.one_of(st.none(), st.text(max_size=3))), min_size=1))
@settings(max_examples=60, deadline=None)
def test_equal_features_have_equal_digests_and_others_do_not(
    rows: list[tuple[float, str | None]],
) -> None:
    frame = pd.DataFrame(
        {
            "number": pd.Series([row[0] for row in rows], dtype="float64"),
            "word": pd.Series([row[1] for row in rows], dtype=object),
        }
    )
    digests = feature_digests(cast_features(frame, {"number": "numeric", "word": "categorical"}))
    spelled = [(repr(number + 0.0), word) for number, word in rows]
    assert len(set(digests)) == len(set(spelled))
