"""Commands for the local platform, what prepares the one in containers, and the ledger's repair."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import plumbing

app = typer.Typer()


@app.command()
def demo(
    *,
    as_of: Annotated[str, typer.Option(help="The night that is trained.")] = "2013-07-01",
    every: Annotated[bool, typer.Option("--all", help="Every model, at its own day.")] = False,
) -> None:
    """Start everything, train flight_delay on real flights, show what became of it."""
    from tradewind.local.walkthrough import show_all, show_demo

    settings = plumbing.settings()
    if every:
        raise typer.Exit(code=show_all(settings, echo=typer.echo))
    raise typer.Exit(code=show_demo(settings, as_of=as_of, echo=typer.echo))


@app.command()
def demo_employment() -> None:
    """Bring the people of the census into the demo's tables, and the model that is about them."""
    from tradewind.local import employment, platform

    settings = plumbing.settings()
    running = platform.up(settings, airflow=False, echo=typer.echo)
    done = employment.provide(settings, running.demo_dsn, echo=typer.echo)
    what = "are brought" if done.loaded else "were there already"
    typer.echo(f"{done.rows:,} people {what}, and {done.folder} is their model: train it with")
    typer.echo(f"  tradewind run {employment.MODEL} train")


@app.command()
def prepare() -> None:
    """Make databases, buckets and the demo's tables for the containers of docker-compose.yml."""
    from tradewind.local import containers

    containers.prepare(plumbing.settings(), echo=typer.echo)


@app.command()
def up() -> None:
    """Start the local platform: PostgreSQL, MLflow and Airflow."""
    from tradewind.local import platform

    platform.up(plumbing.settings(), echo=typer.echo)


@app.command()
def down() -> None:
    """Stop all that was started here, and only that."""
    from tradewind.local import platform

    platform.down(plumbing.settings(), echo=typer.echo)


@app.command()
def status() -> None:
    """Say what of the local platform is running, and where."""
    from tradewind.local import platform

    for service in platform.status(plumbing.settings()):
        pid = f"pid {service.pid}" if service.pid else ""
        typer.echo(f"{service.name:<14} {service.state:<10} {pid:<12} {service.address}")


@app.command()
def repair_ledger() -> None:
    """Make the ledger's leases, outcomes, nights and incidents again from its events."""
    seen = plumbing.open_stores().ledger.rebuild_projections()
    typer.echo(f"leases, outcomes, nights and incidents are made again from {seen} events")


@app.command()
def reset() -> None:
    """Empty everything derived (lake, MLflow, ledger); the source tables stay."""
    from tradewind.local import platform

    platform.reset(plumbing.settings(), echo=typer.echo)
