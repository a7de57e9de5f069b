"""A waiver must switch off a gate that there is, and only once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tradewind.definition.gates import Gates
from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found

_NO_GATES = {"confidence", "waivers"}
_SIGNED = ("acceptance", "harm_review", "revision")
"""Gates that other sections than `gates` ask for."""


def _waivers_name_gates(file: File) -> Found:
    gates = [*(name for name in Gates.model_fields if name not in _NO_GATES), *_SIGNED]
    named = [(path, file.text(*path, "gate")) for path in file.sections("gates", "waivers")]
    counts = Counter(gate for _, gate in named)
    for path, gate in named:
        if gate is not None and gate not in gates:
            yield (*path, "gate"), f"{gate!r} is no gate{nearest(gate, gates)}"
        elif gate is not None and counts[gate] > 1:
            yield (*path, "gate"), f"{gate} is switched off twice: say it once"


CHECKS: Checks = (_waivers_name_gates,)
