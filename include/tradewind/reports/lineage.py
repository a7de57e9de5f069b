"""Lineage for a person: the path to a version as lines and as a page, and what a part led to."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tradewind.lineage_records import REACHES
from tradewind.records import account_of
from tradewind.reports.page import moment, render_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewind.lineage_records import (
        Happened,
        Held,
        Lineage,
        NightUse,
        PartLineage,
        PartUse,
        Reach,
        SeenBy,
        SourceUse,
        Span,
        TrainingStep,
    )
    from tradewind.records import Stretch

REACH_WORDS: Mapping[Reach, str] = {
    "learned": "could reach fit, select or calibration",
    "ahead": (
        "judged on, at most: their labels came later; what was known of them before the judge "
        "stretch began, as a schedule is, features could look at by then"
    ),
    "unknown": "cannot be told any more, so it counts as learned from",
    "judged": "judged on, at most",
    "unused": "in the snapshot, and not learned from: none of its rows went on",
}
ROLE_WORDS = {
    "champion": "as champion",
    "canary": "as a canary",
    "segment": "for a segment of its own",
    "shadow": "in shadow, deciding nothing",
}
_LEFT_OUT = "excluded from every later manifest (event {})"
_ARROW = "  ↓"
_SHORT = 12


def lineage_page(lineage: Lineage) -> str:
    """The path of a version as one HTML page, top down."""
    return render_page(
        "lineage.html.j2",
        title=f"{lineage.model}: lineage of version {lineage.version}",
        lineage=lineage,
        account=_account(lineage),
        reach_words=REACH_WORDS,
        nights=_night_words(lineage.nights),
        fitted=_stretches(lineage.training),
    )


def lineage_lines(lineage: Lineage, *, parts: bool = False) -> list[str]:
    """The path of a version, top down.

    Args:
        lineage: The path.
        parts: Whether every part is listed below its source, in place of first and last days.
    """
    steps = [
        _sources(lineage, parts=parts),
        _held("snapshot", lineage.snapshots),
        _validated(lineage),
        _features(lineage),
        _model(lineage),
        _evaluation(lineage),
        _verdict(lineage),
        *([_approvals(lineage)] if lineage.approvals else []),
        _version(lineage),
        ["nights", *(f"  {line}" for line in _night_words(lineage.nights))],
    ]
    lines = [line for step in steps for line in (*step, _ARROW)][:-1]
    return [*lines, *_gaps(lineage.gaps)]


def part_lines(found: PartLineage) -> list[str]:
    """What parts led to: the versions that were trained on them, then those that were not."""
    trained = [one for one in found.versions if one.trained]
    others = [one for one in found.versions if not one.trained]
    cut = {use.uri: use.excluded for one in found.versions for use in one.uses}
    if not found.parts:
        head = _not_there(found)
    else:
        rows = sum(found.parts.values())
        count = _parts(len(found.parts))
        head = [f"{found.asked}: {count} of {_rows(rows)}, as versions' snapshots have it"]
    return [
        *head,
        *(f"  {uri}  {_rows(rows)}{_excluded(cut.get(uri))}" for uri, rows in found.parts.items()),
        *_seen(
            "trained on it, or on what was known of it by then, as far as that could reach fit, "
            "select or calibration",
            trained,
        ),
        *_seen("not trained on it", others),
        *_gaps([gap for one in found.versions for gap in one.gaps]),
    ]


def span_words(span: Span) -> str:
    """Some parts of one source, and how far they came."""
    on = "" if span.went_on is None else f", {span.went_on:,} went on"
    return (
        f"{span.first} to {span.last}: {_parts(span.parts)}, {_rows(span.rows)}{on}: "
        f"{REACH_WORDS[span.reach]}"
    )


def source_words(source: SourceUse) -> str:
    """All parts of one source."""
    on = "" if source.went_on is None else f"; {_rows(source.went_on)} went on"
    were = "was" if source.set_aside == 1 else "were"
    aside = f", {source.set_aside:,} {were} set aside" if source.set_aside else ""
    through = f", by way of {source.through}" if source.through else ""
    return (
        f"{source.source}{through}: {_parts(source.parts)}, {source.first} to {source.last}, "
        f"{_rows(source.rows)}{on}{aside}"
    )


def _sources(lineage: Lineage, *, parts: bool) -> list[str]:
    lines = ["sources"]
    for source in lineage.sources:
        lines.append(f"  {source_words(source)}")
        if parts:
            own = (source.source, source.through)
            lines += [_part(use) for use in lineage.parts if (use.source, use.through) == own]
        else:
            lines += [f"    {span_words(span)}" for span in source.spans]
        lines += [
            f"    {_parts(count)} {_LEFT_OUT.format(event)}"
            for event, count in source.excluded.items()
        ]
    return lines


def _part(use: PartUse) -> str:
    on = "" if use.went_on is None else f", {use.went_on:,} went on"
    aside = f", {use.set_aside:,} set aside" if use.set_aside else ""
    places = f" ({', '.join(use.places)})" if use.places else ""
    told = f"{_rows(use.rows)}{on}{aside}; {use.reach}{places}: {use.why}"
    return f"    {use.uri}  {told}{_excluded(use.excluded)}"


def _held(name: str, things: Sequence[Held]) -> list[str]:
    found = [f"{name} {one.digest[:_SHORT]}  {one.uri}{_lost(one)}" for one in things]
    return found or [f"{name}: not recorded"]


def _validated(lineage: Lineage) -> list[str]:
    repaired = ", ".join(f"{name} {cells:,}" for name, cells in lineage.repaired.items() if cells)
    return [
        *_held("validated", lineage.validated),
        *([f"  cells repaired: {repaired}"] if repaired else []),
    ]


def _features(lineage: Lineage) -> list[str]:
    features = lineage.features
    if features is None:
        return ["features: not recorded"]
    lines = _held("features", [features])
    if features.rows is not None:
        lines.append(
            f"  {features.rows:,} rows: {features.labelled:,} with a label, "
            f"{features.pending:,} awaiting one, {features.expired:,} that will never have one"
        )
    return lines


def _model(lineage: Lineage) -> list[str]:
    told = lineage.training
    by = f", by {told.actor}: {told.reason}" if told.actor else ""
    lines = [f"model {told.model_uri or 'not recorded'}"]
    if told.run_id:
        when = f" as of {moment(told.as_of)}" if told.as_of else ""
        lines.append(f"  trained by {told.run_id}{when}{by}")
    if lineage.found_again:
        lines.append(f"  found again by {lineage.registered_by}: the same inputs, the same model")
    lines += [f"  {line}" for line in _stretches(told)]
    if told.pretrained is not None:
        given = told.pretrained
        until = moment(given.trained_until) if given.trained_until else "an unknown moment"
        base = f", which is {lineage.base}" if lineage.base else ""
        lines.append(
            f"  not fitted here: it comes from {given.source}{base}: {given.provenance}; licence "
            f"{given.licence}; it learned from nothing after {until}"
        )
    lines.append(
        f"  code {told.code_revision or 'not recorded'}; definition "
        f"{(told.definition_digest or 'not recorded')[:_SHORT]}; key "
        f"{(told.train_key or 'not recorded')[:_SHORT]}"
    )
    made = ", ".join(f"{name} {value[:_SHORT]}" for name, value in told.made_with.items())
    return [*lines, *([f"  made with {made}"] if made else [])]


def _stretches(told: TrainingStep) -> list[str]:
    found: dict[str, Stretch | None] = {
        "fit": told.fit, "select": told.select, "judge": told.judge,
    }  # fmt: skip
    spans = [
        f"{name}: {_rows(one.rows)} of {one.units:,} day{'s' * (one.units != 1)}, "
        f"{moment(one.start)} to {moment(one.end)}"
        for name, one in found.items()
        if one is not None
    ]
    return [f"candidate {told.candidate}", *spans] if told.candidate else spans


def _evaluation(lineage: Lineage) -> list[str]:
    lines = _held("evaluation", [lineage.evaluation] if lineage.evaluation else [])
    return [*lines, *([f"  {lineage.judged}"] if lineage.judged else [])]


def _verdict(lineage: Lineage) -> list[str]:
    lines = _held("verdict", [lineage.verdict] if lineage.verdict else [])
    if lineage.passed is not None:
        lines.append(f"  {_account(lineage)}")
    return lines


def _account(lineage: Lineage) -> str:
    outcomes = {gate: told.partition(":")[0] for gate, told in lineage.gates.items()}
    return account_of(outcomes, passed=bool(lineage.passed))


def _approvals(lineage: Lineage) -> list[str]:
    return [
        "approval",
        *(f"  {moment(one.recorded_at)}  {_words(one)}" for one in lineage.approvals),
    ]


def _version(lineage: Lineage) -> list[str]:
    by = f"  registered by {lineage.registered_by}" if lineage.registered_by else ""
    when = f", {moment(lineage.registered_at)}" if by and lineage.registered_at else ""
    return [
        f"version {lineage.version} of {lineage.model}: {lineage.state.sentence}",
        *([f"{by}{when}"] if by else []),
        *(f"  as of {moment(one.as_of)}  {_words(one)}" for one in lineage.moves),
    ]


def _words(event: Happened) -> str:
    return f"{event.kind.replace('_', ' ')} by {event.actor}: {event.reason}"


def _night_words(nights: Sequence[NightUse]) -> list[str]:
    """Nights by what the version did in them, in stretches."""
    found = []
    for role, some in groupby(nights, key=lambda use: use.role):
        uses = list(some)
        counts = [use.rows for use in uses]
        known = [count for count in counts if count is not None]
        rows = _rows(sum(known)) if len(known) == len(counts) else "rows not counted apart"
        told = "" if role == "shadow" else f", {rows}"
        count = "1 night" if len(uses) == 1 else f"{len(uses):,} nights"
        span = f"{moment(uses[0].night)} to {moment(uses[-1].night)}"
        found.append(f"{span}: {count} {ROLE_WORDS[role]}{told}")
    return found or ["none: it never scored"]


def _not_there(found: PartLineage) -> list[str]:
    lines = [f"{found.asked}: no snapshot of a version that can still be read has it"]
    if found.unseen:
        lines.append("the lake has it, and no version saw it:")
        lines += [f"  {path}" for path in found.unseen]
    if not found.there_is:
        return [*lines, "there is no snapshot of a version at all"]
    lines.append("what the snapshots of all versions have:")
    return [
        *lines,
        *(f"  {one.source} ({one.source_id}): {one.first} to {one.last}" for one in found.there_is),
    ]


def _seen(heading: str, versions: Sequence[SeenBy]) -> list[str]:
    if not versions:
        return [f"{heading}: none"]
    lines = [f"{heading}:"]
    for one in versions:
        when = f" as of {moment(one.as_of)}" if one.as_of else ""
        lines.append(f"  {one.model} version {one.version}{when}: {one.state.sentence}")
        for through in dict.fromkeys(use.through for use in one.uses):
            for reach in REACHES:
                some = [use for use in one.uses if (use.through, use.reach) == (through, reach)]
                way = f" by way of {through}" if through else ""
                if some:
                    told = f"{_parts(len(some))}{way}{_went_on(some)}"
                    lines.append(f"    {told}: {REACH_WORDS[reach]}")
        if not one.uses:
            lines.append("    it cannot be told whether it saw it: see the gaps")
        lines += [f"    {line}" for line in _night_words(one.nights) if one.nights]
    return lines


def _went_on(uses: Iterable[PartUse]) -> str:
    counts = [use.went_on for use in uses]
    known = [count for count in counts if count is not None]
    return f", {_rows(sum(known))} went on" if len(known) == len(counts) else ""


def _parts(count: int) -> str:
    return f"{count:,} part" if count == 1 else f"{count:,} parts"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _excluded(event: int | None) -> str:
    return "" if event is None else f", {_LEFT_OUT.format(event)}"


def _lost(held: Held) -> str:
    return "" if held.there else "  (not in the lake any more)"


def _gaps(gaps: Iterable[str]) -> list[str]:
    told = list(dict.fromkeys(gaps))
    return ["gaps in the chain", *(f"  {gap}" for gap in told)] if told else []
