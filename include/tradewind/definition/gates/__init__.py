"""What stands between a candidate and the registry: one section a gate, under the gate's name."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Section
from tradewind.definition.gates.behaviour import Behaviour
from tradewind.definition.gates.benchmark import Benchmark
from tradewind.definition.gates.calibration import Calibration
from tradewind.definition.gates.comparisons import BeatsChampion, BeatsNaive, Floor
from tradewind.definition.gates.downstream import Downstream
from tradewind.definition.gates.fairness import Fairness
from tradewind.definition.gates.fragility import Fragility
from tradewind.definition.gates.leakage import Leakage
from tradewind.definition.gates.poisoning import Poisoning
from tradewind.definition.gates.promotion_budget import PromotionBudget
from tradewind.definition.gates.service import Service
from tradewind.definition.gates.simplicity import Simplicity
from tradewind.definition.gates.slices import Slices
from tradewind.definition.gates.stability import Stability
from tradewind.definition.gates.waivers import Waiver


class Gates(Section):
    """What stands between a candidate and the registry. All are on."""

    threshold: dict[str, Floor] = {}
    """Floors by metric."""
    beats_naive: BeatsNaive = BeatsNaive()
    beats_champion: BeatsChampion = BeatsChampion()
    slices: Slices = Slices()
    fairness: Fairness = Fairness()
    leakage: Leakage = Leakage()
    fragility: Fragility = Fragility()
    behaviour: Behaviour = Behaviour()
    calibration: Calibration = Calibration()
    simplicity: Simplicity = Simplicity()
    service: Service = Service()
    poisoning: Poisoning = Poisoning()
    benchmark: Benchmark = Benchmark()
    stability: Stability = Stability()
    downstream: Downstream = Downstream()
    promotion_budget: PromotionBudget = PromotionBudget()
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of every one-sided bound that a gate compares."""
    waivers: list[Waiver] = []
    """Gates that are switched off, each by somebody, for a reason, until a day."""
