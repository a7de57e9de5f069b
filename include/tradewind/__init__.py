"""Tradewind: nightly machine-learning operations on Apache Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.notebook import training_frame

__version__ = "0.1.0"
__all__ = ["__version__", "training_frame"]


def __getattr__(name: str) -> Any:
    # Every DAG file imports this package, and the frame's libraries take seconds to load.
    if name == "training_frame":
        from tradewind.notebook import training_frame

        return training_frame
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
