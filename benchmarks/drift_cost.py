"""What a night's drift costs beside evidently's report on the same file.

    python -m benchmarks.drift_cost --peers DIR --keep

A Parquet file of 1,000,000 rows by 30 columns (22 numeric, of them some heavy-tailed and some full
of zeros, 8 categorical) is compared with a reference of as many rows: here with its stored profile,
there with its rows. Each in a process of its own, from the start of Python to its end: CPU seconds
of user and system, and the peak of resident memory. The environment for evidently is described in
`benchmarks.drift_alarms`; without it that part is left out and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.stats.profiles import profile

RESULTS = Path(__file__).parent / "results" / "drift_cost.json"
NUMERIC, CATEGORICAL = 22, 8
LEAST_CPU, LEAST_MEMORY = 15, 6

NIGHT = """
import json, sys
import pyarrow.parquet as pq
from tradewind.stats.drift import compare_counts
from tradewind.stats.profiles import FrameProfile, added
from tradewind.stats.tallies import Coded

stored, window = sys.argv[1:]
with open(stored) as file:
    profile = FrameProfile.from_json(json.load(file))

counts = {}
file = pq.ParquetFile(window)
for group in range(file.num_row_groups):
    for name in profile.columns:
        column = file.read_row_group(group, columns=[name], use_threads=False).column(0)
        column = column.combine_chunks()
        kind = profile.columns[name].kind
        if kind == "numeric":
            values = column.to_numpy(zero_copy_only=False)
        else:
            coded = column.dictionary_encode()
            codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            values = Coded(codes, coded.dictionary.to_pylist())
        counts = added(counts, profile.count({name: values}))
found = compare_counts(profile, counts, window_days=7)
print(len(found), sum(column.state == "difference" for column in found))
"""
EVIDENTLY = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

reference, window = map(pd.read_parquet, sys.argv[1:])
result = Report([DataDriftPreset()]).run(reference_data=reference, current_data=window)
print(len(result.dict()["metrics"]) - 1)
"""


def columns(rows: int, *, seed: int) -> dict[str, Any]:
    """Thirty columns of kinds that are met in practice."""
    random = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for number in range(NUMERIC):
        values = random.normal(size=rows)
        if number % 4 == 1:
            values = np.exp(1.5 * values)
        elif number % 4 == 2:
            values = np.where(random.random(rows) < 0.9, 0.0, np.abs(values))
        elif number % 4 == 3:
            values = np.round(10 * values)
        values[random.random(rows) < 0.01 * (number % 3)] = np.nan
        made[f"n{number}"] = values
    for number in range(CATEGORICAL):
        count = (2, 3, 8, 16, 50, 100, 400, 4_000)[number]
        share = 1 / (1 + np.arange(count))
        codes = random.choice(count, size=rows, p=share / share.sum()).astype(np.int32)
        names = pa.array([f"c{place}" for place in range(count)])
        made[f"c{number}"] = pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
    return made


def measured(command: list[str]) -> dict[str, Any]:
    """Run a process and read what it took from the system's own account of it."""
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    pid = os.posix_spawn(command[0], command, quiet)
    _, status, usage = os.wait4(pid, 0)
    if status:
        msg = f"{command[0]} failed"
        raise RuntimeError(msg)
    return {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
    }


def compared(rows: int, *, environment: Path | None) -> dict[str, Any]:
    """Both on the same files."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{side}.parquet" for side in ("reference", "window")]
        stored = f"{folder}/profile.json"
        # A process begins with the memory of the one that starts it, as the system counts: the
        # files are made by another, so that this one stays small.
        measured([sys.executable, "-m", "benchmarks.drift_cost", "--make", folder,
                  "--rows", str(rows)])  # fmt: skip
        found: dict[str, Any] = {"rows": rows, "columns": NUMERIC + CATEGORICAL}
        found["profile_bytes"] = Path(stored).stat().st_size
        found["tradewind"] = measured([sys.executable, "-c", NIGHT, stored, paths[1]])
        python = environment / "bin" / "python" if environment else None
        if python is None or not python.exists():
            return {**found, "evidently": "left out: asked for with --peers DIR"}
        found["evidently"] = measured([str(python), "-W", "ignore", "-c", EVIDENTLY, *paths])
    return {**found, **_ratios(found)}


def make(folder: Path, *, rows: int) -> None:
    """Write both files, and the reference's profile."""
    for seed, side in enumerate(("reference", "window")):
        table = pa.table(columns(rows, seed=seed))
        pq.write_table(table, folder / f"{side}.parquet", row_group_size=250_000)
    table = pq.read_table(folder / "reference.parquet")
    kinds = {name: "numeric" if name[0] == "n" else "categorical" for name in table.column_names}
    frame = {name: table[name].to_numpy() for name in table.column_names}
    text = json.dumps(profile(frame, kinds=kinds).as_json(), sort_keys=True)
    (folder / "profile.json").write_text(text)


def _ratios(found: dict[str, Any]) -> dict[str, float]:
    ours, theirs = found["tradewind"], found["evidently"]
    return {
        "times_less_cpu": round(theirs["cpu_seconds"] / ours["cpu_seconds"], 1),
        "times_less_memory": round(theirs["peak_mb"] / ours["peak_mb"], 1),
    }


def holds(found: dict[str, Any]) -> bool:
    """Whether the night costs as little as is promised."""
    return found["times_less_cpu"] >= LEAST_CPU and found["times_less_memory"] >= LEAST_MEMORY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peers", type=Path, help="where their environments lie")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make, rows=asked.rows)
        return
    found = compared(asked.rows, environment=asked.peers / "evidently" if asked.peers else None)
    print(json.dumps(found, indent=2))
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
