"""What the chain of the ledger's events costs: on writing one, and on verifying all.

    python -m benchmarks.ledger_chain --keep           # kept in results/ledger_chain.json

A PostgreSQL of its own, which waits for the disk as the platform's does. Written is one event of
the size that most have (a stage's outcome), with its words beside it, through `Ledger.append`, with
its commit and a look at whether the connection still answers; with the chain and with its trigger
switched off, by turns, so that both meet the same machine. The same on one open connection shows
what of that is the chain. Verified are as many events as a platform of many models writes in years,
by `Chain.verify`; each has 21 texts, which are held against their commitments.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

from tradewind.local.databases import GUESTS, OWNERS, Databases
from tradewind.local.postgres import Postgres
from tradewind.stores.ledger import Ledger, migrate

WRITES = 1000
TURNS = 50
EVENTS = 100_000
RESULTS = Path(__file__).parent / "results" / "ledger_chain.json"
EVENT: dict[str, Any] = {
    "model": "flight_delay",
    "kind": "stage_outcome",
    "as_of": datetime(2013, 7, 2, 4, tzinfo=UTC),
    "actor": "train/scheduled__2013-07-02",
    "reason": "train: boosting, 0.412 log loss on 28 days",
    "payload": {
        "lines": [f"feature {n} weighs {n / 7:.6f}" for n in range(20)],
        "result": {f"figure_{n}": n / 3 for n in range(20)},
    },
}
MANY = """
    WITH one AS (
        SELECT * FROM events JOIN words ON words.event_id = events.id ORDER BY id LIMIT 1
    ), many AS (
        INSERT INTO events (as_of, model, kind, actor, reason, payload)
        SELECT as_of, model, kind, actor, reason, payload || jsonb_build_object('number', n)
        FROM one, generate_series(1, %s) n RETURNING id
    )
    INSERT INTO words (event_id, texts) SELECT many.id, one.texts FROM many, one
"""


def main() -> None:
    """Measure, print, and keep where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", action="store_true")
    with tempfile.TemporaryDirectory(prefix="tradewind-chain-") as folder:
        found = measured(Path(folder))
    text = json.dumps(found, indent=1)
    print(text)
    if parser.parse_args().keep:
        RESULTS.write_text(text + "\n", "utf-8")


def measured(folder: Path) -> dict[str, Any]:
    """All figures: milliseconds an event, seconds and mebibytes for all of them."""
    server = Postgres(folder / "postgres", password_file=folder / "secrets" / "postgres")
    databases = Databases(server, folder / "secrets")
    server.start()
    try:
        databases.provide()
        owner = databases.dsn("ledger", role=OWNERS["ledger"])
        migrate(owner, app_role=GUESTS["ledger"])
        ledger = Ledger(databases.dsn("ledger", role=GUESTS["ledger"]))
        appended = by_turns(ledger, owner)
        with ledger.lock("flight_delay") as held:
            on_one = by_turns(held, owner)
        return {
            "writes": WRITES,
            "append_ms": appended,
            "append_on_one_connection_ms": on_one,
            **verified(ledger, owner),
        }
    finally:
        server.stop()


def by_turns(ledger: Ledger, owner: str) -> dict[str, float]:
    """The median time of one event without and with the chain, in milliseconds."""
    times: dict[str, list[float]] = {"without": [], "with": []}
    for turn in range(2 * TURNS):
        name = ("without", "with")[turn % 2]
        verb = {"without": "DISABLE TRIGGER", "with": "ENABLE ALWAYS TRIGGER"}[name]
        execute(owner, f"ALTER TABLE events {verb} chained")
        for _ in range(WRITES // TURNS):
            start = time.perf_counter()
            ledger.append(**EVENT)
            times[name].append(time.perf_counter() - start)
    return {name: round(1000 * median(taken), 3) for name, taken in times.items()}


def verified(ledger: Ledger, owner: str) -> dict[str, Any]:
    """How long a walk over many events takes, and by how much it makes the process larger."""
    execute(owner, "ALTER TABLE events DISABLE TRIGGER append_only")
    execute(owner, "ALTER TABLE chain DISABLE TRIGGER append_only")
    execute(owner, "TRUNCATE events, words, chain, leases, outcomes, nights, incidents")
    ledger.append(**EVENT)
    start = time.perf_counter()
    execute(owner, MANY, EVENTS - 1)
    written = time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = ledger.chain.verify()
        times.append(time.perf_counter() - start)
        if found.findings or found.entries != EVENTS:
            raise SystemExit(f"the chain does not hold: {found.findings[:3]}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "events": EVENTS,
        "chained_in_one_transaction_s": round(written, 1),
        "verify_s": round(min(times), 1),
        "verify_mib": round(grown / 1024, 1),
    }


def execute(dsn: str, statement: str, *values: int) -> None:
    """Run one statement as the tables' owner."""
    with closing(psycopg2.connect(dsn)) as link, link, link.cursor() as cursor:
        cursor.execute(statement, values or None)


if __name__ == "__main__":
    main()
