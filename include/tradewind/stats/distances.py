"""How far two samples of a column lie apart, with the convention of each figure said.

Every function takes the reference first. Where bins, logarithm and empty cells are a matter of
convention, peers differ: compare figures between tools only after reading both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, kolmogorov, ndtr, rel_entr

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from tradewind.stats.bins import Floats, Integers
    from tradewind.stats.tallies import CategoryTally, NumericTally

PSI_BINS = 10
_EMPTY_CELL = 0.5


# ------------------------------------------------------------------------------- of two count rows


def population_stability_index(reference: Integers, current: Integers) -> float:
    """Compute the population stability index, sum of (q - p) ln(q / p) over cells.

    The symmetrised Kullback-Leibler divergence (Jeffreys, 1946; as PSI: Siddiqi, 2006), natural
    logarithm. Cells that are empty on both sides are left out; to every other cell half a row is
    added on both sides (Krichevsky and Trofimov, 1981), so that a single row in an empty cell
    weighs what one row should. For a shift of d standard deviations it is about d squared.

    Args:
        reference: Rows by cell, shape (cells,).
        current: The same cells.
    """
    filled = (reference + current) > 0
    p, q = (_smoothed(counts[filled]) for counts in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: Integers, current: Integers) -> float:
    """Compute the Jensen-Shannon distance: the root of the divergence, from 0 to 1.

    Lin (1991), Endres and Schindelin (2003), logarithm to base 2, as
    `scipy.spatial.distance.jensenshannon(p, q, base=2)`. Empty cells need no patch.

    Args:
        reference: Rows by cell, shape (cells,), of which some are above zero.
        current: The same cells.

    Raises:
        EvidenceError: A side has no row.
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / (2 * np.log(2))
    return float(np.sqrt(max(divergence, 0.0)))


def chi_squared(reference: Integers, current: Integers) -> tuple[float, int]:
    """Compute Pearson's chi-squared statistic of two samples, and its degrees of freedom.

    Both samples are samples: the expected rows of a cell come from both together, as in
    `scipy.stats.chi2_contingency(correction=False)` on the table of two rows. (To take the
    reference as exact, which some tools do, finds drift where there is none.) Cells that are empty
    on both sides are left out; nothing is pooled here.

    Args:
        reference: Rows by cell, shape (cells,).
        current: The same cells.

    Raises:
        EvidenceError: A side has no row.
    """
    p, q = _shares(reference), _shares(current)
    rows, others = int(reference.sum()), int(current.sum())
    both = (reference + current) / (rows + others)
    filled = both > 0
    squares = ((p - q)[filled] ** 2 / both[filled]).sum()
    return float(squares * (rows * others / (rows + others))), int(filled.sum()) - 1


def chi_squared_p_value(statistic: float, degrees: int) -> float:
    """Say how often chance alone gives a chi-squared statistic as great; 1 for a single cell."""
    return float(chdtrc(degrees, statistic)) if degrees > 0 else 1.0


# --------------------------------------------------------------------------- of two numeric tallies


def kolmogorov_smirnov(reference: NumericTally, current: NumericTally) -> float:
    """Compute the greatest distance of the two distribution functions, at the bins' edges.

    The two-sample statistic of Smirnov (1939). It is never above that of the rows themselves, and
    below it by at most the reference's share in the fullest bin of several values: a thousandth.

    Raises:
        EvidenceError: A side has no value.
    """
    gaps = np.cumsum(_shares(reference.counts)) - np.cumsum(_shares(current.counts))
    return float(np.abs(gaps).max())


def kolmogorov_smirnov_p_value(statistic: float, rows: int, others: int) -> float:
    """Say how often chance alone gives a distance as great (Kolmogorov's asymptotic distribution).

    Ties, bins and few rows make it too great, never too small.
    """
    return float(kolmogorov(statistic * np.sqrt(rows * others / (rows + others))))


def mann_whitney_p_value(reference: NumericTally, current: NumericTally) -> float:
    """Test whether one sample tends to lie above the other (Mann and Whitney, 1947).

    Values of one bin are tied, with the usual correction of the variance; two-sided, normal
    approximation.

    Raises:
        EvidenceError: A side has no value.
    """
    p, q = _shares(reference.counts), _shares(current.counts)
    rows, others = reference.present, current.present
    every = rows + others
    above = float((q * (np.cumsum(p) - p / 2)).sum()) - 0.5
    tied = (reference.counts + current.counts).astype(np.float64)
    spread = 1 - float((tied**3 - tied).sum()) / (float(every) ** 3 - every)
    if spread <= 0:
        return 1.0
    error = np.sqrt(spread * (every + 1) / (12 * rows * others))
    return float(2 * ndtr(-abs(above) / error))


