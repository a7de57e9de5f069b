"""The gate of written rows: each screen at its limit, and just beyond it."""

from __future__ import annotations

import pytest

from tests.gates.evidence import evidence, model
from tradewind.gates import poisoning as gate
from tradewind.gates import run_gates
from tradewind.gates.poisoning import check

_NEWER = ("between", "days")
LEVEL = 0.0125
"""A quarter of the false alarms that the default allows."""


def part(**changes):
    sound = {"name": "carrier = UA", "rows": 23_000, "share": 0.04, "chance": 0.6}
    sound["between"] = (0.04, 0.12)
    return {**sound, **changes}


def parts(*worst):
    return {"worst": list(worst or [part()]), "looked_at": 20, "small": 1}


def planted(**changes):
    sound = {"words": "wind_speed = 33.33", "rows": 1_300, "days": 140, "label": 0, "pure": 1.0}
    expected = {"expected": 0.78, "between": (0.76, 0.805)}
    return {**sound, **expected, "chance": 0.4, **changes}


def patterns(*worst):
    return {"worst": list(worst), "cells": 61_626, "pure": 300, "tried": 100, "left_out": []}


def found(**changes):
    sound = {
        "rows": 133_444,
        "units": 151,
        "learned": 60_000,
        "batch_days": 7,
        "batches": parts(),
        "categories": parts(),
        "repeats": {"rows": 6_500, "share": 0.0, "usual": 0.0, "level": 0.001},
        "harm": {
            "batch_rows": 6_400,
            "loss": 0.5,
            "worse": 0.0,
            "low": -0.01,
            "rows": 18_764,
            "units": 21,
        },
        "patterns": patterns(planted()),
    }
    return {**sound, **changes}


def ask(asked=None, **changes):
    given = evidence(findings={"poisoning": found(**changes)})
    return check(given, model(waivers=[], poisoning=asked or {}))


def harm(low, worse=0.02):
    return {**found()["harm"], "low": low, "worse": worse}


def test_clean_rows_pass_and_the_sentence_says_what_was_looked_at_and_what_cannot_be_seen():
    result = ask()
    assert result.outcome == "passed"
    assert "20 batches of 7 days and 20 categories" in result.sentence
    assert "133,444 training rows of 151 days" in result.sentence
    assert "spread evenly over all rows cannot be seen" in result.sentence
    assert (
        "Of the 6,500 rows of the newest batch 0.0% are there several times over (2.0% is usual), "
        "and it does no harm: with its 6,400 rows to learn from a quick model's loss changes by 0, "
        "surely by more than -0.01 where 0.01 is the limit, on 18,764 later rows of 21 days."
    ) in result.sentence
    assert (result.rows, result.units) == (133_444, 151)
    assert (result.figure, result.threshold) == (0.04, 0.1)
    assert {line["holds"] for line in result.table} == {"yes"}
    assert result.table[0]["besides"] == "chance 0.6, blocks up to 0.0125"


def test_rows_that_nobody_looked_at_block():
    result = run_gates(evidence(), model(waivers=[]), gates={"poisoning": gate})[0]
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence


@pytest.mark.parametrize("kind", ["batches", "categories"])
@pytest.mark.parametrize(
    ("share", "chance", "outcome"),
    [
        pytest.param(0.1, LEVEL, "blocked", id="both at their limits"),
        pytest.param(0.0999, LEVEL, "passed", id="too few to matter"),
        pytest.param(0.1, LEVEL + 1e-6, "passed", id="chance does that"),
        pytest.param(0.5, 1e-9, "blocked", id="plainly"),
    ],
)
def test_labels_that_are_turned_over_block_where_they_are_many_and_no_chance(
    kind, share, chance, outcome
):
    result = ask(**{kind: parts(part(share=share, chance=chance), part())})
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (result.figure, result.threshold) == (share, 0.1)
        assert "23,000 labels" in result.sentence
        assert f"as if {share:.1%} (4.0% to 12.0%) had been turned over" in result.sentence
        assert result.interval == (0.04, 0.12)


