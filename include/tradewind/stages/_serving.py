"""Who decides for each row of a night, and what each version says of it.

Exactly one decision is served for each entity, in this order: where nothing may decide but the
fallback, it does for all; else for rows that validation set aside and for segments on fallback; the
control share is the naive rule's; then a segment's own version, a canary's share, the champion.
Last comes what the version itself says: a row outside its training is the fallback's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tradewind.engine.night_rows import SET_ASIDE
from tradewind.errors import EvidenceError
from tradewind.stats.shares import assign, share_of
from tradewind.stores.fallback import as_text
from tradewind.stores.prediction_schema import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tradewind.definition.nightly import Score
    from tradewind.nights import Arm, LiveState, SegmentRule
    from tradewind.stages._fallback import Fallback
    from tradewind.stages._versions import NightVersion, Versions

Objects = "npt.NDArray[np.object_]"
CHAMPION, CONTROL, FALLBACK, SEGMENT = "champion", "control", "fallback", "segment"


@dataclass(frozen=True)
class Plan:
    """Who may decide tonight.

    Attributes:
        versions: Those that score.
        rule: Decides where none of them may.
        blocked: Why none of them may for any row; None where they may.
        score: What the definition says of scoring.
    """

    live: LiveState
    versions: Versions
    rule: Fallback
    blocked: str | None
    score: Score

    @property
    def champion(self) -> NightVersion | None:
        """The champion, if it can score."""
        return self.version(self.live.champion)

    @property
    def arms(self) -> list[Arm]:
        """The arms whose version can score; the champion does not score beside itself."""
        able = self.versions.ready.keys() - {self.live.champion}
        return [arm for arm in self.live.arms if arm.version in able]

    def version(self, number: int | None) -> NightVersion | None:
        """A version, if it can score."""
        return None if number is None else self.versions.ready.get(number)

    def ready_values(self) -> dict[str, list[str]]:
        """By feature, values never seen in training that the model may decide for."""
        found: dict[str, list[str]] = {}
        for segment in self.live.ready:
            found.setdefault(segment.feature, []).append(segment.value)
        return found


@dataclass(frozen=True)
class Deciders:
    """Who decides for each row, before any version is asked.

    Attributes:
        by: `champion`, `control`, `fallback`, an arm's name, or a segment's `segment:<version>`.
        reason: Why the fallback does; None elsewhere.
    """

    by: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]


@dataclass(frozen=True)
class Answer:
    """What a version says of every row.

    Attributes:
        score: Its own; NaN where it has no features of a row.
        reason: Why it must not decide; None where it may.
        reasons: What moved its score, for the rows that it decides; null elsewhere.
        threshold: From which score it decides for 1; None for a regression.
    """

    score: npt.NDArray[np.float64]
    reason: npt.NDArray[np.object_]
    reasons: pa.Array
    threshold: float | None


def deciders(plan: Plan, frame: pd.DataFrame, entities: Sequence[str]) -> Deciders:
    """Say who decides for each row.

    Args:
        plan: Who may.
        frame: The rows: `set_aside`, and the features by which segments are told.
        entities: The rows' entities, by which shares are told.
    """
    reason = np.full(len(frame), None, dtype=object)
    if plan.blocked is not None:
        reason[:] = plan.blocked
        return Deciders(np.full(len(frame), FALLBACK, dtype=object), reason)
    by = _by_share(plan, entities)
    for rule in plan.live.segments:
        _put(plan, rule, _inside(frame, rule), by, reason)
    # After all versions' rules: where one rule says fallback, no other undoes it.
    by[pd.notna(reason)] = FALLBACK
    aside = frame[SET_ASIDE].notna().to_numpy()
    by[aside], reason[aside] = FALLBACK, frame[SET_ASIDE].to_numpy()[aside]
    return Deciders(by, reason)


def ask(
    version: NightVersion, frame: pd.DataFrame, decides: npt.NDArray[np.bool_], *, plan: Plan
) -> Answer:
    """Ask a version for its score of every row, and for reasons where it decides.

    Args:
        version: Whom.
        frame: The rows with its own features; `__found` where some may lack.
        decides: The rows for which it is to decide.
        plan: What keeps a version from deciding for a row.
    """
    rows = len(frame)
    answer = Answer(
        score=np.full(rows, np.nan),
        reason=np.full(rows, None, dtype=object),
        reasons=pa.nulls(rows, REASONS),
        threshold=version.loaded.metadata["decision_threshold"],
    )
    found = (
        frame["__found"].to_numpy(dtype=np.bool_) if version.aligned else np.ones(rows, np.bool_)
    )
    for which, most in ((found & ~decides, 0), (found & decides, plan.score.reasons)):
        if which.any():
            scored = _ask_some(version, frame, which, answer, plan=plan, reasons=most)
            if most:
                answer = replace(answer, reasons=_spread(scored["reasons"], which))
    answer.reason[~found] = f"version {version.number}'s own features.sql gives no row for it"
    return answer


def _ask_some(
    version: NightVersion,
    frame: pd.DataFrame,
    which: npt.NDArray[np.bool_],
    answer: Answer,
    *,
    plan: Plan,
    reasons: int,
) -> pd.DataFrame:
    scored = version.loaded.score(
        frame if which.all() else frame[which],
        guarded=True,
        outside_range=plan.score.outside_range,
        unseen=plan.score.unseen,
        ready=plan.ready_values(),
        reasons=reasons,
    )
    answer.score[which] = scored["model_score"].to_numpy(dtype=np.float64)
    answer.reason[which] = scored["fallback_reason"].to_numpy(dtype=object)
    not_finite = which & ~np.isfinite(answer.score)
    answer.score[not_finite] = np.nan
    answer.reason[not_finite] = f"version {version.number} gives no finite score for it"
    return scored


def _spread(told: pd.Series, which: npt.NDArray[np.bool_]) -> pa.Array:
    """What is told of some rows, as a column of all rows: null for the others."""
    places = pa.array(np.cumsum(which) - 1, mask=~which)
    return pa.array(told, REASONS).take(places)


def decided(score: npt.NDArray[np.float64], threshold: float | None) -> list[int | None]:
    """1 from the threshold on, else 0; nothing for a regression, or where there is no score."""
    if threshold is None:
        return [None] * len(score)
    known = np.isfinite(score)
    return [
        int(one) if is_known else None
        for one, is_known in zip(score >= threshold, known, strict=True)
    ]


def _by_share(plan: Plan, entities: Sequence[str]) -> npt.NDArray[np.object_]:
    """The control share, then the canaries by age; whose version cannot score is the champion's."""
    canaries = sorted(
        (arm for arm in plan.live.arms if arm.kind == "canary"),
        key=lambda arm: (arm.since, arm.name),
    )
    shares = {CONTROL: plan.score.control_share} | {arm.name: arm.share for arm in canaries}
    places = share_of(entities, salt=plan.live.model)
    try:
        by = assign(places, shares, otherwise=CHAMPION).copy()
    except EvidenceError as error:
        # Shares that cannot be kept are nobody's: the champion goes on, and the record says why.
        plan.versions.problems.update({arm.version: str(error) for arm in canaries})
        by = np.full(len(entities), CHAMPION, dtype=object)
    ready = {arm.name for arm in plan.arms}
    by[~np.isin(by, [CONTROL, *ready])] = CHAMPION
    return by


