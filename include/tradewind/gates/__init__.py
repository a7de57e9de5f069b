"""What stands between a candidate and the registry: one module a gate, found by its name.

A gate only compares. It is a module of this package with `check(evidence, model) -> GateResult`
and `ORDER`, its place on the page; a new file is a new gate, and nothing else needs to change. A
module whose name begins with an underscore is none.

Whatever goes wrong inside a gate blocks, by name and reason: missing evidence, an empty table, a
NaN, an exception. Silence is never consent. A gate is switched off by a waiver only, which has a
name, a reason and a last day.

A gate that asks for more than figures defines the `Finding` it is given; the module of its name in
`tradewind.stages.examination` finds it.
"""

from __future__ import annotations

import logging
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

from tradewind.errors import TradewindError
from tradewind.gates._evidence import require_sound
from tradewind.records import GateResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tradewind.definition.gates.waivers import Waiver
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

log = logging.getLogger(__name__)


class Gate(Protocol):
    """A module that compares evidence with what the definition asks for."""

    ORDER: int

    def check(self, evidence: Evidence, model: ModelDefinition) -> GateResult:
        """Compare, and say in a sentence what follows."""


def find_gates() -> dict[str, Gate]:
    """Import every gate of this package, in the order they are shown in."""
    names = [module.name for module in iter_modules(__path__) if module.name[0] != "_"]
    gates = {name: cast("Gate", import_module(f"{__name__}.{name}")) for name in names}
    return dict(sorted(gates.items(), key=lambda named: (named[1].ORDER, named[0])))


def run_gates(
    evidence: Evidence, model: ModelDefinition, *, gates: Mapping[str, Gate] | None = None
) -> list[GateResult]:
    """Ask every gate.

    Args:
        evidence: Figures on the judged rows.
        model: What it asks for.
        gates: By name; every one that is found where nothing is said.

    Returns:
        One result a gate, in order; a gate that fails is among them as blocked.
    """
    asked = find_gates() if gates is None else gates
    return [_ask(name, gate, evidence, model) for name, gate in asked.items()]


def passed(results: list[GateResult]) -> bool:
    """Say whether a candidate may go on: no gate blocks, and at least one really passed it."""
    outcomes = [result.outcome for result in results]
    return "passed" in outcomes and "blocked" not in outcomes


def waiver_of(gate: str, model: ModelDefinition, *, day: date) -> Waiver | None:
    """Find who switched a gate off, if somebody did and it holds on this day."""
    declared = [one for one in model.gates.waivers if one.gate == gate and day <= one.until]
    return declared[0] if declared else None


def _ask(name: str, gate: Gate, evidence: Evidence, model: ModelDefinition) -> GateResult:
    waiver = waiver_of(name, model, day=evidence.day)
    if waiver is not None:
        return _waived(waiver, evidence)
    result = _answer(name, gate, evidence, model)
    expired = [one for one in model.gates.waivers if one.gate == name]
    if not expired:
        return result
    said = f"{result.sentence} A waiver by {expired[-1].by} ended on {expired[-1].until}."
    return result.model_copy(update={"sentence": said})


def _waived(waiver: Waiver, evidence: Evidence) -> GateResult:
    return GateResult(
        gate=waiver.gate,
        outcome="waived",
        sentence=waiver.sentence,
        rows=evidence.rows,
        units=evidence.units,
    )


def _answer(name: str, gate: Gate, evidence: Evidence, model: ModelDefinition) -> GateResult:
    try:
        require_sound(evidence, model)
        return gate.check(evidence, model)
    except TradewindError as error:
        reason = str(error)
    except Exception as error:  # whatever it is, it is no reason to let a model through
        log.exception("the gate %s failed", name)
        reason = f"the gate itself failed: {error!r}"
    return GateResult(
        gate=name,
        outcome="blocked",
        sentence=f"Blocked, because there is nothing sound to decide on: {reason}",
        rows=evidence.rows,
        units=evidence.units,
    )