def wasserstein(reference: NumericTally, current: NumericTally) -> float:
    """Compute the first Wasserstein distance, in standard deviations of the reference.

    The area between the two distribution functions (Vallender, 1974), as
    `scipy.stats.wasserstein_distance(a, b) / numpy.std(a)`. Bin by bin it follows exactly from the
    counts and sums, but for a bin within which the two functions cross. A shift of everything by d
    standard deviations is d. Where the reference is constant, both samples together give the scale.

    Raises:
        EvidenceError: A side has no value.
    """
    gap = np.abs(_within_bins(current) - _within_bins(reference)).sum()
    unit = scale(reference, current)
    return float(gap / unit) if unit > 0 else 0.0


def wasserstein_by_chance(reference: NumericTally, current: NumericTally) -> float:
    """Compute what `wasserstein` is on the average where nothing but chance is between the samples.

    Within each bin the area is a difference of two means of the same variable (the part of the
    value that lies in the bin), hence normal; its spread is taken from both samples together.

    Raises:
        EvidenceError: A side has no value.
    """
    both = reference + current
    spread = np.sqrt(np.maximum(_squares_within_bins(both) - _within_bins(both) ** 2, 0.0)).sum()
    unit = scale(reference, current)
    noise = np.sqrt(2 / np.pi * (1 / reference.present + 1 / current.present))
    return float(noise * spread / unit) if unit > 0 else 0.0


def scale(reference: NumericTally, current: NumericTally) -> float:
    """Tell the unit of `wasserstein`: the reference's standard deviation, where it has one."""
    return reference.standard_deviation or (reference + current).standard_deviation


def cells(reference: NumericTally, current: NumericTally) -> tuple[Integers, Integers]:
    """Pool bins to about ten of equally many rows of the reference; repeated values stay whole."""
    below = np.cumsum(reference.counts)
    targets = np.arange(1, PSI_BINS) * below[-1] / PSI_BINS
    cuts = np.unique(np.searchsorted(below, targets, "left") + 1)
    starts = np.concatenate([[0], cuts[cuts < len(below)]])
    return np.add.reduceat(reference.counts, starts), np.add.reduceat(current.counts, starts)


def aligned(reference: CategoryTally, current: CategoryTally) -> tuple[Integers, Integers]:
    """Set the counts of two categorical tallies side by side, category by category, the rest last.

    Where the reference counted its rarest categories together, so is the current side.
    """
    if reference.rest:
        current = current.within(reference.counts)
    names = sorted(reference.counts.keys() | current.counts.keys())
    left, right = ([t.counts.get(n, 0) for n in names] + [t.rest] for t in (reference, current))
    return np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)


def _within_bins(tally: NumericTally) -> Floats:
    """Mean of the part of the value that lies in each bin, shape (bins,)."""
    edges, shares, sums = _figures(tally)
    if not len(edges):
        return sums
    above = shares[::-1].cumsum()[::-1]
    parts = np.empty_like(sums)
    parts[0] = sums[0] - edges[0] * shares[0]
    parts[1:] = sums[1:] - edges * shares[1:]
    parts[1:-1] += np.diff(edges) * above[2:]
    return parts


def _squares_within_bins(tally: NumericTally) -> Floats:
    """Mean square of the same: of the outer bins as if their tails were exponential."""
    edges, shares, _ = _figures(tally)
    means = _within_bins(tally)
    if not len(edges):
        return means**2
    above = shares[::-1].cumsum()[::-1]
    own = means.copy()
    own[1:-1] -= np.diff(edges) * above[2:]
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.where(shares > 0, own**2 / shares, 0.0)
    squares[[0, -1]] *= 2
    squares[1:-1] += np.diff(edges) ** 2 * above[2:]
    return squares


def _figures(tally: NumericTally) -> tuple[Floats, Floats, Floats]:
    """Edges about the centre, and shares and mean sums by bin."""
    shares = _shares(tally.counts)
    return tally.bins.edges - tally.bins.centre, shares, tally.sums / tally.present


def _shares(counts: Integers) -> Floats:
    rows = counts.sum()
    if not rows:
        msg = "a distance needs rows with a value on both sides, and one side has none"
        raise EvidenceError(msg)
    return np.asarray(counts / rows)


def _smoothed(counts: Integers) -> Floats:
    return np.asarray((counts + _EMPTY_CELL) / (counts.sum() + _EMPTY_CELL * len(counts)))
