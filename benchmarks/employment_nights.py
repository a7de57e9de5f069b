"""The negative control: three years of nights in which nothing moves open no drift incident.

    make demo-employment                           # once: the data and the definition
    python -m benchmarks.employment_nights --keep  # kept in results/employment_nights.json
    python -m benchmarks.employment_nights --every 30

The champion of `config/demos/employment` is trained as of 2016-01-01, and its reference profile is
made as a training makes it. Then every night of 2016, 2017 and 2018 is looked at as monitoring
does: the people of the last seven days, what the champion says of them and whether they work,
against the reference, with the alarm levels of its own slices and the policy that the definition
has for drift. Their days are drawn within their year, so that what differs between two nights of
a year is luck; what differs between two years is Massachusetts.

That the alarms can be raised is shown beside it: in the first two months of 2018 every person is
made so many years older, and the first night that asks for a retrain is told.

Nothing is retrained, and the people are read from the package's files, without a platform.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from tradewind.definition.loader import load_definition
from tradewind.definition.moments import midnight
from tradewind.learning.fit import fit_model, sample
from tradewind.learning.importance import importance
from tradewind.learning.reference import (
    LABEL,
    PREDICTION,
    columns_of,
    drift_days,
    label_column,
    read_reference,
    reference_files,
)
from tradewind.learning.splits import local_days
from tradewind.local.employment import ANSWERS, asked_at, fetch, people
from tradewind.nights import Grounds, LiveState, Monitoring
from tradewind.policy.evidence import DRIFT, alarms, causes, past_night
from tradewind.stats.drift import compare_counts
from tradewind.stats.profiles import added
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.reference import Reference
    from tradewind.nights import ColumnDrift
    from tradewind.stats.tallies import Tally

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "employment_nights.json"
NIGHTS = pd.date_range("2016-01-08", "2018-12-31", freq="D")
PLANTED = pd.date_range("2018-01-08", "2018-02-28", freq="D")
OLDER = (4, 8, 16)
ROLES = {PREDICTION: "prediction", LABEL: "label"}


def read_people(data: Path) -> pd.DataFrame:
    """The table that `make demo-employment` fills."""
    rows = list(people(data))
    table = pd.DataFrame(rows, columns=["id", "year", *ANSWERS, "employed"])
    moments = [asked_at(",".join(map(str, row)), row[1]) for row in rows]
    return table.assign(asked_at=pd.to_datetime(moments, utc=True))


def feature_set(table: pd.DataFrame, sql: str) -> pd.DataFrame:
    """What the definition's SELECT makes of it, with the labels beside it."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE horizon = INTERVAL 0 MINUTE")
        connection.register("people", table)
        frame = connection.execute(sql).df()
    truth = table.set_index("id")["employed"].eq(1)
    return frame.assign(
        event_time=frame["asked_at"],
        label=frame["id"].map(truth),
        label_known_at=frame["asked_at"] + timedelta(days=1),
    ).sort_values(["prediction_time", "id"], ignore_index=True)


def champion(model: ModelDefinition, frame: pd.DataFrame) -> tuple[Any, Reference]:
    """The estimator of 2015, and what lies beside it for the nights."""
    as_of = midnight(model.schedule.today, model)
    known = frame[frame["prediction_time"] < as_of]
    fitted = fit_model(model, known, as_of=as_of)
    judged = sample(model, fitted.split.judge)
    scores = predict(fitted.estimator, judged.features, problem=model.problem)
    share = importance(
        fitted.estimator, judged.features, judged.label, problem=model.problem, seed=0
    )
    files = reference_files(model, known, fitted.split.judge, score=scores, importance=share)
    return fitted.estimator, read_reference(files)


def counted(
    model: ModelDefinition,
    frame: pd.DataFrame,
    estimator: Any,
    reference: Reference,
    *,
    nights: pd.DatetimeIndex,
) -> dict[pd.Timestamp, dict[str, Tally]]:
    """What every day brought, counted against the reference's bins, by day."""
    days = local_days(frame["prediction_time"], zone=model.zone)
    seen = (days >= nights[0] - timedelta(days=drift_days(model))) & (days < nights[-1])
    frame, days = frame[seen], days[seen]
    found = {}
    for day, rows in frame.groupby(days):
        features = cast_features(rows, model.features.types)
        columns = columns_of(rows, model.features.types)
        columns[PREDICTION] = predict(estimator, features, problem=model.problem)
        columns[LABEL] = label_column(rows)
        found[day] = reference.profile.count(columns)
    return found


def looks(
    model: ModelDefinition,
    days: dict[pd.Timestamp, dict[str, Tally]],
    reference: Reference,
    *,
    nights: pd.DatetimeIndex,
) -> Iterator[tuple[pd.Timestamp, list[ColumnDrift]]]:
    """Compare the last days before each night with the reference."""
    length = drift_days(model)
    for night in nights:
        counts: dict[str, Tally] = {}
        for back in range(1, length + 1):
            counts = added(counts, days[night - timedelta(days=back)])
        drift = compare_counts(
            reference.profile,
            counts,
            window_days=length,
            roles=ROLES,
            effect_floor=model.monitor.drift.difference,
            false_alarms=model.monitor.drift.false_alarms,
        )
        matters = reference.importance
        yield (
            night,
            [one.model_copy(update={"importance": matters.get(one.column)}) for one in drift],
        )


