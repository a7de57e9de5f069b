"""The command line: the same stages and stores as in Airflow, for people and scripts.

One module a group of commands, each with a `typer.Typer` of its own that is joined here.
"""

from __future__ import annotations

import sys

import typer

from tradewind.cli import (
    approving,
    auditing,
    cards,
    definition,
    diagnosing,
    explaining,
    forgetting,
    housekeeping,
    incidents,
    nights,
    pinning,
    platform,
    reading,
    releasing,
    running,
    scoring_card,
    tracing,
)
from tradewind.errors import TradewindError

# Services by the package that speaks to them; what a package raises is about its service.
_SERVICES = {"psycopg2": "PostgreSQL", "httpx": "a web server", "botocore": "the S3 store"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The same stages and stores as in Airflow, for people and scripts.",
)
_GROUPS = (
    *(definition, running, pinning, approving, releasing, nights, incidents),
    *(reading, explaining, diagnosing, cards, scoring_card, tracing, auditing),
    *(forgetting, housekeeping),
    platform,
)
for group in _GROUPS:
    app.add_typer(group.app)


def main() -> None:
    """Run a command; a mistake, or a service that does not answer, is one sentence and code 1."""
    try:
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)


def _sentence(error: Exception) -> str | None:
    """What to say of an error; None of one that nobody thought of, which keeps its traceback."""
    said = f"{type(error).__name__}: {str(error).strip()}"
    if isinstance(error, TradewindError):
        return said
    service = _SERVICES.get(type(error).__module__.partition(".")[0])
    if service is None and not isinstance(error, OSError):
        return None
    return f"{service or 'this machine'} refuses, or does not answer: {said} (see `make status`)"
