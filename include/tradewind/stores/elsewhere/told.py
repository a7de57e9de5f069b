"""What MLflow is told of runs, models and versions: names, params, tags, inputs, descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tradewind.stores.elsewhere.changing import changed_text
from tradewind.stores.elsewhere.records import Finding, Searched, Unsearched
from tradewind.stores.mlflow_access import MlflowServer
from tradewind.stores.mlflow_contents import every, every_experiment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.stores.needles import Needles

_FOR_GOOD = "MLflow changes it in its database only: define the connection to that"


@dataclass(frozen=True)
class _Text:
    """A text that MLflow has.

    Attributes:
        place: Whose it is, and what.
        put: Says another in its place; None where MLflow does not let that be said.
    """

    place: str
    text: str
    put: Callable[[str], Any] | None = None


class Told(MlflowServer):
    """What an MLflow server says of everything in it, of what was deleted too where it does.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.
    """

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """How many texts there are, and which hold a needle; all that is said can be read."""
        rows = size = 0
        found = []
        with self._asking("what it says of runs and models"):
            for text in self._texts():
                rows, size = rows + 1, size + len(text.text.encode())
                if needles.spans_in(text.text):
                    found.append(Finding(needles.taken_out(text.place), 1))
        return Searched("MLflow, names, params, tags and inputs", rows=rows, bytes=size), found, []

    def erase(self, needles: Needles) -> list[Finding]:
        """Say everything anew that holds a needle and may be said anew.

        Returns:
            What was found; what is found still says why it is kept.
        """
        found = []
        with self._asking("what it says of runs and models"):
            for text in [*self._texts()]:
                if needles.spans_in(text.text):
                    why = self._say(text, needles)
                    found.append(Finding(needles.taken_out(text.place), 1, why))
        return found

    def _say(self, text: _Text, needles: Needles) -> str:
        """Say a text anew; why it stays, if it does."""
        if text.put is None:
            return _FOR_GOOD
        try:
            text.put(changed_text(text.text, needles))
        except self._mlflow.MlflowException:
            # Whatever belongs to what is deleted. Its message may quote the text.
            return _FOR_GOOD
        return ""

    def _texts(self) -> Iterator[_Text]:
        from mlflow.entities import ViewType  # noqa: PLC0415 -- MLflow takes a second

        for experiment in every_experiment(self._client):
            number = experiment.experiment_id
            where = f"MLflow, experiment {number}"
            yield _Text(f"{where}, name", experiment.name)
            yield from _tags(where, experiment.tags, self._client.set_experiment_tag, number)
            runs = {"experiment_ids": [number], "run_view_type": ViewType.ALL}
            for run in every(self._client.search_runs, **runs):
                yield from self._of_run(run)
            for model in every(self._client.search_logged_models, experiment_ids=[number]):
                yield from self._of_logged(model)
        for registered in every(self._client.search_registered_models):
            yield from self._of_registered(registered)
        for version in every(self._client.search_model_versions):
            yield from self._of_version(version)

    def _of_run(self, run: Any) -> Iterator[_Text]:
        run_id = run.info.run_id
        where = f"MLflow, run {run_id}"
        name = run.info.run_name or ""
        yield _Text(f"{where}, name", name, lambda n: self._client.update_run(run_id, name=n))
        yield from _fixed(f"{where}, param", run.data.params)
        yield from _tags(where, run.data.tags, self._client.set_tag, run_id)
        for number, given in enumerate(run.inputs.dataset_inputs if run.inputs else ()):
            yield from _fixed(f"{where}, input {number}", dict(given.dataset))
            yield from _fixed(
                f"{where}, input {number}", {tag.key: tag.value for tag in given.tags}
            )

    def _of_logged(self, model: Any) -> Iterator[_Text]:
        where = f"MLflow, logged model {model.model_id}"
        yield _Text(f"{where}, name", model.name or "")
        yield from _fixed(f"{where}, param", model.params)

        def put(identifier: str, name: str, value: str) -> None:
            self._client.set_logged_model_tags(identifier, {name: value})

        yield from _tags(where, model.tags, put, model.model_id)

    def _of_registered(self, model: Any) -> Iterator[_Text]:
        where = f"MLflow, registered model {model.name}"
        yield _Text(f"{where}, name", model.name)
        yield _Text(
            f"{where}, description",
            model.description or "",
            lambda said: self._client.update_registered_model(model.name, said),
        )
        yield from _fixed(f"{where}, alias", model.aliases)
        yield from _tags(where, model.tags, self._client.set_registered_model_tag, model.name)

    def _of_version(self, version: Any) -> Iterator[_Text]:
        name, number = version.name, version.version
        where = f"MLflow, version {number} of {name}"
        yield _Text(
            f"{where}, description",
            version.description or "",
            lambda said: self._client.update_model_version(name, number, said),
        )
        yield from _fixed(where, {"source": version.source, "run link": version.run_link})
        put = self._client.set_model_version_tag
        yield from _tags(where, version.tags, put, name, number)


def _tags(where: str, tags: Any, put: Callable[..., Any], *whose: str) -> Iterator[_Text]:
    for name, value in tags.items():
        yield _Text(f"{where}, name of the tag {name}", name)
        yield _Text(f"{where}, tag {name}", value, partial(put, *whose, name))


def _fixed(where: str, texts: Any) -> Iterator[_Text]:
    """Texts that MLflow lets nobody say anew."""
    for name, value in texts.items():
        yield _Text(f"{where} {name}", f"{name}\n{'' if value is None else value}")