def grounds_of(
    model: ModelDefinition, night: pd.Timestamp, drift: list[ColumnDrift], past: list[Any]
) -> Grounds:
    """A night on which nothing but drift could ask for anything."""
    as_of = night.to_pydatetime().replace(tzinfo=UTC)
    look = Monitoring.model_construct(
        model=model.name, as_of=as_of, drift=drift, breaches=[], performance=None, indicators=[]
    )
    live = LiveState(model=model.name, as_of=as_of, champion=1)
    return Grounds.model_construct(
        monitoring=look, past=past, retrains=[], others=[], live=live, in_flight=None
    )


def watch(
    model: ModelDefinition,
    days: dict[pd.Timestamp, dict[str, Tally]],
    reference: Reference,
    *,
    nights: pd.DatetimeIndex,
) -> Iterator[tuple[pd.Timestamp, list[ColumnDrift], bool, str | None]]:
    """What each night's look comes to: alarms that matter, and whether drift asks for a retrain."""
    past: list[Any] = []
    for night, drift in looks(model, days, reference, nights=nights):
        grounds = grounds_of(model, night, drift, past)
        past.append(past_night(grounds, model))
        matter = bool(alarms(grounds.monitoring, model))
        yield night, drift, matter, causes(grounds, model).get(DRIFT)


def planted(
    model: ModelDefinition, frame: pd.DataFrame, estimator: Any, reference: Reference, years: int
) -> dict[str, Any]:
    """Nights in which everybody is older, until the first that asks for a retrain."""
    since = midnight(PLANTED[0].date(), model)
    older = frame["age"] + years * (frame["prediction_time"] >= since)
    changed = frame.assign(age=older)
    days = counted(model, changed, estimator, reference, nights=PLANTED)
    watched = watch(model, days, reference, nights=PLANTED)
    asked = [number for number, (*_, sentence) in enumerate(watched) if sentence]
    first = asked[0] if asked else None
    return {"years": years, "first_night_that_asks": first, "nights_that_ask": len(asked)}


def measure(data: Path, *, every: int) -> dict[str, Any]:
    """Look at every night, as the policy does."""
    frozen = load_definition(ROOT / "config" / "demos" / "employment")
    model = frozen.model
    frame = feature_set(read_people(data), frozen.files[model.features.sql])
    began = datetime.now(tz=UTC)
    estimator, reference = champion(model, frame)
    days = counted(model, frame, estimator, reference, nights=NIGHTS)
    alarmed: Counter[str] = Counter()
    that_matter, incidents, differences, worst = 0, [], Counter[str](), {}
    levels: dict[str, float | None] = {}
    watched = watch(model, days, reference, nights=NIGHTS)
    for number, (night, drift, matter, sentence) in enumerate(watched):
        alarmed.update(one.column for one in drift if one.alarm)
        levels.update({one.column: one.alarm_level for one in drift})
        that_matter += matter
        if sentence:
            incidents.append({"night": f"{night:%Y-%m-%d}", "sentence": sentence})
        differences.update(one.column for one in drift if one.state == "difference")
        for one in drift:
            told = one.values  # noqa: PD011 -- a record's field
            worst[one.column] = max(worst.get(one.column, 0.0), told.get("psi", 0.0))
        if number % every == 0:
            print(f"{night:%Y-%m-%d}: {that_matter} nights with an alarm that matters", flush=True)
    return {
        "nights": len(NIGHTS),
        "from": f"{NIGHTS[0]:%Y-%m-%d}",
        "to": f"{NIGHTS[-1]:%Y-%m-%d}",
        "people": int((frame["prediction_time"] >= midnight(model.schedule.today, model)).sum()),
        "reference_people": int(reference.profile.columns["age"].tally.rows),
        "columns": len(worst),
        "nights_with_an_alarm_that_matters": that_matter,
        "nights_that_ask_for_a_retrain_because_of_drift": len(incidents),
        "incidents": incidents,
        "column_nights_in_alarm": dict(alarmed),
        "expected_column_nights_in_alarm_at_most": model.monitor.drift.false_alarms
        * len(NIGHTS)
        / 30,
        "column_nights_with_a_difference": dict(differences),
        "alarm_levels": levels,
        "planted": [planted(model, frame, estimator, reference, years) for years in OLDER],
        "greatest_psi": {name: round(value, 4) for name, value in sorted(worst.items())},
        "importance": {name: round(one, 4) for name, one in reference.importance.items()},
        "seconds": round((datetime.now(tz=UTC) - began).total_seconds()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=100, help="nights between two lines")
    parser.add_argument("--data", type=Path, help="the package's folder of data; else fetched")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = given.data or fetch(ROOT / "requirements" / "employment.txt", into=Path(folder))
        found = measure(data, every=given.every)
    print(json.dumps(found, indent=2))
    if given.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
