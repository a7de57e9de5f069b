"""Tests of the machinery between a definition and a served decision."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.gates import behaviour, service, stability
from tradewind.live import is_rollback
from tradewind.records import Verdict
from tradewind.scorecard.marking import HALF, NotShownError, Seen, rubric_test
from tradewind.stores.events import ARM_STARTED, INTENDED

if TYPE_CHECKING:
    from tradewind.scorecard.case import Case
    from tradewind.stores.ledger import ChampionRecord

OF_A_TRAINING = (
    *("ingest", "validate", "features", "train", "evaluate", "probe", "refit", "load_test"),
    *("gate", "card", "register"),
)
_QUALITY = ("threshold", "beats_naive", "beats_champion")
_BY_RULE = ("fallback", "control")
_DRILLED = timedelta(days=180)


@rubric_test("infrastructure_1", "training is reproducible")
def reproducible(case: Case) -> Seen:
    """The model was made again, and answered as before to the last bit."""
    gated = case.gate("stability")
    found = stability.Found.model_validate(gated.found)
    if found.elsewhere is not None or found.again != found.recorded:
        raise NotShownError(gated.result.sentence, "find what differs between two trainings")
    return Seen(
        1.0,
        f"fitted again on {found.of_rows:,} rows it gave the same answers to the last bit, "
        f"{found.again}",
        (gated.pointer,),
    )


@rubric_test("infrastructure_2", "model specs are unit tested")
def unit_tested(case: Case) -> Seen:
    """What the owner expects of the model was tried on the candidate."""
    gated = case.gate("behaviour")
    tried = [one for one in behaviour.Found.model_validate(gated.found).tried if one.rows]
    if not tried:
        raise NotShownError("no declared expectation was tried on a row", "judge on more rows")
    rows = sum(one.rows for one in tried)
    said = f"{len(tried)} tests of the model were tried on {rows:,} rows. {gated.result.sentence}"
    return Seen(1.0, said, (gated.pointer,))


@rubric_test("infrastructure_3", "the ML pipeline is integration tested")
def integration_tested(case: Case) -> Seen:
    """One run came through every stage, and what came of such runs has served a night."""
    registered = case.said("register", "train")
    ledger, name = case.stores.ledger, case.model.name
    came = {one.stage for one in ledger.outcomes(model=name, run_id=registered.run_id, limit=None)}
    missing = [stage for stage in OF_A_TRAINING if stage not in came]
    if missing:
        raise NotShownError(
            f"{registered.run_id} left nothing at {', '.join(missing)}", "train again, to the end"
        )
    said = (
        f"{registered.run_id} came through all {len(OF_A_TRAINING)} stages, from rows to registry"
    )
    pointer = case.pointer(registered)
    try:
        night, served = case.night
    except NotShownError as nothing:
        return Seen(HALF, f"{said}; {nothing}", (pointer,), nothing.way_up)
    by_model = sum(rows for who, rows in night.served.items() if who not in _BY_RULE)
    if not by_model:
        told = f"{said}; a version decided nothing in the last night"
        return Seen(HALF, told, (pointer, served), "see why the naive rule decided")
    told = f"{said}; in the last night a version decided {by_model:,} of {night.rows:,} rows"
    return Seen(1.0, told, (pointer, served))


@rubric_test("infrastructure_4", "model quality is validated before the model is served")
def validated_before(case: Case) -> Seen:
    """The verdict on which the champion was promoted let it through, by its quality."""
    champion = _champion(case)
    said_then = case.stores.ledger.outcomes(model=case.model.name, stage="gate", limit=None)
    verdict = next(
        (
            Verdict.model_validate(one.result)
            for one in said_then
            if one.result.get("digest") == champion.evidence_digest
        ),
        None,
    )
    if verdict is None:
        raise NotShownError(
            f"the ledger knows no verdict {champion.evidence_digest}, on which version "
            f"{champion.version} was promoted",
            "promote a version on a verdict of its own",
        )
    case.content(verdict.uri)
    held = [one for one in verdict.results if one.gate in _QUALITY and one.outcome == "passed"]
    if not verdict.passed or not held:
        raise NotShownError(
            f"version {champion.version} was promoted on {verdict.uri}, in which no gate on its "
            "quality let it through",
            "end the waivers of the gates `threshold`, `beats_naive`, `beats_champion`",
        )
    event = next(
        one
        for one in case.stores.ledger.events(model=case.model.name, kind=INTENDED)
        if one.id == champion.event_id
    )
    said = f"version {champion.version} was promoted on a verdict that held. {held[0].sentence}"
    return Seen(1.0, said, (case.of_event(event).model_copy(update={"uri": verdict.uri}),))


def _champion(case: Case) -> ChampionRecord:
    champion = case.stores.ledger.champion(case.model.name)
    if champion is None:
        raise NotShownError("there is no champion", "train a candidate that passes its gates")
    return champion


@rubric_test("infrastructure_5", "the model is debuggable")
def debuggable(case: Case) -> Seen:
    """Each decision of the last night kept the features, and how far each moved the score."""
    night, pointer = case.night
    log = case.log(["source", "reasons"])
    rows = [row for row in log.to_pylist() if row["source"] not in (*_BY_RULE, "shadow")]
    told = [row for row in rows if row["reasons"]]
    if not told or len(told) < len(rows):
        raise NotShownError(
            f"{len(rows) - len(told):,} of {len(rows):,} decisions last night have no reason",
            "let the nights write reasons (`score.reasons`)",
        )
    shown = f"tradewind explain {case.model.name} KEY --as-of {night.night.isoformat()}"
    return Seen(
        1.0,
        f"all {len(told):,} decisions of the last night were logged with the features that moved "
        "them and by how much; each is told step by step by its key",
        (pointer.model_copy(update={"command": shown}),),
    )


@rubric_test("infrastructure_6", "models are canaried before serving")
def canaried(case: Case) -> Seen:
    """It was loaded where nothing else is installed; and it scored beside another one on nights."""
    beside = _beside(case)
    if beside is not None:
        return beside
    gated = case.gate("service")
    served = service.Found.model_validate(gated.found).served
    if served is None or not served.answered:
        raise NotShownError(gated.result.sentence, "see why it could not be loaded")
    return Seen(
        HALF,
        f"in a clean interpreter it was loaded and asked about {served.answered:,} rows before it "
        "was served; it never scored beside another version on nights",
        (gated.pointer,),
        "let a candidate score beside the champion first (`promotion.mode`), or retrain: while "
        "`promotion.probation` lasts the version before it scores along",
    )


def _beside(case: Case) -> Seen | None:
    champion = _champion(case)
    started = case.stores.ledger.events(model=case.model.name, kind=ARM_STARTED)
    own = [one for one in started if one.payload["version"] == champion.version]
    if own:
        said = f"version {champion.version} scored beside another before it was champion"
        return Seen(1.0, said, (case.of_event(own[-1]),))
    try:
        look, _, pointer = case.look
    except NotShownError:
        return None
    watch = look.probation
    if watch is None or not watch.units:
        return None
    return Seen(1.0, f"the version before it scores along. {watch.sentence}", (pointer,))


@rubric_test("infrastructure_7", "serving models can be rolled back")
def rolled_back(case: Case) -> Seen:
    """A champion was really taken back, not long ago."""
    moves = case.stores.ledger.events(model=case.model.name, kind=INTENDED, newest_first=True)
    back = next((one for one in moves if is_rollback(one)), None)
    if back is None:
        raise NotShownError(
            "no champion of this model was ever taken back",
            f"drill it: `tradewind release {case.model.name} roll_back`, once there is a version "
            "to go back to",
        )
    said = f"version {back.payload['from']} was taken back for version {back.payload['version']}"
    if case.moment - back.as_of <= _DRILLED:
        return Seen(1.0, said, (case.of_event(back),))
    return Seen(
        HALF,
        f"{said}, as of {back.as_of:%Y-%m-%d}",
        (case.of_event(back),),
        f"drill it again: the last time is more than {_DRILLED.days} days ago",
    )


TESTS = (
    *(reproducible, unit_tested, integration_tested, validated_before),
    *(debuggable, canaried, rolled_back),
)
