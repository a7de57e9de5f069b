"""Commands about definitions: check them, test their SQL, print their schema."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def check(models: plumbing.Models = None) -> None:
    """Check definitions: keys, types, names, and the SQL against the sources' real columns."""
    from tradewind.engine.checking import check_definition, check_privacy

    settings = plumbing.settings()
    folders = plumbing.folders(models, settings)
    problems = {
        name: check_definition(folder, settings=settings) for name, folder in folders.items()
    }
    for name, found in problems.items():
        typer.echo("\n".join(found) if found else f"{name}: well defined")
        for line in [] if found else check_privacy(folders[name], settings=settings):
            typer.echo(f"warning: {line}", err=True)
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

    settings = plumbing.settings()
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
def run_feature_tests_of(models: plumbing.Models = None) -> None:
    """Run the owners' tests of their features.sql (config/models/<name>/tests.yaml)."""
    from tradewind.engine.feature_tests import run_feature_tests

    failed = 0
    for name, folder in plumbing.folders(models, plumbing.settings()).items():
        outcomes = run_feature_tests(folder)
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
