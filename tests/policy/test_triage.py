from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policy.grounds import (
    accepting,
    below_bound,
    breach,
    column,
    declared,
    grounds,
    guard,
    harm,
    past,
    retrain,
    sound_look,
)
from tradewind import errors
from tradewind.policy.decision import decide_on
from tradewind.policy.triage import layer_of, symptom_of_failure, symptoms_of

if TYPE_CHECKING:
    from tradewind.nights import Grounds, Symptom


def symptoms(stands_on: Grounds) -> list[Symptom]:
    return symptoms_of(stands_on.monitoring, decide_on(stands_on, declared()))


def test_a_night_on_which_all_is_well_has_no_symptom() -> None:
    assert symptoms(grounds()) == []


def test_each_figure_that_shows_harm_is_a_symptom_of_its_own() -> None:
    figures = [harm(), harm("hidden", then="alert"), harm("fine", state="within")]
    off, told = symptoms(grounds(sound_look(indicators=figures)))
    assert [one.key for one in (off, told)] == ["harm:needless", "harm:hidden"]
    assert (off.layer, off.severity) == ("model", "critical")
    assert "with `resume`" in off.way_out
    assert "with `fall_back`" in told.way_out
    assert off.details == [figures[0].sentence]


def test_ten_columns_with_one_cause_are_one_symptom() -> None:
    columns = [f"weather_{number}" for number in range(10)]
    look = sound_look(breaches=[breach("joined_rows", column) for column in columns])
    (symptom,) = symptoms(grounds(look))
    assert (symptom.key, symptom.layer) == ("contract:null spike", "data")
    assert "weather_9" in symptom.title
    assert len(symptom.details) == 10
    assert "`accept_contract`" in symptom.way_out
    assert "`joined_rows:weather_0`" in symptom.way_out


def test_an_accepted_breach_is_no_symptom() -> None:
    look = sound_look(breaches=[breach()])
    assert symptoms(grounds(look, live=accepting("null_rate:price"))) == []


@pytest.mark.parametrize(
    ("stands_on", "layer", "key"),
    [
        (grounds(sound_look(probation=guard())), "model", "model:probation"),
        (grounds(sound_look(performance=below_bound())), "model", "model:performance"),
        (
            grounds(sound_look(drift=[column("price")]), past=past(4, alarmed=["price"])),
            "model",
            "model:drift",
        ),
        (grounds(sound_look(problems=["its file is gone"])), "platform", "not_looked"),
        (grounds(sound_look(night=None)), "platform", "not_scored"),
    ],
    ids=["promotion", "performance", "drift", "file gone", "not scored"],
)
def test_a_symptom_names_the_layer_that_failed(stands_on: Grounds, layer: str, key: str) -> None:
    (symptom,) = symptoms(stands_on)
    assert (symptom.layer, symptom.key) == (layer, key)


def test_a_cause_that_no_training_clears_asks_for_a_human_and_says_what_to_press() -> None:
    launched = [retrain(59), retrain(44), retrain(29)]
    lasting = past(60, alarmed=["price"], causes=["drift"])
    (symptom,) = symptoms(
        grounds(sound_look(drift=[column("price")]), past=lasting, retrains=launched)
    )
    assert symptom.severity == "critical"
    assert "no training cleared it" in symptom.title
    assert "`override`" in symptom.way_out


@pytest.mark.parametrize(
    ("error", "layer"),
    [
        (errors.SourceUnavailableError("the source is down"), "data"),
        (errors.SchemaChangedError("a column is gone"), "data"),
        (errors.EmptyIntervalError("no rows"), "data"),
        (errors.LakeUnavailableError("the lake is down"), "platform"),
        (errors.LedgerUnavailableError("the ledger is down"), "platform"),
        (errors.RegistryUnavailableError("MLflow is down"), "platform"),
        (errors.RegistryError("MLflow refuses"), "platform"),
        (errors.ModelRefusedError("not what was stored"), "model"),
        (errors.DefinitionError("model.yaml:3: no"), "model"),
        (MemoryError("no memory"), "platform"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_blames_a_layer(error: Exception, layer: str) -> None:
    assert layer_of(error) == layer


def test_a_failed_task_says_which_and_what_to_press() -> None:
    symptom = symptom_of_failure(
        errors.LakeUnavailableError("the lake is down"),
        model="churn",
        pipeline="score",
        stage="predict",
    )
    assert (symptom.key, symptom.layer) == ("failed:score:predict", "platform")
    assert "clear the task in `churn.score`" in symptom.way_out
