"""Each stage's result in a few lines: what a task's page, its log and the command line show."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from tradewind.nights import (
    Alerted,
    Decision,
    Monitoring,
    NightFeatures,
    NightInputs,
    Released,
    ScoredNight,
)
from tradewind.records import (
    Admission,
    Approval,
    Card,
    Evaluation,
    Examination,
    FeatureSet,
    FeatureTests,
    Question,
    Record,
    Refusal,
    Registration,
    Rejudged,
    RunRequest,
    Snapshot,
    StageOutcome,
    TrainedModel,
    Validated,
    Verdict,
)
from tradewind.reports.counts import count
from tradewind.reports.cutting import cutting_lines
from tradewind.reports.looked import look_lines
from tradewind.reports.released import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWERS = {
    "approved": "approved",
    "rejected": "rejected",
    "timed_out": "approved in time, which is a rejection",
    "void": "answered, and may not",
}
_MARK = {"passed": "pass", "blocked": "BLOCK", "not_applicable": "n/a", "waived": "OFF"}


def brief(stage: str, request: RunRequest, result: Record) -> StageOutcome:
    """Say what a stage did, for the person who asked for the run."""
    return StageOutcome(
        model=request.model,
        run_id=request.run_id,
        stage=stage,
        as_of=request.as_of,
        lines=lines_of(result),
        report_uri=_report_of(result),
        mlflow_run_id=result.run_id if isinstance(result, TrainedModel) else None,
        result=result.model_dump(mode="json"),
    )


def _report_of(result: Record) -> str | None:
    if isinstance(result, Validated | NightInputs):
        return result.report_uri
    if isinstance(result, Evaluation | Verdict | Card | Monitoring):
        return result.uri
    return None


@singledispatch
def lines_of(result: Record) -> list[str]:
    """A few sentences with the figures of a stage's result."""
    return [f"{type(result).__name__}"]


@lines_of.register
def _(result: Admission) -> list[str]:
    request = result.request
    return [
        (
            f"{request.model} stands at {request.as_of:%Y-%m-%d %H:%M} UTC, "
            f"asked by {request.actor}: {request.reason}"
        ),
        f"definition {result.definition_digest[:12]}{_lease(result)}",
        *([f"permitted: {result.permitted}"] if result.permitted else []),
        *([f"warning: {result.warning}"] if result.warning else []),
    ]


@lines_of.register
def _(result: Refusal) -> list[str]:
    return [f"not admitted: {result.reason}"]


@lines_of.register
def _(result: Snapshot) -> list[str]:
    return [
        f"{result.parts:,} parts, {result.read:,} read now; rows: {_counts(result.rows)}",
        f"snapshot {result.digest[:12]}",
        *(f"left out of {name}: {count(parts, 'part')}" for name, parts in result.excluded.items()),
        *(f"warning: {name} is seen as it was: {why}" for name, why in result.stale.items()),
    ]


@lines_of.register
def _(result: Validated) -> list[str]:
    lines = [f"rows that go on: {_counts(result.rows)}"]
    if any(result.repaired.values()):
        lines.append(f"repaired: {_counts(result.repaired)}")
    if any(result.quarantined.values()):
        lines.append(f"quarantined: {_counts(result.quarantined)}")
    return lines + [f"warning: {warning}" for warning in result.warnings]


@lines_of.register
def _(result: NightInputs) -> list[str]:
    lines = [f"rows that go on: {_counts(result.rows)}"]
    if result.quarantine:
        lines.append(f"rows set aside in: {', '.join(result.quarantine)}")
    lines += [f"warning: broken: {breach.sentence}" for breach in result.broken]
    return lines + [f"warning: {warning}" for warning in result.warnings]


@lines_of.register
def _(result: NightFeatures) -> list[str]:
    aside = f", {result.set_aside:,} of them set aside by validation" * bool(result.set_aside)
    return [
        f"{result.rows:,} entities{aside}",
        f"predicted after {result.start:%Y-%m-%d %H:%M}, up to {result.end:%Y-%m-%d %H:%M} UTC",
        f"features {result.digest[:12]}",
        *(f"warning: broken: {breach.sentence}" for breach in result.broken),
        *(f"warning: {warning}" for warning in result.warnings),
    ]


@lines_of.register
def _(result: ScoredNight) -> list[str]:
    if not result.rows:
        lines = ["nobody to serve: no entity has its prediction time in this night"]
    else:
        lines = [
            f"{result.rows:,} entities served: {_counts(result.served)}",
            f"mean score {result.mean_score:.4g}",
        ]
    champion = f"version {result.champion}" if result.champion else "none"
    beside = f"; beside it: {', '.join(arm.name for arm in result.arms)}" if result.arms else ""
    lines.append(f"champion: {champion}{beside}")
    lines += [f"fallback, {rows:,}: {why}" for why, rows in result.fallback_reasons.items()]
    lines.append(f"{result.seconds:.1f} s, {result.peak_memory_mb:,.0f} MB; log {result.uri}")
    problems = result.version_problems.items()
    return lines + [f"warning: version {number} did not score: {why}" for number, why in problems]


