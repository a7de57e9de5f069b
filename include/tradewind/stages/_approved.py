"""What becomes of a candidate that people have not let through: awaited, rejected, or held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.live import KINDS
from tradewind.promotion import refusal_of
from tradewind.promotion.approvals import (
    Standing,
    answer_words,
    deadline_of,
    listed,
    may_answer,
    open_question,
    standing_of,
)
from tradewind.records import Registration

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, TrainedModel, Verdict
    from tradewind.stores.ledger import ChampionRecord
    from tradewind.stores.stores import Stores

_UNREGISTERED = 0


def unapproved(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    verdict: Verdict,
    champion: ChampionRecord | None,
    *,
    stores: Stores,
) -> Registration | None:
    """What becomes of a candidate without the approvals it needs; None where it has them.

    It is not registered: it stays in MLflow as the logged model that it is, with what was said of
    it among its tags. Where nobody was asked yet, that question is written now; it is answered by
    `tradewind approve`.

    Raises:
        UnavailableError: The ledger or MLflow does not answer.
    """
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    if standing.is_enough:
        return None
    number = champion.version if champion else None
    refusal = refusal_of(
        stores.ledger.events(model=admission.model, kind=KINDS),
        model=admission.model,
        version=_UNREGISTERED,
        evidence_digest=verdict.digest,
        as_of=admission.as_of,
    )
    if refusal is not None:
        reason = f"{verdict.account}; but nobody was asked to approve: {refusal.sentence}"
        return Registration(outcome=refusal.outcome, version=None, champion=number, reason=reason)
    if standing.against is not None and standing.asked is None:
        reason = answer_words(standing.against)
        _tag(trained, f"rejected: {reason}", stores=stores)
        return Registration(outcome="rejected", version=None, champion=number, reason=reason)
    reason = _awaited(admission, frozen, verdict, standing, stores=stores)
    _tag(trained, f"awaited: {reason}", stores=stores)
    return Registration(outcome="awaits_approval", version=None, champion=number, reason=reason)


def approved_by(
    admission: Admission, frozen: FrozenDefinition, verdict: Verdict, *, stores: Stores
) -> dict[str, str]:
    """Who approved, as a tag of the version; nothing where nobody needed to."""
    if not frozen.model.approvals_needed:
        return {}
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    return {"approved_by": ", ".join(standing.by)}


def _awaited(
    admission: Admission,
    frozen: FrozenDefinition,
    verdict: Verdict,
    standing: Standing,
    *,
    stores: Stores,
) -> str:
    model, people = admission.model, may_answer(admission, frozen, earlier=standing.by)
    if not people:
        return (
            f"{verdict.account}; but none of the declared reviewers may approve, because "
            f"{admission.request.actor} started this training: let the schedule or somebody else"
        )
    asked = open_question(admission, frozen, verdict, standing, ledger=stores.ledger, via="shell")
    so_far = f" ({len(standing.by)} of {standing.needed} approved)" if standing.by else ""
    return (
        f"{verdict.account}; it awaits the approval of {listed(people)}{so_far} until "
        f"{deadline_of(asked):%Y-%m-%d %H:%M} UTC: `tradewind approve {model} --note ...`, or "
        f"`tradewind reject {model} --note ...`"
    )


def _tag(trained: TrainedModel, said: str, *, stores: Stores) -> None:
    stores.registry.annotate(trained.run_id, trained.model_uri, tags={"approval": said}, metrics={})
