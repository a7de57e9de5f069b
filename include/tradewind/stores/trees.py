"""How much each column moved a tree's answer: path-dependent Shapley values, exact.

The value of a set of known columns is the mean of the leaves that remain reachable, weighed by the
training rows that came by (Lundberg et al. 2020, "From local explanations to global understanding
with explainable AI for trees", Nature Machine Intelligence 2, algorithm 1). A leaf is reached if
every column on its path lets the row pass; column i passes (o = 1) or not (o = 0), and a share z of
the training rows did. Its Shapley value in the game of that one leaf is

    value * (o_i - z_i) * integral from 0 to 1 of prod over j != i of (z_j (1 - t) + o_j t) dt

because the integral of t^s (1 - t)^(m-1-s) is the weight s! (m-1-s)! / m! of a set of s columns.
The integrand is a polynomial of degree m - 1, which Gauss and Legendre's nodes integrate exactly;
no subset is ever listed.

A leaf's effects depend on a row only through the m bits o, so that they are looked up: in a table
of all 2^m where m is small (Yang 2021, "Fast TreeSHAP", version 2), computed for the bits that
occur otherwise.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_TABLE_COLUMNS = 8
"""Paths of at most so many columns have a table: 256 rows of 8 figures."""
_MOST_BITS = 62
_CHUNK_ROWS = 8_192
_CODES = 256
"""Histogram boosting keeps its categories in one byte."""


@cache
def _quadrature(points: int) -> list[tuple[float, float]]:
    """Gauss and Legendre's nodes from 0 to 1 with their weights; the same few for every leaf."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return [(float(n), float(w)) for n, w in zip((nodes + 1) / 2, weights / 2, strict=True)]


@dataclass(frozen=True)
class Split:
    """Where a row goes at a node.

    Attributes:
        column: Which column is asked.
        threshold: Numbers up to it go left; NaN for categories.
        missing_left: Where a missing value goes.
        left_codes: For categories: whether a code goes left, shape (256,); None for numbers.
    """

    column: int
    threshold: float
    missing_left: bool
    left_codes: np.ndarray | None = None

    def goes_left(self, columns: np.ndarray) -> np.ndarray:
        """Say of each row whether it goes left.

        Args:
            columns: Shape (columns, rows).
        """
        values = columns[self.column]
        if self.left_codes is None:
            # Nothing that is missing is up to a threshold.
            left = ~(values > self.threshold) if self.missing_left else values <= self.threshold
            return np.asarray(left)
        missing = np.isnan(values) | (values < 0)
        # HistGradientBoosting casts a code to one byte, and so does this.
        codes = np.where(missing, 0, values).astype(np.int64) % _CODES
        return np.where(missing, self.missing_left, self.left_codes[codes])


@dataclass(frozen=True)
class Tree:
    """A fitted tree, as plain arrays.

    Attributes:
        left: The left child of each node, `right` the right one; -1 for a leaf.
        splits: Of each node; None for a leaf.
        value: Of each node, as the leaf adds it to the answer.
        cover: The training rows that came by each node, by weight.
    """

    left: np.ndarray
    right: np.ndarray
    splits: list[Split | None]
    value: np.ndarray
    cover: np.ndarray

    def share(self, node: int, child: int) -> float:
        """The share of a node's training rows that went on to a child."""
        return float(self.cover[child] / self.cover[node]) if self.cover[node] else 0.0