def test_what_older_evidence_does_not_say_is_left_out():
    bare = {name: said for name, said in part(share=0.5, chance=0.0).items() if name != "between"}
    repeats = {"share": 0.0, "usual": 0.0, "level": 0.001}
    assert "as if 50.0% had been turned over" in ask(batches=parts(bare)).sentence
    assert "Of the rows of the newest batch 0.0% are there" in ask(repeats=repeats).sentence
    pure = {name: told for name, told in planted(chance=0.0).items() if name not in _NEWER}
    said = ask(patterns=patterns(pure)).sentence
    assert "100.0% of 1,300 labels are 0, and models that do not look at it expect 78.0%:" in said


def test_fewer_false_alarms_are_bought_with_sight():
    turned = parts(part(share=0.5, chance=0.01))
    assert ask(batches=turned).outcome == "blocked"
    assert ask({"false_alarms": 0.02}, batches=turned).outcome == "passed"


def test_too_few_categories_are_said_to_be_unknown():
    result = ask(categories=None)
    assert result.outcome == "passed"
    assert "categories none" not in result.sentence
    assert "No categories were held against each other: too few." in result.sentence


@pytest.mark.parametrize(
    ("share", "level", "outcome"),
    [
        pytest.param(0.02, 0.001, "passed", id="at the smallest share that blocks"),
        pytest.param(0.0201, 0.001, "blocked", id="just beyond it"),
        pytest.param(0.4, 0.4, "passed", id="at the usual level"),
        pytest.param(0.401, 0.4, "blocked", id="beyond the usual level"),
    ],
)
def test_a_flood_of_copies_blocks(share, level, outcome):
    result = ask(repeats={"share": share, "usual": 0.0, "level": level})
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (result.figure, result.threshold) == (share, max(level, 0.02))
        assert "are there several times over" in result.sentence


@pytest.mark.parametrize(
    ("low", "outcome"), [(0.01, "passed"), (0.01001, "blocked"), (-0.1, "passed")]
)
def test_a_newest_batch_that_surely_does_harm_blocks(low, outcome):
    result = ask(harm=harm(low))
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (result.figure, result.threshold) == (low, 0.01)
        assert result.interval == (low, pytest.approx(0.04 - low))
        assert "18,764 later rows of 21 days" in result.sentence


def test_how_much_harm_is_too_much_is_the_definitions_to_say():
    assert ask({"harm": 0.1}, harm=harm(0.04)).outcome == "passed"
    assert ask({"harm": 0.0}, harm=harm(0.0001)).outcome == "blocked"


@pytest.mark.parametrize(
    ("chance", "outcome"), [(LEVEL, "blocked"), (LEVEL + 1e-6, "passed"), (0.0, "blocked")]
)
def test_a_pattern_purer_than_chance_makes_it_blocks(chance, outcome):
    result = ask(patterns=patterns(planted(chance=chance)))
    assert result.outcome == outcome
    if outcome == "blocked":
        assert (result.figure, result.threshold) == (chance, LEVEL)
        assert (
            "Where wind_speed = 33.33, 100.0% of 1,300 labels of 140 days are 0, and models that "
            "do not look at it expect 78.0% (76.0% to 80.5%): among 61,626 values and pairs"
        ) in result.sentence


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        (0.00117, "in 0.117% of clean trainings."),
        (1e-6, "in 0.0001% of clean trainings."),
        (9e-7, "in less than one clean training in a million."),
        (0.0, "in less than one clean training in a million."),
    ],
)
def test_how_seldom_chance_does_it_is_said_in_words(chance, said):
    assert said in ask(patterns=patterns(planted(chance=chance))).sentence
    assert said in ask(batches=parts(part(share=0.5, chance=chance))).sentence


def test_three_signs_are_told_and_the_others_counted():
    signs = [planted(chance=0.0, words=f"wind_speed = {n}") for n in range(5)]
    result = ask(patterns=patterns(*signs[:3]))
    assert "The table names" not in result.sentence
    result = ask(patterns=patterns(*signs))
    assert "Where wind_speed = 2," in result.sentence
    assert "wind_speed = 3" not in result.sentence
    assert "The table names 2 more." in result.sentence
    assert [line["holds"] for line in result.table].count("no") == 5


def test_features_that_are_left_out_are_told():
    result = ask(patterns={**patterns(), "left_out": ["relation", "age"]})
    assert "looked for in what the definition expects of relation, age." in result.sentence


def test_no_pure_pattern_at_all_is_fine():
    assert ask(patterns=patterns()).outcome == "passed"
