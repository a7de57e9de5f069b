"""Drift of a window of rows against the reference profile: differences, and alarms.

Two questions are kept apart by name:

`difference`  do the two samples differ by at least a declared effect? Yes where a two-sample test
              says so, held to one level over all columns together
              (`tradewind.stats.multiple`), *and* the effect's size, less what chance produces,
              reaches the floor. Where the rows could not have shown an effect of the floor's size
              the answer is `too_few_rows`, never `no_difference`.
`alarm`       is the difference beyond what this column's own past slices show? Every feature of a
              year drifts every month; an alarm says that this window is unlike the others. The
              level is such that over thirty nights so many false alarms are expected as the budget
              says, all columns and all their parts together; in nights whose windows overlap, one
              unusual week counts anew each night.

The sizes are those of `tradewind.stats.effects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.nights import ColumnDrift
from tradewind.stats import distances
from tradewind.stats.effects import effects, pooled, resolved
from tradewind.stats.multiple import Family
from tradewind.stats.slices import levels
from tradewind.stats.tallies import CategoryTally, NumericTally
from tradewind.stats.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stats.bins import Integers
    from tradewind.stats.effects import Effect
    from tradewind.stats.profiles import ColumnProfile, FrameProfile
    from tradewind.stats.tallies import Tally

Role = Literal["feature", "prediction", "label"]

DIFFERENCE_LEVEL = 0.01
"""How often any difference is found in a whole frame in which there is none, at most."""
EFFECT_FLOOR = 0.05
FALSE_ALARMS = 1.0
NIGHTS = 30
_NAMED = 20
_SURELY_SEEN = 10.0


@dataclass(frozen=True)
class Finding:
    """What one part of a column came to.

    Attributes:
        p_value: Over all columns together.
        alarm_level: Never below the floor; None where too few slices can say.
    """

    effect: Effect
    p_value: float
    differs: bool
    alarm_level: float | None

    @property
    def alarm(self) -> bool:
        """Whether it is a difference beyond what past slices show."""
        level = self.alarm_level
        return self.differs and level is not None and self.effect.size > level

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """What comes first where one part speaks for its column."""
        return self.alarm, self.differs, self.effect.size / (self.alarm_level or 1.0)


def compare(
    profile: FrameProfile,
    frame: Mapping[str, Any],
    *,
    window_days: int,
    roles: Mapping[str, Role] | None = None,
    effect_floor: float = EFFECT_FLOOR,
    false_alarms: float = FALSE_ALARMS,
) -> list[ColumnDrift]:
    """Compare a window of rows with the reference, column by column.

    Args:
        profile: The reference's.
        frame: Columns of the window, each of shape (rows,); all of them are judged together.
        window_days: Length of the window; alarms need slices of that length in the profile.
        roles: What each column is; a feature where it is not said.
        effect_floor: From which size on an effect is a difference.
        false_alarms: Expected false alarms in thirty nights, over all columns together.

    Raises:
        EvidenceError: No row or no column, or a column that the profile does not know.
    """
    return compare_counts(
        profile,
        profile.count(frame),
        window_days=window_days,
        roles=roles,
        effect_floor=effect_floor,
        false_alarms=false_alarms,
    )


def compare_counts(
    profile: FrameProfile,
    counts: Mapping[str, Tally],
    *,
    window_days: int,
    roles: Mapping[str, Role] | None = None,
    effect_floor: float = EFFECT_FLOOR,
    false_alarms: float = FALSE_ALARMS,
) -> list[ColumnDrift]:
    """Compare as `compare` does, where the rows were counted chunk by chunk.

    Args:
        profile: The reference's.
        counts: From `FrameProfile.count`, put together by `profiles.added`.
        window_days: As in `compare`.
        roles: As in `compare`.
        effect_floor: As in `compare`.
        false_alarms: As in `compare`.

    Raises:
        EvidenceError: As in `compare`.
    """
    _checked(counts)
    measured = {name: effects(profile.columns[name].tally, tally) for name, tally in counts.items()}
    tests = Family.of(effect for parts in measured.values() for effect in parts)
    alarms = sum(len({effect.part for effect in parts}) for parts in measured.values())
    judge = _Judge(tests, window_days, effect_floor, false_alarms / NIGHTS / alarms)
    return [
        judge.column(
            name,
            profile.columns[name],
            counts[name],
            parts=parts,
            role=(roles or {}).get(name, "feature"),
        )
        for name, parts in measured.items()
    ]


@dataclass(frozen=True)
class _Judge:
    """Judges columns by one level and one budget for all of them.

    Attributes:
        alarms: The budget of one part of one column on one night.
    """

    tests: Family
    window_days: int
    floor: float
    alarms: float

    def column(
        self,
        name: str,
        profile: ColumnProfile,
        current: Tally,
        *,
        parts: list[Effect],
        role: Role,
    ) -> ColumnDrift:
        reference = profile.tally
        findings = self._findings(profile, parts)
        lead = max(findings, key=lambda finding: finding.rank)
        resolution = resolved(reference, current, level=self.tests.level(DIFFERENCE_LEVEL))
        state = self._state(lead, resolution)
        new, vanished = _categories(reference, current)
        return ColumnDrift(
            column=name,
            role=role,
            kind=profile.kind,
            rows=current.rows,
            reference_rows=reference.rows,
            state=state,
            alarm=lead.alarm,
            effect=lead.effect.size,
            effect_floor=self.floor,
            alarm_level=lead.alarm_level,
            p_value=lead.p_value,
            values=values(reference, current),
            new_categories=new,
            vanished_categories=vanished,
            sentence=sentence(
                name, lead, state=state, resolution=resolution, floor=self.floor,
                reference=reference, current=current,
            ),
        )  # fmt: skip

    def _findings(self, profile: ColumnProfile, parts: list[Effect]) -> list[Finding]:
        sizes = profile.slices.get(self.window_days, {})
        own = levels(sizes, probability=min(self.alarms, 0.5), floor=self.floor)
        return [self._finding(part, own.get(part.part)) for part in parts]

    def _finding(self, part: Effect, level: float | None) -> Finding:
        p_value = self.tests.adjusted(part)
        return Finding(
            part,
            p_value,
            differs=p_value <= DIFFERENCE_LEVEL and part.size >= self.floor,
            alarm_level=level,
        )

    def _state(
        self, lead: Finding, resolution: float
    ) -> Literal["too_few_rows", "no_difference", "difference"]:
        if lead.differs:
            return "difference"
        return "too_few_rows" if resolution > self.floor else "no_difference"


def values(reference: Tally, current: Tally) -> dict[str, float]:
    """Compute the distances that a column's kind has; conventions are said in `distances`.

    Numeric columns: PSI and Jensen-Shannon over about ten bins of equally many reference rows.
    Categorical ones: over all categories, for PSI with the rare ones pooled. Missing values are a
    cell of both.

    Args:
        reference: The reference's tally, of at least one row.
        current: The window's.
    """
    found = {
        "null_rate": current.nulls / current.rows,
        "null_rate_reference": reference.nulls / reference.rows,
    }
    if not (reference.present and current.present):
        return found
    if isinstance(reference, NumericTally) and isinstance(current, NumericTally):
        left, right = distances.cells(reference, current)
        found["ks"] = distances.kolmogorov_smirnov(reference, current)
        found["wasserstein"] = distances.wasserstein(reference, current)
        common = (left, right)
    elif isinstance(reference, CategoryTally) and isinstance(current, CategoryTally):
        left, right = distances.aligned(reference, current)
        found["chi_squared"] = distances.chi_squared(left, right)[0]
        common = pooled(left, right)
    nulls = (reference.nulls, current.nulls)
    found["psi"] = distances.population_stability_index(*_with_nulls(common, nulls))
    found["jensen_shannon"] = distances.jensen_shannon(*_with_nulls((left, right), nulls))
    return found


def _with_nulls(
    cells: tuple[Integers, Integers], nulls: tuple[int, int]
) -> tuple[Integers, Integers]:
    return np.append(cells[0], nulls[0]), np.append(cells[1], nulls[1])


def _categories(reference: Tally, current: Tally) -> tuple[list[str], list[str]]:
    """Name what is new, most frequent first, and what is gone that should have been seen."""
    if not isinstance(reference, CategoryTally) or not isinstance(current, CategoryTally):
        return [], []
    known, seen = reference.counts, current.counts
    # Where the reference's rarest were not told apart, what it does not name may be one of them.
    new = [] if reference.rest else [name for name in seen if name not in known]
    enough = _SURELY_SEEN * reference.rows / current.rows
    gone = [name for name, times in known.items() if times >= enough and name not in seen]
    return (
        sorted(new, key=lambda name: (-seen[name], name))[:_NAMED],
        sorted(gone, key=lambda name: (-known[name], name))[:_NAMED],
    )


def _checked(counts: Mapping[str, Tally]) -> None:
    if not counts:
        msg = "no column to compare with the reference: name at least one"
        raise EvidenceError(msg)
    if empty := sorted(name for name, tally in counts.items() if not tally.rows):
        msg = (
            f"{', '.join(empty)}: no row in the window; a window without rows is a matter of "
            "volume, not of drift"
        )
        raise EvidenceError(msg)
