"""A small model's folder that tests write, and break in one place at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TEN_LINES = """\
name: tips
owner: the restaurant
purpose: How much to expect in the jar tonight
problem: regression
entity_key: bill
event_time: paid_at
sources: {bills: {kind: files, pattern: bills.csv, key: bill, time_column: paid_at}}
features: {types: {guests: numeric}}
label: {relation: bills, expression: tip}
"""

WHOLE = """\
name: late
owner: the desk
purpose:
  decision: whom to warn
problem: binary
entity_key: [number, day]
event_time: due
horizon: 2 hours
timezone: America/New_York
sources:
  trains:
    kind: postgres
    connection: demo
    table: public.trains
    key: [number, day]
    time_column: due
    late:
      arrival: {columns: [minutes, arrived], known_at: arrived}
  stations:
    kind: files
    pattern: stations.csv
    key: [code]
repair:
  - source: trains
    column: due
    when: due IS NULL
    set: day
    because: the clock of one signal box
validate:
  expectations:
    - on: trains
      expect: expect_column_values_to_be_in_set
      args:
        column: station
        value_set: {source: stations, column: code}
features:
  types:
    distance: numeric
    station: categorical
label:
  relation: trains_arrival
  expression: minutes > 5
metrics:
  decides: log_loss
  own:
    cost: {kind: cost, false_positive: 1, false_negative: 4}
train:
  window: {start: 2013-01-01}
  candidates:
    boosting:
      estimator: sklearn.ensemble.HistGradientBoostingClassifier
      search: {max_leaf_nodes: [15, 31]}
  decision_threshold: 0.4
fallback:
  rule: group
  by: [station]
gates:
  threshold:
    roc_auc: {at_least: 0.6}
    cost: {of_naive: 0.9}
value:
  true_positive: 10
schedule:
  train: 0 5 * * *
"""

SQL = "SELECT number, day, due, prediction_time, distance, station FROM trains\n"


def write_model(config: Path, text: str, *, name: str = "late", sql: str | None = SQL) -> Path:
    """Write `config/models/<name>/` and return it."""
    folder = config / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(text, encoding="utf-8")
    if sql is not None:
        (folder / "features.sql").write_text(sql, encoding="utf-8")
    return folder


def line_of(text: str, part: str) -> int:
    """The line on which a part of a text begins."""
    return text[: text.index(part)].count("\n") + 1
