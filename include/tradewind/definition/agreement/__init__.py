"""Where the sections of a definition must agree with each other, with the folder and the files.

The checks look at the file's plain values, not at the typed model, so that a wrong name is reported
together with the wrong types of other sections. What has no sound form is passed over here: the
typed schema has already said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.agreement import (
    approval,
    beside,
    gates_behaviour,
    gates_benchmark,
    gates_fairness,
    gates_leakage,
    gates_slices,
    governance,
    learning,
    nightly,
    permissions,
    personal,
    schedule,
    sources,
    waivers,
)
from tradewind.definition.agreement.file import File
from tradewind.definition.problems import at_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tradewind.definition.yaml_lines import Document, KeyPath, Problem

_PARTS = (
    beside,
    sources,
    personal,
    learning,
    waivers,
    gates_behaviour,
    gates_benchmark,
    gates_fairness,
    gates_leakage,
    gates_slices,
    nightly,
    governance,
    approval,
    permissions,
    schedule,
)
_CHECKS = tuple(check for part in _PARTS for check in part.CHECKS)


def disagreements(
    document: Document, files: Mapping[str, str], *, folder: str | None
) -> Iterator[tuple[KeyPath, Problem]]:
    """Find what does not agree.

    Args:
        document: model.yaml, a section at its top.
        files: Text by name, as `FrozenDefinition.files`.
        folder: Name of the model's folder; None where it is not read from a folder.

    Yields:
        The path in the file that each problem is about, and the problem.
    """
    file = File(document, files, folder)
    for check in _CHECKS:
        for path, said in check(file):
            yield path, at_value(document, path, said)
