"""A model of tier high stands on code and configuration that somebody else has read.

The commit at which the model's folder stands carries a signed tag, or names a reviewer who is not
its author, and what runs is what that commit holds. Who wrote and who reviewed stays in the ledger
with the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import finding, not_applicable
from tradewind.records import Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 19
_GATE = "revision"
_SHORT = 12


class Found(Finding):
    """A commit, and who answers for it; empty where tier low asks nothing.

    Attributes:
        commit: In full.
        author: `Name <mail>`.
        reviewers: Who reviewed it and is not its author, each `Name <mail>`.
        tags: Its tags whose signature git could verify.
    """

    commit: str = ""
    author: str = ""
    reviewers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """See that somebody beside the author answers for the commit.

    Raises:
        EvidenceError: There is no commit to ask about, or what runs is not what it holds.
    """
    if model.risk_tier == "low":
        return not_applicable(_GATE, evidence, "Tier low asks for no reviewed revision.")
    found = finding(evidence, _GATE, Found)
    reviewed = bool(found.commit and (found.reviewers or found.tags))
    return GateResult(
        gate=_GATE,
        outcome="passed" if reviewed else "blocked",
        sentence=_sentence(found, model),
        figure=float(len(found.reviewers) + len(found.tags)),
        threshold=1.0,
        rows=evidence.rows,
        units=evidence.units,
    )


def _sentence(found: Found, model: ModelDefinition) -> str:
    commit = f"The commit {found.commit[:_SHORT]} by {found.author}"
    parts = [
        *([f"was reviewed by {', '.join(found.reviewers)}"] if found.reviewers else []),
        *([f"is signed as {', '.join(found.tags)}"] if found.tags else []),
    ]
    if parts:
        return f"{commit} {' and '.join(parts)}; definition and code are as it holds them."
    return (
        f"{commit} was reviewed by nobody else and has no tag whose signature can be verified, and "
        f"a model of tier {model.risk_tier} needs one of them: a trailer `Reviewed-by: Name <mail>`"
        " in the commit, or `git tag -s`."
    )
