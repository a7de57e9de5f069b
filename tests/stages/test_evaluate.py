"""Everybody on the same rows; nobody on rows that they were trained on."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tests.fixtures.mlflow import free_port
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import QUICK, SQL, VALUE, Scene
from tradewind.errors import EvidenceError, ModelRefusedError, RegistryUnavailableError
from tradewind.learning.splits import split_frame
from tradewind.records import Evidence
from tradewind.reports.brief import lines_of
from tradewind.stages._champion import find_champion, score_champion
from tradewind.stages.evaluate import evaluate
from tradewind.stores.registry import LoadedModel, Registry

FRAME = frames.feature_set()
FURTHER = frames.feature_set(days=120, end=AS_OF + timedelta(days=10))


def evidence_of(scene: Scene, evaluation) -> Evidence:
    return Evidence.model_validate(scene.stores.lake.read_json(evaluation.uri)["evidence"])


def test_candidate_and_naive_rule_are_judged_on_the_rows_that_were_kept_back(scene):
    frozen = scene.definition(value=VALUE)
    _, trained, evaluation = scene.evaluate(frozen, FRAME)
    evidence = evidence_of(scene, evaluation)
    assert (evidence.rows, evidence.units) == (trained.judge.rows, trained.judge.units)
    assert evidence.champion_state == "never"
    assert evidence.champion is None
    assert evidence.candidate["log_loss"].value < evidence.naive["log_loss"].value
    assert evidence.naive["roc_auc"].value == 0.5
    assert evidence.against_naive.low > 0
    assert evaluation.headline.startswith(f"log_loss {evidence.candidate['log_loss'].value:.4f} (")
    naive = evidence.naive["log_loss"]
    told = f"naive rule {naive.value:.4f} ({naive.low:.4f} to {naive.high:.4f}); on "
    assert told in evaluation.headline


def test_money_is_the_worth_of_all_judged_decisions(scene):
    frozen = scene.definition(value=VALUE)
    _, trained, evaluation = scene.evaluate(frozen, FRAME)
    evidence = evidence_of(scene, evaluation)
    judge = split_frame(FRAME, frozen.model, as_of=AS_OF).judge
    loaded = scene.stores.registry.load(trained.model_uri)
    late, warned = judge["label"].astype(bool), loaded.score(judge)["decision"] == 1
    worth = 60 * (late & warned) - 40 * (~late & warned) - 60 * (late & ~warned)
    assert evidence.money["candidate"].value == pytest.approx(worth.sum())
    assert evidence.money["candidate"].value > evidence.money["naive"].value
    assert evidence.currency == "USD"
    figure, naive = evidence.money["candidate"], evidence.money["naive"]
    assert lines_of(evaluation) == [
        evaluation.headline,
        (
            f"decisions on these rows are worth, in USD: candidate {figure.value:,.0f} "
            f"({figure.low:,.0f} to {figure.high:,.0f}), naive rule {naive.value:,.0f} "
            f"({naive.low:,.0f} to {naive.high:,.0f})"
        ),
    ]


def test_the_same_inputs_are_judged_once(scene, monkeypatch):
    frozen = scene.definition()
    admission, features, trained = scene.train(frozen, FRAME)
    arguments = (admission, frozen, scene.validated(FRAME), features, trained)
    first = evaluate(*arguments, stores=scene.stores)
    monkeypatch.setattr(scene.stores.registry, "load", None)
    assert evaluate(*arguments, stores=scene.stores) == first
    assert scene.stores.lake.list("evaluations") == [first.uri, first.scores_uri]


def test_a_champion_with_the_same_features_is_judged_on_the_same_frame(scene):
    before = frames.feature_set(end=AS_OF - timedelta(days=1))
    as_of = AS_OF - timedelta(days=1)
    _, _, older = scene.train(scene.definition(), before, as_of=as_of)
    version = scene.champion(older, as_of=as_of)
    _, trained, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert (evidence.champion_state, evidence.champion_version) == ("judged", version)
    assert evidence.rows == trained.judge.rows
    judge = split_frame(FRAME, scene.definition().model, as_of=AS_OF).judge
    score = scene.stores.registry.load(older.model_uri).score(judge)["score"].to_numpy()
    label = judge["label"].to_numpy(dtype=float)
    loss = -np.where(label == 1, np.log(score), np.log1p(-score)).mean()
    assert evidence.champion["log_loss"].value == pytest.approx(loss)
    gain = evidence.champion["log_loss"].value - evidence.candidate["log_loss"].value
    assert evidence.against_champion.value == pytest.approx(gain)
    assert f"champion (version {version})" in evaluation.headline


def test_a_night_that_is_run_again_is_judged_as_before_its_promotion(scene):
    frozen = scene.definition()
    _, trained, first = scene.evaluate(frozen, FRAME)
    scene.champion(trained)
    _, again, second = scene.evaluate(frozen, FRAME)
    assert (again, second) == (trained, first)
    assert evidence_of(scene, second).champion_state == "never"


def test_a_night_that_is_run_again_meets_the_champion_that_it_replaced(scene):
    as_of = AS_OF - timedelta(days=1)
    _, _, older = scene.train(scene.definition(), frames.feature_set(end=as_of), as_of=as_of)
    version = scene.champion(older, as_of=as_of)
    _, trained, first = scene.evaluate(scene.definition(), FRAME)
    scene.champion(trained)
    _, _, second = scene.evaluate(scene.definition(), FRAME)
    assert second == first
    assert evidence_of(scene, second).champion_version == version


def test_the_champion_itself_is_recognised(scene):
    frozen = scene.definition()
    _, _, trained = scene.train(frozen, FRAME)
    scene.champion(trained, as_of=AS_OF - timedelta(days=1))
    _, again, evaluation = scene.evaluate(frozen, FRAME)
    assert again.model_uri == trained.model_uri
    assert evidence_of(scene, evaluation).champion_state == "is_candidate"


def test_a_champion_of_a_later_moment_is_not_known_yet(scene):
    later = AS_OF + timedelta(days=10)
    _, _, newer = scene.train(scene.definition(), FURTHER, as_of=later)
    scene.champion(newer, as_of=later)
    _, _, evaluation = scene.evaluate(scene.definition(), FRAME)
    assert evidence_of(scene, evaluation).champion_state == "never"


def test_a_champion_is_scored_with_the_features_of_its_own_definition(scene):
    own = scene.definition(sql=SQL.replace("delay,", "-delay AS delay,"))
    turned = FRAME.assign(delay=-FRAME["delay"])
    _, _, older = scene.train(own, turned)
    scene.champion(older)
    _, _, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "judged", evidence.champion_problem
    # Learned from the delay turned around, and given it so, it is as good as the candidate.
    assert evidence.against_champion.value == pytest.approx(0, abs=1e-3)


def test_a_part_of_the_key_may_be_a_feature_of_the_champion(scene):
    types = {"features": {"types": {**frames.TYPES, "flight": "numeric"}}}
    own = scene.definition(sql=SQL.replace("delay,", "delay + 1 AS delay,"), **types)
    _, _, older = scene.train(own, FRAME.assign(delay=FRAME["delay"] + 1))
    scene.champion(older)
    _, _, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "judged", evidence.champion_problem


def test_a_champion_whose_own_features_lack_rows_is_unusable(scene):
    own = scene.definition(sql=f"{SQL} WHERE flight % 2 = 0")
    _, _, older = scene.train(own, FRAME)
    scene.champion(older)
    _, _, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "unusable"
    assert "gives no row for" in evidence.champion_problem


def test_a_champion_that_cannot_be_loaded_is_unusable_and_never_taken_for_none(scene):
    _, _, older = scene.train(scene.definition(train={**QUICK, "seed": 5}), FRAME)
    version = scene.champion(older)
    scene.stores.registry._client.delete_logged_model(older.model_uri.removeprefix("models:/"))
    _, trained, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert (evidence.champion_state, evidence.champion_version) == ("unusable", version)
    assert older.model_uri in evidence.champion_problem
    assert evidence.champion is None
    assert evidence.rows == trained.judge.rows
    assert "could not be judged" in evaluation.headline


def test_a_champion_whose_file_is_damaged_is_unusable(scene, tmp_path):
    _, _, older = scene.train(scene.definition(train={**QUICK, "seed": 5}), FRAME)
    scene.champion(older)
    damaged = tmp_path / "damaged" / "artifacts" / "model" / "model.skops"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half")
    scene.stores.registry._client.log_model_artifacts(
        older.model_uri.removeprefix("models:/"), str(tmp_path / "damaged")
    )
    _, _, evaluation = scene.evaluate(scene.definition(), FRAME)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "unusable"
    assert "changed behind our back" in evidence.champion_problem


def test_a_server_that_does_not_answer_says_nothing_of_the_champion(scene, monkeypatch):
    frozen = scene.definition()
    admission, _, older = scene.train(scene.definition(train={**QUICK, "seed": 5}), FRAME)
    scene.champion(older)
    _, _, trained = scene.train(frozen, FRAME)
    champion = find_champion(admission, trained, stores=scene.stores)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    stores = SimpleNamespace(
        registry=Registry(f"http://127.0.0.1:{free_port()}"),
        ledger=scene.stores.ledger,
        lake=scene.stores.lake,
    )
    judge = split_frame(FRAME, frozen.model, as_of=AS_OF).judge
    with pytest.raises(RegistryUnavailableError, match=older.model_uri):
        score_champion(
            champion,
            frozen,
            scene.validated(FRAME),
            judge,
            as_of=AS_OF,
            stores=stores,
        )


def test_everybody_is_scored_with_as_many_threads_as_the_definition_says(scene, monkeypatch):
    threads = max(pool["num_threads"] for pool in threadpool_info()) + 1
    frozen = scene.definition(resources={"threads": threads})
    _, _, older = scene.train(scene.definition(train={**QUICK, "seed": 5}), FRAME)
    scene.champion(older)
    admission, features, trained = scene.train(frozen, FRAME)
    plain, seen = LoadedModel.score, {}

    def spy(loaded, frame):
        seen[loaded.model_uri] = {pool["num_threads"] for pool in threadpool_info()}
        return plain(loaded, frame)

    monkeypatch.setattr(LoadedModel, "score", spy)
    evaluate(admission, frozen, scene.validated(FRAME), features, trained, stores=scene.stores)
    assert seen == {uri: {threads} for uri in (trained.model_uri, older.model_uri)}


def test_no_champion_is_judged_on_rows_it_was_trained_on(scene):
    # Trained with a shorter judge stretch, the champion has seen further than the candidate.
    _, _, older = scene.train(scene.definition(train={**QUICK, "judge_days": 28}), FRAME)
    scene.champion(older)
    frozen = scene.definition(train={**QUICK, "judge_days": 30})
    _, trained, evaluation = scene.evaluate(frozen, FRAME)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "judged"
    assert (trained.judge.units, evidence.units) == (30, 28)
    judge = split_frame(FRAME, frozen.model, as_of=AS_OF).judge
    unseen = judge["prediction_time"] >= older.select.end
    assert evidence.rows == unseen.sum() < trained.judge.rows


def test_too_few_days_after_the_champions_training_make_it_unusable(scene):
    champion = scene.definition(train={**QUICK, "judge_days": 28})
    _, _, older = scene.train(champion, FRAME)
    scene.champion(older)
    frozen = scene.definition(train={**QUICK, "judge_days": 30})
    frame = FRAME[FRAME["prediction_time"] < AS_OF - timedelta(days=1)]
    _, trained, evaluation = scene.evaluate(frozen, frame)
    evidence = evidence_of(scene, evaluation)
    assert evidence.champion_state == "unusable"
    assert "only 27 of the judged days come after that; 28 are needed" in evidence.champion_problem
    assert evidence.rows == trained.judge.rows


def test_scores_that_are_not_those_of_the_training_are_refused(scene):
    frozen = scene.definition()
    admission, features, trained = scene.train(frozen, FRAME)
    other = trained.model_copy(update={"prediction_digest": "0" * 32})
    with pytest.raises(ModelRefusedError, match="does not answer as what was trained"):
        evaluate(admission, frozen, scene.validated(FRAME), features, other, stores=scene.stores)


def test_rows_that_training_did_not_keep_back_are_refused(scene):
    frozen = scene.definition()
    admission, features, trained = scene.train(frozen, FRAME)
    fewer = trained.judge.model_copy(update={"rows": trained.judge.rows - 1})
    with pytest.raises(EvidenceError, match="not the rows that the model has never seen"):
        evaluate(
            admission,
            frozen,
            scene.validated(FRAME),
            features,
            trained.model_copy(update={"judge": fewer}),
            stores=scene.stores,
        )
