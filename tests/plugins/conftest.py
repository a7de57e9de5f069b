"""The same configuration folder as the DAGs' tests have."""

from __future__ import annotations

from tests.dags.conftest import models_dir

__all__ = ["models_dir"]
