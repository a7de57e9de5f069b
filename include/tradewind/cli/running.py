"""The command that runs a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import plumbing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.nights import Decision
    from tradewind.records import Pipeline, Record
    from tradewind.stores.stores import Stores

# What is printed at the end of a pipeline, and so not on the way.
_RESULTS: Mapping[Pipeline, tuple[str, ...]] = {
    "train": ("gate", "register"),
    "score": ("predict",),
    "monitor": ("monitor", "decide", "alert"),
}
_NOT_ADMITTED = 3
# What the ledger says of a training that was launched and is not over; it need not have begun.
_RUNNING = "running"

app = typer.Typer()


@app.command()
def run(
    model: str,
    pipeline: Annotated[str, typer.Argument(help="What to run: train, score or monitor.")],
    *,
    as_of: Annotated[
        str | None,
        typer.Option(help="A date or a moment; otherwise schedule.today, or the last midnight."),
    ] = None,
    window_days: Annotated[
        int | None, typer.Option(help="train: instead of the declared window.")
    ] = None,
    candidate: Annotated[str | None, typer.Option(help="train: this candidate only.")] = None,
    wider: Annotated[
        bool, typer.Option("--wider", help="train: search as retrain.wider declares.")
    ] = False,
    override: Annotated[
        str | None, typer.Option(help="train: why the cool-down does not hold this time.")
    ] = None,
    launch: Annotated[
        bool, typer.Option("--launch", help="monitor: run the training that it decides on, too.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = "by hand",
    as_json: plumbing.Json = False,
) -> None:
    """Run a pipeline here, with no Airflow: the same stages, the same records, the same verdict.

    Exit code 0 where it came to its end, whatever that says; 1 where something failed; 2 where the
    words were wrong; 3 where the run, or the training that it launched, was not admitted.
    """
    from tradewind.as_of import as_of_for
    from tradewind.pipeline import run_pipeline
    from tradewind.records import RunRequest

    name = _pipeline(pipeline)
    of_training = {
        "--window-days": window_days,
        "--candidate": candidate,
        "--wider": wider,
        "--override": override,
    }
    _require_fitting(name, {"train": of_training, "monitor": {"--launch": launch}})
    plumbing.tell_progress(without=() if as_json else [*_RESULTS[name], *_RESULTS["train"]])
    stores, now = plumbing.open_stores(), datetime.now(tz=UTC)
    plumbing.require_model(model, stores.settings)
    request = RunRequest(
        model=model,
        run_id=f"{name}/shell__{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        as_of=as_of_for(model, as_of, now, pipeline=name, stores=stores),
        actor=plumbing.shell_name(),
        by=plumbing.shell_user(),
        reason=reason,
        window_days=window_days,
        candidate=candidate,
        wider=wider,
        override=override,
        pipeline=name,
    )
    records = run_pipeline(request, stores=stores)
    launched = _launched(records, launch=launch, stores=stores)
    if as_json:
        plumbing.print_json(_plain(records, launched))
    else:
        _print_run(records, name)
        _print_launch(records, launched, stores=stores)
    done = _RESULTS[name][-1] in records and (launched is None or "register" in launched)
    raise typer.Exit(code=0 if done else _NOT_ADMITTED)


def _pipeline(word: str) -> Pipeline:
    """The pipeline of this name; ends with exit code 2 where there is none."""
    from tradewind.definition.problems import nearest
    from tradewind.pipeline import PIPELINES

    found = next((name for name in PIPELINES if name == word), None)
    if found is None:
        raise plumbing.wrong_words(f"there is no pipeline {word!r}{nearest(word, PIPELINES)}")
    return found


def _require_fitting(name: Pipeline, options: Mapping[str, Mapping[str, object]]) -> None:
    """End with exit code 2 where an option is one of another pipeline."""
    for owner, given in options.items():
        for option, value in given.items():
            if value and owner != name:
                raise plumbing.wrong_words(f"{option} is an option of {owner}, not of {name}")


# ------------------------------------------------------------------------- what a night launches


def _launched(
    records: Mapping[str, Record], *, launch: bool, stores: Stores
) -> dict[str, Record] | None:
    """Run the training that the night decided on; None where none is wanted, or it ran before."""
    from tradewind.pipeline import run_pipeline
    from tradewind.records import RunRequest
    from tradewind.stores.launches import training_run

    decision = _decision_in(records)
    if not launch or decision is None or _outcome_of(decision, stores) != _RUNNING:
        return None
    request = RunRequest(
        model=decision.model,
        run_id=training_run(decision),
        as_of=decision.as_of,
        actor=plumbing.shell_name(),
        by=plumbing.shell_user(),
        reason=decision.reason,
        wider=decision.wider,
        trigger="decision",
    )
    return run_pipeline(request, stores=stores)


def _outcome_of(decision: Decision, stores: Stores) -> str | None:
    """What became of the training that a decision launched; None where it launched none.

    It is never given up here: one that nobody started can be run from here whenever that is.
    """
    from tradewind.stores.launches import retrains, training_run

    found = retrains(stores.ledger, decision.model, as_of=decision.as_of)
    return next((one.outcome for one in found if one.run_id == training_run(decision)), None)


def _decision_in(records: Mapping[str, Record]) -> Decision | None:
    from tradewind.nights import Decision

    found = records.get("decide")
    return found if isinstance(found, Decision) else None


# ------------------------------------------------------------------------------- what is printed


def _plain(
    records: Mapping[str, Record], launched: Mapping[str, Record] | None
) -> dict[str, object]:
    plain: dict[str, object] = {
        name: record.model_dump(mode="json") for name, record in records.items()
    }
    return plain if launched is None else {**plain, "launched": _plain(launched, None)}


def _print_run(records: Mapping[str, Record], name: Pipeline) -> None:
    from tradewind.reports.brief import lines_of

    for stage in _RESULTS[name]:
        if stage in records:
            typer.echo("\n".join(lines_of(records[stage])))


def _print_launch(
    records: Mapping[str, Record], launched: Mapping[str, Record] | None, *, stores: Stores
) -> None:
    """Say of the training that the night decided on what became of it, or how it is run."""
    decision = _decision_in(records)
    outcome = _outcome_of(decision, stores) if decision else None
    if launched is not None:
        _print_run(launched, "train")
    elif decision and outcome == _RUNNING:
        typer.echo(
            f"to run the training {decision.run_id} here: `tradewind run {decision.model} monitor "
            f"--as-of {decision.as_of.isoformat()} --launch`"
        )
    elif decision and outcome:
        typer.echo(f"the training {decision.run_id} is over: {outcome.replace('_', ' ')}")
