"""Faults of data told from natural changes of like size on real flights, and the layer that failed.

    python -m benchmarks.triage --keep        # both tables, kept in results/triage.json

A model is trained on the flights up to the end of August, by the product's own way, and takes along
what a champion does: the contract, the drift profile, and how much each feature matters. What is
judged is two weeks of September. Each fault is put into the sources' rows of one night and of
fourteen, and the features are built by the model's own SQL as they are every night; repairs and
expectations, which would stop some of them earlier, are left out. Beside them stand eleven changes
such as nature or business make, put into the sources' rows in the same way, each of fourteen
nights. Each is the twin of the fault of one night and of that of fourteen, but for the category
flood, which has one for either: the twenty rows of twins tell of eleven changes. They were chosen
so that they are of like size and answered, and show that such changes are learned from, not how
often. `size` is what the change of these rows comes to, by the measure that is the fault's own (see
`benchmarks.triage_sizes`), and `like` the twin's size over the fault's, on the same nights: a twin
is one between 0.8 and 1.25. The control is sixty sound nights.

Drift is measured over the last seven nights with the broken rows among them, which is harder than
in a run, where broken nights are left out. The decision is the policy's own, night by night, on the
features that matter to the model, its predictions, and the labels that are known by then.

The second table holds incidents of all layers: what the decision, or the error of a task, says of
the layer that failed. The errors are raised here as the parts raise them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from benchmarks.triage_cases import (
    CASES,
    FROZEN,
    MODEL,
    build,
    midnight,
    nights_of,
    read_sources,
    times_of,
)
from benchmarks.triage_sizes import size

from tradewind import errors
from tradewind.learning.fit import fit_model, sample
from tradewind.learning.importance import importance
from tradewind.learning.reference import (
    LABEL,
    PREDICTION,
    Reference,
    columns_of,
    label_column,
    read_reference,
    reference_files,
)
from tradewind.nights import (
    ColumnDrift,
    Grounds,
    Guard,
    LabelCounts,
    LiveState,
    Monitoring,
    PastNight,
    Performance,
    ScoredNight,
)
from tradewind.policy.decision import decide_on
from tradewind.policy.evidence import alarms, past_night
from tradewind.policy.triage import layer_of, symptoms_of
from tradewind.stats.contracts import detect, night_figures
from tradewind.stats.drift import compare
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.triage_cases import Case, Change, Frame, Sources

    from tradewind.nights import Breach, Decision

KINDS = MODEL.features.types
RESULTS = Path(__file__).parent / "results" / "triage.json"
FIRST, NIGHTS, SOUND_NIGHTS = date(2013, 9, 10), 14, 60
LEARNED_FROM, LEARNED_TO = date(2013, 1, 30), date(2013, 9, 1)
WARM_UP = 7
"""Sound nights before the first one that is judged."""
# ---------------------------------------------------------------------------- learning and deciding


@dataclass(frozen=True)
class Learned:
    """A champion with what lies beside it, and the sound nights just before the judged ones."""

    estimator: Any
    beside: Reference
    before: Frame


@dataclass(frozen=True)
class Judged:
    """One night's judgement."""

    night: date
    breaches: list[Breach]
    alarmed: list[str]
    decision: Decision


def learn(sources: Sources, *, since: date = LEARNED_FROM) -> Learned:
    """Train on the rows up to the end of August, as a run of `train` does."""
    frame = build(sources, start=since, end=LEARNED_TO - timedelta(days=1))
    fitted = fit_model(MODEL, frame, as_of=midnight(LEARNED_TO), files=FROZEN.files)
    judge = sample(MODEL, fitted.split.judge)
    matters = importance(
        fitted.estimator, judge.features, judge.label, problem=MODEL.problem, seed=MODEL.train.seed
    )
    scores = predict(fitted.estimator, judge.features, problem=MODEL.problem)
    files = reference_files(MODEL, frame, fitted.split.judge, score=scores, importance=matters)
    return Learned(
        estimator=fitted.estimator,
        beside=read_reference(files),
        before=build(sources, start=FIRST - timedelta(days=WARM_UP), end=FIRST - timedelta(days=1)),
    )


