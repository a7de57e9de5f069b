"""Commands by which somebody is forgotten: their key is typed or piped, and never an argument."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from tradewind.erasure import Retraining

app = typer.Typer()


@app.command()
def subject(
    kind: Annotated[
        str, typer.Argument(help="Of whom, as a source's `subjects` declares it: customer.")
    ],
) -> None:
    """Keep somebody who is to be forgotten, and print the reference to forget them by.

    Their key is asked for, or read from standard input: it stands in no shell's history, no list of
    processes and no log.
    """
    from tradewind.stages.forget import ask

    stores = plumbing.open_stores()
    reference = ask(kind, _key_of(kind), actor=plumbing.shell_name(), stores=stores)
    typer.echo(reference)
    typer.echo(
        f"forget them by it: tradewind forget {reference} --reason ..., or the form of the DAG "
        "`tradewind.forget`",
        err=True,
    )


@app.command()
def forget(
    reference: Annotated[str, typer.Argument(help="As `tradewind subject` printed it.")],
    *,
    reason: Annotated[str, typer.Option(help="Kept in the ledger for good: name nobody.")],
    as_json: plumbing.Json = False,
) -> None:
    """Erase whoever a reference stands for from all that is kept, and prove it."""
    from tradewind.erasure import ErasureOrder
    from tradewind.pipeline import forget_subject
    from tradewind.reports.forgetting import forgetting_lines

    order = ErasureOrder(
        reference=reference,
        reason=reason,
        actor=plumbing.shell_name(),
        by=plumbing.shell_user(),
        run_id=f"forget/shell__{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    )
    erased = forget_subject(order, stores=plumbing.open_stores())
    if as_json:
        plumbing.print_json(erased.model_dump(mode="json"))
        return
    typer.echo("\n".join(forgetting_lines(erased)))
    for one in [] if erased.already else erased.retrain:
        typer.echo(f"train now: {_training(one)}")


def _key_of(kind: str) -> str:
    """One line, without its end; hidden while it is typed, since a terminal may be recorded."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"key of the {kind}", hide_input=True, confirmation_prompt=True))
    lines = sys.stdin.read().splitlines()
    if len(lines) != 1:
        raise plumbing.wrong_words(f"one line with the key of the {kind} is expected")
    return lines[0]


def _training(one: Retraining) -> str:
    """The command that the DAG would have run by itself."""
    said = shlex.join(["--override", "somebody is forgotten", "--reason", one.reason])
    return f"tradewind run {one.model} train --as-of {one.moment.isoformat()} {said}"
