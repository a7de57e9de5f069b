"""Files in MLflow's store of artefacts: of runs and logged models, of deleted ones as well.

The store is listed as a whole, so that what no run names any more is found too. What may be changed
is uploaded over its own path. A logged model is held against the digest of all its files when it
is loaded: its own, which it decides by, are never changed; where one beside them is (an example, a
description), the digest is recorded anew.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.stores.elsewhere.changing import UnchangeableError, changed
from tradewind.stores.elsewhere.contents import look_into
from tradewind.stores.elsewhere.records import Finding, Unsearched, together
from tradewind.stores.mlflow_access import MlflowServer, model_uri
from tradewind.stores.mlflow_contents import artefact_store, every, every_experiment, files_in
from tradewind.stores.trainings import FILES_DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.stores.elsewhere.records import Searched
    from tradewind.stores.needles import Needles

_ROOT = "mlflow-artifacts:/"
_OF_MODEL = re.compile(
    r"(?P<folder>(?:.*/)?models/(?P<id>m-[A-Za-z0-9_-]+)/artifacts)/(?P<rest>.+)"
)
_OWN = "artifacts/model/"
# What a model's digest will be once its examples are changed: who finds it goes on from there.
_DIGEST_AFTER = "tradewind.files_digest_after"
_OWN_FILE = "a model decides by it: it is not changed, only deleted with the model's other files"
_NAMED = "its name holds it: delete it in MLflow's store"


@dataclass(frozen=True)
class _File:
    """A file that was looked into.

    Attributes:
        path: From the root of the store.
        count: How often needles stand in it and in its path.
        named: Whether they stand in its path.
        unread: Why some of it could not be looked into.
    """

    path: str
    bytes: int
    count: int
    named: bool
    unread: str

    @property
    def of_model(self) -> re.Match[str] | None:
        """The parts of its path, if it is a logged model's."""
        return _OF_MODEL.fullmatch(self.path)

    @property
    def model_uri(self) -> str | None:
        """The logged model whose file it is."""
        return model_uri(self.of_model["id"]) if self.of_model else None

    @property
    def is_own(self) -> bool:
        """Whether a model decides by it."""
        return self.of_model is not None and self.of_model["rest"].startswith(_OWN)


