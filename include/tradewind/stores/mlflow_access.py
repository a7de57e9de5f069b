"""How MLflow is spoken to: through its server, quietly, with its refusals made into ours.

MLflow takes a second to import, so that it is imported when it is first spoken to.
"""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradewind.errors import RegistryError, RegistryUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MODELS = "models:/"
# It becomes a folder's name, so that nothing but a plain word may be one.
_ID = re.compile(r"m-[A-Za-z0-9_-]+")
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_LONGEST_SAYING = 400
_TOO_MANY, _AT_FAULT = 429, 500
# Told to each client by itself: another installation in this process may have another server.
_ADDRESSES = {"MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"}
# MLflow's own defaults phone home, draw bars, look for uv's files, and try again for minutes.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOG_UV_FILES": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def settle_environment(environment: Mapping[str, str]) -> None:
    """Tell MLflow, which reads the process environment, what these settings say of it.

    Args:
        environment: Of the installation; what the process itself says wins over it.
    """
    told = {
        name: value
        for name, value in environment.items()
        if name.startswith("MLFLOW_") and name not in _ADDRESSES
    }
    for name, value in {**_QUIET, **told}.items():
        os.environ.setdefault(name, value)


def model_id(model_uri: str) -> str:
    """The id in a logged model's address.

    Raises:
        RegistryError: The address is not one of those.
    """
    identifier = model_uri.removeprefix(_MODELS)
    if identifier == model_uri or not _ID.fullmatch(identifier):
        raise RegistryError(f"{model_uri!r} is no logged model: models:/m-… is expected")
    return identifier


def model_uri(identifier: str) -> str:
    """The address of a logged model."""
    return f"{_MODELS}{identifier}"


def _is_at_fault(error: Any) -> bool:
    """Whether the server was the trouble, and not what it was asked for.

    Args:
        error: MLflow's own, which has a status also where there was no answer, or that of the
            request, which has an answer where there was one.
    """
    status: int = _AT_FAULT
    if hasattr(error, "get_http_status_code"):
        status = error.get_http_status_code()
    elif error.response is not None:
        status = error.response.status_code
    return status >= _AT_FAULT or status == _TOO_MANY


class MlflowServer:
    """One MLflow server, by its address."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    @cached_property
    def _mlflow(self) -> Any:
        """The package, loaded now."""
        import mlflow  # noqa: PLC0415 -- a second that only those pay who speak to it
        import mlflow.pyfunc  # noqa: PLC0415

        # They announce each step of saving and of registering a model.
        for noisy in ("mlflow.pyfunc", "mlflow.store"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        return mlflow

    @cached_property
    def _client(self) -> Any:
        """A client of this server, whatever MLflow's global addresses are."""
        return self._mlflow.MlflowClient(tracking_uri=self.address, registry_uri=self.address)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Speak to MLflow inside.

        Args:
            what: What for, in words that a message can carry.

        Raises:
            RegistryUnavailableError: It does not answer, or is at fault itself.
            RegistryError: It refuses.
        """
        from requests.exceptions import RequestException  # noqa: PLC0415 -- MLflow brings it

        try:
            yield
        except (self._mlflow.MlflowException, RequestException) as error:
            said = (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_SAYING]
            kind = RegistryUnavailableError if _is_at_fault(error) else RegistryError
            raise kind(f"MLflow at {self.address}, asked for {what}: {said}") from error

    def _found(self, ask: Any, *arguments: Any) -> Any:
        """What MLflow has, or None where it has no such thing."""
        try:
            return ask(*arguments)
        except self._mlflow.MlflowException as error:
            if error.error_code == _MISSING:
                return None
            raise

    def _unless_there(self, make: Any, *arguments: Any) -> Any:
        """Make something; None where somebody made it first."""
        try:
            return make(*arguments)
        except self._mlflow.MlflowException as error:
            if error.error_code == "RESOURCE_ALREADY_EXISTS":
                return None
            raise

    def _write_down(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, list[float]] | None = None,
        tags: Mapping[str, str] | None = None,
        identifier: str | None = None,
    ) -> None:
        """Log to a run in one request.

        Args:
            run_id: The run.
            params: By name.
            metrics: By name, the figure at each step.
            tags: By name.
            identifier: The logged model that the metrics are of.
        """
        entities, now = self._mlflow.entities, int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[
                entities.Metric(name, float(figure), now, step, model_id=identifier)
                for name, figures in (metrics or {}).items()
                for step, figure in enumerate(figures)
            ],
            params=[entities.Param(name, str(value)) for name, value in (params or {}).items()],
            tags=[entities.RunTag(name, str(value)) for name, value in (tags or {}).items()],
        )
