"""What the gates ask to be found: one module a gate, under the gate's name.

A module of this package has `TASK`, the task of the DAG that it runs in, and `gather(case)`, which
returns the `Finding` that the gate of its name defines. It gathers; what follows is the gate's to
say. A module whose name begins with an underscore is none.

The tasks run side by side: `probe` asks the finished model, `refit` learns again from the same
rows, `load_test` serves it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal, Protocol, cast

if TYPE_CHECKING:
    from tradewind.records import Finding
    from tradewind.stages._case import Case

Task = Literal["probe", "refit", "load_test"]


class Examiner(Protocol):
    """A module that finds what one gate decides on."""

    TASK: Task

    def gather(self, case: Case) -> Finding:
        """Find it.

        Raises:
            TradewindError: It is not to be had, and why; the gate blocks then.
        """


def find_examiners(task: Task) -> dict[str, Examiner]:
    """Import every examiner of a task, by its gate's name."""
    names = [module.name for module in iter_modules(__path__) if module.name[0] != "_"]
    found = {name: cast("Examiner", import_module(f"{__name__}.{name}")) for name in names}
    return {name: examiner for name, examiner in sorted(found.items()) if task == examiner.TASK}
