"""A change in mean loss between two stretches, taken apart: other inputs, another relation.

With the loss l, what the reference expects of a row m(x), and weights w(x) under which the
reference looks like the recent stretch on the ground that both share,

    inputs      =  E_recent[m] + E_reference,w[l - m] - E_reference[l]
    relation    =  E_recent[l - m] - E_reference,w[l - m]
    new ground  =  what recent rows off the shared ground add to E_recent[l]

and these add up to E_recent[l] - E_reference[l], whatever w and m are. The two halves of the first
line answer for each other: inputs and relation are told apart rightly where either the weights or
the expectations are right (Robins, Rotnitzky and Zhao, 1994). Cai, Namkoong and Yadlowsky (2023,
"Diagnosing model performance under distribution shift") take the change apart on the ground that
both share as well, and weigh both sides to it; here the recent rows keep their own weights, since
it is they that are lived with, and ground that is not shared is a part by itself. The intervals
take weights and expectations as given, and draw whole blocks of days of either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tradewind.diagnosis import Parts
from tradewind.errors import EvidenceError
from tradewind.stats.inference import estimate, standard_error

if TYPE_CHECKING:
    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Integers

Mask = npt.NDArray[np.bool_]

SHARED = 0.9
"""A row is on shared ground where a row of its kind is a recent one with at most this chance, were
both stretches as large: the rule of Crump, Hotz, Imbens and Mitnik (2009). No weight is greater
than nine, then."""
LEAST_ROWS = 100
"""As many equally weighted reference rows as the weighted ones are worth, at least."""
LEAST_DAYS = 7
"""As many days."""
LEAST_SHARED = 0.2
"""Of the recent rows, on shared ground."""


@dataclass(frozen=True)
class Weighted:
    """The rows of one stretch.

    Attributes:
        loss: Of each row, shape (rows,).
        expected: What the reference expects of a row of its kind, shape (rows,).
        weight: Of a reference row, how many times more frequent its kind is in the recent stretch;
            of a recent row, 1. Both 0 off the shared ground. Shape (rows,).
        unit: Which day each row is of, 0 to `draws.units` - 1, shape (rows,).
        draws: Of these days.
    """

    loss: Floats
    expected: Floats
    weight: Floats
    unit: Integers
    draws: Draws

    @property
    def residual(self) -> Floats:
        """What each row loses beyond what was to be expected, shape (rows,)."""
        return self.loss - self.expected

    def totals(self, *columns: Floats) -> Floats:
        """Add columns up on the rows themselves and in each draw, shape (1 + draws, columns)."""
        units = self.draws.units
        sums = [np.bincount(self.unit, one, minlength=units) for one in columns]
        drawn = np.vstack([np.ones((1, units)), self.draws.weights])
        return drawn @ np.column_stack(sums)

    def mean(self, values: Floats, weight: Floats) -> Floats:
        """A weighted mean on the rows themselves and in each draw, shape (1 + draws,)."""
        totals = self.totals(weight * values, weight)
        return ratio(totals[:, 0], totals[:, 1])


def weights_of(chance: Floats, recent: Mask) -> Floats:
    """Turn a classifier's chances into the weights of `Weighted`.

    Args:
        chance: That a row of its kind is a recent one, were both stretches as large, shape (rows,).
        recent: Whether it is one, shape (rows,).
    """
    shared = chance <= SHARED
    times = chance / np.maximum(1 - chance, 1 - SHARED)
    return np.asarray(np.where(recent, 1.0, times) * shared)


def blurred(reference: Weighted, recent: Weighted) -> str | None:
    """Say why inputs and relation cannot be told apart; None where they can."""
    shared = float(recent.weight.mean())
    if shared < LEAST_SHARED:
        return (
            f"only {shared:.0%} of the recent rows are of kinds that the reference has in any "
            f"number, and {LEAST_SHARED:.0%} are needed"
        )
    rows = effective(reference.weight)
    units = reference.draws.units
    days = effective(
        np.bincount(reference.unit, reference.weight, minlength=units).astype(np.float64)
    )
    if rows < LEAST_ROWS or days < LEAST_DAYS:
        return (
            "weighted to look like the recent ones, the reference's rows say as much as "
            f"{rows:,.0f} rows of {days:.1f} days would, and {LEAST_ROWS} rows of {LEAST_DAYS} "
            "days are needed"
        )
    return None


def effective(weight: Floats) -> float:
    """Count the equally weighted ones that say as much (Kish, 1965); 0 where all weights are."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def parts_of(reference: Weighted, recent: Weighted, *, confidence: float) -> Parts:
    """Take the change in mean loss apart.

    Args:
        reference: One stretch.
        recent: The other; as many draws of it.
        confidence: Of each interval.

    Raises:
        EvidenceError: The draws do not allow it.
    """
    every = [np.ones(len(one.loss)) for one in (reference, recent)]
    before = reference.mean(reference.loss, every[0])
    now = recent.mean(recent.loss, every[1])
    draws = fewer(reference.draws, recent.draws)

    def told(name: str, figures: Floats) -> Estimate:
        return estimated(name, figures, draws, confidence=confidence)

    total = told("the change", now - before)
    if blurred(reference, recent) is not None:
        return Parts(total=total, inputs=None, relation=None, new_ground=total)
    shared = recent.mean(recent.loss, recent.weight)
    relation = _relation(reference, recent)
    return Parts(
        total=total,
        inputs=told("the inputs' part", shared - relation - before),
        relation=told("the relation's part", relation),
        new_ground=told("the new ground's part", now - shared),
    )


def loss_of(side: Weighted, *, confidence: float) -> Estimate:
    """The mean loss of one stretch.

    Raises:
        EvidenceError: The draws do not allow it.
    """
    figures = side.mean(side.loss, np.ones(len(side.loss)))
    return estimated("the loss", figures, side.draws, confidence=confidence)


def clear(figure: Estimate) -> bool:
    """Whether an interval leaves zero out."""
    return figure.low > 0 or figure.high < 0


def fewer(one: Draws, other: Draws) -> Draws:
    """The draws with the fewer blocks: an interval of both is as wide as these make it."""
    return min(one, other, key=lambda draws: draws.degrees_of_freedom)


def _relation(reference: Weighted, recent: Weighted) -> Floats:
    found: Floats = recent.mean(recent.residual, recent.weight) - reference.mean(
        reference.residual, reference.weight
    )
    return found


def estimated(name: str, figures: Floats, draws: Draws, *, confidence: float) -> Estimate:
    """Put an interval around a figure, by itself.

    Args:
        name: Whose figure it is, for the error.
        figures: On the rows themselves and in each draw, shape (1 + draws,).
        draws: The ones with the fewer blocks of those that it comes from.
        confidence: Of the interval, both sides together.

    Raises:
        EvidenceError: The rows, or some draws of them, do not allow it.
    """
    if not np.isfinite(figures[0]):
        raise EvidenceError(f"{name} cannot be computed from these rows")
    error = standard_error(figures[1:], draws, name=name)
    return estimate(float(figures[0]), error, draws, confidence=confidence)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
