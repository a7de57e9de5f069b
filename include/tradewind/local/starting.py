"""Starting the services and waiting until all are well, telling what is waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.errors import PlatformError
from tradewind.local.services import well

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psutil

    from tradewind.local.processes import Processes, Service

_SECONDS_TO_START = 300.0
# One that was running already and does not answer for so long is started anew.
_SECONDS_OF_TRUST = 60.0
_SECONDS_BETWEEN_NEWS = 5.0
_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass
class Starting:
    """One start of the services.

    Attributes:
        keeper: Who knows the processes.
        services: What is to run, by name.
        ports: Where they answer.
        echo: Told what is done and waited for.
        started: Names of those that this start had to start.
    """

    keeper: Processes
    services: Mapping[str, Service]
    ports: Mapping[str, int]
    echo: Callable[[str], None]
    started: list[str] = field(default_factory=list)

    def start(self) -> list[str]:
        """Start what is not running, or runs something outdated, and wait for all.

        Returns:
            Names of those that were started.

        Raises:
            PlatformError: One ended while starting, or never answered; with the end of its log.
        """
        names = [name for name, service in self.services.items() if not self._runs(service)]
        self._start(names)
        if names:
            self.echo(f"starting {', '.join(names)}")
        begun = time.monotonic()
        news = begun + _SECONDS_BETWEEN_NEWS
        while waiting := self._not_well():
            now = time.monotonic()
            self._lose_patience(waiting, seconds=now - begun)
            if now > news:
                self.echo(f"  {now - begun:.0f} s: waiting for {', '.join(waiting)}")
                news = now + _SECONDS_BETWEEN_NEWS
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self.started

    def _runs(self, service: Service) -> bool:
        return self.keeper.is_current(service)

    def _start(self, names: list[str]) -> None:
        self.keeper.stop(names)
        for name in names:
            self.keeper.start(self.services[name])
            self.started.append(name)

    def _not_well(self) -> list[str]:
        begun: dict[str, datetime] = {}
        for name in self.services:
            process = self.keeper.running(name) or self._revive(name)
            begun[name] = datetime.fromtimestamp(process.create_time(), UTC)
        found = well(self.ports, begun=begun)
        return [name for name in self.services if name not in found]

    def _revive(self, name: str) -> psutil.Process:
        """Start one that ended meanwhile: some of Airflow's end a little after their database."""
        if name in self.started:
            raise self._failure(name, "ended while starting")
        self.echo(f"{name} has ended: starting it anew")
        self._start([name])
        process = self.keeper.running(name)
        if process is None:
            raise self._failure(name, "ended while starting")
        return process

    def _lose_patience(self, waiting: list[str], *, seconds: float) -> None:
        if seconds > _SECONDS_TO_START:
            raise self._failure(waiting[0], f"does not answer after {seconds:.0f} s")
        adopted = [name for name in waiting if name not in self.started]
        if adopted and seconds > _SECONDS_OF_TRUST:
            self.echo(f"{', '.join(adopted)} did not answer: starting anew")
            self._start(adopted)

    def _failure(self, name: str, what: str) -> PlatformError:
        log, tail = self.keeper.log(name), self.keeper.tail(name)
        return PlatformError(f"{name} {what}; its log ({log}) ends:\n{tail}")
