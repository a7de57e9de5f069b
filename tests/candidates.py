"""Logged models in a real MLflow server with nothing in them, for tests of what becomes of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.records import Stretch, TrainedModel
from tradewind.stores.trainings import COMPLETE, MODEL_URI, Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradewind.stores.registry import Registry

# The server lives as long as the session, so every test has models of its own.
_numbers = itertools.count(1)


def fresh_name() -> str:
    """A model's name that no other test uses."""
    return f"model_{next(_numbers)}"


def trained_model(run_id: str, model_uri: str, *, as_of: datetime, key: str) -> TrainedModel:
    """What the stage `train` hands on of a candidate; what it learned from says nothing."""
    stretch = Stretch(start=as_of - timedelta(days=1), end=as_of, rows=1, units=1)
    return TrainedModel(
        train_key=key,
        candidate="boosting",
        run_id=run_id,
        model_uri=model_uri,
        prediction_digest="predictions",
        decision_threshold=0.5,
        calibration="none",
        trials=1,
        fit=stretch,
        select=stretch,
        judge=stretch,
    )


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
