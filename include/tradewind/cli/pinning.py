"""The command that pins rows for the gate `benchmark`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from datetime import date

    from tradewind.records import Pinned

Day = Annotated[str, typer.Option(help="A date, in the model's time zone.")]

app = typer.Typer()


@app.command()
def pin(
    model: str,
    *,
    start: Day,
    end: Annotated[str, typer.Option(help="The day after the last one.")],
    as_of: Annotated[
        str | None,
        typer.Option(help="A date or a moment; otherwise schedule.today, or the last midnight."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = "by hand",
    as_json: plumbing.Json = False,
) -> None:
    """Pin whole days of labelled rows, on which versions of different times compare.

    Nothing is trained. What to put into model.yaml is printed: from then on no version learns from
    those days, and the gate `benchmark` judges each on them.
    """
    from tradewind.as_of import as_of_for
    from tradewind.pipeline import pin_days
    from tradewind.records import RunRequest

    days = _day("--start", start), _day("--end", end)
    plumbing.tell_progress(without=())
    stores, now = plumbing.open_stores(), datetime.now(tz=UTC)
    plumbing.require_model(model, stores.settings)
    request = RunRequest(
        model=model,
        run_id=f"pin/shell__{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        as_of=as_of_for(model, as_of, now, pipeline="train", stores=stores),
        actor=plumbing.shell_name(),
        reason=reason,
    )
    pinned = pin_days(request, start=days[0], end=days[1], stores=stores)
    if as_json:
        plumbing.print_json(pinned.model_dump(mode="json"))
    else:
        typer.echo(_told(pinned))


def _day(option: str, word: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(word)
    except ValueError:
        raise plumbing.wrong_words(
            f"{option} {word!r}: a date such as 2013-03-04 is expected"
        ) from None


def _told(pinned: Pinned) -> str:
    from tradewind.reports.counts import count

    rows, days = count(pinned.rows, "row"), count(pinned.days, "day")
    return (
        f"pinned {rows} of {days}, with {count(pinned.features, 'feature')}, as {pinned.uri}; "
        f"left out, without a label: {count(pinned.left_out, 'row')}\n"
        f"in config/models/{pinned.model}/model.yaml:\n\n"
        "gates:\n"
        "  benchmark:\n"
        f"    pinned: {pinned.digest}\n"
        f"    start: {pinned.start}\n"
        f"    end: {pinned.end}"
    )
