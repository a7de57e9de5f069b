"""A card with everything on it, and one of a definition that says next to nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.gates.evidence import difference, estimate
from tradewind.cards import (
    CardContents,
    Curve,
    Data,
    Explained,
    Fairness,
    Figure,
    GateSaid,
    GroupFigures,
    GroupGap,
    Judged,
    Making,
    Point,
    SaidAcceptance,
    SaidFallback,
    SaidHarm,
    SaidIndicator,
    SaidMeaning,
    SaidPurpose,
    SaidRelease,
    SaidTask,
    SaidWaiver,
    SliceFigure,
    Slices,
    SourceData,
    Weight,
    Worth,
)
from tradewind.records import GateResult, PointInTimeProof, Reference, Stretch

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def reference(name: str) -> Reference:
    return Reference(digest=f"{name}-digest", uri=f"{name}s/{name}.json")


def stretch(start: int, end: int) -> Stretch:
    return Stretch(start=JULY - start * DAY, end=JULY - end * DAY, rows=9_000, units=start - end)


def whole(**changes: Any) -> CardContents:
    """A card of a model whose owner said everything."""
    said: dict[str, Any] = {
        "model": "late",
        "owner": "the desk",
        "as_of": JULY,
        "passed": True,
        "verdict": reference("verdict"),
        "evaluation": reference("evaluation"),
        "purpose": SaidPurpose(
            decision="whom to warn",
            for_whom="duty managers",
            how_many="900 a day",
            success="fewer missed connections",
            intended_use=["ordering flights"],
            not_for=["blaming crews"],
            limits=["one year only"],
        ),
        "harm": SaidHarm(
            by="grace",
            on=date(2013, 1, 1),
            until=date(2014, 1, 1),
            helps=["passengers in a hurry"],
            neutral=["the others"],
            harms=["those who are warned for nothing"],
            indicators=[
                SaidIndicator(
                    name="needless",
                    metric="false_positive_rate",
                    group="all rows",
                    limit="at most 0.3",
                    then="an incident is opened",
                    rows=27_000,
                    figure=estimate(0.2),
                    missing="",
                ),
                SaidIndicator(
                    name="unseen",
                    metric="mean_score",
                    group="station = north",
                    limit="at least 0.1",
                    then="the naive rule decides",
                    rows=0,
                    figure=None,
                    missing="there is no row of it",
                ),
            ],
        ),
        "acceptance": SaidAcceptance(
            metric="log_loss",
            at_least=None,
            at_most=0.6,
            by="ann",
            on=date(2013, 1, 1),
            review=date(2014, 1, 1),
        ),
        "task": SaidTask(
            problem="binary",
            entity_key=["number", "day"],
            event_time="due",
            horizon_seconds=7_200,
            timezone="America/New_York",
            label="minutes > 5",
            label_meaning="the train comes more than five minutes late",
            label_relation="trains_arrival",
            selective=False,
        ),
        "meanings": {
            "number": SaidMeaning(what="the number of the train", values={}),
            "day": SaidMeaning(what="the day on which it goes", values={}),
            "due": SaidMeaning(what="when it should leave", values={}),
            "distance": SaidMeaning(what="how far it goes, in miles", values={}),
            "station": SaidMeaning(
                what="where it leaves", values={"A": "the harbour", "B": "the hill"}
            ),
            "sex": SaidMeaning(what="the driver's sex", values={"1": "a man", "2": "a woman"}),
        },
        "fallback": SaidFallback(rule="group", by=["station"], otherwise=0.5),
        "release": SaidRelease(
            risk_tier="high", mode="direct", approvals=1, reviewers=["rita", "carl"]
        ),
        "waivers": [
            SaidWaiver(gate="stability", by="ann", because="no time", until=date(2013, 12, 31))
        ],
        "data": data(),
        "making": making(),
        "explained": explained(),
        "judged": judged(),
        "slices": Slices(
            metric="log_loss",
            greater_is_better=False,
            searched=4_321,
            parts=[
                SliceFigure(
                    name="station = A",
                    origin="declared",
                    rows=812,
                    units=30,
                    players={"candidate": estimate(0.61), "naive": estimate(0.66)},
                    unknown=None,
                ),
                SliceFigure(
                    name="station = B",
                    origin="found",
                    rows=7,
                    units=3,
                    players={},
                    unknown="7 rows are too few",
                ),
            ],
            absent=None,
        ),
        "fairness": Fairness(
            protected=["sex"],
            groups=[
                GroupFigures(
                    attribute="sex",
                    group=name,
                    rows=rows,
                    units=30,
                    figures={"selection_rate": estimate(rate)},
                    unknown={},
                )
                for name, rows, rate in (("1", 1_500, 0.31), ("2", 1_400, 0.36))
            ],
            gaps=[
                GroupGap(
                    attribute="sex",
                    measure="demographic_parity",
                    rate="selection_rate",
                    high="2",
                    low="1",
                    gap=estimate(0.05),
                    limit=0.1,
                )
            ],
            absent=None,
        ),
        "gates": [
            gate("threshold", "passed", "log_loss 0.517 is at most 0.6."),
            gate("stability", "waived", "Switched off by ann until 2013-12-31: no time"),
            gate("fairness", "not_applicable", "Nobody is protected."),
        ],
        "value": Worth(
            currency="USD",
            outcomes={
                "true_positive": 120,
                "false_positive": -40,
                "true_negative": 0,
                "false_negative": 0,
            },
            players={"candidate": estimate(31_000, 700), "naive": estimate(12_000, 500)},
            rows=9_000,
            units=30,
        ),
    }
    return CardContents(**{**said, **changes})


def bare() -> CardContents:
    """A card of a definition of ten lines, judged as a first champion."""
    return whole(
        purpose=SaidPurpose(
            decision="to test",
            for_whom=None,
            how_many=None,
            success=None,
            intended_use=[],
            not_for=[],
            limits=[],
        ),
        harm=None,
        acceptance=None,
        task=whole().task.model_copy(update={"label_meaning": None}),
        meanings={},
        release=SaidRelease(risk_tier="low", mode="direct", approvals=0, reviewers=[]),
        fallback=SaidFallback(rule="prior", by=[], otherwise=None),
        waivers=[],
        slices=Slices(
            metric="log_loss",
            greater_is_better=False,
            searched=0,
            parts=[],
            absent="nobody looked",
        ),
        fairness=Fairness(protected=[], groups=[], gaps=[], absent=None),
        judged=judged(champion_version=None, against_champion=None),
        value=None,
    )


def gate(name: str, outcome: Any, sentence: str) -> GateSaid:
    result = GateResult(gate=name, outcome=outcome, sentence=sentence, rows=9_000, units=30)
    return GateSaid(asks=f"What {name} asks.", result=result)


def judged(**changes: Any) -> Judged:
    players = {"candidate": estimate(0.517), "champion": estimate(0.52), "naive": estimate(0.634)}
    said: dict[str, Any] = {
        "metric": "log_loss",
        "greater_is_better": False,
        "rows": 9_000,
        "units": 30,
        "unit": "day",
        "confidence": 0.95,
        "block": 7,
        "draws": 1_000,
        "champion_version": 3,
        "champion_problem": None,
        "figures": [
            Figure(
                metric="log_loss", meaning=None, greater_is_better=False, players=players,
                missing={},
            ),
            Figure(
                metric="cost", meaning="what mistakes cost", greater_is_better=False,
                players={"candidate": estimate(21.5, 0.3)},
                missing={"naive": "its function failed"},
            ),
        ],
        "against_naive": difference(0.117),
        "against_champion": difference(0.003),
    }  # fmt: skip
    return Judged(**{**said, **changes})


def explained(**changes: Any) -> Explained:
    said: dict[str, Any] = {
        "metric": "log_loss",
        "rows": 2_000,
        "of": 9_000,
        "units": 30,
        "unit": "day",
        "confidence": 0.95,
        "whole": estimate(0.519),
        "shuffles": 2,
        "weights": [
            Weight(feature="distance", kind="numeric", loss=estimate(0.03, 0.002)),
            Weight(feature="station", kind="categorical", loss=estimate(0.001, 0.004)),
        ],
        "curve_rows": 500,
        "curve_units": 30,
        "curves": [
            Curve(
                feature="distance",
                kind="numeric",
                points=[point(f"{at}", float(at), 0.2 + at / 1_000) for at in (100, 200, 900)],
                left_out=0,
                missing=4,
            ),
            Curve(
                feature="station",
                kind="categorical",
                points=[point("A", None, 0.3), point("B", None, 0.4)],
                left_out=11,
                missing=0,
            ),
        ],
    }
    return Explained(**{**said, **changes})


def point(at: str, place: float | None, value: float) -> Point:
    return Point(at=at, place=place, answer=estimate(value, 0.005), rows=150)


def data() -> Data:
    return Data(
        sources=[
            SourceData(
                name="trains",
                source_id="postgres:demo:public.trains",
                parts=181,
                rows=166_000,
                digest="trains-digest",
                first=JULY - 181 * DAY,
                last=JULY,
                kept=165_990,
                quarantined=10,
            )
        ],
        snapshot=reference("snapshot"),
        validated=reference("validated"),
        features=reference("feature"),
        features_version="v",
        rows=160_000,
        labelled=155_000,
        pending=900,
        expired=4_100,
        proof=PointInTimeProof(moments=20, rows=400),
        repaired={"trains.due": 12},
        warnings=["one clock of twelve was late"],
        fit=stretch(181, 51),
        select=stretch(51, 30),
        judge=stretch(30, 0),
    )


def making(**changes: Any) -> Making:
    said: dict[str, Any] = {
        "candidate": "boosting",
        "origin": "sklearn.ensemble.HistGradientBoostingClassifier",
        "members": {"boosting": "sklearn.ensemble.HistGradientBoostingClassifier"},
        "params": {"max_leaf_nodes": 31},
        "trials": 6,
        "calibration": "none",
        "decision_threshold": 0.25,
        "train_key": "key",
        "run_id": "run",
        "model_uri": "models:/m-1",
        "definition_digest": "definition-digest",
        "revision": "d800fa3",
        "made_with": {"python": "3.12.1", "scikit-learn": "1.9.0"},
        "pretrained": None,
    }
    return Making(**{**said, **changes})
