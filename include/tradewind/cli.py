"""The command line: the same stages and stores as in Airflow, for people and scripts."""

from __future__ import annotations

import getpass
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewind.errors import TradewindError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.records import Record
    from tradewind.settings import Settings
    from tradewind.stores.stores import Stores

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)

Models = Annotated[list[str] | None, typer.Argument(help="Models; all where none is named.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def main() -> None:
    """Run a command; what goes wrong on purpose is one sentence and exit code 1."""
    try:
        app()
    except TradewindError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)


# ------------------------------------------------------------------------------- the definition


@app.command()
def check(models: Models = None) -> None:
    """Check definitions: keys, types, names, and the SQL against the sources' real columns."""
    from tradewind.engine.checking import check_definition

    settings = _settings()
    problems = {
        name: check_definition(folder, settings=settings)
        for name, folder in _folders(models, settings).items()
    }
    for name, found in problems.items():
        typer.echo("\n".join(found) if found else f"{name}: well defined")
    raise typer.Exit(code=1 if any(problems.values()) else 0)


@app.command()
def schema(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the committed files instead.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--check", help="Only say whether the committed files are these.")
    ] = False,
) -> None:
    """Print the JSON Schema of model.yaml, for editors."""
    from tradewind.definition.json_schema import schema_text
    from tradewind.definition.reference import reference_text

    settings = _settings()
    files = {
        settings.config_dir / "model.schema.json": schema_text(),
        settings.root / "docs" / "definition.md": reference_text(),
    }
    if not (write or verify):
        typer.echo(schema_text(), nl=False)
    for path, text in files.items():
        if write:
            path.write_text(text, encoding="utf-8")
        elif verify and (not path.exists() or path.read_text(encoding="utf-8") != text):
            typer.echo(f"{path} is not what the code says: run `make schema`", err=True)
            raise typer.Exit(code=1)


@app.command(name="test")
def run_feature_tests_of(models: Models = None) -> None:
    """Run the owners' tests of their features.sql (config/models/<name>/tests.yaml)."""
    from tradewind.engine.feature_tests import run_feature_tests

    failed = 0
    for name, folder in _folders(models, _settings()).items():
        outcomes = run_feature_tests(folder)
        bad = [outcome for outcome in outcomes if not outcome.passed]
        failed += len(bad)
        typer.echo(f"{name}: {len(outcomes) - len(bad)} passed, {len(bad)} failed")
        for outcome in bad:
            typer.echo(f"{folder}/tests.yaml:{outcome.line}: {outcome.name}")
            typer.echo("\n".join(f"  {line}" for line in outcome.differences))
    raise typer.Exit(code=1 if failed else 0)


# -------------------------------------------------------------------------------------- running


