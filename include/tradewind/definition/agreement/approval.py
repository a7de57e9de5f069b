"""Who approves must be declared where an approval is needed, and only there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found

_PEOPLE = {"high": 1, "critical": 2}


def _enough_reviewers_are_declared(file: File) -> Found:
    tier, approval = file.text("risk_tier"), file.text("promotion", "approval")
    needed = _PEOPLE.get(tier or "low", int(approval == "required"))
    known = len({name for _, name in file.names("promotion", "reviewers")})
    if known < needed:
        by_tier = tier in _PEOPLE
        asked = f"`risk_tier: {tier}`" if by_tier else "`approval: required`"
        people = "one reviewer's" if needed == 1 else "two different reviewers'"
        yield (
            ("risk_tier",) if by_tier else ("promotion", "approval"),
            f"{asked} needs {people} approval: name at least {needed} in `promotion.reviewers`",
        )


def _reviewers_are_asked(file: File) -> Found:
    tier, approval = file.text("risk_tier"), file.text("promotion", "approval")
    if tier in _PEOPLE or approval == "required":
        return
    for key in ("reviewers", "approve_within"):
        if file.section("promotion").get(key):
            said = (
                f"nobody is asked, and `{key}` says nothing: say `approval: required`, or a "
                "`risk_tier` of high or critical"
            )
            yield ("promotion", key), said


def _reviewers_are_different(file: File) -> Found:
    named = file.names("promotion", "reviewers")
    counts = Counter(name for _, name in named)
    for path, name in named:
        if counts[name] > 1:
            yield path, f"{name!r} is named twice: a person counts once"


CHECKS: Checks = (
    _enough_reviewers_are_declared,
    _reviewers_are_asked,
    _reviewers_are_different,
)