def _inside(frame: pd.DataFrame, rule: SegmentRule) -> npt.NDArray[np.bool_]:
    if rule.feature not in frame:
        return np.zeros(len(frame), dtype=np.bool_)
    codes, values = pd.factorize(frame[rule.feature])
    same = [number for number, value in enumerate(values) if as_text(value) == rule.value]
    return np.isin(codes, same)


def _put(
    plan: Plan,
    rule: SegmentRule,
    inside: npt.NDArray[np.bool_],
    by: npt.NDArray[np.object_],
    reason: npt.NDArray[np.object_],
) -> None:
    if rule.served_by == FALLBACK:
        told = f"is on fallback until {rule.until:%Y-%m-%d %H:%M} UTC: {rule.reason}"
        reason[inside] = f"{rule.feature} {rule.value} {told}"
    elif plan.version(int(rule.served_by)) is not None:
        by[inside & (by != CONTROL)] = f"{SEGMENT}:{rule.served_by}"
    else:
        problem = plan.versions.problems.get(int(rule.served_by), "it was not opened")
        told = f"version {rule.served_by}, which cannot score: {problem}"
        reason[inside] = f"{rule.feature} {rule.value} is served by {told}"


def players(plan: Plan) -> Mapping[str, int]:
    """The version behind each name that may decide."""
    found: dict[str, Any] = {arm.name: arm.version for arm in plan.arms}
    found |= {
        f"{SEGMENT}:{rule.served_by}": rule.served_by
        for rule in plan.live.segments
        if rule.served_by != FALLBACK
    }
    if plan.champion is not None:
        found[CHAMPION] = plan.champion.number
    return found
