"""A model as MLflow serves it: a pyfunc from code around a model's files.

The code is a copy of `scorer.py` and its neighbours, so that the artefact needs nothing of
Tradewind where it is served. The requirements are given, because inferring them would load the
model in a subprocess.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.stores.online import UNKNOWN_CALLER
from tradewind.stores.scorer import METADATA_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

MODEL_FOLDER = Path("artifacts", "model")
"""Where a pyfunc's folder keeps the model's own files."""

TRAVELLING = (
    *(
        "casting",
        "fallback",
        "online",
        "prediction_schema",
        "reasons",
        "scorer",
        "shapley",
        "telling",
        "trees",
    ),
)
"""The modules of this package that go with each model, and import nothing else of Tradewind."""
DEFAULT_REASONS = 3
_OUTPUTS = {"score": "double", "decision": "long", "source": "string", "logged": "boolean"}
# Those that may be null, or hold lists.
_FREE_OUTPUTS = (
    *("fallback_reason", "model_score", "naive_score", "reasons", "version", "judged"),
    *("data_digest", "card", "note"),
)

# What MLflow runs where the model is served.
_ENTRY = '''"""The model as MLflow calls it."""

import mlflow
import pandas as pd
from {package}.online import NotLoggedError, OnlineModel


class Model(mlflow.pyfunc.PythonModel):
    """A stored model that answers with score, decision, source and reasons, and logs each call."""

    def load_context(self, context):
        """Load the model's files."""
        self.online = OnlineModel.open(context.artifacts["model"])

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Score a frame."""
        try:
            return self.online.answer(model_input, params)
        except NotLoggedError as error:
            raise mlflow.MlflowException(str(error)) from error


mlflow.models.set_model(Model())
'''


def save_pyfunc(
    place: Path,
    files: Path,
    *,
    described: Any,
    example: pd.DataFrame,
    requirements: Sequence[str],
) -> None:
    """Write the folder that MLflow loads a model from.

    Args:
        place: The folder; it must not be there.
        files: The model's files, in a folder named `model`.
        described: MLflow's description of the model, to be completed.
        example: A few rows of features.
        requirements: Pinned; what scoring needs.
    """
    import mlflow  # noqa: PLC0415 -- a second that only those pay who log a model

    with _code() as (entry, package), warnings.catch_warnings():
        # What pandas says of MLflow's code is not for whoever reads the log of a training.
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(place),
            mlflow_model=described,
            python_model=str(entry),
            code_paths=[str(package)],
            artifacts={"model": str(files)},
            signature=_signature(files),
            input_example=example,
            pip_requirements=list(requirements),
        )
    for cache in place.rglob("__pycache__"):
        shutil.rmtree(cache)


@contextmanager
def _code() -> Iterator[tuple[Path, Path]]:
    """The file that MLflow runs and the package it imports, where both can be found."""
    here = Path(__file__).parent
    texts = {f"{name}.py": (here / f"{name}.py").read_text(encoding="utf-8") for name in TRAVELLING}
    # Named by its content: models of two versions may be loaded side by side.
    digest = hashlib.blake2b(json.dumps(texts).encode(), digest_size=6).hexdigest()
    with tempfile.TemporaryDirectory(prefix="tradewind-code-") as folder:
        package = Path(folder, f"tradewind_served_{digest}")
        package.mkdir()
        said = '"""How the model answers: a copy of what scores every night."""\n'
        for name, text in {"__init__.py": said, **texts}.items():
            (package / name).write_text(text, encoding="utf-8")
        entry = Path(folder, "model.py")
        entry.write_text(_ENTRY.format(package=package.name), encoding="utf-8")
        # MLflow runs the file once before it stores it.
        sys.path.insert(0, folder)
        try:
            yield entry, package
        finally:
            sys.path.remove(folder)


def _signature(files: Path) -> Any:
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import DataType, ParamSchema, ParamSpec  # noqa: PLC0415
    from mlflow.types.schema import AnyType, ColSpec, Schema  # noqa: PLC0415

    metadata = json.loads((files / METADATA_FILE).read_text(encoding="utf-8"))
    # Nulls must pass: a `boolean` column would refuse them, a `double` one would refuse booleans.
    kinds = {"numeric": "double", "categorical": "string", "boolean": AnyType()}
    inputs = [ColSpec(kinds[kind], name) for name, kind in metadata["features"].items()]
    # Who the rows are of: for the log, and left out by whoever does not know.
    named = [*metadata.get("entity_key", {}), "event_time", "prediction_time"]
    others = [name for name in dict.fromkeys(named) if name not in metadata["features"]]
    inputs += [ColSpec(AnyType(), name, required=False) for name in others]
    outputs = {name: ColSpec(kind, name) for name, kind in _OUTPUTS.items()}
    outputs |= {name: ColSpec(AnyType(), name) for name in _FREE_OUTPUTS}
    if metadata["decision_threshold"] is None:
        del outputs["decision"]
    params = [
        ParamSpec("caller", DataType.string, UNKNOWN_CALLER),
        ParamSpec("reasons", DataType.long, DEFAULT_REASONS),
    ]
    return ModelSignature(
        inputs=Schema(inputs), outputs=Schema(list(outputs.values())), params=ParamSchema(params)
    )
