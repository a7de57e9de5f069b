"""Lineage both ways, for every version of a replayed stretch of nights.

    python -m benchmarks.replay_year          # leaves the home that is read here
    python -m benchmarks.lineage_replay --keep "ten months"

Of each version the path is walked to its parts and its nights; of parts, drawn evenly over the
source days, every version that the walk back names must be one whose path holds the part, and the
other way round.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tradewind.lineage import lineage_of, part_lineage
from tradewind.local import platform
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

MODEL = "flight_delay"
CLONE = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "lineage_replay.json"


def versions_of(stores: Stores) -> list[int]:
    """Every version that the ledger names."""
    told = (event.payload.get("version") for event in stores.ledger.events(model=MODEL))
    return sorted({int(version) for version in told if version is not None})


def walked(stores: Stores, *, parts: int) -> dict[str, Any]:
    """Walk both ways, and say what was found."""
    begun = time.process_time()
    paths = {version: lineage_of(MODEL, version, stores) for version in versions_of(stores)}
    there = time.process_time() - begun
    holding: dict[str, set[int]] = {}
    for version, path in paths.items():
        for use in path.parts:
            holding.setdefault(use.uri, set()).add(version)
    every = sorted(holding)
    drawn = every[:: max(1, len(every) // parts)]
    begun = time.process_time()
    back = {
        uri: {seen.version for seen in part_lineage(uri, stores).versions if seen.model == MODEL}
        for uri in drawn
    }
    return {
        "versions": len(paths),
        "parts": len(every),
        "versions_with_gaps": sum(bool(path.gaps) for path in paths.values()),
        "versions_without_nights": sum(not path.nights for path in paths.values()),
        "seconds_a_version": round(there / len(paths), 2),
        "parts_walked_back": len(drawn),
        "parts_that_disagree": sum(back[uri] != holding[uri] for uri in drawn),
        "seconds_a_part": round((time.process_time() - begun) / len(drawn), 2),
    }


def main() -> None:
    """Walk, print, and keep what was asked to be kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=CLONE / ".tradewind" / "replay")
    parser.add_argument("--parts", type=int, default=60)
    parser.add_argument("--keep", metavar="STRETCH", help="write the figures to results/, as its")
    asked = parser.parse_args()
    home = asked.home.resolve()
    environ = {"TRADEWIND_HOME": str(home), "TRADEWIND_CONFIG": str(home / "config")}
    platform.up(load_settings(environ), airflow=False)
    found = walked(Stores.open(load_settings(environ)), parts=asked.parts)
    print(json.dumps(found, indent=2))
    if asked.keep:
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
        text = json.dumps({**kept, asked.keep: found}, indent=2)
        RESULTS.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
