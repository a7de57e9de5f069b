"""What a diagnosis says to a person: the verdict, the parts, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.diagnosis import signed
from tradewind.stats.attribution import clear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.diagnosis import FeatureShift, Parts, Side, SliceChange
    from tradewind.records import Estimate

_SAID = 3
_NEW_GROUND = (
    "New ground: rows of these kinds with labels are needed before anybody can say more. A "
    "training whose window holds them learns them; until then see what `score.unseen` and "
    "`score.outside_range` leave to the fallback."
)
_NOTHING = "The loss did not rise: nothing is to be mended on this account."
_NO_PART = (
    "No part is clear by itself: more matured days will tell. Until then a training is judged by "
    "its gates like any other."
)


def sentences(
    *,
    metric: str,
    reference: Side,
    recent: Side,
    parts: Parts,
    blurred: str | None,
    new_ground_rows: int,
    features: Sequence[FeatureShift],
    slices: Sequence[SliceChange],
) -> list[str]:
    """Say what was found, the verdict first.

    Args:
        metric: The loss.
        reference: The one stretch.
        recent: The other.
        parts: The change, taken apart.
        blurred: Why that could not be done.
        new_ground_rows: Recent rows of kinds that the reference hardly has.
        features: The greatest change first.
        slices: What stands out most first.
    """
    told = [_verdict(metric, reference, recent, parts.total)]
    if parts.inputs is None or parts.relation is None:
        return [*told, f"inputs and relation cannot be told apart: {blurred}"]
    told.append(f"{signed(parts.inputs)} from other inputs{_features(features)}")
    told.append(f"{signed(parts.relation)} from the relation itself{_slices(slices)}")
    if new_ground_rows:
        told.append(
            f"{signed(parts.new_ground)} from new ground: {new_ground_rows:,} recent rows "
            f"({new_ground_rows / recent.rows:.1%}) are of kinds that the reference hardly has, "
            "and whether it is their inputs or their relation cannot be told apart"
        )
    return told


def suggestions(
    *,
    parts: Parts,
    features: Sequence[FeatureShift],
    slices: Sequence[SliceChange],
) -> list[str]:
    """Say what follows: whether retraining helps, and where to look.

    Args:
        parts: The change, taken apart.
        features: The greatest change first.
        slices: What stands out most first.
    """
    if not _rose(parts.total):
        worse = _worse(slices)
        return [f"The loss as a whole did not rise, but {_behind(worse)}" if worse else _NOTHING]
    if parts.inputs is None or parts.relation is None:
        return [_NEW_GROUND]
    found = []
    if _rose(parts.relation):
        found.append(f"The relation changed: {_relation(slices)}")
    if _rose(parts.inputs):
        found.append(f"The inputs became harder: {_inputs(features)}")
    if _rose(parts.new_ground):
        found.append(
            "There is new ground: a training helps once its window holds labelled rows of these "
            "kinds."
        )
    return found or [_NO_PART]


def _verdict(metric: str, reference: Side, recent: Side, total: Estimate) -> str:
    where = (
        f"{recent.loss.value:.4f} on {recent.rows:,} matured rows of {recent.units} days "
        f"({_span(recent)}), {reference.loss.value:.4f} on the {reference.rows:,} rows of "
        f"{reference.units} days that the version was judged on ({_span(reference)})"
    )
    if not clear(total):
        return (
            f"{metric} did not change beyond what days vary by: {signed(total)}; {where}. The "
            "parts below are shown, and are no change of the whole"
        )
    low, high = sorted((abs(total.low), abs(total.high)))
    verb = "rose" if total.value > 0 else "fell"
    return f"{metric} {verb} by {abs(total.value):.4f} ({low:.4f} to {high:.4f}): {where}"


def _span(side: Side) -> str:
    return f"{side.start:%Y-%m-%d} to {side.end:%Y-%m-%d}"


def _features(features: Sequence[FeatureShift]) -> str:
    moved = [one for one in features if one.clear][:_SAID]
    if not moved:
        return "; no feature's mix by itself makes a clear difference"
    told = [f"{one.feature} {one.change.value:+.4f} ({one.words})" for one in moved]
    return f", by its own mix each: {'; '.join(told)}"


def _slices(slices: Sequence[SliceChange]) -> str:
    first = next((one for one in slices if one.stands_out), None)
    if first is None:
        return "; no slice stands out from the others"
    more = "more" if first.excess.value > 0 else "less"
    return (
        f"; what stands out most is {first.name}: {signed(first.change)} a row on {first.rows:,} "
        f"rows, {abs(first.excess.value):.4f} {more} than elsewhere"
    )


def _rose(figure: Estimate) -> bool:
    return clear(figure) and figure.value > 0


def _relation(slices: Sequence[SliceChange]) -> str:
    worse = _worse(slices)
    if worse is None:
        return (
            "the same inputs come to another outcome, about alike everywhere. Retraining helps as "
            "far as it lasts and the window holds rows of it; a label that is made otherwise than "
            "before looks the same, so look at `label` and its source first."
        )
    return _behind(worse)


def _worse(slices: Sequence[SliceChange]) -> str | None:
    """The slice that stands out most by its greater loss."""
    return next((one.name for one in slices if one.stands_out and one.excess.value > 0), None)


def _behind(slice_: str) -> str:
    return (
        f"look first at what is behind {slice_}: a source or label that is wrong there looks the "
        "same, and would be learned. If the world changed, retraining helps as far as the "
        "window holds rows of it."
    )


def _inputs(features: Sequence[FeatureShift]) -> str:
    moved = [one.feature for one in features if one.clear and one.change.value > 0]
    look = f" Look at what feeds {', '.join(moved[:_SAID])}." if moved else ""
    return (
        "the model does on them as it always did on such rows, so that retraining will hardly "
        f"help.{look}"
    )
