"""One decision's story for a reader: lines for a terminal, and a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tradewind.reports.page import figure, moment, render_page
from tradewind.reports.waterfall import Step, waterfall

if TYPE_CHECKING:
    from markupsafe import Markup

    from tradewind.explanation import (
        Explained,
        ExplainedFeature,
        ExplainedLabel,
        ExplainedScore,
        KeyMatches,
        RawRow,
        RawRows,
    )

MOST = 10
"""Features that are told one by one; the rest is one line."""
_WARNINGS = 8
_DIGITS = 6
_ASIDE = " " * len("+0.0000  ")
_FRACTION = re.compile(r"-?(?P<whole>\d+)\.\d+(e[+-]?\d+)?")
_SCALES = {
    "log-odds": "log-odds (0 is even chances; each step of 0.7 about doubles or halves the odds)",
    "probability": "probability",
    "value": "the predicted value",
    "log of the value": "the natural logarithm of the predicted value",
    "own": "the estimator's own scale, on which more is a higher score",
}


def lines_of_explained(told: Explained, *, most: int = MOST) -> list[str]:
    """The story in lines for a terminal.

    Args:
        told: It.
        most: Features that are told one by one.
    """
    return [
        f"{told.model}: {told.short_key}, in the night of {moment(told.night)}",
        *(f"  {line}" for line in _served(told)),
        "what the sources held of it at its prediction time:",
        *(f"  {line}" for line in _raw(told)),
        *_section("what validation said of that night:", _warned(told)),
        "the features, and how they lead to the score:",
        *(f"  {line}" for line in _features(told, most)),
        f"who decided: {told.decider.words}",
        *(f"  {line}" for line in told.decider.because),
        f"the naive rule: {naive_words(told)}",
        *_section("what others said, and was not served:", others_words(told)),
        f"what became of it: {label_words(told.label)}",
        f"to contest it: {told.contest}",
        "where this is kept:",
        *(f"  {name}: {where}" for name, where in told.kept.items()),
    ]


def lines_of_matches(found: KeyMatches) -> list[str]:
    """Which entities a key may mean, in lines for a terminal."""
    more = found.rows - len(found.keys)
    return [
        f"{found.model}: {matches_words(found)}",
        *(f"  {key}" for key in found.keys),
        *([f"  and {more:,} more: say more of the key"] if more else []),
    ]


def matches_words(found: KeyMatches) -> str:
    """How many entities a key may mean."""
    return f"{found.rows:,} entities of the night of {moment(found.night)} are like {found.asked!r}"


def explained_page(told: Explained) -> str:
    """The story as one page."""
    return render_page(
        "explained.html.j2",
        title=f"{told.model}: one decision",
        told=told,
        served=_served(told),
        drawing=_drawing(told),
        sums=score_words(told.reasons) if told.reasons else [],
        naive=naive_words(told),
        others=others_words(told),
        label=label_words(told.label),
        cell=cell,
        relations=[(found, relation_words(found)) for found in told.raw],
        held=any(one.usual is not None for one in told.features),
    )


def explained_address(told: Explained) -> str:
    """Where the story's page is, below the web server's own address."""
    asked = urlencode({"key": told.short_key, "as_of": told.night.isoformat()})
    return f"/tradewind/dags/{told.model}.score/explained?{asked}"


def matches_page(found: KeyMatches) -> str:
    """Which entities a key may mean, each a link to its story."""
    words = matches_words(found)
    return render_page(
        "explained_matches.html.j2", title=f"{found.model}: which one?", found=found, words=words
    )


# --------------------------------------------------------------------------------------- in words


def naive_words(told: Explained) -> str:
    """What the naive rule says, and how it comes to that."""
    naive = told.naive
    decision = "" if naive.decision is None else f", decision {naive.decision}"
    least = "" if naive.threshold is None else f" (1 from {naive.threshold:.4g} on)"
    score = "no score" if naive.score is None else f"score {naive.score:.4f}"
    said = f"{score}{decision}{least}: {naive.words}"
    if naive.computed is None:
        return said
    agrees = (
        f"computed again from the same features, it is what was recorded "
        f"(within {naive.tolerance:g})"
    )
    return f"{said}; {agrees if naive.problem is None else f'WRONG: {naive.problem}'}"


def others_words(told: Explained) -> list[str]:
    """What versions said that were not served, one line each."""
    found = []
    for other in told.others:
        decision = "" if other.decision is None else f", decision {other.decision}"
        score = "no score" if other.score is None else f"score {other.score:.4f}"
        found.append(f"version {other.version} ({other.alias}): {score}{decision}")
    return found


def label_words(label: ExplainedLabel) -> str:
    """What became of it."""
    looked = (
        "" if label.looked is None else f", as far as the night of {moment(label.looked)} knows"
    )
    if label.problem is not None:
        return f"its label cannot be told: {label.problem}"
    if label.state == "known":
        known = "" if label.known_at is None else f", known since {moment(label.known_at)}"
        return f"the label is {label.label}{known}{looked}"
    if label.state == "pending":
        return f"the label is still awaited{looked}"
    if label.state == "expired":
        return f"the label never came, and is awaited no longer{looked}"
    return "not known: no night since then has looked at it"


def score_words(reasons: ExplainedScore) -> list[str]:
    """How the sum leads to what was served, one line a step."""
    way = "exact" if reasons.exact else "estimated over a fixed sample of training rows"
    calibrated = (
        "it is not calibrated"
        if reasons.calibration is None
        else f"after calibration ({reasons.calibration}) {reasons.after:.6f}"
    )
    agrees = [
        (
            f"computed again from the same features by version {reasons.version}, it is what was "
            f"served, {reasons.served:.6f} (within {reasons.tolerance:g})"
        )
    ]
    return [
        f"scale: {_SCALES[reasons.scale]}; the effects are {way}",
        (
            f"mean {reasons.mean:+.6f} and effects {reasons.margin - reasons.mean:+.6f} make "
            f"{reasons.margin:+.6f}"
        ),
        f"which is a score of {reasons.before:.6f} before calibration; {calibrated}",
        *([f"WRONG: {problem}" for problem in reasons.problems] or agrees),
    ]


def cell(value: str) -> str:
    """A value as it is shown: a long fraction with six digits, and everything else as it is."""
    found = _FRACTION.fullmatch(value)
    if found is None or sum(map(str.isdigit, value)) <= _DIGITS:
        return value
    return f"{float(value):.{max(_DIGITS, len(found['whole']))}g}"


def relation_words(found: RawRows) -> str:
    """How many rows of a relation are the entity's."""
    if not found.by:
        together = f"{found.known:,} rows were known then; features take them together"
        return f"{together}: it shares no column of its key with this entity"
    named = ", ".join(found.by)
    shown = f", the newest {len(found.shown)} shown" if found.rows > len(found.shown) else ""
    rows = "1 row" if found.rows == 1 else f"{found.rows:,} rows"
    return f"{rows} with its {named}{shown}, of {found.known:,} known then"


