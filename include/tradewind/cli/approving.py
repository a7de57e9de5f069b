"""Commands by which a reviewer answers for a candidate that was trained without Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from typing import Literal

Note = Annotated[str, typer.Option(help="Why; kept in the ledger with your name.")]

app = typer.Typer()


@app.command()
def approve(model: str, *, note: Note, as_json: plumbing.Json = False) -> None:
    """Approve of the candidate that awaits it, and promote it where that was the last word needed.

    Airflow asks for its own runs, under Required Actions; this is for those of `tradewind run`.
    """
    _answer(model, "approved", note, as_json=as_json)


@app.command()
def reject(model: str, *, note: Note, as_json: plumbing.Json = False) -> None:
    """Reject the candidate that awaits an approval; it stays in MLflow, with the note."""
    _answer(model, "rejected", note, as_json=as_json)


def _answer(
    model: str, answer: Literal["approved", "rejected"], note: str, *, as_json: bool
) -> None:
    from tradewind.approval import answer_awaited
    from tradewind.reports.brief import lines_of

    plumbing.tell_progress(without=("register",))
    stores = plumbing.open_stores()
    plumbing.require_model(model, stores.settings)
    said = answer_awaited(model, answer, by=plumbing.shell_name(), note=note, stores=stores)
    if as_json:
        plumbing.print_json(said.model_dump(mode="json"))
    else:
        typer.echo("\n".join(lines_of(said)))
