"""A diagnosis for a person: lines for a terminal, and a page with bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.diagnosis import signed
from tradewind.reports.page import render_page
from tradewind.reports.signed_bars import SignedBar, signed_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tradewind.diagnosis import Diagnosis
    from tradewind.records import Estimate

_MOST_SLICES = 12
_MOST_LINES = 6
_LOSSES = {
    "log_loss": "log loss: what a probability costs that was wrong, -ln of what was said of what "
    "happened",
    "brier": "Brier score: the squared distance of probability and outcome",
    "squared_error": "squared error: the squared distance of prediction and truth",
    "absolute_error": "absolute error: the distance of prediction and truth",
}
_MEANINGS = {
    "inputs": "Other inputs: the kinds of rows became more or less frequent, and on each the model "
    "does as it did. It is what the judged rows would lose, were they weighted to look like the "
    "recent ones.",
    "relation": "The relation itself: the same inputs come to another outcome than before.",
    "new_ground": "New ground: recent rows of kinds that the judged rows hardly have, so that "
    "inputs and relation cannot be told apart on them.",
}
_TOGETHER = "what features that move together count more than once, or bring only together"
_JOINTLY = (
    "those of all features together and of all slices together as well, by drawing blocks of days "
    "of either stretch."
)
_LEFT_OUT = "Not looked at, because they hardly matter to the model or a stretch lacks them"
_PARTS_SAID = "The three parts add up to the whole. The thin line is the interval."
_FEATURES_SAID = (
    "What the judged rows would lose more or less, were this feature's mix the recent one and all "
    "else as it was."
)
_SLICES_SAID = (
    "How much more or less a row of the slice loses, on inputs as they were. Strong bars differ "
    "from the rows outside the slice."
)
_TITLES = {"inputs": "other inputs", "relation": "the relation itself", "new_ground": "new ground"}


def lines_of(found: Diagnosis) -> list[str]:
    """Say what was found, in lines for a terminal."""
    look = f"{found.look:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"{found.model}, version {found.version}, by the look of {look}: {found.told[0]}",
        *(f"  {line}" for line in found.told[1:]),
        *(f"  => {line}" for line in found.suggests),
    ]
    if found.features:
        rest = f"  {found.features_together:+.4f}  together: {_TOGETHER}"
        shifts = [_feature_line(one.feature, one.change, one.words) for one in found.features]
        lines += ["by feature, its own mix alone, all else as it was judged:", *shifts, rest]
    if found.slices:
        lines += ["by slice, how the relation changed, a row of the slice:", *_slice_lines(found)]
    return [*lines, *notes_of(found)]


def notes_of(found: Diagnosis) -> list[str]:
    """Say what the figures stand on, and what was left out."""
    notes = [
        f"Taken apart is the mean {_LOSSES[found.metric]}.{_instead(found)}",
        f"Intervals hold with {found.confidence:.0%} confidence, {_JOINTLY}",
    ]
    if found.blurred is None:
        notes.append(_weighted(found))
    if found.left_out:
        notes.append(
            f"{_LEFT_OUT}: {', '.join(found.left_out)}. What they bring counts as relation."
        )
    if found.unknown:
        notes.append(f"Slices too small for a figure: {len(found.unknown)}.")
    return notes


def render(found: Diagnosis) -> str:
    """One HTML page, whole in itself."""
    return render_page(
        "diagnosed.html.j2",
        title=f"{found.model}: why quality changed",
        found=found,
        tone=_tone(found),
        parts=_parts(found),
        meanings=[(_TITLES[name], words) for name, words in _MEANINGS.items()],
        drawings=_drawings(found),
        slices=found.slices[:_MOST_SLICES],
        more=max(0, len(found.slices) - _MOST_SLICES),
        signed=signed,
        together=_TOGETHER,
        notes=notes_of(found),
    )


def _weighted(found: Diagnosis) -> str:
    rows, worth = found.reference.rows, round(found.effective_rows)
    if worth >= rows:
        return (
            "No feature tells the stretches apart on days that were not seen: no row is weighted."
        )
    return (
        f"Weighted to look like the recent rows, the {rows:,} judged ones say as much as "
        f"{worth:,} would."
    )


def _instead(found: Diagnosis) -> str:
    if found.metric == found.deciding:
        return ""
    return f" {found.deciding}, which decides, is no mean over rows and cannot be taken apart so."


def _feature_line(name: str, change: Estimate, words: str) -> str:
    return f"  {signed(change)}  {name}: {words}"


def _slice_lines(found: Diagnosis) -> list[str]:
    shown = found.slices[:_MOST_LINES]
    lines = [
        f"  {signed(one.change)}  {one.name}, {one.rows:,} rows; {one.contribution:+.4f} of the "
        f"relation's part{', stands out' if one.stands_out else ''}"
        for one in shown
    ]
    rest = len(found.slices) - len(shown)
    return [*lines, f"  and {rest} more; --json has all of them"] if rest else lines


def _tone(found: Diagnosis) -> str:
    if not found.changed:
        return "calm"
    return "bad" if found.parts.total.value > 0 else "good"


def _parts(found: Diagnosis) -> list[tuple[str, Estimate]]:
    parts = {name: getattr(found.parts, name) for name in _TITLES}
    told = {name: one for name, one in parts.items() if one is not None}
    return [("in all", found.parts.total), *((_TITLES[name], one) for name, one in told.items())]


def _drawings(found: Diagnosis) -> list[tuple[str, str, Markup]]:
    parts = [(name, one, _leaves_zero(one)) for name, one in _parts(found)]
    drawn = [("The change, taken apart", _PARTS_SAID, _bars(parts))]
    if found.features:
        features = [(one.feature, one.change, one.clear) for one in found.features]
        drawn.append(("Other inputs, by feature", _FEATURES_SAID, _bars(features)))
    if found.slices:
        slices = [(one.name, one.change, one.stands_out) for one in found.slices[:_MOST_SLICES]]
        drawn.append(("The relation, by slice", _SLICES_SAID, _bars(slices)))
    return drawn


def _bars(told: Sequence[tuple[str, Estimate, bool]]) -> Markup:
    bars = [SignedBar(name, one, strong, f"{name}: {signed(one)}") for name, one, strong in told]
    return signed_bars(bars, label="; ".join(bar.words for bar in bars))


def _leaves_zero(figure: Estimate) -> bool:
    return figure.low > 0 or figure.high < 0
