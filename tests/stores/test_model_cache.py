from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tradewind.errors import ModelRefusedError, RegistryError, RegistryUnavailableError
from tradewind.stores.model_cache import load_kept
from tradewind.stores.model_files import folder_digest, write_model
from tradewind.stores.pyfunc_files import MODEL_FOLDER

if TYPE_CHECKING:
    from tradewind.stores.stores import Stores

URI = "models:/m-abc123"
ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0]})


@dataclass
class Shelf:
    """Where a model is fetched from; it counts how often, and may be away."""

    files: Path
    fetched: int = 0
    away: bool = False

    def fetch(self, model_uri: str, folder: Path) -> tuple[Path, str]:
        if self.away:
            raise RegistryUnavailableError("MLflow is away")
        self.fetched += 1
        found = Path(shutil.copytree(self.files, folder / "files"))
        return found, folder_digest(found)


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    files = tmp_path_factory.mktemp("logged")
    metadata = {
        "model": "m", "candidate": "linear", "problem": "regression",
        "features": {"a": "numeric"}, "decision_threshold": None,
    }  # fmt: skip
    fitted = LinearRegression().fit(ROWS, np.array([0.0, 2.0, 4.0]))
    write_model(files / MODEL_FOLDER, fitted, metadata=metadata)
    return Shelf(files)


@pytest.fixture
def stores(tmp_path: Path, shelf: Shelf) -> Any:
    return SimpleNamespace(settings=SimpleNamespace(home=tmp_path), registry=shelf)


def kept_in(home: Path) -> list[Path]:
    return [folder for folder in (home / "models" / "m-abc123").iterdir() if len(folder.name) == 32]


def test_what_was_fetched_once_is_loaded_while_mlflow_is_away(stores: Stores, shelf: Shelf) -> None:
    load_kept(URI, stores=stores)
    shelf.away = True

    again = load_kept(URI, stores=stores)

    assert again.score(ROWS)["score"].round(6).tolist() == [0.0, 2.0, 4.0]
    assert shelf.fetched == 1


def test_kept_files_that_were_changed_are_fetched_again(
    stores: Stores, shelf: Shelf, tmp_path: Path
) -> None:
    load_kept(URI, stores=stores)
    (folder,) = kept_in(tmp_path)
    (folder / MODEL_FOLDER / "model.json").write_text("{}")

    load_kept(URI, stores=stores)

    assert shelf.fetched == 2
    assert folder_digest(folder) == folder.name
    (folder / "more").write_text("")
    shelf.away = True
    with pytest.raises(RegistryUnavailableError):
        load_kept(URI, stores=stores)


def test_what_the_cache_did_not_write_is_neither_used_nor_deleted(
    stores: Stores, tmp_path: Path
) -> None:
    others = tmp_path / "models" / "m-abc123" / "notes"
    others.mkdir(parents=True)
    (others / "mine.txt").write_text("keep me")

    load_kept(URI, stores=stores)
    load_kept(URI, stores=stores)

    assert (others / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize(
    "uri", ["models:/m-a/../../..", "models:/m-", "models:/m-a/b", "m-abc", "models:/m-a\n", "x"]
)
def test_an_address_that_leads_elsewhere_is_refused(
    stores: Stores, tmp_path: Path, uri: str
) -> None:
    precious = tmp_path / ("0" * 32)
    precious.mkdir()
    with pytest.raises((RegistryError, ModelRefusedError), match="no logged model"):
        load_kept(uri, stores=stores)
    assert precious.is_dir()