@app.command()
def run(
    model: str,
    pipeline: Annotated[str, typer.Argument(help="What to run: train.")],
    *,
    as_of: Annotated[
        str | None, typer.Option(help="A date or a moment; the last midnight otherwise.")
    ] = None,
    window_days: Annotated[int | None, typer.Option(help="Instead of the declared window.")] = None,
    candidate: Annotated[str | None, typer.Option(help="Train this candidate only.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Run a pipeline here, with no Airflow: the same stages, the same records, the same verdict."""
    from tradewind.pipeline import run_training
    from tradewind.records import RunRequest
    from tradewind.requests import as_of_for

    if pipeline != "train":
        typer.echo(f"there is no pipeline {pipeline!r}: train is", err=True)
        raise typer.Exit(code=2)
    _log_to_stderr()
    stores, now = _stores(), datetime.now(tz=UTC)
    request = RunRequest(
        model=model,
        run_id=f"shell__{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        as_of=as_of_for(model, as_of, now, stores=stores),
        actor=getpass.getuser(),
        reason=reason,
        window_days=window_days,
        candidate=candidate,
    )
    records = run_training(request, stores=stores)
    _print_run(records, as_json=as_json)


# -------------------------------------------------------------------------------------- reading


@app.command()
def models(*, as_json: Json = False) -> None:
    """List the models, their versions and aliases."""
    from tradewind.overview import model_rows

    rows = model_rows(_stores())
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        champion = f"version {row['champion']}" if row["champion"] else "no champion"
        typer.echo(f"{row['model']}: {champion}; owner {row['owner'] or 'unknown'}")
        for version in row["versions"]:
            aliases = f" ({', '.join(version['aliases'])})" if version["aliases"] else ""
            typer.echo(f"  {version['version']}{aliases}  as of {version['as_of']}")


@app.command()
def history(model: str, *, as_json: Json = False, limit: int = 50) -> None:
    """Print the ledger of a model, newest first: who, what, when, why."""
    from tradewind.overview import event_rows

    rows = event_rows(_stores(), model=model, limit=limit)
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{row['recorded_at']:.19}  as of {row['as_of']:.10}  {row['kind']:<18} "
            f"{row['actor']}: {row['reason']}"
        )


@app.command()
def health(*, as_json: Json = False) -> None:
    """Say whether the services answer and the nights happen; exit code 1 where not."""
    from tradewind.health import examine

    findings = examine(_stores())
    if as_json:
        _print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<8} {finding.subject}: {finding.sentence}")
    raise typer.Exit(code=1 if any(finding.ill for finding in findings) else 0)


@app.command()
def report(
    model: str,
    stage: Annotated[str, typer.Argument(help="validate, evaluate or gate.")],
    *,
    run_id: Annotated[str | None, typer.Option(help="Which run; the newest otherwise.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("report.html"),
) -> None:
    """Write a stage's report as one HTML page."""
    from tradewind.overview import report_page

    output.write_text(report_page(_stores(), model=model, stage=stage, run_id=run_id), "utf-8")
    typer.echo(str(output))


# --------------------------------------------------------------------------- the local platform


@app.command()
def demo(
    *, as_of: Annotated[str, typer.Option(help="The night that is trained.")] = "2013-07-01"
) -> None:
    """Start everything, train flight_delay on real flights, show what became of it."""
    from tradewind.local.walkthrough import show_demo

    raise typer.Exit(code=show_demo(_settings(), as_of=as_of, echo=typer.echo))


@app.command()
def prepare() -> None:
    """Make databases, buckets and the demo's tables for the containers of docker-compose.yml."""
    from tradewind.local import containers

    containers.prepare(_settings(), echo=typer.echo)


@app.command()
def up() -> None:
    """Start the local platform: PostgreSQL, MLflow and Airflow."""
    from tradewind.local import platform

    platform.up(_settings(), echo=typer.echo)


@app.command()
def down() -> None:
    """Stop all that was started here, and only that."""
    from tradewind.local import platform

    platform.down(_settings(), echo=typer.echo)


@app.command()
def status() -> None:
    """Say what of the local platform is running, and where."""
    from tradewind.local import platform

    for service in platform.status(_settings()):
        pid = f"pid {service.pid}" if service.pid else ""
        typer.echo(f"{service.name:<14} {service.state:<10} {pid:<12} {service.address}")


@app.command()
def reset() -> None:
    """Empty everything derived (lake, MLflow, ledger); the source tables stay."""
    from tradewind.local import platform

    platform.reset(_settings(), echo=typer.echo)


# ------------------------------------------------------------------------------------- plumbing


def _settings() -> Settings:
    from tradewind.settings import load_settings

    return load_settings()


def _stores() -> Stores:
    from tradewind.stores.stores import Stores

    return Stores.open(_settings())


def _folders(models: Iterable[str] | None, settings: Settings) -> Mapping[str, Path]:
    from tradewind.definition.loader import model_folders
    from tradewind.definition.problems import nearest

    folders = model_folders(settings.config_dir)
    for name in models or ():
        if name not in folders:
            typer.echo(f"there is no model {name!r}{nearest(name, folders)}", err=True)
            raise typer.Exit(code=2)
    return {name: folders[name] for name in models} if models else folders


def _print_run(records: Mapping[str, Record], *, as_json: bool) -> None:
    from tradewind.reports.brief import lines_of

    if as_json:
        _print_json({name: record.model_dump(mode="json") for name, record in records.items()})
        return
    for name in ("admit", "train", "evaluate", "gate", "register"):
        if name in records:
            typer.echo("\n".join(lines_of(records[name])))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=str))


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    for noisy in ("great_expectations", "mlflow", "botocore", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
