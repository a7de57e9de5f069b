"""Whether tonight's data keep to what the training rows showed, and what has become of them if not.

A reference is made once of the days of the training rows, and each new night is held against those
days. What is looked for are faults of data: things that no weather, no season and no change of
business does, each with the name of what seems to have happened. A change of level, of mix or of a
relation is none of them: that is drift, and another part's business.

What cannot be seen: a fault that leaves a night like a sound one, such as precipitation in another
unit on a dry day, or two columns exchanged that are alike in everything.
"""

from tradewind.stats.contracts.detect import detect, night_figures
from tradewind.stats.contracts.reference import contract_reference
from tradewind.stats.contracts.rows import LocalTimes, local_times

__all__ = ["LocalTimes", "contract_reference", "detect", "local_times", "night_figures"]
