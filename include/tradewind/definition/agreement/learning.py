"""What is learned must fit the problem, the features, and the metrics that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.agreement.file import one_of
from tradewind.definition.estimators import is_allowed
from tradewind.definition.learning import (
    ALLOWED_PREFIXES,
    BLEND,
    DEFAULT_CANDIDATES,
    METRICS,
    Search,
)
from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

RESERVED = ("prediction_time", "label", "label_known_at", "label_state", "score", "decision")
"""Columns that Tradewind itself puts beside the features."""

_FEWEST_BLENDED = 2
_DEFAULT_TRIALS = Search().trials


def _features_are_free_names(file: File) -> Found:
    for name in file.section("features", "types"):
        if name in RESERVED:
            yield ("features", "types", name), "this name is Tradewind's own: give it another alias"


def _meanings_are_of_columns(file: File) -> Found:
    features = list(file.section("features", "types"))
    given = [("features", "protected"), ("entity_key",), ("event_time",)]
    columns = [*features, *(name for path in given for _, name in file.names(*path))]
    for name in file.section("features", "meaning"):
        if features and name not in columns:
            said = f"{name!r} is no feature, and no protected, key or time column"
            yield ("features", "meaning", name), f"{said}{nearest(name, columns)}"


def _groups_are_features(file: File) -> Found:
    features = list(file.section("features", "types"))
    for path, name in file.names("fallback", "by"):
        if features and name not in features:
            yield path, f"{name!r} is no feature{nearest(name, features)}"


def _metrics_exist(file: File) -> Found:
    standard = METRICS.get(file.text("problem") or "", ())
    own = list(file.section("metrics", "own"))
    if not standard:
        return
    yield from one_of(file, ("metrics", "decides"), [*standard, *own], "metric of this model")
    if file.text("metrics", "decides") == "bias":
        yield ("metrics", "decides"), "bias is best at zero, and cannot say which model is better"
    for name in file.section("gates", "threshold"):
        if name not in (*standard, *own):
            said = f"{name!r} is no metric of this model{nearest(name, [*standard, *own])}"
            yield ("gates", "threshold", name), said
    for name in own:
        if any(name in names for names in METRICS.values()):
            yield ("metrics", "own", name), "this name is a metric's that every model has"


def _decisions_are_binary(file: File) -> Found:
    if file.text("problem") != "regression":
        return
    if file.at("train", "decision_threshold") is not None:
        yield ("train", "decision_threshold"), "a regression model decides nothing: leave it out"
    if file.at("train", "calibration") is not None:
        said = "only probabilities are calibrated, and a regression model has none: leave it out"
        yield ("train", "calibration"), said
    for name in file.section("metrics", "own"):
        kind = file.text("metrics", "own", name, "kind")
        if kind in {"cost", "capture"}:
            yield ("metrics", "own", name, "kind"), f"`{kind}` is for binary problems"


def _estimators_are_allowed(file: File) -> Found:
    for name in file.section("train", "candidates"):
        path = ("train", "candidates", name, "estimator")
        estimator = file.text(*path)
        if estimator is not None and not is_allowed(estimator):
            allowed = ", ".join(ALLOWED_PREFIXES)
            yield path, f"{estimator!r} is not allowed; expected a class from {allowed}"


def _trials_reach_every_candidate(file: File) -> Found:
    declared = file.section("train", "candidates")
    count = len(declared or DEFAULT_CANDIDATES.get(file.text("problem") or "", {}))
    asked = file.at("train", "search", "trials")
    trials = _DEFAULT_TRIALS if asked is None else asked
    if isinstance(trials, int) and 0 < trials < count:
        path: KeyPath = ("train", "candidates") if asked is None else ("train", "search", "trials")
        yield path, f"{trials} trials cannot give each of the {count} candidates one"


def _candidates_leave_features_out(file: File) -> Found:
    features = list(file.section("features", "types"))
    for place in (("train", "candidates"), ("retrain", "wider", "candidates")):
        for candidate in file.section(*place):
            names = file.names(*place, candidate, "without")
            for path, name in names:
                if features and name not in features:
                    yield path, f"{name!r} is no feature{nearest(name, features)}"
            if features and {name for _, name in names} >= set(features):
                yield (*place, candidate, "without"), "nothing is left to learn from"


def _blends_are_of_candidates(file: File) -> Found:
    declared = file.section("train", "candidates")
    known = list(declared or DEFAULT_CANDIDATES.get(file.text("problem") or "", {}))
    members = list(file.names("train", "blend"))
    for path, name in members:
        if known and name not in known:
            yield path, f"{name!r} is no candidate{nearest(name, known)}"
    names = [name for _, name in members]
    if names and len(set(names)) < max(len(names), _FEWEST_BLENDED):
        yield ("train", "blend"), "a blend is of two candidates or more, each named once"
    for place in (("train", "candidates"), ("retrain", "wider", "candidates")):
        if BLEND in file.section(*place):
            said = f"`{BLEND}` is what a blend itself is called: give the candidate another name"
            yield (*place, BLEND), said


CHECKS: Checks = (
    _features_are_free_names,
    _meanings_are_of_columns,
    _groups_are_features,
    _metrics_exist,
    _decisions_are_binary,
    _estimators_are_allowed,
    _trials_reach_every_candidate,
    _candidates_leave_features_out,
    _blends_are_of_candidates,
)
