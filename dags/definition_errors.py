"""Shows every broken model definition as an import error of this file, file and line first.

It is a file of its own so that Airflow reports the broken ones here while the DAGs of all models
keep running: the broken one's with its last good definition.
"""

from __future__ import annotations

from tradewind.errors import DefinitionError
from tradewind.orchestration.models import broken_models

if problems := broken_models():
    raise DefinitionError(problems)