def _served(told: Explained) -> list[str]:
    score = "no score" if told.score is None else f"score {told.score:.4f}"
    decision = "" if told.decision is None else f", decision {told.decision}"
    least = "" if told.threshold is None else f" (1 from {told.threshold:.4g} on)"
    own = []
    if told.fallback_reason is not None and told.model_score is not None:
        own = [f"the model would have said {told.model_score:.4f}"]
    return [
        f"{score}{decision}{least}, by {told.decider.words}",
        f"event {moment(told.event_time)}, predicted as of {moment(told.prediction_time)}",
        *own,
    ]


def _raw(told: Explained) -> list[str]:
    if told.raw_problem is not None:
        return [told.raw_problem]
    lines = []
    for found in told.raw:
        lines.append(f"{found.relation}: {relation_words(found)}")
        lines += [f"  {line}" for row in found.shown for line in _row(row)]
    return lines


def _row(row: RawRow) -> list[str]:
    cells = [f"{name} {'(none)' if one is None else cell(one)}" for name, one in row.values.items()]
    known = [] if row.known_at is None else [f"  known since {moment(row.known_at)}"]
    repaired = [
        f"  repaired: {name} was {'(none)' if was is None else cell(was)}"
        for name, was in row.repaired.items()
    ]
    aside = [] if row.set_aside is None else [f"  set aside by validation: {row.set_aside}"]
    return [", ".join(cells), *known, *repaired, *aside]


def _warned(told: Explained) -> list[str]:
    more = len(told.warnings) - _WARNINGS
    last = [f"and {more} more, as the page of the task `validate` shows"] if more > 0 else []
    return [*told.warnings[:_WARNINGS], *last]


def _features(told: Explained, most: int) -> list[str]:
    unknown = [] if told.usual_problem is None else [told.usual_problem]
    if told.reasons is None:
        why = [told.reasons_problem] if told.reasons_problem else []
        return [*why, *unknown, *(line for one in told.features for line in _held(one))]
    first, rest = told.features[:most], told.features[most:]
    lines = [f"{told.reasons.mean:+.4f}  mean: where nothing is known of it"]
    for one in first:
        head, *below = _held(one)
        lines += [f"{_effect(one):+.4f}  {head}", *(f"{_ASIDE}{line}" for line in below)]
    if rest:
        lines.append(f"{sum(map(_effect, rest)):+.4f}  the other {len(rest)} features together")
    return [*lines, *unknown, *score_words(told.reasons)]


def _effect(feature: ExplainedFeature) -> float:
    return feature.effect or 0.0


def _held(feature: ExplainedFeature) -> list[str]:
    """A feature with its value and how usual that is, where it is known; then what it is."""
    usual = "" if feature.usual is None else f": {feature.usual}"
    what = [] if feature.what is None else [f"  {feature.what}"]
    return [_named(feature) + usual, *what]


def _named(feature: ExplainedFeature) -> str:
    says = "" if feature.says is None else f" ({feature.says})"
    return f"{feature.name} {_short(feature)}{says}"


def _short(feature: ExplainedFeature) -> str:
    if feature.value is None:
        return "missing"
    try:
        return figure(float(feature.value)) if feature.kind == "numeric" else feature.value
    except ValueError:
        return feature.value


def _drawing(told: Explained) -> Markup | None:
    if told.reasons is None:
        return None
    first, rest = told.features[:MOST], told.features[MOST:]
    steps = [Step(_named(one), _effect(one)) for one in first]
    if rest:
        steps.append(Step(f"the other {len(rest)} features", sum(map(_effect, rest))))
    return waterfall(
        steps,
        start=Step("mean", told.reasons.mean),
        end="score before calibration",
        label="How each feature moves the score from the mean, the greatest first",
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []
