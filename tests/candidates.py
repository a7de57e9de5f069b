"""Logged models in a real MLflow server with nothing in them, for tests of what becomes of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.stores.trainings import COMPLETE, MODEL_URI, Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stores.registry import Registry

# The server lives as long as the session, so every test has models of its own.
_numbers = itertools.count(1)


def fresh_name() -> str:
    """A model's name that no other test uses."""
    return f"model_{next(_numbers)}"


@dataclass(frozen=True)
class Shelf:
    """A model's candidates.

    Attributes:
        registry: Where they are logged.
        model: Whose they are.
    """

    registry: Registry
    model: str

    def log(self, train_key: str, *, tags: Mapping[str, str] | None = None) -> Candidate:
        """A complete training, as `find_candidate` finds it."""
        client, registry = self.registry._client, self.registry
        with registry.training(
            self.model, train_key=train_key, name=train_key, tags=tags or {}
        ) as run_id:
            experiment = client.get_run(run_id).info.experiment_id
            logged = client.create_logged_model(experiment, name="model", source_run_id=run_id)
            client.finalize_logged_model(logged.model_id, "READY")
            model_uri = f"models:/{logged.model_id}"
            for key, value in {MODEL_URI: model_uri, COMPLETE: "true"}.items():
                client.set_tag(run_id, key, value)
            client.set_terminated(run_id, "FINISHED")
        found = registry.find_candidate(self.model, train_key)
        assert found is not None
        return found

    def version(self, train_key: str) -> int:
        """A registered version."""
        candidate = self.log(train_key)
        return self.registry.ensure_version(self.model, candidate.model_uri, {})
