"""Tests of how the model was developed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates import fairness as fairness_gate
from tradewind.gates import harm_review as harm_gate
from tradewind.gates import revision, simplicity, slices, stability
from tradewind.records import Evidence, TrainedModel
from tradewind.reports.page import figure
from tradewind.scorecard.checked_in import checked_in
from tradewind.scorecard.marking import HALF, NotShownError, Seen, days, rubric_test, why_none

if TYPE_CHECKING:
    from tradewind.records import Difference, Estimate
    from tradewind.scorecard.case import Case

_LEAST_TRIALS = 2


@rubric_test("model_1", "model specs are reviewed and submitted")
def reviewed(case: Case) -> Seen:
    """What the last training stood on is committed, and somebody else reviewed or signed it."""
    if case.model.risk_tier == "low":
        return checked_in(case)
    gated = case.gate("revision")
    found = revision.Found.model_validate(gated.found)
    if not (found.commit and (found.reviewers or found.tags)):
        raise NotShownError(
            gated.result.sentence, "have the commit reviewed by somebody else, or sign it"
        )
    return Seen(1.0, gated.result.sentence, (gated.pointer,))


@rubric_test("model_2", "offline and online metrics correlate")
def correlate(case: Case) -> Seen:
    """The judged figure beside the same figure on what was served, once its truth was known."""
    look, _, pointer = case.look
    found = look.performance
    if found is None or not found.rows or found.judged is None:
        raise NotShownError(
            "no served row of the champion has its truth yet, or the figure that it was judged by "
            "is not known",
            "score and watch nights until labels mature",
        )
    online = found.figures.get(found.metric)
    if online is None:
        return Seen(
            HALF,
            f"{found.metric} was {_told(found.judged)} when it was judged; {found.rows:,} served "
            f"rows of {days(found.units)} have their truth, and no figure: {why_none(found)}",
            (pointer,),
            "watch more nights: the look compares both by itself",
        )
    return Seen(
        1.0,
        f"{found.metric} was {_told(found.judged)} when it was judged, and is {_told(online)} on "
        f"{found.rows:,} served rows of {days(found.units)}"
        f"{_worth(look.value, look.value_currency)}",
        (pointer,),
    )


def _worth(value: Estimate | None, currency: str | None) -> str:
    return "" if value is None else f"; in {currency}, above the naive rule: {_told(value)}"


@rubric_test("model_3", "all hyperparameters have been tuned")
def tuned(case: Case) -> Seen:
    """Several configurations were tried on rows apart from those that judge."""
    outcome = case.said("train", "train")
    trained = TrainedModel.model_validate(outcome.result)
    if trained.trials < _LEAST_TRIALS:
        raise NotShownError(
            "one configuration was tried, so that nothing was tuned",
            "declare what to search (`train.candidates.<name>.search`) and more trials "
            "(`train.search.trials`)",
        )
    won = ", ".join(f"{name} {value}" for name, value in sorted((trained.params or {}).items()))
    return Seen(
        1.0,
        f"{trained.trials} configurations were tried on {trained.select.rows:,} rows that were "
        f"neither fitted nor judged on; {trained.candidate} won{f' with {won}' if won else ''}",
        (case.pointer(outcome),),
    )


@rubric_test("model_4", "the impact of model staleness is known")
def staleness(case: Case) -> Seen:
    """What it costs to have learned nothing of the newest stretch, or to keep an older champion."""
    try:
        return _without_the_newest(case)
    except NotShownError as nothing:
        older = _older_champion(case)
        if older is None:
            raise NotShownError(
                f"{nothing}; and no older champion was judged beside the last candidate",
                f"{nothing.way_up}; or train again later: the older champion is judged beside it",
            ) from nothing
        return older


def _without_the_newest(case: Case) -> Seen:
    gated = case.gate("stability")
    found = stability.Found.model_validate(gated.found)
    # The newest is left out first.
    older = next((one for one in found.attempts if one.kind == "stretch"), None)
    if older is None:
        raise NotShownError(gated.result.sentence, "let it be fitted without its newest stretch")
    return Seen(
        1.0,
        f"fitted on {found.rows:,} rows, the newest stretch of its past left out ({older.name}), "
        f"its {case.model.deciding_metric} on the judged rows is {_moved(older.better, 1)}",
        (gated.pointer,),
    )


def _older_champion(case: Case) -> Seen | None:
    kept, pointer = case.report("evaluate", "train")
    evidence = Evidence.model_validate(kept["evidence"])
    gap = evidence.against_champion
    if evidence.champion_state != "judged" or gap is None:
        return None
    return Seen(
        1.0,
        f"version {evidence.champion_version}, which is older, was judged on the same "
        f"{evidence.rows:,} rows: its {evidence.metric} is {_moved(gap, -1)}",
        (pointer,),
    )


@rubric_test("model_5", "a simpler model is not better")
def simpler(case: Case) -> Seen:
    """The candidate was judged beside everything simpler, fitted on the same rows."""
    gated = case.gate("simplicity")
    beside = [one.name for one in simplicity.Found.model_validate(gated.found).simpler]
    return Seen(1.0, f"beside it: {', '.join(beside)}. {gated.result.sentence}", (gated.pointer,))


@rubric_test("model_6", "model quality is sufficient on important data slices")
def on_slices(case: Case) -> Seen:
    """Slices that are declared, important, or found by search were judged one by one."""
    gated = case.gate("slices")
    parts = slices.Found.model_validate(gated.found).parts
    known = [part for part in parts if part.unknown is None]
    if not known:
        raise NotShownError("no slice has rows enough to be judged", "judge on more days")
    said = f"{len(known)} of {len(parts)} slices could be judged. {gated.result.sentence}"
    return Seen(1.0, said, (gated.pointer,))


@rubric_test("model_7", "the model is tested for considerations of inclusion")
def inclusion(case: Case) -> Seen:
    """Groups of people were compared; or harm was reviewed, and nights watch for it."""
    try:
        gated = case.gate("fairness")
    except NotShownError as nothing:
        return _harm(case, nothing)
    gaps = fairness_gate.Found.model_validate(gated.found).gaps
    if not gaps:
        raise NotShownError(
            f"no two groups could be compared. {gated.result.sentence}", "judge on more rows"
        )
    return Seen(1.0, f"{len(gaps)} gaps were measured. {gated.result.sentence}", (gated.pointer,))


def _harm(case: Case, nothing: NotShownError) -> Seen:
    """A person's review of harm is half a point; a full one where what it names is measured."""
    review = case.gate("harm_review", decides_on_findings=False)
    if review.result.outcome != "passed":
        raise NotShownError(
            f"{nothing}; {review.result.sentence}", "review harm again"
        ) from nothing
    said = f"{nothing} Harm was reviewed: {review.result.sentence}"
    looked = harm_gate.Found.model_validate(review.found or {"looked": []}).looked
    if any(one.figure is not None for one in looked):
        return Seen(1.0, said, (review.pointer,))
    try:
        look, _, pointer = case.look
    except NotShownError as unseen:
        return Seen(HALF, f"{said} {unseen}", (review.pointer,), unseen.way_up)
    known = [one for one in look.indicators if one.state != "unknown"]
    if known:
        watched = "; ".join(one.sentence for one in known)
        return Seen(1.0, f"{said} The nights watch: {watched}", (review.pointer, pointer))
    return Seen(
        HALF,
        f"{said} Neither the judged rows nor a night have a figure by which harm would be seen",
        (review.pointer, pointer),
        "name the people it concerns (`features.protected`), or the figures by which harm would be "
        "seen (`harm_review.indicators`), and train again",
    )


def _moved(difference: Difference, sign: int) -> str:
    """By how much the older one is better, or worse; `sign` is -1 where it is the second of two."""
    value = sign * difference.value
    words = "better" if value > 0 else "worse"
    return f"{words} by {figure(abs(value))} (standard error {figure(difference.standard_error)})"


def _told(estimate: Estimate) -> str:
    return f"{figure(estimate.value)} ({figure(estimate.low)} to {figure(estimate.high)})"


TESTS = (reviewed, correlate, tuned, staleness, simpler, on_slices, inclusion)
