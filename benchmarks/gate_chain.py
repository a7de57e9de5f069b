"""What the whole chain of gates says of the demo's model month by month, and what it costs.

    python -m benchmarks.gate_chain --keep                 # trainings of nine months: half an hour
    python -m benchmarks.gate_chain --as-of 2013-07-01     # one of them

Each training goes through the very stages that Airflow runs, one after the other in this process,
with every gate on; each that passes is the champion that the next is compared with. Reported are
every gate's answer, what each examination took, and what the chain adds to the DAG: there the three
examinations run side by side, so it is the longest of them and the gates themselves.

The home is a platform of its own below `--home`: a training that was done before is not done again,
and its seconds are those of looking that up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.definition.loader import load_definition
from tradewind.definition.moments import midnight
from tradewind.local import demo, platform
from tradewind.pipeline import PIPELINES, admit, release, run_stage
from tradewind.records import Refusal, RunRequest
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Record
    from tradewind.settings import Settings

MODEL = "flight_delay"
CLONE = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "gate_chain.json"
MONTHS = [date(2013, month, 1) for month in range(4, 13)]
EXAMINATIONS = ("probe", "refit", "load_test")


def settings_of(home: Path) -> Settings:
    """A home of its own with this clone's definitions."""
    config = home / "config"
    if not config.exists():
        shutil.copytree(CLONE / "config", config)
    return load_settings({"TRADEWIND_HOME": str(home), "TRADEWIND_CONFIG": str(config)})


def run_month(
    model: ModelDefinition, day: date, stores: Stores
) -> tuple[dict[str, Record], dict[str, float]]:
    """Train as of a day; the record of each stage, and its seconds."""
    request = RunRequest(
        model=model.name,
        run_id=f"train/gates__{day}",
        as_of=midnight(day, model),
        actor="benchmark",
        reason="what the gates say",
        override="a benchmark",
    )
    admission = admit(request, stores=stores)
    if isinstance(admission, Refusal):
        raise SystemExit(admission.reason)
    records: dict[str, Record] = {"admit": admission}
    seconds: dict[str, float] = {}
    try:
        for name, stage in PIPELINES["train"].items():
            began = time.monotonic()
            inputs = [records[earlier] for earlier in stage.inputs]
            records[name] = run_stage(name, admission, *inputs, stores=stores)
            seconds[name] = round(time.monotonic() - began, 1)
    finally:
        release(admission, stores=stores)
    return records, seconds


def told_of(day: date, records: dict[str, Any], seconds: dict[str, float], stores: Stores) -> Any:
    """What is kept of a month."""
    examiners = {
        gate: spent
        for task in EXAMINATIONS
        for gate, spent in stores.lake.read_json(records[task].uri)["seconds"].items()
    }
    longest = max(seconds[task] for task in EXAMINATIONS)
    return {
        "as_of": day.isoformat(),
        "rows": records["evaluate"].headline,
        "passed": records["gate"].passed,
        "outcome": records["register"].outcome,
        "gates": {result.gate: result.outcome for result in records["gate"].results},
        "blocked": {
            result.gate: result.sentence
            for result in records["gate"].results
            if result.outcome == "blocked"
        },
        "seconds": seconds,
        "examiners": examiners,
        "added": round(longest + seconds["gate"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=CLONE / ".tradewind" / "gate_chain")
    parser.add_argument("--model", default=MODEL, help="another model of config/models")
    parser.add_argument("--as-of", type=date.fromisoformat, nargs="*", default=MONTHS)
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    running = platform.up(settings_of(asked.home.resolve()), airflow=False)
    demo.load(running.demo_dsn)
    settings = settings_of(asked.home.resolve())
    stores = Stores.open(settings)
    model = load_definition(settings.config_dir / "models" / asked.model).model
    months = []
    for day in asked.as_of:
        records, seconds = run_month(model, day, stores)
        months.append(told_of(day, records, seconds, stores))
        print(json.dumps(months[-1], indent=1), flush=True)
    if asked.keep:
        told = {"months": months, "measured": datetime.now(tz=UTC).date().isoformat()}
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
