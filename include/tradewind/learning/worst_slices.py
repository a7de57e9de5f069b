"""Where a model does worst beside another: slices found by a shallow tree on what it loses more.

The tree splits the rows where the mean excess of the loss differs most, and its nodes are ranked by
how far they stand out, as Slice Finder does with its decision tree (Chung et al., 2019). What it
finds on some rows is the worst of many, and partly luck: it is judged on others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from tradewind.learning.slicing import Between, Condition, Named, Slice, edge, is_number, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.learning import FeatureType
    from tradewind.stats.rows import Floats

MOST_FOUND = 3
"""How many slices are brought back."""
_DEPTH = 3
"""Conditions of a slice, at most: more are not read."""
_SMALLEST_SHARE = 0.03
"""Of the rows that are searched."""
_SHARE_OF_DAYS = 0.5
"""Days that a slice is met on, of all of those that are searched."""
_LEAF = -1


Path = tuple[Condition, ...]


@dataclass(frozen=True)
class _Question:
    """What a column of the tree's matrix asks: how great a number is, or whether it is `value`."""

    column: str
    value: str | None


def worst_slices(
    frame: pd.DataFrame,
    excess: Floats,
    days: npt.NDArray[Any],
    *,
    kinds: Mapping[str, FeatureType],
    least_rows: int,
    seed: int,
    most: int = MOST_FOUND,
) -> list[Slice]:
    """Find the slices in which the mean excess stands out most.

    Args:
        frame: Raw feature columns of rows that the model was not fitted on.
        excess: What it loses more than another on each row, shape (rows,).
        days: The day of each row, shape (rows,): what is met on few of them is their weather.
        kinds: The features to look at, and how each is read.
        least_rows: No slice has fewer of these rows.
        seed: Decides between splits that are equally good.
        most: How many to bring back.

    Returns:
        From the worst on; none where the rows are too few to be split, or all alike.
    """
    least = max(least_rows, int(_SMALLEST_SHARE * len(frame)))
    questions, matrix = _matrix(frame, kinds, least)
    if not questions or len(frame) < 2 * least:
        return []
    grown = DecisionTreeRegressor(max_depth=_DEPTH, min_samples_leaf=least, random_state=seed)
    tree: Any = grown.fit(matrix, excess).tree_
    passed, usual = grown.decision_path(matrix), _SHARE_OF_DAYS * len(np.unique(days))
    everywhere = [
        (-_standing_out(tree, node), path)
        for node, path in _paths(tree, questions)
        if path and len(np.unique(days[passed[:, [node]].nonzero()[0]])) >= usual
    ]
    ranked = sorted(everywhere, key=lambda one: one[0])
    return [Slice(_merged(path), "found") for path in _apart(ranked)[:most]]


def _standing_out(tree: Any, node: int) -> float:
    """How far the mean excess of a node lies above that of all rows, in their standard errors."""
    above = float(tree.value[node].item()) - float(tree.value[0].item())
    return above * math.sqrt(float(tree.n_node_samples[node]))


def _apart(ranked: list[tuple[float, Path]]) -> list[Path]:
    """Keep what stands out, from the most on, and nothing that holds another or lies in it."""
    kept: list[Path] = []
    for below, path in ranked:
        nested = any(path[: len(one)] == one or one[: len(path)] == path for one in kept)
        if below < 0 and not nested:
            kept.append(path)
    return kept


def _matrix(
    frame: pd.DataFrame, kinds: Mapping[str, FeatureType], least: int
) -> tuple[list[_Question], Floats]:
    """Numbers as they are, and frequent values one by one; what is missing is the median."""
    questions: list[_Question] = []
    columns: list[Floats] = []
    for column, kind in kinds.items():
        values = frame[column]
        if is_number(values, kind):
            numbers = values.astype("float64")
            questions.append(_Question(column, None))
            filled = numbers.fillna(numbers.median()).fillna(0.0)
            columns.append(np.asarray(filled, dtype=np.float64))
            continue
        named = texts(values)
        counted = named.value_counts()
        for value in sorted(str(name) for name in counted[counted >= least].index if name):
            questions.append(_Question(column, value))
            columns.append(np.asarray(named == value, dtype=np.float64))
    return questions, np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _paths(
    tree: Any, questions: list[_Question], node: int = 0, path: Path = ()
) -> Iterator[tuple[int, Path]]:
    """Walk to every node, with the conditions on the way."""
    yield node, path
    below, above = int(tree.children_left[node]), int(tree.children_right[node])
    if below == _LEAF:
        return
    asked, cut = questions[int(tree.feature[node])], edge(float(tree.threshold[node]))
    no, yes = _answers(asked, cut)
    yield from _paths(tree, questions, below, (*path, no))
    yield from _paths(tree, questions, above, (*path, yes))


def _answers(asked: _Question, cut: float) -> tuple[Condition, Condition]:
    """What holds below the cut, and from it on."""
    if asked.value is None:
        return Between(asked.column, None, cut), Between(asked.column, cut, None)
    return Named(asked.column, asked.value, other=True), Named(asked.column, asked.value)


def _merged(path: Path) -> Path:
    """Say each column once: the narrowest stretch of a number, and no `is not` beside an `is`."""
    said: dict[tuple[str, str], Condition] = {}
    settled = {one.column for one in path if isinstance(one, Named) and not one.other}
    for one in path:
        if isinstance(one, Named):
            if not one.other or one.column not in settled:
                said[one.column, one.value or ""] = one
            continue
        before = said.get((one.column, ""))
        low, high = one.low, one.high
        if isinstance(before, Between):
            low = before.low if low is None else low
            high = before.high if high is None else high
        said[one.column, ""] = Between(one.column, low, high)
    return tuple(said.values())
