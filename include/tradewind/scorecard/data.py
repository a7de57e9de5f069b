"""Tests of features and data."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.cards import CardContents
from tradewind.definition.frozen import MODEL_FILE
from tradewind.live import is_rollback
from tradewind.records import FeatureSet
from tradewind.scorecard.marking import HALF, NotShownError, Seen, rubric_test
from tradewind.scorecard.privacy import privacy
from tradewind.scorecard_records import Pointer
from tradewind.stores.events import DEFINITION_FROZEN, INTENDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.scorecard.case import Case
    from tradewind.stores.ledger import Event

_SHOWN = 5
# Safe either way, and ten times as fast where it is there in C.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# So many definitions back a new feature is looked for.
_DEFINITIONS = 10
_HOUR, _DAY = 60, timedelta(days=1)
_QUICK = 30 * _DAY


@rubric_test("data_1", "feature expectations are captured in a schema")
def schema(case: Case) -> Seen:
    """Expectations were computed on the columns behind the features, and nights on all of them."""
    report, pointer = case.report("validate", "train")
    answers = report["expectations"]
    if not answers:
        raise NotShownError(
            "the last training held its rows against no expectation",
            "declare what is expected of the features' columns (`validate.expectations`)",
        )
    failed = [one["sentence"] for one in answers if one["outcome"] == "error"]
    if failed:
        raise NotShownError(
            f"not every expectation could be computed: {failed[0]}", "put that expectation right"
        )
    features = list(case.model.features.types)
    named = [name for name in features if any(_names(one, name) for one in answers)]
    held, pointers = _held_at_night(case)
    open_ones = [name for name in features if name not in (*named, *held)]
    said = (
        f"{len(answers)} expectations were computed in the last training and name {len(named)} of "
        f"{len(features)} features; the last night held {len(held)} against what each was like on "
        "the days of the training"
    )
    if not open_ones:
        return Seen(1.0, said, (pointer, *pointers))
    return Seen(
        HALF if named else 0.0,
        f"{said}; nothing is expected of {_listed(open_ones)}",
        (pointer, *pointers),
        "declare what is expected of these columns, or score nights, which hold every feature "
        "against its days in the training (`monitor.contract`)",
    )


def _names(answer: dict[str, Any], feature: str) -> bool:
    """Whether an expectation speaks of a column that is a feature."""
    told = f"{answer['sql'] or ''} {answer['args']}"
    return re.search(rf"\b{re.escape(feature)}\b", told) is not None


def _held_at_night(case: Case) -> tuple[list[str], tuple[Any, ...]]:
    """The features that the last night held against the training's days, and where."""
    try:
        scored, pointer = case.night
        if scored.contract_uri is None:
            return [], ()
        case.content(scored.contract_uri)
    except NotShownError:
        return [], ()
    held = [name for name in scored.features if name not in case.model.monitor.contract.ignore]
    return held, (pointer.model_copy(update={"uri": scored.contract_uri}),)


@rubric_test("data_2", "all features are beneficial")
def beneficial(case: Case) -> Seen:
    """What each feature is worth was measured on judged rows, with an interval."""
    kept, pointer = case.report("card", "train")
    explained = CardContents.model_validate(kept).explained
    weights = {one.feature: one.loss for one in explained.weights}
    missing = [name for name in case.model.features.types if name not in weights]
    if missing:
        raise NotShownError(
            f"nobody measured what {_listed(missing)} is worth to the last candidate",
            "train again with the features as they are now",
        )
    unclear = [name for name, loss in weights.items() if loss.low <= 0 <= loss.high]
    harmful = [name for name, loss in weights.items() if loss.high < 0]
    said = (
        f"each of {len(weights)} features was shuffled on {explained.rows:,} judged rows of "
        f"{explained.units} {explained.unit}s; the {explained.metric} grows most without "
        f"{next(iter(weights))}"
    )
    if not (unclear or harmful):
        return Seen(1.0, f"{said}, and surely without each other one", (pointer,))
    if unclear:
        said += f"; {len(unclear)} are not shown to help by themselves: {_listed(unclear)}"
    if harmful:
        said += f"; it surely falls without {_listed(harmful)}"
    way_up = "leave out what does not help, or judge on more days (`train.judge_days`)"
    return Seen(HALF, said, (pointer,), way_up)


@rubric_test("data_3", "no feature's cost is too much")
def cost(case: Case) -> Seen:
    """What all features cost together is held to limits; what each of them costs is not."""
    service, fragility = case.gate("service"), case.gate("fragility")
    if service.found["served"] is None:
        raise NotShownError(f"what it costs is not known: {service.result.sentence}", "train again")
    tried = fragility.found["features"]
    return Seen(
        HALF,
        f"time and memory with all {len(case.model.features.types)} features were held to limits, "
        f"and what it costs to rely on {_listed(tried)} where they are noisy, missing or stale; "
        "what each feature takes to make was not measured",
        (service.pointer,),
        "measure what each feature takes to make, beside what it is worth",
    )