def judge(learned: Learned, frame: Frame, *, nights: int) -> list[Judged]:
    """Look at night after night and decide."""
    contract = learned.beside.contract
    days = [FIRST - timedelta(days=n) for n in range(WARM_UP, 0, -1)]
    days += [FIRST + timedelta(days=n) for n in range(nights)]
    rows = pd.concat([learned.before, frame], ignore_index=True)
    rows["night"] = nights_of(rows)
    history, past, judged = [], [], []
    for night in days:
        tonight = rows[rows["night"] == pd.Timestamp(night)]
        breaches = look(contract, tonight, night, history)
        if night < FIRST and breaches:
            continue
        if not breaches:
            figures = night_figures(contract, tonight, times=times_of(tonight), night=night)
            history = [*history, figures][-28:]
        if night >= FIRST:
            week = rows[rows["night"] > pd.Timestamp(night - timedelta(days=7))]
            week = week[week["night"] <= pd.Timestamp(night)]
            found = decided(learned, night, week, breaches, past)
            past.append(found[1])
            judged.append(found[0])
    return judged


def look(contract: Mapping[str, Any], rows: Frame, night: date, history: list) -> list[Breach]:
    return detect(
        contract,
        rows,
        times=times_of(rows),
        night=night,
        history=history,
        sensitivity=MODEL.monitor.contract.sensitivity,
    )


def decided(
    learned: Learned, night: date, week: Frame, breaches: list[Breach], past: list[PastNight]
) -> tuple[Judged, PastNight]:
    """One night's decision on the drift of a week and tonight's breaches."""
    drift = drift_of(learned, week, night) if len(week) else []
    grounds = grounds_of(night, breaches=breaches, drift=drift, past=past)
    alarmed = alarms(grounds.monitoring, MODEL)
    found = Judged(night, breaches, alarmed, decide_on(grounds, MODEL))
    return found, past_night(grounds, MODEL)


def drift_of(learned: Learned, week: Frame, night: date) -> list[ColumnDrift]:
    """Features, predictions, and labels as far as they are known, against the champion's."""
    scores = predict(learned.estimator, cast_features(week, KINDS), problem=MODEL.problem)
    known = week["label_known_at"] <= pd.Timestamp(midnight(night + timedelta(days=1)))
    columns = {**columns_of(week, KINDS), PREDICTION: scores}
    if known.any():
        columns[LABEL] = label_column(week[known])
    found = compare(
        learned.beside.profile,
        columns,
        window_days=7,
        roles={PREDICTION: "prediction", LABEL: "label"},
        effect_floor=MODEL.monitor.drift.difference,
        false_alarms=MODEL.monitor.drift.false_alarms,
    )
    matters = learned.beside.importance
    return [one.model_copy(update={"importance": matters.get(one.column)}) for one in found]


def grounds_of(
    night: date,
    *,
    breaches: Sequence[Breach] = (),
    drift: Sequence[ColumnDrift] = (),
    past: Sequence[PastNight] = (),
    seen: dict | None = None,
) -> Grounds:
    """A champion of five days, whatever the night, and what tonight shows.

    It is renewed in time: what its cadence asks for is no answer to a change.
    """
    as_of, since = midnight(night + timedelta(days=1)), midnight(night - timedelta(days=5))
    scored = ScoredNight(
        model=MODEL.name, night=as_of, start=midnight(night), digest="0", uri="0",
        features_uri="0", features=list(KINDS), definition_digest="0", rows=900,
        served={"champion": 900},
        fallback_reasons={}, champion=2, arms=[],
    )  # fmt: skip
    monitoring = Monitoring(
        model=MODEL.name, as_of=as_of, digest="0", uri="0", champion=2, champion_since=since,
        night=scored, breaches=list(breaches), drift=list(drift),
        labels=LabelCounts(predictions=900, matured=900, pending=0, expired=0), performance=None,
    )  # fmt: skip
    live = LiveState(model=MODEL.name, as_of=as_of, champion=2, champion_since=since, previous=1)
    return Grounds(
        monitoring=monitoring.model_copy(update=seen or {}), past=list(past), retrains=[], live=live
    )


# ---------------------------------------------------------------------------------- the first table


LEAST_LIKE, MOST_LIKE = 0.8, 1.25


@dataclass(frozen=True)
class Row:
    """What became of one case.

    Attributes:
        beside: Nights that the fault lasts, which the row is of or is a twin to.
        size: In the measure of the case, on those nights.
        like: A twin's size over its fault's.
        alarmed: The columns that matter which were ever in alarm.
    """

    case: str
    kind: str
    nights: int
    nights_with_breach: int
    named: str
    detector: str
    alarmed_nights: int
    alarmed: list[str]
    retrain_on: int | None
    layer: str
    actions: dict[str, int]
    beside: int | None = None
    measure: str | None = None
    size: float | None = None
    like: float | None = None

    @property
    def right(self) -> bool:
        """A fault is named and never learned; a twin is no fault, of like size, and is learned.

        One night in fourteen may be so odd in itself that a lasting fault is not seen in it.
        """
        if self.kind == "fault":
            seen = self.nights_with_breach >= 0.9 * self.nights
            return self.named == self.case and self.retrain_on is None and seen
        if self.kind == "control":
            return not self.nights_with_breach and self.retrain_on is None
        is_like = self.like is not None and LEAST_LIKE <= self.like <= MOST_LIKE
        return is_like and not self.nights_with_breach and self.retrain_on is not None


