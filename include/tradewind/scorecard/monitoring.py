"""Tests of the watch over what is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tradewind.reports.page import figure
from tradewind.scorecard.marking import HALF, NotShownError, Seen, days, rubric_test, why_none

if TYPE_CHECKING:
    from tradewind.scorecard.case import Case

_COMPUTING = ("seconds", "peak_memory_mb")


@rubric_test("monitoring_1", "dependency changes result in notification")
def dependencies(case: Case) -> Seen:
    """Every source's rows and their age were looked at, and what was found went to the alerts."""
    report, looked = case.report("validate", "monitor")
    alerted = case.said("alert", "monitor")
    timed = [name for name, one in case.model.sources.items() if one.time_column is not None]
    held = {kind: {one["source"] for one in report[kind]} for kind in ("volume", "freshness")}
    unwatched = [name for name in timed if not all(name in found for found in held.values())]
    if not timed or unwatched:
        raise NotShownError(
            f"nobody looks whether {', '.join(unwatched) or 'a source'} comes, and comes in time",
            "say when its rows are from (`sources.<name>.time_column`)",
        )
    if not case.model.alerts.via:
        raise NotShownError("what is found is told to nobody", "say whom to tell (`alerts.via`)")
    return Seen(
        1.0,
        f"volume and freshness of {', '.join(timed)} were looked at in the last look, which alerts "
        f"by {', '.join(case.model.alerts.via)}: {alerted.lines[0]}",
        (case.pointer(alerted), looked),
    )


@rubric_test("monitoring_2", "data invariants hold for inputs")
def invariants(case: Case) -> Seen:
    """The last night's inputs were held against every expectation before they were scored."""
    report, pointer = case.report("validate", "score")
    answers = report["expectations"]
    failed = [one["sentence"] for one in answers if one["outcome"] == "error"]
    if not answers or failed:
        raise NotShownError(
            f"could not be computed: {failed[0]}"
            if failed
            else "the last night's inputs were held against no expectation",
            "declare expectations that can be computed (`validate.expectations`)",
        )
    met = sum(one["outcome"] == "met" for one in answers)
    said = f"{met} of {len(answers)} expectations were met by the inputs of the last night"
    return Seen(1.0, said, (pointer,))


@rubric_test("monitoring_3", "training and serving are not skewed")
def skew(case: Case) -> Seen:
    """The features that were served were held against those that were trained on."""
    night, pointer = case.night
    if night.contract_uri is None:
        raise NotShownError(
            "the last night's features were not held against the days of the training",
            "that needs a champion, and nights of one day (`score.every`)",
        )
    case.content(night.contract_uri)
    found = [one for one in night.breaches if one.source is None]
    said = "; ".join(one.sentence for one in found[:1]) or "nothing is off"
    return Seen(
        1.0,
        f"the {len(night.features)} features of {night.rows:,} served rows were held against the "
        f"days that version {night.champion} was trained on: {said}",
        (pointer.model_copy(update={"uri": night.contract_uri}),),
    )


@rubric_test("monitoring_4", "models are not too stale")
def not_stale(case: Case) -> Seen:
    """The champion's age was looked at, and has a limit from which on it may not decide."""
    look, _, pointer = case.look
    age = look.operations.get("model_age_days")
    if age is None:
        raise NotShownError("no look knows how old the champion is", "train, and watch nights")
    most, cadence = case.model.score.max_age.days, case.model.retrain.cadence
    again = "never by age" if cadence == "never" else f"after {cadence.days} days"
    return Seen(
        1.0,
        f"version {look.champion} was {days(age)} old in the last look; it is trained "
        f"again {again}, and from {most} days on the fallback decides",
        (pointer,),
    )


@rubric_test("monitoring_5", "models are numerically stable")
def stable(case: Case) -> Seen:
    """Every score of the last night is finite, and missing values were counted by feature."""
    night, logged = case.night
    _, page, pointer = case.look
    signs = _signs(page)
    counted = [name for name in case.model.features.types if f"null_rate:{name}" in signs]
    if len(counted) < len(case.model.features.types):
        raise NotShownError(
            f"missing values were counted of {len(counted)} of {len(case.model.features.types)} "
            "features in the last look",
            "score and watch a night with the features as they are now",
        )
    rows, bad = _scores(case)
    if bad:
        raise NotShownError(
            f"{bad:,} of {rows:,} scores of the last night are no finite number",
            "see the reasons in its log: `tradewind log`",
        )
    return Seen(
        1.0,
        f"{rows:,} scores of {night.night:%Y-%m-%d} are finite, for what is not goes to the "
        f"fallback; missing values of {len(counted)} features were counted, and join the nights "
        "before",
        (logged, pointer),
    )


def _scores(case: Case) -> tuple[int, int]:
    """Served rows of the last night, and how many of them have no finite score."""
    log = case.log(["source", "score"])
    served = log.filter(pc.not_equal(log["source"], "shadow"))
    finite = pc.sum(pc.is_finite(served["score"])).as_py() or 0
    return served.num_rows, served.num_rows - int(finite)


@rubric_test("monitoring_6", "computing performance has not regressed")
def computing(case: Case) -> Seen:
    """Seconds and memory of each night were held against those of the nights before."""
    look, page, pointer = case.look
    took = {name: look.operations.get(name) for name in _COMPUTING}
    if not all(took.values()):
        raise NotShownError(
            "the last look does not know what the night took", "score a night, and watch it"
        )
    seconds, memory = (figure(one, 3) for one in took.values())
    said = f"the last night took {seconds} s and {memory} MB"
    signs = _signs(page)
    judged = [signs[name] for name in _COMPUTING if name in signs]
    if len(judged) == len(_COMPUTING) and all(
        one["sudden"] != "not_enough_history" for one in judged
    ):
        told = " ".join(one["sentence"] for one in judged)
        return Seen(1.0, f"{said}. {told}", (pointer,))
    return Seen(
        HALF,
        f"{said}, which the look shows; it was not held against earlier nights",
        (pointer,),
        "hold both against their own history, as the vital signs are, over enough nights",
    )


@rubric_test("monitoring_7", "prediction quality has not regressed")
def quality(case: Case) -> Seen:
    """The champion's figure on served rows, once their truth was known, beside the judged one."""
    look, _, pointer = case.look
    found = look.performance
    if found is None or not found.rows:
        raise NotShownError(
            "no served row of the champion has its truth yet",
            "score and watch nights until labels mature",
        )
    if found.metric not in found.figures:
        return Seen(
            HALF,
            f"{found.rows:,} served rows of {days(found.units)} have their truth, and no figure of "
            f"{found.metric}: {why_none(found)}",
            (pointer,),
            "watch more nights: the look measures them by itself",
        )
    return Seen(1.0, found.sentence, (pointer,))


def _signs(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The vital signs of the last look, by name."""
    return {one["name"]: one for one in page["vitals"]}


TESTS = (dependencies, invariants, skew, not_stale, stable, computing, quality)