@lines_of.register
def _(result: FeatureSet) -> list[str]:
    proof = result.proof
    return [
        (
            f"{result.rows:,} rows: {result.labelled:,} with a label, "
            f"{result.pending:,} awaiting one, {result.expired:,} that will never have one"
        ),
        (
            f"point in time: {proof.rows:,} rows at {proof.moments} moments recomputed without "
            "their future, all equal"
        ),
        *_of_tests(result.tests),
        f"feature set {result.digest[:12]}",
    ]


def _of_tests(tests: FeatureTests | None) -> list[str]:
    if tests is None:
        return ["no tests of the features: there is no tests.yaml"]
    features = f"{len(tests.tested):,} features"
    return [f"tests.yaml: {tests.passed:,} tests passed; they say what {features} must be"]


@lines_of.register
def _(result: TrainedModel) -> list[str]:
    stretches = {"fit": result.fit, "select": result.select, "judge": result.judge}
    return [
        f"{result.candidate} won of {result.trials} trials; calibration: {result.calibration}",
        *(
            f"{name}: {s.rows:,} rows, {s.start:%Y-%m-%d} to {s.end:%Y-%m-%d}"
            for name, s in stretches.items()
        ),
        f"logged as {result.model_uri}",
    ]


@lines_of.register
def _(result: Evaluation) -> list[str]:
    return [result.headline, *([result.money] if result.money else [])]


@lines_of.register
def _(result: Examination) -> list[str]:
    return result.lines


@lines_of.register
def _(result: Verdict) -> list[str]:
    return [
        result.account,
        *(f"{_MARK[one.outcome]:<5} {one.gate}: {one.sentence}" for one in result.results),
    ]


@lines_of.register
def _(result: Card) -> list[str]:
    return [*result.lines, f"card {result.digest[:12]}, beside the run in MLflow in {result.place}"]


@lines_of.register
def _(result: Question) -> list[str]:
    return [result.sentence]


@lines_of.register
def _(result: Approval) -> list[str]:
    if result.answer == "not_asked":
        return [result.reason or "nobody was asked"]
    named = f" ({result.name})" if result.name not in (None, result.by) else ""
    when = f", {result.at:%Y-%m-%d %H:%M:%S} UTC" if result.at else ""
    return [
        f"{result.by or 'nobody'}{named} {_ANSWERS[result.answer]}{when}",
        *([f"note: {result.note}"] if result.note else []),
        *([f"warning: {result.reason}"] if result.reason else []),
    ]


@lines_of.register
def _(result: Rejudged) -> list[str]:
    return [result.sentence]


@lines_of.register
def _(result: Registration) -> list[str]:
    champion = f"champion: version {result.champion}" if result.champion else "no champion"
    warned = [f"warning: {result.warning}"] if result.warning else []
    return [f"{result.outcome.replace('_', ' ')}: {result.reason}", champion, *warned]


@lines_of.register
def _(result: Monitoring) -> list[str]:
    return look_lines(result)


@lines_of.register
def _(result: Released) -> list[str]:
    before, after = words_of(result.before), words_of(result.after)
    permitted = [f"permitted: {result.permitted}"] if result.permitted else []
    cut = cutting_lines(result.cutting) if result.cutting else []
    return [result.sentence, *cut, f"before: {before}", f"now: {after}", *permitted]


@lines_of.register
def _(result: Decision) -> list[str]:
    said = " and ".join(action.replace("_", " ") for action in result.actions)
    lines = [f"{said}: {result.reason}"]
    lines += [
        f"not {other.action.replace('_', ' ')}: {other.why_not}" for other in result.alternatives
    ]
    if result.launches:
        lines.append(f"launches the training {result.run_id}")
    return [*lines, f"grounds {result.grounds_digest[:12]}, kept in {result.grounds_uri}"]


@lines_of.register
def _(result: Alerted) -> list[str]:
    told = [
        f"{one.severity}, {one.layer}: {one.title}; what to do: {one.way_out}"
        if one.state != "closed"
        else f"over: {one.title}"
        for one in result.news
    ]
    still = f"open incidents: {', '.join(result.open)}" if result.open else "no incident is open"
    kept = [f"the lake keeps {result.head.sentence}"] if result.head else []
    return [*(told or ["nothing new to tell"]), still, *kept]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _lease(result: Admission) -> str:
    return "" if result.fencing_token is None else f", lease {result.fencing_token}"
