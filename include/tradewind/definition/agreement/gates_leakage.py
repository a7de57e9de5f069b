"""What the gates `leakage` and `poisoning` name must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found


def _expected_are_features(file: File) -> Found:
    features = list(file.section("features", "types"))
    for gate in ("leakage", "poisoning"):
        for name in file.section("gates", gate, "expected"):
            if features and name not in features:
                said = f"{name!r} is no feature{nearest(name, features)}"
                yield ("gates", gate, "expected", name), said


def _entities_are_columns(file: File) -> Found:
    features = list(file.section("features", "types"))
    kept = [name for _, name in file.names("features", "protected")]
    columns = list(dict.fromkeys([*(n for _, n in file.names("entity_key")), *features, *kept]))
    for path, name in file.names("gates", "leakage", "entities"):
        if features and name not in columns:
            yield path, f"{name!r} is no key, feature or protected column{nearest(name, columns)}"


def _levels_are_the_problems(file: File) -> Found:
    own, other = ("r2", "auc") if file.text("problem") == "regression" else ("auc", "r2")
    if file.text("problem") is None:
        return
    for level in ("alone", "very_good"):
        if f"{level}_{other}" in file.section("gates", "leakage"):
            said = f"this model is judged by `{level}_{own}`: leave it out"
            yield ("gates", "leakage", f"{level}_{other}"), said


CHECKS: Checks = (_expected_are_features, _entities_are_columns, _levels_are_the_problems)
