"""A model as MLflow serves it: a pyfunc from code around a model's two files.

The code is a copy of `scorer.py`, so that the artefact needs nothing of Tradewind where it is
served. The requirements are given, because inferring them would load the model in a subprocess.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.stores import scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

MODEL_FOLDER = Path("artifacts", "model")
"""Where a pyfunc's folder keeps the model's own two files."""

# What MLflow runs where the model is served: the scorer, above this in the same file, and this.
_ENTRY = '''

import mlflow  # noqa: E402


class Model(mlflow.pyfunc.PythonModel):
    """The scorer as MLflow calls it."""

    def load_context(self, context):
        """Load the model's files."""
        self.scorer = Scorer.open(context.artifacts["model"])

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Score a frame."""
        return self.scorer.score(model_input)


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
        files: The model's two files, in a folder named `model`.
        described: MLflow's description of the model, to be completed.
        example: A few rows of features.
        requirements: Pinned; what scoring needs.
    """
    import mlflow  # noqa: PLC0415 -- a second that only those pay who log a model

    with tempfile.TemporaryDirectory(prefix="tradewind-code-") as folder:
        code = Path(folder, "scorer.py")
        own = Path(scorer.__file__).read_text(encoding="utf-8")
        code.write_text(own + _ENTRY, encoding="utf-8")
        with warnings.catch_warnings():
            # What pandas says of MLflow's code is not for whoever reads the log of a training.
            warnings.simplefilter("ignore")
            mlflow.pyfunc.save_model(
                str(place),
                mlflow_model=described,
                python_model=str(code),
                artifacts={"model": str(files)},
                signature=_signature(files),
                input_example=example,
                pip_requirements=list(requirements),
            )
    for cache in place.rglob("__pycache__"):
        shutil.rmtree(cache)


def _signature(files: Path) -> Any:
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types.schema import AnyType, ColSpec, Schema  # noqa: PLC0415

    metadata = json.loads((files / scorer.METADATA_FILE).read_text(encoding="utf-8"))
    # Nulls must pass: a `boolean` column would refuse them, a `double` one would refuse booleans.
    kinds = {"numeric": "double", "categorical": "string", "boolean": AnyType()}
    inputs = [ColSpec(kinds[kind], name) for name, kind in metadata["features"].items()]
    outputs = {"score": "double", "decision": "long", "source": "string"}
    if metadata["decision_threshold"] is None:
        del outputs["decision"]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema([ColSpec(kind, name) for name, kind in outputs.items()]),
    )