def summed_up(case: str, kind: str, judged: list[Judged]) -> Row:
    causes = Counter(j.breaches[0].cause for j in judged if j.breaches)
    detectors = Counter(j.breaches[0].detector for j in judged if j.breaches)
    launches = [number + 1 for number, j in enumerate(judged) if j.decision.launches]
    return Row(
        case=case,
        kind=kind,
        nights=len(judged),
        nights_with_breach=sum(bool(j.breaches) for j in judged),
        named=", ".join(causes) or "-",
        detector=", ".join(detectors) or "-",
        alarmed_nights=sum(bool(j.alarmed) for j in judged),
        alarmed=sorted({name for j in judged for name in j.alarmed}),
        retrain_on=launches[0] if launches else None,
        layer=judged[launches[0] - 1 if launches else -1].decision.layer,
        actions=dict(Counter(action for j in judged for action in j.decision.actions)),
    )


def rows_of_case(
    case: Case, sources: Sources, learned: Learned, sound: Frame, *, lengths: Sequence[int]
) -> Iterator[Row]:
    """The fault, for each number of nights, with its twin beside it."""
    all_days = [FIRST + timedelta(days=n) for n in range(max(lengths))]
    twins: dict[Change, tuple[Frame, Row]] = {}
    for nights in lengths:
        change, days = case.twin_of(nights), all_days[:nights]
        if change not in twins:
            changed = build_changed(change, sources, all_days)
            judged = judge(learned, changed, nights=len(all_days))
            twins[change] = changed, summed_up(case.cause, "twin", judged)
        changed, twin = twins[change]
        broken = build_changed(case.fault, sources, days)
        fault = summed_up(case.cause, "fault", judge(learned, broken, nights=nights))
        sizes = [
            size(case.measure, of_nights(rows, days), of_nights(sound, days), column=column)
            for rows, column in ((broken, case.column), (changed, case.twin_column or case.column))
        ]
        told = {"beside": nights, "measure": case.measure}
        yield replace(fault, **told, size=round(sizes[0], 3))
        yield replace(twin, **told, size=round(sizes[1], 3), like=round(sizes[1] / sizes[0], 2))


def build_changed(change: Change, sources: Sources, days: Sequence[date]) -> Frame:
    """The features of the changed days; none where nothing came."""
    try:
        return build(change(sources, days), start=min(days), end=max(days))
    except errors.EmptyIntervalError:
        return pd.DataFrame()


def of_nights(rows: Frame, days: Sequence[date]) -> Frame:
    """The rows of some days."""
    return rows[rows["night"].isin(pd.DatetimeIndex(days))] if len(rows) else rows


def control(learned: Learned, sound: Frame, *, nights: int) -> Row:
    """The same nights as they were."""
    return summed_up("nothing", "control", judge(learned, sound, nights=nights))


# --------------------------------------------------------------------------------- the second table

_WORSE = Performance(
    metric="log_loss", greater_is_better=False, rows=20_000, units=28, start=None, end=None,
    figures={}, naive={}, below_bound=True,
    sentence="log loss .61 [.58, .64] on 28 days, judged .47 [.45, .49] at promotion",
)  # fmt: skip
_PROBATION = Guard(
    first=2, second=1, metric="log_loss", units=9, rows=8000, mean_difference=0.05, low=0.02,
    high=0.08, state="first_worse", error=0.05,
    sentence="version 2 loses .05 [.02, .08] a row against version 1",
)  # fmt: skip

ERRORS: dict[str, tuple[str, Exception]] = {
    "lake unreachable": ("platform", errors.LakeUnavailableError("s3://lake does not answer")),
    "MLflow down": ("platform", errors.RegistryUnavailableError("MLflow does not answer")),
    "ledger down": ("platform", errors.LedgerUnavailableError("the ledger does not answer")),
    "disk full": ("platform", OSError(28, "No space left on device")),
    "source down": ("data", errors.SourceUnavailableError("the source does not answer")),
    "column renamed": ("data", errors.SchemaChangedError("flights has no column dest")),
    "file cut in half": ("data", errors.UnreadableFileError("flights.parquet ends too soon")),
    "champion's file damaged": ("model", errors.ModelRefusedError("version 2 cannot be read")),
    "features.sql broken": ("model", errors.DefinitionError("features.sql:3: no column x")),
}
"""Faults that a task raises, with the layer that failed."""


