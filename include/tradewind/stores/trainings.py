"""Trainings in MLflow: one experiment a model, a run a training, a nested run a trial.

MLflow's own digests look at the first 10,000 rows and its files carry none, so that all digests
here are ours. A training is complete when its last tag says so. What a killed task left is closed
as KILLED by the next training of that model, and is never used again.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.errors import ModelRefusedError
from tradewind.stores.logged_models import why_deleted
from tradewind.stores.mlflow_access import MlflowServer, model_id, model_uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from tradewind.stores.scorer import Scorer

KIND, TRAIN_KEY, COMPLETE = "tradewind.kind", "tradewind.train_key", "tradewind.complete"
TRAINING, TRIAL = "training", "trial"
FILES_DIGEST, MODEL_URI = "tradewind.files_digest", "tradewind.model_uri"
SUPERSEDED_BY, ERROR = "tradewind.superseded_by", "tradewind.error"
_LONGEST_TAG = 5_000


@dataclass(frozen=True)
class Candidate:
    """A complete training: its run, its logged model, and what its tags say."""

    run_id: str
    model_uri: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TrialLog:
    """What MLflow is told of one trial.

    Attributes:
        metrics: By name, one figure for each rung of the search.
        error: Why it failed; None where it did not.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, list[float]]
    tags: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class CandidateLog:
    """What MLflow is told of a finished model.

    Attributes:
        params: What decided the outcome.
        metrics: Figures of the select stretch, and counts.
        rows: What it was learned from.
        example: A few rows of features.
        requirements: Pinned; what scoring needs, no more.
        tags: Kept with the run and with the model.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    rows: DatasetLog
    example: pd.DataFrame
    requirements: Sequence[str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class DatasetLog:
    """What MLflow is told of the rows: where they are and their digest, never the rows."""

    name: str
    digest: str
    uri: str
    rows: int


@dataclass(frozen=True)
class LoadedModel:
    """A model whose files are those that were logged, ready to score.

    Attributes:
        metadata: What travels with it: `features` and their types, `decision_threshold`,
            `train_key`, `origin`, up to when it was trained (`fit_end`, `trained_until`,
            `last_training_label`), and from format 2 on the naive rule and what it was trained on.
    """

    model_uri: str
    metadata: Mapping[str, Any]
    scorer: Scorer = field(repr=False)

    def score(self, frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
        """Score rows: `score`, for a binary problem `decision`, and `source`, on their index.

        Args:
            frame: One row an entity, with the features' columns.
            **options: Of `Scorer.score`: what puts rows on fallback, and how many reasons.
        """
        return self.scorer.score(frame, **options)

    def beside(self, name: str) -> bytes:
        """A file that was laid beside the model when it was written.

        Raises:
            ModelRefusedError: There is none of that name.
        """
        if name not in self.scorer.beside:
            there = ", ".join(self.scorer.beside) or "nothing"
            raise ModelRefusedError(
                f"{self.model_uri}: no {name} was stored with it; beside it lies {there}"
            )
        return self.scorer.beside[name]


def open_logged(place: Path, model_uri: str) -> LoadedModel:
    """Load a model from the files that were logged.

    Raises:
        ModelRefusedError: They cannot be read, or name a type that may not be loaded.
    """
    from tradewind.stores.model_files import open_model  # noqa: PLC0415
    from tradewind.stores.pyfunc_files import MODEL_FOLDER  # noqa: PLC0415

    scorer = open_model(place / MODEL_FOLDER)
    return LoadedModel(model_uri, scorer.metadata, scorer)


class Trainings(MlflowServer):
    """Trainings and the models that they logged.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.
    """

    def find_candidate(self, model: str, train_key: str) -> Candidate | None:
        """The complete training of this key, if there is one and its model is still in place."""
        with self._asking(f"the training {train_key} of {model}"):
            experiment = self._client.get_experiment_by_name(model)
            if experiment is None:
                return None
            wanted = f"tags.`{TRAIN_KEY}` = '{train_key}' and tags.`{COMPLETE}` = 'true'"
            runs = self._client.search_runs([experiment.experiment_id], wanted, max_results=1)
            if not runs or not self._is_ready(runs[0].data.tags[MODEL_URI]):
                return None
            run_id, tags = runs[0].info.run_id, dict(runs[0].data.tags)
            if runs[0].info.status != "FINISHED":
                self._client.set_terminated(run_id, "FINISHED")
            return Candidate(run_id, tags[MODEL_URI], tags)

    @contextmanager
    def training(
        self, model: str, *, train_key: str, name: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open the run of a training and give its id; an error inside marks it FAILED.

        Whoever trains holds the model's lease, so a run of this model that is still open was left
        by a killed task: it is closed as KILLED, and what it logged of a model is deleted.

        Args:
            model: Whose experiment.
            train_key: Of everything that decides the outcome.
            name: Shown in MLflow.
            tags: Where the training came from.
        """
        with self._asking(f"a training of {model}"):
            experiment = self._experiment(model)
            own = {**tags, KIND: TRAINING, TRAIN_KEY: train_key}
            run_id = self._client.create_run(experiment, run_name=name, tags=own).info.run_id
            self._close_abandoned(experiment, successor=run_id)
        try:
            yield run_id
        except BaseException as error:
            with self._asking(f"a note on the failed training {run_id}"):
                self._client.set_tag(run_id, ERROR, str(error)[:_LONGEST_TAG])
                self._client.set_terminated(run_id, "FAILED")
            raise

    def log_trials(self, run_id: str, trials: Sequence[TrialLog]) -> None:
        """Log each trial of a training as a nested run."""
        with self._asking(f"the trials of {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
            for trial in trials:
                self._log_trial(trial, experiment, parent=run_id)

    def log_candidate(self, run_id: str, files: Path, told: CandidateLog) -> Candidate:
        """Log the model of a training with all that is known of it, and complete the run.

        Args:
            run_id: The training's run.
            files: The folder that `model_files.write_model` wrote, named `model`.
            told: All that is known of it.
        """
        with self._asking(f"the model of {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
            figures = {name: [figure] for name, figure in told.metrics.items()}
            self._write_down(run_id, params=told.params, metrics=figures)
            self._client.log_inputs(run_id, datasets=[self._dataset(told.rows)])
            logged = self._client.create_logged_model(experiment, files.name, run_id)
            digest = self._upload(logged, files, run_id, told)
            kept = {**told.tags, FILES_DIGEST: digest, MODEL_URI: model_uri(logged.model_id)}
            self._client.set_logged_model_tags(logged.model_id, kept)
            self._client.finalize_logged_model(logged.model_id, "READY")
            self._write_down(run_id, tags=kept)
            # The last word: a run without it is not used.
            self._client.set_tag(run_id, COMPLETE, "true")
            self._client.set_terminated(run_id, "FINISHED")
            return Candidate(run_id, kept[MODEL_URI], {**kept, COMPLETE: "true"})

    def annotate(
        self, run_id: str, model_uri: str, *, tags: Mapping[str, str], metrics: Mapping[str, float]
    ) -> None:
        """Add what became of a model, its verdict and judged figures, to its run and to itself."""
        with self._asking(f"notes on {model_uri}"):
            figures = {name: [figure] for name, figure in metrics.items()}
            identifier = model_id(model_uri)
            self._write_down(run_id, tags=tags, metrics=figures, identifier=identifier)
            if tags:
                self._client.set_logged_model_tags(identifier, dict(tags))

    def attach(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Lay texts beside a run, by path; what lies there already is written over.

        The model's own files stay as they were logged: their digest is held at each loading.
        """
        with self._asking(f"what is laid beside {run_id}"):
            for path, text in texts.items():
                self._client.log_text(run_id, text, path)

    def load(self, model_uri: str) -> LoadedModel:
        """Fetch a model, hold that its files are those that were logged, and load it.

        Args:
            model_uri: `models:/m-…`, as a training or a version names it.

        Raises:
            ModelRefusedError: A file is not what was logged, or a type may not be loaded.
        """
        with tempfile.TemporaryDirectory(prefix="tradewind-model-") as folder:
            place, _ = self.fetch(model_uri, Path(folder))
            return open_logged(place, model_uri)

    def fetch(self, model_uri: str, folder: Path) -> tuple[Path, str]:
        """Fetch a model's files, and hold that they are those that were logged.

        Args:
            model_uri: `models:/m-…`, as a training or a version names it.
            folder: Where to; what lies below it is the caller's.

        Returns:
            The folder with the files, and their digest.

        Raises:
            ModelRefusedError: A file is not what was logged.
        """
        from tradewind.stores.model_files import folder_digest  # noqa: PLC0415

        with self._asking(f"the model {model_uri}"):
            logged = self._client.get_logged_model(model_id(model_uri))
            if why := why_deleted(logged.tags):
                raise ModelRefusedError(
                    f"{model_uri}: its files were deleted for good on {why}. Train the model again"
                )
            place = self._mlflow.artifacts.download_artifacts(
                logged.artifact_location, dst_path=str(folder), tracking_uri=self.address
            )
        found, recorded = folder_digest(Path(place)), logged.tags.get(FILES_DIGEST)
        if found != recorded:
            raise ModelRefusedError(
                f"{model_uri}: its files have the digest {found}, and {recorded} was logged: "
                "they were changed behind our back, or never completed; train it again"
            )
        return Path(place), found

    def _experiment(self, model: str) -> str:
        found = self._client.get_experiment_by_name(model)
        if found is None:
            self._unless_there(self._client.create_experiment, model)
            found = self._client.get_experiment_by_name(model)
        return str(found.experiment_id)

    def _close_abandoned(self, experiment: str, *, successor: str) -> None:
        for run in self._client.search_runs([experiment], "attributes.status = 'RUNNING'"):
            run_id, tags = run.info.run_id, run.data.tags
            # Whoever explores in the same experiment is left alone: only our own are ended.
            ours = tags.get(KIND) in (TRAINING, TRIAL)
            if not ours or run_id == successor or tags.get(COMPLETE) == "true":
                continue
            self._client.set_tag(run_id, SUPERSEDED_BY, successor)
            self._client.set_terminated(run_id, "KILLED")
            of_this_run = f"source_run_id = '{run_id}'"
            for left in self._client.search_logged_models([experiment], of_this_run):
                self._client.delete_logged_model(left.model_id)

    def _log_trial(self, trial: TrialLog, experiment: str, *, parent: str) -> None:
        failed = {ERROR: trial.error[:_LONGEST_TAG]} if trial.error else {}
        tags = {**trial.tags, **failed, KIND: TRIAL, "mlflow.parentRunId": parent}
        nested = self._client.create_run(experiment, run_name=trial.name, tags=tags)
        self._write_down(nested.info.run_id, params=trial.params, metrics=trial.metrics)
        self._client.set_terminated(nested.info.run_id, "FAILED" if failed else "FINISHED")

    def _is_ready(self, model_uri: str) -> bool:
        logged = self._found(self._client.get_logged_model, model_id(model_uri))
        if logged is None or why_deleted(logged.tags):
            return False
        return str(logged.status) == "READY"

    def _dataset(self, rows: DatasetLog) -> Any:
        entities = self._mlflow.entities
        dataset = entities.Dataset(
            name=rows.name,
            digest=rows.digest,
            source_type="s3" if rows.uri.startswith("s3:") else "local",
            source=json.dumps({"uri": rows.uri}),
            profile=json.dumps({"rows": rows.rows}),
        )
        return entities.DatasetInput(
            dataset, [entities.InputTag("mlflow.data.context", "training")]
        )

    def _upload(self, logged: Any, files: Path, run_id: str, told: CandidateLog) -> str:
        from tradewind.stores.model_files import folder_digest  # noqa: PLC0415
        from tradewind.stores.pyfunc_files import save_pyfunc  # noqa: PLC0415

        described = self._mlflow.models.Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
            run_id=run_id,
        )
        with tempfile.TemporaryDirectory(prefix="tradewind-model-") as folder:
            place = Path(folder, "pyfunc")
            save_pyfunc(
                place,
                files,
                described=described,
                example=told.example,
                requirements=told.requirements,
            )
            self._client.log_model_artifacts(logged.model_id, str(place))
            output = self._mlflow.entities.LoggedModelOutput(logged.model_id, step=0)
            self._client.log_outputs(run_id, [output])
            return folder_digest(place)