@rubric_test("data_4", "features adhere to meta-level requirements")
def requirements(case: Case) -> Seen:
    """No feature knows the future, and none gives the label away: asked of all of them alike."""
    outcome = case.said("features", "train")
    proof = FeatureSet.model_validate(outcome.result).proof
    if not proof.rows:
        raise NotShownError("no row was recomputed without its future", "train again")
    said = (
        f"{proof.rows:,} rows at {proof.moments} moments were recomputed without their future, and "
        "all were equal"
    )
    pointer = case.pointer(outcome)
    try:
        leakage = case.gate("leakage")
    except NotShownError as nothing:
        return Seen(HALF, f"{said}; {nothing}", (pointer,), nothing.way_up)
    alone = len(leakage.found["alone"])
    told = f"{said}; each of {alone} features was asked whether it gives the label away by itself"
    return Seen(1.0, told, (pointer, leakage.pointer))


@rubric_test("data_6", "new features can be added quickly")
def added_quickly(case: Case) -> Seen:
    """How long it took from a definition with a new feature to a champion that has it."""
    ledger, name = case.stores.ledger, case.model.name
    frozen = ledger.events(
        model=name, kind=DEFINITION_FROZEN, newest_first=True, limit=_DEFINITIONS
    )
    features = {one: _features(case, one) for one in _digests(frozen)}
    promoted = [
        (one, features.get(_definition_of(case, one), set()))
        for one in ledger.events(model=name, kind=INTENDED)
        if not is_rollback(one)
    ]
    for event in frozen:
        new = features[event.payload["digest"]] - features.get(event.payload["previous"], set())
        later = (one for one, has in promoted if one.id > event.id and new and new <= has)
        if (used := next(later, None)) is not None:
            return _added(case, event, used, new)
    raise NotShownError(
        f"none of the last {len(frozen)} definitions of {name} brought a feature to a champion",
        "add a feature, and train a candidate that passes",
    )


def _added(case: Case, event: Event, used: Event, new: set[str]) -> Seen:
    took = used.recorded_at - event.recorded_at
    first = event.payload["previous"] is None
    what = "the first definition" if first else "a definition that adds features"
    said = f"from {what} ({_listed(sorted(new))}) to a champion it took {_length(took)}"
    evidence = (case.of_event(event), case.of_event(used))
    if not first and took <= _QUICK:
        return Seen(1.0, said, evidence)
    way_up = "add a feature: the ledger then shows how long it takes until a champion has it"
    return Seen(HALF, said, evidence, way_up)


def _digests(frozen: list[Event]) -> set[str]:
    found = {one.payload[key] for one in frozen for key in ("digest", "previous")}
    return found - {None}


def _features(case: Case, digest: str) -> set[str]:
    # Only the names: a definition of long ago need not be valid any more.
    text = case.stores.ledger.definition_files(digest)[MODEL_FILE]
    body = yaml.load(text, Loader=_LOADER)  # noqa: S506 -- a safe one
    return set(body["features"].get("types") or ())


def _definition_of(case: Case, promoted: Event) -> str:
    """The digest of the definition of a promotion's run; empty where that is not known."""
    run_id = promoted.payload.get("run_id")
    said = case.stores.ledger.outcomes(model=case.model.name, run_id=run_id, stage="admit", limit=1)
    return str(said[0].result.get("definition_digest", "")) if run_id and said else ""


@rubric_test("data_7", "all input feature code is tested")
def feature_code(case: Case) -> Seen:
    """The owner's tests of what makes the features were run, and say a value of every feature."""
    outcome = case.said("features", "train")
    made = FeatureSet.model_validate(outcome.result)
    pointers, tests = (case.pointer(outcome),), made.tests
    if tests is None:
        if not made.proof.rows:
            raise NotShownError("no row was recomputed, and no test was run", "train again")
        said = (
            f"in the last training the features of {made.proof.rows:,} rows were computed a second "
            "time, from sources cut at their moments, and were equal; there are no tests of what "
            "they must be"
        )
        way_up = "write tests.yaml: a few rows, and the features that must come of them"
        return Seen(HALF, said, pointers, way_up)
    features = case.model.features.types
    silent = [name for name in features if name not in tests.tested]
    said = (
        f"{tests.passed} tests of tests.yaml ran in the last training before the features were "
        f"made, and passed; they say what {len(features) - len(silent)} of {len(features)} "
        "features must be"
    )
    test_again = Pointer(words="tests.yaml", command=f"tradewind test {case.model.name}")
    if not silent:
        return Seen(1.0, said, (*pointers, test_again))
    way_up = f"say in tests.yaml what {_listed(silent)} must be of some rows, and train again"
    return Seen(HALF, f"{said}; nothing of {_listed(silent)}", (*pointers, test_again), way_up)


def _listed(names: Iterable[str]) -> str:
    all_of_them = list(names)
    more = len(all_of_them) - _SHOWN
    return ", ".join(all_of_them[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _length(took: timedelta) -> str:
    minutes = took / timedelta(minutes=1)
    if took >= 2 * _DAY:
        return f"{took / _DAY:.0f} days"
    return f"{minutes / 60:.1f} hours" if minutes >= 2 * _HOUR else f"{minutes:.0f} minutes"


TESTS = (schema, beneficial, cost, requirements, privacy, added_quickly, feature_code)