def by_evidence() -> dict[str, tuple[str, Grounds]]:
    """Faults that a night's look shows, with the layer that failed."""
    return {
        "concept change": ("model", grounds_of(FIRST, seen={"performance": _WORSE})),
        "bad promotion": ("model", grounds_of(FIRST, seen={"probation": _PROBATION})),
        "night not scored": ("platform", grounds_of(FIRST, seen={"night": None})),
        "log unreadable": (
            "platform",
            grounds_of(FIRST, seen={"problems": ["the log cannot be read"]}),
        ),
    }


def layers(rows: Sequence[Row]) -> list[dict[str, str]]:
    """The layer that failed and the one that was said, of every incident, and of quiet nights."""
    truth_of = {"fault": "data", "twin": "model", "control": "none"}
    found = [
        {"incident": f"{r.case} ({r.kind}, {r.nights})", "truth": truth_of[r.kind], "said": r.layer}
        for r in rows
    ]
    for name, (truth, error) in ERRORS.items():
        found.append({"incident": name, "truth": truth, "said": layer_of(error)})
    for name, (truth, grounds) in by_evidence().items():
        said = {s.layer for s in symptoms_of(grounds.monitoring, decide_on(grounds, MODEL))}
        found.append({"incident": name, "truth": truth, "said": ", ".join(sorted(said)) or "none"})
    quiet = grounds_of(FIRST)
    said = {s.layer for s in symptoms_of(quiet.monitoring, decide_on(quiet, MODEL))}
    found.append({"incident": "nothing", "truth": "none", "said": ", ".join(said) or "none"})
    return found


# ------------------------------------------------------------------------------------------- output


def show(rows: Sequence[Row], said: Sequence[dict[str, str]]) -> None:
    names = ("case", "kind", "nights", "breach", "named cause", "detector")
    names = (*names, "beside", "measure", "size", "like", "alarms")
    widths = (16, 8, 7, 7, 18, 13, 7, 11, 7, 6, 7)
    print(*(f"{name:<{width}}" for name, width in zip(names, widths, strict=True)), "retrain")
    for row in rows:
        told = (row.case, row.kind, row.nights, row.nights_with_breach, row.named, row.detector)
        sizes = (row.beside or "-", row.measure or "-", _told(row.size), _told(row.like))
        cells = zip((*told, *sizes, row.alarmed_nights), widths, strict=True)
        retrained = f"night {row.retrain_on}" if row.retrain_on else "never"
        print(*(f"{cell:<{width}}" for cell, width in cells), f"{retrained:<9}", end="")
        print("" if row.right else " WRONG")
    print("\na twin is a change of fourteen nights; but for the category flood the same one stands")
    print("beside the fault of one night and beside that of fourteen")
    print("\nlayer that failed: data   platform  model  none     (said)")
    for truth in ("data", "platform", "model", "none"):
        counts = Counter(each["said"] for each in said if each["truth"] == truth)
        told = "".join(f"{counts[name]:<9}" for name in ("data", "platform", "model", "none"))
        print(f"{truth:<18} {told}")


def _told(value: float | None) -> str:
    return "-" if value is None else format(value, ".2f")


def triage(
    cases: Sequence[Case] = CASES,
    *,
    lengths: Sequence[int] = (1, NIGHTS),
    since: date = LEARNED_FROM,
    sound_nights: int = SOUND_NIGHTS,
) -> list[Row]:
    """All rows of the first table, the control first."""
    sources = read_sources()
    learned = learn(sources, since=since)
    longest = max(*lengths, sound_nights)
    sound = build(sources, start=FIRST, end=FIRST + timedelta(days=longest - 1))
    rows = [control(learned, sound, nights=sound_nights)]
    sound = sound[sound["night"] < pd.Timestamp(FIRST + timedelta(days=max(lengths)))]
    for case in cases:
        rows += rows_of_case(case, sources, learned, sound, lengths=lengths)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the tables to results/")
    asked = parser.parse_args()
    rows = triage()
    said = layers(rows)
    show(rows, said)
    if asked.keep:
        kept = {
            "twins": {case.cause: case.twin_words for case in CASES},
            "cases": [{**vars(row), "right": row.right} for row in rows],
            "layers": said,
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
