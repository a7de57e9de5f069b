"""What evidently's and nannyml's defaults flag; run by their own Python, see `drift_alarms`.

    python drift_peers.py evidently|nannyml FOLDER SPLITS

Prints one line of JSON: for each split the columns that are flagged.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path

import pandas as pd


def evidently(reference: pd.DataFrame, window: pd.DataFrame) -> list[str]:
    from evidently import Report  # noqa: PLC0415 -- only one of the two is installed
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    result = Report([DataDriftPreset()]).run(reference_data=reference, current_data=window)
    flagged = []
    for metric in result.dict()["metrics"]:
        asked = metric.get("config") or {}
        if "threshold" in asked and "column" in asked:
            # Tests answer with a p-value, distances with themselves: the method's name says which.
            below = "p_value" in asked.get("method", "") or "p_value" in metric["metric_name"]
            value, level = float(metric["value"]), float(asked["threshold"])
            if value < level if below else value >= level:
                flagged.append(asked["column"])
    return flagged


def nannyml(reference: pd.DataFrame, window: pd.DataFrame) -> list[str]:
    import nannyml as nml  # noqa: PLC0415

    categorical = [name for name in reference if reference[name].dtype.kind not in "if"]
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns), treat_as_categorical=categorical
    )
    results = calculator.fit(reference).calculate(window).filter(period="analysis").to_df()
    flagged = set()
    for column in results.columns:
        if column[-1] == "alert" and bool(results[column].any()):
            flagged.add(column[0])
    return sorted(flagged)


def main() -> None:
    tool, folder, splits = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    flag = {"evidently": evidently, "nannyml": nannyml}[tool]
    answers = []
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for seed in range(splits):
            sides = [pd.read_parquet(folder / f"{seed}.{side}.parquet")
                     for side in ("reference", "window")]  # fmt: skip
            answers.append(flag(*sides))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