class Artefacts(MlflowServer):
    """The store behind an MLflow server that serves its artefacts.

    Every method raises RegistryError, naming the server, where it does not answer or refuses.
    """

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """What there is to look at, how often needles stand where, and what could not be read."""
        files = [*self._files(needles)]
        whole, _, unread = together(
            "MLflow, artefacts", ((self._place(file.path, needles), file) for file in files)
        )
        # What a model decides by is told with the model.
        found = [self._finding(file, needles) for file in files if file.count]
        return whole, found, [*unread, *self._not_served(needles)]

    def erase(self, needles: Needles) -> list[Finding]:
        """Change every file that holds a needle and may be changed.

        Returns:
            What was found; what is found still says why it is kept.
        """
        self._go_on()
        files = [file for file in self._files(needles) if file.count]
        by_folder: dict[str, list[_File]] = {}
        for file in files:
            folder = file.of_model["folder"] if file.of_model else ""
            by_folder.setdefault(folder, []).append(file)
        found = []
        for folder, held in by_folder.items():
            with tempfile.TemporaryDirectory(prefix="tradewind-artefacts-") as scratch:
                if folder:
                    found += self._erase_of_model(folder, held, needles, Path(scratch))
                else:
                    found += [self._erase_file(file, needles, Path(scratch)) for file in held]
        return found

    @cached_property
    def _store(self) -> Any:
        return artefact_store(_ROOT, self.address)

    def _files(self, needles: Needles) -> Iterator[_File]:
        with self._asking("its artefacts"):
            for path in (file.path for file in files_in(self._store)):
                named = len(needles.spans_in(path))
                with self._fetched(path) as local, local.open("rb") as content:
                    looked = look_into(content, needles)
                yield _File(path, looked.bytes, looked.count + named, bool(named), looked.unread)

    @contextmanager
    def _fetched(self, path: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="tradewind-artefact-") as folder:
            local = Path(folder, path.rpartition("/")[2])
            # What downloads a folder or a file asks three times which of them it is.
            self._store._download_file(path, str(local))  # noqa: SLF001
            yield local

    def _not_served(self, needles: Needles) -> list[Unsearched]:
        """Experiments whose artefacts lie elsewhere than behind the server."""
        with self._asking("where its artefacts are"):
            return [
                Unsearched(
                    needles.taken_out(f"MLflow, artefacts at {experiment.artifact_location}"),
                    "they are not behind MLflow's server",
                )
                for experiment in every_experiment(self._client)
                if not experiment.artifact_location.startswith(_ROOT)
            ]

    def _erase_file(self, file: _File, needles: Needles, scratch: Path) -> Finding:
        with self._asking(f"a change of {self._place(file.path, needles)}"):
            local = Path(self._store.download_artifacts(file.path, str(scratch)))
            why = _change(local, needles)
            if not why:
                self._upload(local, file.path)
        return self._finding(file, needles, why or (_NAMED if file.named else ""))

    def _erase_of_model(
        self, folder: str, files: Sequence[_File], needles: Needles, scratch: Path
    ) -> list[Finding]:
        """Change what lies beside a model's own files, and record the digest of all of them."""
        from tradewind.stores.model_files import folder_digest  # noqa: PLC0415 -- scikit-learn

        identifier = _OF_MODEL.fullmatch(files[0].path)["id"]  # type: ignore[index]
        found, new = [], []
        with self._asking(f"a change of files beside {model_uri(identifier)}"):
            logged = self._found(self._client.get_logged_model, identifier)
            local = Path(self._store.download_artifacts(folder, str(scratch)))
            before = folder_digest(local)
            for file in files:
                rest = file.path.removeprefix(f"{folder}/")
                why = _OWN_FILE if file.is_own else _change(local / rest, needles)
                new += [] if why else [rest]
                found.append(self._finding(file, needles, why or (_NAMED if file.named else "")))
            # What was changed behind our back stays refused when it is loaded.
            tags = {} if logged is None else logged.tags
            is_ours = before == tags.get(FILES_DIGEST) or _DIGEST_AFTER in tags
            if new and is_ours:
                after = {_DIGEST_AFTER: folder_digest(local)}
                self._client.set_logged_model_tags(identifier, after)
            for rest in new:
                self._upload(local / rest, f"{folder}/{rest}")
            if new and is_ours:
                self._record(identifier, folder_digest(local), logged.source_run_id)
        return found

    def _go_on(self) -> None:
        """Finish what was interrupted between a change of files and the record of their digest."""
        from tradewind.stores.model_files import folder_digest  # noqa: PLC0415 -- scikit-learn

        with self._asking("models whose files are being changed"):
            for logged in self._interrupted():
                with tempfile.TemporaryDirectory(prefix="tradewind-artefacts-") as scratch:
                    store = artefact_store(logged.artifact_location, self.address)
                    digest = folder_digest(Path(store.download_artifacts("", scratch)))
                if digest == logged.tags[_DIGEST_AFTER]:
                    self._record(logged.model_id, digest, logged.source_run_id)

    def _interrupted(self) -> list[Any]:
        wanted = f"tags.`{_DIGEST_AFTER}` != ''"
        return [
            logged
            for experiment in every_experiment(self._client)
            for logged in every(
                self._client.search_logged_models,
                experiment_ids=[experiment.experiment_id],
                filter_string=wanted,
            )
        ]

    def _record(self, identifier: str, digest: str, run_id: str | None) -> None:
        self._client.set_logged_model_tags(identifier, {FILES_DIGEST: digest})
        self._client.delete_logged_model_tag(identifier, _DIGEST_AFTER)
        if run_id:
            # Of a run that is deleted nothing can be said any more.
            with suppress(self._mlflow.MlflowException):
                self._client.set_tag(run_id, FILES_DIGEST, digest)

    def _upload(self, local: Path, path: str) -> None:
        self._store.log_artifact(str(local), path.rpartition("/")[0] or None)

    def _finding(self, file: _File, needles: Needles, why: str = "") -> Finding:
        holds = file.model_uri if file.is_own or (why and not file.named) else None
        return Finding(self._place(file.path, needles), file.count, why, holds)

    def _place(self, path: str, needles: Needles) -> str:
        return needles.taken_out(f"MLflow, artefact {path}")


def _change(local: Path, needles: Needles) -> str:
    """Change a file; why it cannot be changed, if it cannot."""
    try:
        content = changed(local.read_bytes(), needles)
    except UnchangeableError as error:
        return str(error)
    local.write_bytes(content)
    return ""
