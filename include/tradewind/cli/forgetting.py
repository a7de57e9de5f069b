"""Commands by which people are forgotten: a key is typed or piped, and never an argument."""

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
        str | None, typer.Argument(help="Of whom, as a source's `subjects` declares it: customer.")
    ] = None,
    *,
    withdraw: Annotated[
        str | None,
        typer.Option(help="A reference: take its request back, as long as it has not begun."),
    ] = None,
) -> None:
    """Keep somebody who is to be forgotten, and print the reference to forget them by.

    Their key is asked for, or read from standard input: it stands in no shell's history, no list of
    processes and no log.
    """
    if withdraw is not None and kind is None:
        _withdraw(withdraw)
    elif kind is not None and withdraw is None:
        _keep(kind)
    else:
        raise plumbing.wrong_words(
            "say which: a kind of subject, such as customer, or --withdraw with a reference"
        )


def _withdraw(reference: str) -> None:
    from tradewind.stages.forget import withdraw

    withdraw(reference, actor=plumbing.shell_name(), stores=plumbing.open_stores())
    typer.echo(f"{reference}: withdrawn; the key that it stood for is kept no more")


def _keep(kind: str) -> None:
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
    reason: Annotated[str, typer.Option(help="Kept in the ledger: name nobody.")],
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
    plumbing.print_once("forget")
    erased = forget_subject(order, stores=plumbing.open_stores())
    if as_json:
        plumbing.print_json(erased.model_dump(mode="json"))
        return
    typer.echo("\n".join(forgetting_lines(erased)))
    for one in [] if erased.already else erased.retrain:
        typer.echo(f"train now: {_training(one)}")


@app.command()
def erasures(*, as_json: plumbing.Json = False) -> None:
    """List who was to be forgotten, by reference: when, by whom, what it came to, what is open."""
    from tradewind.reports.forgetting import request_lines
    from tradewind.stores.erasures import erasure_requests
    from tradewind.stores.subjects import Subjects

    stores = plumbing.open_stores()
    found = erasure_requests(stores.ledger, Subjects.open(stores.settings))
    if as_json:
        plumbing.print_json([one.model_dump(mode="json") for one in found])
    else:
        typer.echo("\n".join(request_lines(found)))


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
