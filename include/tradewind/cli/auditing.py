"""Commands about the ledger itself: whether it is as it was written, and what shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing
from tradewind.errors import RequestError
from tradewind.reports.counts import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.records import Head
    from tradewind.stores.chain_walk import ChainFindings

_HOUR = 3600
_DAY = 24 * _HOUR

audit = typer.Typer(
    no_args_is_help=True,
    help="Say whether the ledger is as it was written, and keep what shows it.",
)
app = typer.Typer()
app.add_typer(audit, name="audit")


@audit.command()
def verify(
    *,
    kept: Annotated[
        list[str] | None,
        typer.Option(
            "--head",
            help="A hash that was kept elsewhere, or a file with some: alerts, a log. Repeatable.",
        ),
    ] = None,
    as_json: plumbing.Json = False,
) -> None:
    """Find every event that was altered, taken away, added behind or moved; code 1 where one is."""
    from tradewind.stores import chain_heads

    stores = plumbing.open_stores()
    heads, hashes = _given(kept or [])
    found = chain_heads.verify(stores.ledger, stores.lake, heads=heads, hashes=hashes)
    if as_json:
        plumbing.print_json(found.model_dump(mode="json"))
    else:
        typer.echo("\n".join(_verified(found)))
    raise typer.Exit(code=1 if found.findings else 0)


@audit.command()
def head(*, as_json: plumbing.Json = False) -> None:
    """Print the newest entry of the chain, to be kept, and how old the last one in the lake is."""
    from tradewind.stores import chain_heads

    stores = plumbing.open_stores()
    now, newest = stores.ledger.now(), stores.ledger.chain.head()
    last = chain_heads.newest(stores.lake)
    after = stores.ledger.chain.after(last.position if last else 0)
    if as_json:
        said = {"head": newest, "kept": last, "after": after}
        plumbing.print_json(
            {name: one and one.model_dump(mode="json") for name, one in said.items()}
        )
        return
    typer.echo(newest.sentence if newest else "nothing has happened yet: there is no entry")
    if last is None:
        typer.echo("the lake keeps none yet: the end of a night or of a training does")
        return
    typer.echo(
        f"the lake keeps entry {last.position}, {_age(last.at, now)} old; since then, beside "
        f"events that tell of heads: {after.events:,}"
    )


def _given(kept: Sequence[str]) -> tuple[list[Head], list[str]]:
    """What the options name: hashes themselves, or files of heads and hashes."""
    from tradewind.stores import chain_heads

    heads: list[Head] = []
    hashes: list[str] = []
    for one in kept:
        file = Path(one)
        try:
            text = file.read_text("utf-8") if file.is_file() else one
            found = chain_heads.parse(text, where=one)
        except (RequestError, OSError, UnicodeDecodeError) as error:
            raise plumbing.wrong_words(str(error)) from error
        heads += found[0]
        hashes += found[1]
    return heads, hashes


def _verified(found: ChainFindings) -> list[str]:
    lines = [f"{one.what}: {one.sentence}" for one in found.findings]
    wrong = f"{len(lines)} things are" if len(lines) > 1 else "one thing is"
    verdict = f"{wrong} not as it was written" if lines else "all is as it was written"
    counted = f"{found.entries:,} events in the chain, {found.definitions:,} frozen definitions"
    return [*lines, f"{counted}: {verdict}", *_erased(found), _held(found)]


def _erased(found: ChainFindings) -> list[str]:
    """How much of what was written may be gone, where anything is."""
    if not found.erasures:
        return []
    texts, erasures = count(found.erased, "text"), count(found.erasures, "erasure")
    return [f"{texts} of events erased, as events of {erasures} say"]


def _held(found: ChainFindings) -> str:
    if found.held is None:
        return (
            "no head that was kept elsewhere agrees: a chain that was written anew from end to end "
            "would look the same"
        )
    age = _age(found.held.at, datetime.now(tz=UTC))
    return (
        f"{found.agreeing:,} heads kept elsewhere agree, the last with entry "
        f"{found.held.position:,}, {age} old: what came after it is held by the chain alone"
    )


def _age(moment: datetime, now: datetime) -> str:
    seconds = max((now - moment).total_seconds(), 0)
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / _HOUR:.0f} hours" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
