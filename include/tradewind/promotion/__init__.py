"""The one way to move a version in or out: the ledger decides, MLflow follows.

`promote` makes a version champion, `roll_back` gives the place back to one that had it before, and
`arms` let a version score beside the champion until a comparison ends it. `intended` is written,
the alias moved, `applied` written, all under the model's lock in the ledger's own database.
`intended` is committed before MLflow is touched, so that a crash in between leaves evidence: the
next run's `reconcile` finishes what was begun. An alias that differs once `applied` was written was
moved behind the ledger's back; that is reported, and the ledger stays right.

The new champion is compared with the one that the ledger names (compare-and-set), because MLflow's
aliases cannot be: reading one and then setting it lets two promotions of one predecessor win.
"""

from __future__ import annotations

from tradewind.promotion.arms import arm_refusal, conclude_arm, expire_arms, start_arm, stop_arm
from tradewind.promotion.following import CHALLENGER, CHAMPION, SERVING, SERVING_REASON, follow
from tradewind.promotion.moves import Promotion, promote, roll_back
from tradewind.promotion.reconciling import Reconciliation, reconcile
from tradewind.promotion.rules import Refusal, refusal_of
from tradewind.promotion.switching import switch_off

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "SERVING",
    "SERVING_REASON",
    "Promotion",
    "Reconciliation",
    "Refusal",
    "arm_refusal",
    "conclude_arm",
    "expire_arms",
    "follow",
    "promote",
    "reconcile",
    "refusal_of",
    "roll_back",
    "start_arm",
    "stop_arm",
    "switch_off",
]
