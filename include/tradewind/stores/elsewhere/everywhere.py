"""All places but the lake's files: which there are by these settings, and which are not known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tradewind.stores.connections import is_defined
from tradewind.stores.elsewhere.artefacts import Artefacts
from tradewind.stores.elsewhere.databases import Database
from tradewind.stores.elsewhere.folders import Folder
from tradewind.stores.elsewhere.older_versions import OlderVersions
from tradewind.stores.elsewhere.records import Proof, Unsearched
from tradewind.stores.elsewhere.told import Told
from tradewind.stores.lake import Lake, is_in_bucket
from tradewind.stores.mlflow_access import settle_environment

if TYPE_CHECKING:
    from tradewind.settings import Settings
    from tradewind.stores.elsewhere.records import Finding, Place, Searched
    from tradewind.stores.needles import Needles

REFERENCES = "public.subjects"
_WORDS = "public.words"
_UNTIL_DONE = "it holds whose erasure is asked for, and lets go of each when it is done"
_WHOLE = "a text of an event goes as a whole, with its salt, before this: erase once more"
_BROKER = "AIRFLOW__CELERY__BROKER_URL"
_REMOTE_LOGS = "AIRFLOW__LOGGING__REMOTE_LOGGING"


@dataclass(frozen=True)
class Everywhere:
    """Every place but the lake in which something of a subject may stand."""

    settings: Settings

    def look(self, needles: Needles) -> Proof:
        """Look for needles in every place.

        Raises:
            UnavailableError: A database or MLflow, which is defined, does not answer.
        """
        searched: list[Searched] = []
        found: list[Finding] = []
        unsearched = self._unknown()
        for place in self._places:
            seen, findings, unread = place.look(needles)
            searched.append(seen)
            found += findings
            unsearched += unread
        return Proof(tuple(searched), tuple(found), tuple(unsearched))

    def erase(self, needles: Needles) -> list[Finding]:
        """Take needles out of every place.

        Raises:
            UnavailableError: A database or MLflow, which is defined, does not answer.
        """
        return [finding for place in self._places for finding in place.erase(needles)]

    @cached_property
    def _named(self) -> dict[str, bool]:
        """The databases' connections, and whether each is defined."""
        names = (
            self.settings.ledger_connection,
            self.settings.airflow_database_connection,
            self.settings.mlflow_database_connection,
        )
        return {name: is_defined(name, settings=self.settings) for name in names}

    @cached_property
    def _places(self) -> list[Place]:
        """In the order of erasing: what servers write into their logs meanwhile is found last."""
        settings = self.settings
        settle_environment(settings.environment)
        ledger = {"left_out": {REFERENCES: _UNTIL_DONE}, "unchanged": {_WORDS: _WHOLE}}
        found: list[Place] = [
            Database(name, settings, **(ledger if name == settings.ledger_connection else {}))
            for name, known in self._named.items()
            if known
        ]
        if settings.tracking_uri:
            found += [Told(settings.tracking_uri), Artefacts(settings.tracking_uri)]
        if is_in_bucket(settings):
            found.append(OlderVersions(Lake.open(settings)))
        found.append(Folder("kept models", settings.home / "models", is_cache=True))
        return [*found, *(Folder("logs", path) for path in settings.log_folders)]

    def _unknown(self) -> list[Unsearched]:
        """What cannot be looked at, because nothing says where it is or how to get there."""
        environment = self.settings.environment
        why = {
            f"database {name}": "the connection is not defined"
            for name, known in self._named.items()
            if not known
        }
        if not self.settings.tracking_uri:
            why["MLflow"] = "MLFLOW_TRACKING_URI names no server"
        if not self.settings.log_folders:
            why["logs"] = "TRADEWIND_LOGS names no folder"
        if environment.get(_REMOTE_LOGS, "").lower() == "true":
            why["Airflow's remote logs"] = "they are on no disk of this machine"
        if environment.get(_BROKER):
            why["Celery's queue"] = "what waits there is not looked at"
        return [Unsearched(place, reason) for place, reason in why.items()]
