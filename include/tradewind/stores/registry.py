"""MLflow, as Tradewind uses it: trainings, the models that they logged, versions and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import RegistryError
from tradewind.stores.mlflow_access import settle_environment
from tradewind.stores.trainings import (
    Candidate,
    CandidateLog,
    DatasetLog,
    LoadedModel,
    Trainings,
    TrialLog,
)
from tradewind.stores.versions import ModelVersion, Versions

if TYPE_CHECKING:
    from tradewind.settings import Settings

__all__ = [
    "Candidate",
    "CandidateLog",
    "DatasetLog",
    "LoadedModel",
    "ModelVersion",
    "Registry",
    "TrialLog",
]


class Registry(Trainings, Versions):
    """The few things that Tradewind asks of an MLflow server, which no other module speaks to.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.

    Args:
        address: Where it is asked.
        shown_at: Where a browser finds it; the same address where nothing is said.
    """

    def __init__(self, address: str, *, shown_at: str = "") -> None:
        super().__init__(address)
        self._shown_at = shown_at or self.address

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """The server that the settings name; it is spoken to when something is asked of it.

        Raises:
            RegistryError: They name none.
        """
        if not settings.tracking_uri:
            raise RegistryError(
                "no MLflow server is known: set MLFLOW_TRACKING_URI, or start one with `make run`"
            )
        settle_environment(settings.environment)
        return cls(settings.tracking_uri, shown_at=settings.mlflow_url)

    def run_url(self, run_id: str) -> str:
        """Where a person looks at a run."""
        with self._asking(f"the run {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
        return f"{self._shown_at}/#/experiments/{experiment}/runs/{run_id}"

    def version_url(self, model: str, version: int) -> str:
        """Where a person looks at a version."""
        return f"{self._shown_at}/#/models/{model}/versions/{version}"
