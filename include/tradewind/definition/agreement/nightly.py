"""What is watched at night must be there, and what retrains and promotes must be able to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found

_ROW_LOSSES = {"binary": ("log_loss", "brier"), "regression": ("rmse", "mae")}
"""Deciding metrics that are a loss of each row, by problem: what two versions are compared by."""
_OF_POLICY = {"persisting": ("nights", "of"), "share": ("above",), "never": ()}


def _watched_columns_are_features(file: File) -> Found:
    features = list(file.section("features", "types"))
    protected = [name for _, name in file.names("features", "protected")]
    for path, name in file.names("monitor", "performance", "slices"):
        if features and name not in (*features, *protected):
            yield path, f"{name!r} is no feature{nearest(name, features)}"
    for path, name in file.names("monitor", "contract", "ignore"):
        if features and name not in features:
            yield path, f"{name!r} is no feature{nearest(name, features)}"


def _protected_columns_are_selected(file: File) -> Found:
    features = list(file.section("features", "types"))
    sql = file.files.get(file.text("features", "sql") or "features.sql", "")
    for path, name in file.names("features", "protected"):
        is_selected = re.search(rf"\b{re.escape(name)}\b", sql) is not None
        if features and name not in features and not is_selected:
            said = f"{name!r} is neither a feature nor a column of the SELECT"
            yield path, f"{said}{nearest(name, features)}"


def _drift_keys_fit_the_policy(file: File) -> Found:
    policy = file.text("retrain", "drift", "policy") or "persisting"
    for key in file.section("retrain", "drift"):
        owners = [name for name, keys in _OF_POLICY.items() if key in keys]
        if policy in _OF_POLICY and owners and policy not in owners:
            said = f"`{key}` is for `policy: {owners[0]}`; with `{policy}` it says nothing"
            yield ("retrain", "drift", key), said


def _arms_are_compared_by_a_loss(file: File) -> Found:
    mode, decides = file.text("promotion", "mode"), file.text("metrics", "decides")
    losses = _ROW_LOSSES.get(file.text("problem") or "", ())
    if mode in {"shadow", "canary"} and losses and decides and decides not in losses:
        said = (
            f"`{mode}` compares two versions by their loss of each row, and {decides}, which "
            f"decides, is none: decide by {' or '.join(losses)}, or promote directly"
        )
        yield ("promotion", "mode"), said


CHECKS: Checks = (
    _watched_columns_are_features,
    _protected_columns_are_selected,
    _drift_keys_fit_the_policy,
    _arms_are_compared_by_a_loss,
)