@dataclass(frozen=True)
class Leaf:
    """One leaf's game.

    Attributes:
        columns: The distinct columns on its path, in the order of their first split.
        shares: The share of training rows that each lets pass, shape (m,).
        value: What the leaf adds to the answer.
    """

    columns: tuple[int, ...]
    shares: np.ndarray
    value: float

    @property
    def mean(self) -> float:
        """What the leaf adds where nothing is known."""
        return float(self.value * np.prod(self.shares))

    @cached_property
    def table(self) -> np.ndarray | None:
        """The effects for every code, shape (m, 2^m); None where that would be too many."""
        count = len(self.columns)
        return (
            self.effects(_bits(np.arange(1 << count), count)) if count <= _TABLE_COLUMNS else None
        )

    def effects(self, passes: np.ndarray) -> np.ndarray:
        """The Shapley values of each column.

        Args:
            passes: Whether each column lets the row pass, shape (m, rows).

        Returns:
            Shape (m, rows).
        """
        count = len(self.columns)
        shares = self.shares[:, None]
        total = np.zeros(passes.shape)
        for node, weight in _quadrature((count + 1) // 2):
            factors = shares * (1 - node) + passes * node
            product = factors.prod(axis=0)
            # A factor is zero only where no training row ever passed: then all effects are.
            total += weight * np.divide(
                product, factors, out=np.zeros_like(factors), where=factors > 0
            )
        return np.asarray(self.value * (passes - shares) * total)

    def looked_up(self, codes: np.ndarray) -> np.ndarray:
        """The effects by code, shape (m, rows)."""
        if self.table is not None:
            return self.table.take(codes, axis=1)
        found, place = np.unique(codes, return_inverse=True)
        return self.effects(_bits(found, len(self.columns))).take(place, axis=1)


class TreeEffects:
    """The effects of a sum of trees."""

    def __init__(self, trees: list[Tree]) -> None:
        self._trees = [_Walk(tree) for tree in trees]

    @property
    def mean(self) -> float:
        """The answer where nothing is known of the row."""
        return sum(leaf.mean for walk in self._trees for leaf in walk.leaves.values())

    def of(self, columns: np.ndarray) -> np.ndarray:
        """How much each column moved the answer for each row.

        Args:
            columns: As the trees take them, shape (columns, rows).

        Returns:
            Shape (columns, rows); with `mean` they add up to the trees' answer.
        """
        effects = np.zeros(columns.shape)
        for start in range(0, columns.shape[1], _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            here = np.ascontiguousarray(columns[:, part])
            added = np.zeros(here.shape)
            for walk in self._trees:
                walk.add(here, added)
            effects[:, part] = added
        return effects


class _Walk:
    """A tree with its leaves' games, ready to be gone through."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.leaves: dict[int, Leaf] = {}
        self.places: dict[int, tuple[int, bool]] = {}
        self.paths: dict[int, list[tuple[int, bool]]] = {}
        self._prepare(0, (), np.empty(0), [])

    def add(self, columns: np.ndarray, added: np.ndarray) -> None:
        """Add this tree's effects to what is there."""
        for node, codes in self._reached(columns):
            leaf = self.leaves[node]
            effects = leaf.looked_up(codes) if codes is not None else self._long(node, columns)
            for column, effect in zip(leaf.columns, effects, strict=True):
                added[column] += effect

    def _prepare(
        self, node: int, columns: tuple[int, ...], shares: np.ndarray, path: list[tuple[int, bool]]
    ) -> None:
        split = self.tree.splits[node]
        if split is None:
            self.leaves[node] = Leaf(columns, shares, float(self.tree.value[node]))
            self.paths[node] = path
            return
        new = split.column not in columns
        known = (*columns, split.column) if new else columns
        place = known.index(split.column)
        self.places[node] = (place, new)
        for child, left in ((self.tree.left[node], True), (self.tree.right[node], False)):
            grown = np.append(shares, 1.0) if new else shares.copy()
            grown[place] *= self.tree.share(node, child)
            self._prepare(int(child), known, grown, [*path, (node, left)])

    def _reached(self, columns: np.ndarray) -> Iterator[tuple[int, np.ndarray | None]]:
        """Each leaf, with each row's code: bit k says whether its k-th column lets the row pass."""
        waiting = [(0, np.zeros(columns.shape[1], dtype=np.intp))]
        while waiting:
            node, codes = waiting.pop()
            split = self.tree.splits[node]
            if split is None:
                yield node, codes if len(self.leaves[node].columns) <= _MOST_BITS else None
                continue
            place, new = self.places[node]
            left = split.goes_left(columns).astype(np.intp)
            for child, went in ((self.tree.left[node], left), (self.tree.right[node], 1 - left)):
                bit = went << min(place, _MOST_BITS)
                # A column asked again passes only if it passed before.
                after = codes | bit if new else codes & (bit | ~(1 << min(place, _MOST_BITS)))
                waiting.append((int(child), after))

    def _long(self, node: int, columns: np.ndarray) -> np.ndarray:
        """The effects of a leaf whose path asks more columns than a code has bits."""
        leaf = self.leaves[node]
        passes = np.ones((len(leaf.columns), columns.shape[1]))
        for above, left in self.paths[node]:
            split = self.tree.splits[above]
            if split is not None:
                passes[leaf.columns.index(split.column)] *= split.goes_left(columns) == left
        return leaf.effects(passes)


def boosted_trees(model: Any) -> list[Tree]:
    """The trees of a HistGradientBoosting model of one output."""
    known, places = model._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001 -- no other way
    return [
        _histogram_tree(stage[0], known, places)
        for stage in model._predictors  # noqa: SLF001
    ]


def grown_tree(tree: Any, values: np.ndarray, *, scale: float) -> Tree:
    """A tree of scikit-learn's own kind.

    Args:
        tree: The `tree_` of a fitted estimator.
        values: What each node answers, shape (nodes,).
        scale: What its answer is multiplied by.
    """
    splits = [
        None if left < 0 else Split(int(column), float(threshold), bool(missing))
        for left, column, threshold, missing in zip(
            tree.children_left,
            tree.feature,
            tree.threshold,
            tree.missing_go_to_left,
            strict=True,
        )
    ]
    return Tree(
        tree.children_left,
        tree.children_right,
        splits,
        scale * np.asarray(values, dtype=np.float64),
        tree.weighted_n_node_samples,
    )


def _histogram_tree(predictor: Any, known: np.ndarray, places: np.ndarray) -> Tree:
    nodes = predictor.nodes
    splits = [_histogram_split(node, predictor, known, places) for node in nodes]
    inner = nodes["is_leaf"] == 0
    children = {
        side: np.where(inner, nodes[side].astype(np.int64), -1) for side in ("left", "right")
    }
    return Tree(
        children["left"], children["right"], splits, nodes["value"], nodes["count"].astype(float)
    )


def _histogram_split(
    node: Any, predictor: Any, known: np.ndarray, places: np.ndarray
) -> Split | None:
    if node["is_leaf"]:
        return None
    column, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
    if not node["is_categorical"]:
        return Split(column, float(node["num_threshold"]), missing_left)
    left = _members(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
    # A category that training never saw goes where a missing one goes.
    unknown = ~_members(known[places[column]]) & missing_left
    return Split(column, np.nan, missing_left, left | unknown)


def _members(bitset: np.ndarray) -> np.ndarray:
    codes = np.arange(_CODES)
    shifted = bitset[codes // 32] >> (codes % 32).astype(np.uint32)
    return np.asarray(shifted & 1 == 1)


def _bits(codes: np.ndarray, count: int) -> np.ndarray:
    """The bits of codes as numbers, shape (count, codes)."""
    return ((codes[None, :] >> np.arange(count)[:, None]) & 1).astype(np.float64)
