"""How often a contract breaks on real nights: every night after the days that it was learned from.

    python -m benchmarks.triage_nights --keep      # kept in results/triage_nights.json

One contract is never learned anew; the sound nights of the last four weeks are its history, as in a
run. What was chosen of the detectors was chosen on nights up to the end of August; the nights from
September on are held out, and are counted apart. Each breach is told with its night, because not
each is a false one: on 31 December the weather has no rows at all.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from benchmarks.triage_cases import MODEL, build, read_sources, times_of

from tradewind.stats.contracts import contract_reference, detect, night_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.triage_cases import Frame

RESULTS = Path(__file__).parent / "results" / "triage_nights.json"
HELD_OUT = date(2013, 9, 1)
LEARNED = {
    "January": (date(2013, 1, 1), date(2013, 2, 1)),
    "January and February": (date(2013, 1, 1), date(2013, 3, 2)),
    "January to March": (date(2013, 1, 1), date(2013, 4, 1)),
    "August": (date(2013, 8, 1), date(2013, 9, 1)),
    "January to August": (date(2013, 1, 1), date(2013, 9, 1)),
}


def looked(frame: Frame, start: date, end: date) -> Iterator[tuple[date, list[tuple[str, str]]]]:
    """Each night from `end` on, with its breaches, by the contract of the days before."""
    days = frame["night"]
    known = frame[(days >= pd.Timestamp(start)) & (days < pd.Timestamp(end))]
    contract = contract_reference(
        known, MODEL.features.types, times=times_of(known), key=MODEL.entity_key
    )
    history: list[dict] = []
    for moment, rows in frame[days >= pd.Timestamp(end)].groupby("night"):
        night, times = moment.date(), times_of(rows)
        found = detect(contract, rows, times=times, night=night, history=history)
        if not found:
            figures = night_figures(contract, rows, times=times, night=night)
            history = [*history, figures][-28:]
        yield night, [(breach.detector, breach.sentence) for breach in found]


def counted(nights: list[tuple[date, list[tuple[str, str]]]]) -> dict:
    """Nights, those with a breach, and these by detector."""
    broken = [(night, found) for night, found in nights if found]
    by_detector = Counter(d for _, found in broken for d in {name for name, _ in found})
    told = {str(night): [sentence for _, sentence in found] for night, found in broken}
    return {
        "nights": len(nights),
        "broken": len(broken),
        "by_detector": by_detector,
        "told": told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    frame = build(read_sources(), start=date(2013, 1, 1), end=date(2013, 12, 31))
    kept = {}
    for name, (start, end) in LEARNED.items():
        nights = list(looked(frame, start, end))
        parts = {
            "until August": [one for one in nights if one[0] < HELD_OUT],
            "held out": [one for one in nights if one[0] >= HELD_OUT],
        }
        kept[name] = {part: counted(found) for part, found in parts.items() if found}
        for part, figures in kept[name].items():
            print(f"{name:<22} {part:<13} {figures['broken']} of {figures['nights']}",
                  dict(figures["by_detector"]))  # fmt: skip
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
