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

# Services by the package that speaks to them; what a package raises is about its service.
_SERVICES = {"psycopg2": "PostgreSQL", "httpx": "a web server", "botocore": "the S3 store"}
_WRONG_WORDS, _NOT_ADMITTED = 2, 3
# Printed at the end, and so not on the way.
_VERDICT = ("gate", "register")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)

Models = Annotated[list[str] | None, typer.Argument(help="Models; all where none is named.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


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
        if outcomes is None:
            typer.echo(f"{name}: there is no tests.yaml")
            continue
        if outcomes is None:
            typer.echo(f"{name}: there is no tests.yaml")
            continue
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
        str | None,
        typer.Option(help="A date or a moment; otherwise schedule.today, or the last midnight."),
    ] = None,
    window_days: Annotated[int | None, typer.Option(help="Instead of the declared window.")] = None,
    candidate: Annotated[str | None, typer.Option(help="Train this candidate only.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Run a pipeline here, with no Airflow: the same stages, the same records, the same verdict.

    Exit code 3 where the run was not admitted.
    """
    from tradewind.as_of import as_of_for
    from tradewind.pipeline import run_training
    from tradewind.records import RunRequest

    if pipeline != "train":
        typer.echo(f"there is no pipeline {pipeline!r}: train is", err=True)
        raise typer.Exit(code=_WRONG_WORDS)
    _tell_progress(without=() if as_json else _VERDICT)
    stores, now = _stores(), datetime.now(tz=UTC)
    _require_model(model, stores.settings)
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
    raise typer.Exit(code=0 if "register" in records else _NOT_ADMITTED)


@app.command()
def release(
    model: str,
    *,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")],
) -> None:
    """Take the model's lease from a run that was killed and cannot give it back."""
    stores = _stores()
    broken = stores.ledger.break_lease(model, actor=getpass.getuser(), reason=reason)
    if broken is None:
        _require_model(model, stores.settings)
    said = f"the lease of {broken.holder} is broken" if broken else "nobody holds its lease"
    typer.echo(f"{model}: {said}")


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
            typer.echo(f"  {version['version']}{aliases}  as of {_shown(version['as_of'])}")


@app.command()
def history(model: str, *, as_json: Json = False, limit: int = 50) -> None:
    """Print the ledger of a model, newest first: who, what, when, why."""
    from tradewind.overview import event_rows

    stores = _stores()
    rows = event_rows(stores, model=model, limit=limit)
    if not rows:
        _require_model(model, stores.settings)
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{_shown(row['recorded_at'])}  as of {_shown(row['as_of'])}  {row['kind']:<18} "
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

    folders = model_folders(settings.config_dir)
    for name in models or ():
        _require_model(name, settings)
    return {name: folders[name] for name in models} if models else folders


def _require_model(name: str, settings: Settings) -> None:
    """End with exit code 2, and the nearest name, where no folder is called so."""
    from tradewind.definition.loader import model_folders
    from tradewind.definition.problems import nearest

    folders = model_folders(settings.config_dir)
    if name not in folders:
        typer.echo(f"there is no model {name!r}{nearest(name, folders)}", err=True)
        raise typer.Exit(code=_WRONG_WORDS)


def _print_run(records: Mapping[str, Record], *, as_json: bool) -> None:
    from tradewind.reports.brief import lines_of

    if as_json:
        _print_json({name: record.model_dump(mode="json") for name, record in records.items()})
        return
    for name in _VERDICT:
        if name in records:
            typer.echo("\n".join(lines_of(records[name])))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=str))


def _shown(moment: str | None) -> str:
    """A moment for a person, in UTC."""
    if not moment:
        return "not said"
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _tell_progress(*, without: Iterable[str]) -> None:
    """Write to stderr what the stages do, but for the results of those named."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    for noisy in ("great_expectations", "mlflow", "botocore", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for stage in without:
        logging.getLogger(f"tradewind.pipeline.{stage}").setLevel(logging.CRITICAL)
