"""Whatever is wrong in a definition is said in one line: where it stands, what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, TEN_LINES, WHOLE, write_model
from tradewind.definition.loader import load_definition, parse_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

_LETTERS = "small letters, digits and underscores, beginning with a letter"
_EVERY_METRIC = (
    "average_precision, brier, calibration_error, cost, f1, log_loss, precision, recall, roc_auc"
)

# What is replaced in the whole definition, by what, and all that is said then.
_CASES = {
    "an unknown key": (
        "      estimator:",
        "      estimater:",
        ["51: train.candidates.boosting.estimater: unknown key; did you mean estimator?"],
    ),
    "an unknown key at the top": (
        "value:\n",
        "valeu:\n",
        ["61: valeu: unknown key; did you mean value?"],
    ),
    "an unknown key like no other": (
        "    because:",
        "    qqq:",
        [
            "24: repair[0].because: this key is missing; expected some text",
            "28: repair[0].qqq: unknown key; known here: because, column, set, source, when",
        ],
    ),
    "an unknown key of one kind of source": (
        "    table: public.trains",
        "    table: public.trains\n    bucket: b",
        [
            (
                "15: sources.trains.bucket: unknown key; known here: connection, key, kind, "
                "known_at, late, lookback, personal, subjects, table, time_column, types, "
                "updated_column"
            )
        ],
    ),
    "a missing key": (
        "    table: public.trains\n",
        "",
        ["11: sources.trains.table: this key is missing; expected `table` or `schema.table`"],
    ),
    "a missing section": (
        "label:\n  relation: trains_arrival\n  expression: minutes > 5\n",
        "",
        ["1: label: this key is missing; expected a section of `key: value` lines"],
    ),
    "a missing kind": (
        "    kind: postgres\n",
        "",
        ["11: sources.trains.kind: this key is missing; expected one of files, postgres, s3"],
    ),
    "an unknown kind": (
        "kind: postgres",
        "kind: postgress",
        [
            (
                "12: sources.trains.kind: expected one of files, postgres, s3, found 'postgress'; "
                "did you mean postgres?"
            )
        ],
    ),
    "a word that is no choice": (
        "problem: binary",
        "problem: binry",
        ["5: problem: expected one of binary, regression, found 'binry'; did you mean binary?"],
    ),
    "a number for text": (
        "owner: the desk",
        "owner: 5",
        ["2: owner: expected some text, found 5"],
    ),
    "text for a number": (
        "  true_positive: 10",
        "  true_positive: '10'",
        ["62: value.true_positive: expected a number, found '10'"],
    ),
    "a boolean for a number": (
        "  decision_threshold: 0.4",
        "  seed: true",
        ["53: train.seed: expected a whole number of at least 0 and below 4294967296, found true"],
    ),
    "a number out of its range": (
        "  decision_threshold: 0.4",
        "  judge_days: 7",
        ["53: train.judge_days: expected a whole number of at least 28, found 7"],
    ),
    "a number that is none": (
        "  true_positive: 10",
        "  true_positive: .nan",
        ["62: value.true_positive: expected a number, found nan"],
    ),
    "no branch of a union, said once": (
        "decision_threshold: 0.4",
        "decision_threshold: 2",
        ["53: train.decision_threshold: expected `auto` or a number above 0 and below 1, found 2"],
    ),
    "a list for a section": (
        "  window: {start: 2013-01-01}",
        "  window: [2013-01-01]",
        ["48: train.window: expected a section of `key: value` lines, found a list"],
    ),
    "a section left empty": (
        "  window: {start: 2013-01-01}",
        "  window:",
        ["48: train.window: expected a section of `key: value` lines, found nothing"],
    ),
    "an empty list": (
        "[15, 31]",
        "[]",
        [
            (
                "52: train.candidates.boosting.search.max_leaf_nodes: "
                "expected a list with something in it, found an empty list"
            )
        ],
    ),
    "a value for a list": (
        "[15, 31]",
        "15",
        [
            (
                "52: train.candidates.boosting.search.max_leaf_nodes: "
                "expected a list with something in it, found 15"
            )
        ],
    ),
    "no date": (
        "start: 2013-01-01",
        "start: yes",
        ["48: train.window.start: expected a date such as 2013-07-01, found 'yes'"],
    ),
    "no duration": (
        "horizon: 2 hours",
        "horizon: 2 fortnights",
        ["8: horizon: a duration such as '2 hours' or '30 days' is expected, not '2 fortnights'"],
    ),
    "a duration beyond reason": (
        "horizon: 2 hours",
        "horizon: 99999999999 weeks",
        ["8: horizon: '99999999999 weeks' is longer than any calendar"],
    ),
    "no time zone": (
        "America/New_York",
        "America/New_Yrok",
        [
            (
                "9: timezone: 'America/New_Yrok' is no time zone of the IANA database; "
                "did you mean America/New_York?"
            )
        ],
    ),
    "a name with a capital": (
        "name: late",
        "name: Late",
        [f"1: name: expected {_LETTERS}, found 'Late'"],
    ),
    "a source's name with a capital": (
        "  stations:",
        "  Stations:",
        [
            f"19: sources.Stations: this name is not allowed; expected {_LETTERS} (48 at most)",
            (
                "35: validate.expectations[0].args.value_set.source: 'stations' is no source; "
                "did you mean Stations?"
            ),
        ],
    ),
    "no function of a module": (
        "features:\n",
        "features:\n  python: shape\n",
        ["37: features.python: expected `package.module:function`, found 'shape'"],
    ),
    "a placeholder that stands for nothing": (
        "pattern: stations.csv",
        "pattern: '{dat}.csv'",
        [
            (
                "21: sources.stations.pattern: {dat} stands for nothing: "
                "{date}, {year}, {month}, {day} do"
            )
        ],
    ),
    "a pattern that says its day by halves": (
        "pattern: stations.csv",
        "pattern: '{year}/{month}.csv'",
        [
            (
                "21: sources.stations.pattern: the day is said by {date} alone, "
                "or by all of {year}, {month} and {day}"
            )
        ],
    ),
    "a pattern of no known ending": (
        "pattern: stations.csv",
        "pattern: stations.xlsx",
        [
            (
                "21: sources.stations.pattern: 'stations.xlsx' must end in one of "
                ".parquet, .csv, .csv.gz"
            )
        ],
    ),
    "a pattern out of its folder": (
        "pattern: stations.csv",
        "pattern: ../secrets.csv",
        ["21: sources.stations.pattern: '../secrets.csv' must be relative, without `..`"],
    ),
    "a type that no column has": (
        "    pattern: stations.csv",
        "    types: {code: STRNG}\n    pattern: stations.csv",
        [
            (
                "21: sources.stations.types.code: expected one of BIGINT, INTEGER, DOUBLE, "
                "VARCHAR, BOOLEAN, DATE, TIMESTAMP, TIMESTAMPTZ, found 'STRNG'"
            )
        ],
    ),
    "two levels of a floor": (
        "{at_least: 0.6}",
        "{at_least: 0.6, at_most: 0.7}",
        ["59: gates.threshold.roc_auc: say one of at_least, at_most, of_naive"],
    ),
    "a group's rule without groups": (
        "  by: [station]\n",
        "",
        ["54: fallback: `rule: group` and `by: [columns]` belong together"],
    ),
    "a shrinkage that nothing uses": (
        "  rule: group\n  by: [station]\n",
        "  shrink: 10\n",
        ["54: fallback: `shrink` is for `rule: group`"],
    ),
    "a margin that nothing uses": (
        "gates:\n",
        "gates:\n  beats_champion: {policy: superior, margin: 0.1}\n",
        ["58: gates.beats_champion: `margin` and `at_most` are for `policy: non_inferior`"],
    ),
    "a cap on a fixed margin": (
        "gates:\n",
        "gates:\n  beats_champion: {margin: 0.1, at_most: 0.2}\n",
        [
            (
                "58: gates.beats_champion: `at_most` caps `margin: auto`; "
                "this margin is a number already"
            )
        ],
    ),
    "a window with no row to fit on": (
        "{start: 2013-01-01}",
        "{days: 51}",
        [
            (
                "47: train: window.days is 51, and the last 51 of them are for select_days and "
                "judge_days: nothing is left to fit on"
            )
        ],
    ),
    "both kinds of window": (
        "{start: 2013-01-01}",
        "{start: 2013-01-01, days: 90}",
        ["48: train.window: a window is expanding (`start`) or rolling (`days`), not both"],
    ),
    "a parameter fixed and searched": (
        "      search: ",
        "      params: {max_leaf_nodes: 7}\n      search: ",
        [
            (
                "50: train.candidates.boosting: max_leaf_nodes: a parameter is fixed (`params`) "
                "or searched (`search`)"
            )
        ],
    ),
    "an expectation of nothing": (
        "    - on: trains\n      expect:",
        "    - expect:",
        [
            (
                "31: validate.expectations[0]: say either `on: <source>` or `sql: SELECT ...`, "
                "and not both"
            )
        ],
    ),
    "broken YAML": (
        "owner: the desk",
        "owner: [the desk",
        ["2: this is no YAML: while parsing a flow sequence, did not find expected ',' or ']'"],
    ),
    "a tag, said once": (
        "owner: the desk",
        "owner: !!python/name:os.system x",
        ["2: owner: the tag !!python/name:os.system is not read here: write the plain value"],
    ),
    "no list at all": (WHOLE, "- a\n", ["1: expected `key: value` lines, beginning with `name:`"]),
    "nothing at all": (WHOLE, "", ["1: the file is empty"]),
    # ------------------------------------------------------------------ sections that disagree
    "SQL that is not there": (
        "features:\n",
        "features:\n  sql: feature.sql\n",
        ["37: features.sql: there is no file feature.sql beside model.yaml"],
    ),
    "a feature with a name of ours": (
        "    station: categorical",
        "    station: categorical\n    label_state: categorical",
        ["40: features.types.label_state: this name is Tradewind's own: give it another alias"],
    ),
    "a key with a column twice": (
        "entity_key: [number, day]",
        "entity_key: [number, number]",
        ["6: entity_key: number is there twice"],
    ),
    "a repair of an unknown source": (
        "  - source: trains",
        "  - source: train",
        ["24: repair[0].source: 'train' is no source; did you mean trains?"],
    ),
    "an expectation on an unknown source": (
        "    - on: trains",
        "    - on: trans",
        ["31: validate.expectations[0].on: 'trans' is no source; did you mean trains?"],
    ),
    "values of an unknown source": (
        "{source: stations, column: code}",
        "{source: station, column: code}",
        [
            (
                "35: validate.expectations[0].args.value_set.source: 'station' is no source; "
                "did you mean stations?"
            )
        ],
    ),
    "a label in an unknown relation": (
        "relation: trains_arrival",
        "relation: trains_arival",
        [
            (
                "41: label.relation: 'trains_arival' is no source or `<source>_<late>`; "
                "did you mean trains_arrival?"
            )
        ],
    ),
    "a label that nothing says when it is known": (
        "relation: trains_arrival",
        "relation: stations",
        [
            (
                "41: label.relation: nothing says when a row of stations becomes known: "
                "its source needs a known_at"
            )
        ],
    ),
    "an unknown source to be warned of": (
        "  expectations:",
        "  volume: {warn_only: [station]}\n  expectations:",
        ["30: validate.volume.warn_only[0]: 'station' is no source; did you mean stations?"],
    ),
    "a late column that is part of the key": (
        "{columns: [minutes, arrived]",
        "{columns: [minutes, number, arrived]",
        [
            (
                "18: sources.trains.late.arrival.columns[1]: number is part of the source's key, "
                "and cannot be late"
            )
        ],
    ),
    "a late time column": (
        "{columns: [minutes, arrived], known_at: arrived",
        "{columns: due, known_at: day",
        ["18: sources.trains.late.arrival.columns: due is the time column, and cannot be late"],
    ),
    "a column that is late twice": (
        "  stations:",
        "      other: {columns: [minutes], known_at: due}\n  stations:",
        [
            (
                "19: sources.trains.late.other.columns[0]: minutes is among the columns of arrival "
                "already, and cannot be late"
            )
        ],
    ),
    "a late relation with a source's name": (
        "  stations:",
        "  trains_arrival: {kind: files, pattern: a.csv, key: b, time_column: c}\n  stations:",
        ["18: sources.trains.late.arrival: its relation trains_arrival has the name of a source"],
    ),
    "a late moment that is seen with the row": (
        "{columns: [minutes, arrived]",
        "{columns: [minutes]",
        [
            (
                "18: sources.trains.late.arrival.known_at: arrived would be seen with the row, "
                "before its own time: add it to `columns`"
            )
        ],
    ),
    "a row set aside for what became of it later": (
        "      args:\n        column: station\n",
        "      severity: quarantine\n      args:\n        column: minutes\n",
        [
            (
                "35: validate.expectations[0].args.column: minutes is a late column, and its row "
                "was there before it: quarantine would take the row out of that past as well. Use "
                "stop or warn, or a repair that sets the value to NULL"
            )
        ],
    ),
    "a row set aside under a condition on what became of it later": (
        "      args:\n",
        "      severity: quarantine\n      args:\n        row_condition: arrived > due\n",
        [
            (
                "35: validate.expectations[0].args.row_condition: arrived is a late column, and "
                "its row was there before it: quarantine would take the row out of that past as "
                "well. Use stop or warn, or a repair that sets the value to NULL"
            )
        ],
    ),
    "a look back where all is read": (
        "    key: [code]",
        "    key: [code]\n    lookback: 9 days",
        [
            (
                "19: sources.stations: `lookback` is for a source with a `time_column`: without it "
                "all is read each time"
            )
        ],
    ),
    "a reference source to be warned of": (
        "  expectations:",
        "  freshness: {warn_only: [trains, stations]}\n  expectations:",
        [
            (
                "30: validate.freshness.warn_only[1]: stations has no time_column, and its "
                "freshness is not looked at: leave it out"
            )
        ],
    ),
    "a warning of some where it is one of all": (
        "  expectations:",
        "  volume: {severity: warn, warn_only: [trains]}\n  expectations:",
        [
            (
                "30: validate.volume: with `severity: warn` it is a warning of every source: "
                "leave `warn_only` out"
            )
        ],
    ),
    "a calibration of what is no probability": (
        WHOLE,
        TEN_LINES + "train: {calibration: none, decision_threshold: auto}\n",
        [
            (
                "10: train.calibration: only probabilities are calibrated, and a regression model "
                "has none: leave it out"
            ),
            "10: train.decision_threshold: a regression model decides nothing: leave it out",
        ],
    ),
    "a delay of what is not tried again": (
        "  train: 0 5 * * *",
        "  train: 0 5 * * *\n  retries: 0\n  retry_delay: 5 minutes",
        [
            (
                "63: schedule: with `retries: 0` nothing is tried again, and `retry_delay` says "
                "nothing"
            )
        ],
    ),
    "the same night again and again": (
        "  train: 0 5 * * *",
        "  train: 0 5 * * *\n  today: 2013-07-01",
        [
            (
                "63: schedule: `today` stands still and `train` runs night after night: each would "
                "be the same night again. Leave one of them out"
            )
        ],
    ),
    "fewer trials than candidates": (
        WHOLE,
        TEN_LINES + "train:\n  search: {trials: 1}\n",
        ["11: train.search.trials: 1 trials cannot give each of the 2 candidates one"],
    ),
    "more candidates than trials by default": (
        "    boosting:\n",
        "".join(
            f"    c{n}: {{estimator: sklearn.linear_model.LogisticRegression}}\n" for n in range(12)
        )
        + "    boosting:\n",
        ["49: train.candidates: 12 trials cannot give each of the 13 candidates one"],
    ),
    "a blend of what is no candidate": (
        WHOLE,
        TEN_LINES + "train:\n  blend: [boosting, linnear]\n",
        ["11: train.blend[1]: 'linnear' is no candidate; did you mean linear?"],
    ),
    "a blend of one": (
        WHOLE,
        TEN_LINES + "train:\n  blend: [boosting, boosting]\n",
        ["11: train.blend: a blend is of two candidates or more, each named once"],
    ),
    "a candidate without what is no feature": (
        "    boosting:\n",
        "    boosting:\n      without: [distence]\n",
        [
            (
                "51: train.candidates.boosting.without[0]: 'distence' is no feature; did you mean "
                "distance?"
            )
        ],
    ),
    "a candidate called blend": (
        "    boosting:\n",
        "    blend: {estimator: sklearn.linear_model.LogisticRegression}\n    boosting:\n",
        [
            (
                "50: train.candidates.blend: `blend` is what a blend itself is called: give the "
                "candidate another name"
            )
        ],
    ),
    "slices by what is no feature": (
        "value:\n",
        "monitor: {performance: {slices: [station, distence]}}\nvalue:\n",
        ["61: monitor.performance.slices[1]: 'distence' is no feature; did you mean distance?"],
    ),
    "a column that is not watched, and is not there": (
        "value:\n",
        "monitor: {contract: {ignore: [stations]}}\nvalue:\n",
        ["61: monitor.contract.ignore[0]: 'stations' is no feature; did you mean station?"],
    ),
    "a protected column that nobody selects": (
        "label:\n  relation",
        "  protected: [number, gender]\nlabel:\n  relation",
        [
            (
                "40: features.protected[1]: 'gender' is neither a feature nor a column of the "
                "SELECT; known here: distance, station"
            )
        ],
    ),
    "a key of another drift policy": (
        "value:\n",
        "retrain: {drift: {policy: share, nights: 2}}\nvalue:\n",
        [
            (
                "61: retrain.drift.nights: `nights` is for `policy: persisting`; with `share` it "
                "says nothing"
            )
        ],
    ),
    "an arm that no loss of a row can decide on": (
        "metrics:\n  decides: log_loss\n",
        "promotion: {mode: canary}\nmetrics:\n  decides: roc_auc\n",
        [
            (
                "43: promotion.mode: `canary` compares two versions by their loss of each row, "
                "and roc_auc, which decides, is none: decide by log_loss or brier, or promote "
                "directly"
            )
        ],
    ),
    "groups by what is no feature": (
        "by: [station]",
        "by: [stations]",
        ["56: fallback.by[0]: 'stations' is no feature; did you mean station?"],
    ),
    "an unknown deciding metric": (
        "decides: log_loss",
        "decides: logloss",
        ["44: metrics.decides: 'logloss' is no metric of this model; did you mean log_loss?"],
    ),
    "a metric that cannot decide": (
        WHOLE,
        TEN_LINES + "metrics: {decides: bias}\n",
        ["10: metrics.decides: bias is best at zero, and cannot say which model is better"],
    ),
    "a floor of an unknown metric": (
        "    roc_auc:",
        "    accuracy:",
        [
            (
                "59: gates.threshold.accuracy: 'accuracy' is no metric of this model; "
                f"known here: {_EVERY_METRIC}"
            )
        ],
    ),
    "a waiver of a gate that there is not": (
        WHOLE,
        TEN_LINES
        + "gates: {waivers: [{gate: fairnes, by: Ann, because: later, until: 2026-01-01}]}\n",
        ["10: gates.waivers[0].gate: 'fairnes' is no gate; did you mean fairness?"],
    ),
    "a gate that is switched off twice": (
        WHOLE,
        TEN_LINES
        + "gates:\n  waivers:\n"
        + "  - {gate: fairness, by: Ann, because: later, until: 2026-01-01}\n" * 2,
        [
            "12: gates.waivers[0].gate: fairness is switched off twice: say it once",
            "13: gates.waivers[1].gate: fairness is switched off twice: say it once",
        ],
    ),
    "a waiver that never ends": (
        WHOLE,
        TEN_LINES + "gates: {waivers: [{gate: fairness, by: Ann, because: later}]}\n",
        ["10: gates.waivers[0].until: this key is missing; expected a date such as 2013-07-01"],
    ),
    "an own metric with a name that is taken": (
        "    cost: {kind",
        "    brier: {kind",
        [
            "46: metrics.own.brier: this name is a metric's that every model has",
            (
                "60: gates.threshold.cost: 'cost' is no metric of this model; "
                f"known here: {_EVERY_METRIC.replace('cost, ', '')}"
            ),
        ],
    ),
    "decisions of a regression": (
        "problem: binary",
        "problem: regression",
        [
            (
                "44: metrics.decides: 'log_loss' is no metric of this model; "
                "known here: bias, cost, mae, r2, rmse"
            ),
            "46: metrics.own.cost.kind: `cost` is for binary problems",
            "53: train.decision_threshold: a regression model decides nothing: leave it out",
            (
                "59: gates.threshold.roc_auc: 'roc_auc' is no metric of this model; "
                "known here: bias, cost, mae, r2, rmse"
            ),
            "61: value: it says what the four outcomes of a binary decision are worth",
        ],
    ),
    "an estimator from elsewhere": (
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "os.system",
        [
            (
                "51: train.candidates.boosting.estimator: 'os.system' is not allowed; "
                "expected a class from sklearn."
            )
        ],
    ),
    "a module that is nowhere": (
        "features:\n",
        "features:\n  python: nowhere_at_all.shapes:widen\n",
        [
            (
                "37: features.python: there is no module nowhere_at_all.shapes in the model's "
                "folder or on Python's path"
            )
        ],
    ),
    "too few fields in a schedule": (
        "train: 0 5 * * *",
        "train: 0 5 * *",
        [
            (
                "64: schedule.train: '0 5 * *' is no cron expression: "
                "Exactly 5, 6 or 7 columns has to be specified for iterator expression."
            )
        ],
    ),
    "an hour that is none in a schedule": (
        "train: 0 5 * * *",
        "train: 0 25 * * *",
        ["64: schedule.train: '0 25 * * *' is no cron expression: is not acceptable, out of range"],
    ),
    "an hour that is none in the nights' schedule": (
        "train: 0 5 * * *",
        "train: 0 5 * * *\n  score: 0 25 * * *\n  first_night: 2026-01-01",
        ["65: schedule.score: '0 25 * * *' is no cron expression: is not acceptable, out of range"],
    ),
    # -------------------------------------------------------------------------- several at once
    "mistakes of every kind, in the order of their lines": (
        "owner: the desk\npurpose:\n  decision: whom to warn\nproblem: binary\nentity_key: [number",
        (
            "ownr: the desk\npurpose:\n  decision: 5\nproblem: binary\nproblem: regression\n"
            "entity_key: [day"
        ),
        [
            "2: ownr: unknown key; did you mean owner?",
            "4: purpose.decision: expected some text, found 5",
            "6: problem: this key is there twice, first on line 5",
            "7: entity_key: day is there twice",
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), _CASES.values(), ids=_CASES.keys())
def test_a_mistake_is_said_with_its_line(
    old: str, new: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    name = "tips" if text.startswith("name: tips\n") else "late"
    folder = write_model(tmp_path, text, name=name)
    monkeypatch.chdir(folder.parent)

    with pytest.raises(DefinitionError) as caught:
        load_definition(folder)

    assert caught.value.problems == [f"{name}/model.yaml:{line}" for line in said]


def test_what_an_earlier_release_took_is_still_read() -> None:
    once = WHOLE.replace("label:\n  relation: trains_arrival", "label:\n  relation: trams", 1)
    assert once != WHOLE
    assert parse_definition({"model.yaml": once, "features.sql": SQL}, where="here").model


def test_the_sound_definition_of_these_tests_is_sound() -> None:
    frozen = parse_definition({"model.yaml": WHOLE, "features.sql": SQL}, where="here")

    assert frozen.model.sources["trains"].late["arrival"].columns == ["minutes", "arrived"]
    assert frozen.model.validate_.expectations[0].on == "trains"
