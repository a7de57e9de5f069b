"""Ask: what people are shown before a candidate is promoted, or why nobody needs to be asked.

Asked is only where the answer would change something: not of a candidate that a gate blocks, nor of
one that would not be promoted in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import LedgerError, RegistryError, UnavailableError
from tradewind.live import KINDS
from tradewind.promotion import refusal_of
from tradewind.promotion.approvals import (
    deadline_of,
    listed,
    may_answer,
    open_question,
    standing_of,
)
from tradewind.records import Question
from tradewind.reports.approval import Shown, markdown_of
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.promotion.approvals import Standing
    from tradewind.records import Admission, Evaluation, TrainedModel, Verdict
    from tradewind.stores.ledger import ChampionRecord
    from tradewind.stores.stores import Stores

_UNREGISTERED = 0


def ask(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    *,
    seat: int,
    address: str,
    card_address: str,
    stores: Stores,
) -> Question:
    """Write what the reviewers are shown, and that they are asked; or say why nobody is.

    Doing it twice gives one question, with one deadline. At `approvals/<digest>.json` lies what
    they are shown.

    Args:
        admission: The run.
        frozen: The definition that the candidate was trained by.
        trained: The candidate.
        evaluation: The evidence.
        verdict: What the gates say.
        seat: Which of the people needed is asked for, from 1.
        address: Where the verdict's page is.
        card_address: Where the model card is.
        stores: Ledger, lake and registry.

    Raises:
        LakeError: The evaluation or the verdict is not there.
        UnavailableError: The ledger, the lake or MLflow does not answer.
    """
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    champion = stores.ledger.champion(admission.model)
    nobody = _nobody(admission, frozen, trained, verdict, champion, standing, seat, stores=stores)
    if nobody is not None:
        said = f"nobody is asked: {nobody}"
        return Question(sentence=said, verdict_digest=verdict.digest, seat=seat)
    page_uri = _page(
        admission,
        frozen,
        trained,
        evaluation,
        verdict,
        champion,
        standing,
        (address, card_address),
        stores=stores,
    )
    asked = open_question(
        admission,
        frozen,
        verdict,
        standing,
        ledger=stores.ledger,
        via="airflow",
        page_uri=page_uri,
    )
    people, until = may_answer(admission, frozen, earlier=standing.by), deadline_of(asked)
    return Question(
        sentence=f"waits for {listed(people)} until {until:%Y-%m-%d %H:%M} UTC; silence rejects it",
        verdict_digest=verdict.digest,
        seat=seat,
        reviewers=people,
        until=until,
        page_uri=page_uri,
    )


def _nobody(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    verdict: Verdict,
    champion: ChampionRecord | None,
    standing: Standing,
    seat: int,
    *,
    stores: Stores,
) -> str | None:
    """Why nobody needs to be asked; None where somebody does."""
    if not verdict.passed:
        return "the candidate is blocked by its gates"
    if champion is not None and champion.model_uri == trained.model_uri:
        return f"version {champion.version} is this very model, and the champion already"
    if champion is not None and admission.as_of < champion.since:
        return "the champion stands for a later night, and an older one promotes nothing"
    events = stores.ledger.events(model=admission.model, kind=KINDS)
    refusal = refusal_of(
        events,
        model=admission.model,
        version=_UNREGISTERED,
        evidence_digest=verdict.digest,
        as_of=admission.as_of,
    )
    if refusal is not None:
        return refusal.sentence
    return _no_more(admission, frozen, standing, seat)


def _no_more(
    admission: Admission, frozen: FrozenDefinition, standing: Standing, seat: int
) -> str | None:
    if len(standing.by) >= seat:
        return f"{' and '.join(standing.by)} approved of this very verdict already"
    if len(standing.by) + 1 < seat:
        return "it was not approved by the first who was asked"
    if not may_answer(admission, frozen, earlier=standing.by):
        return (
            f"none of the declared reviewers may answer, because {admission.request.actor} started "
            "this training; let the schedule or somebody else start it"
        )
    return None


def _page(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    champion: ChampionRecord | None,
    standing: Standing,
    addresses: tuple[str, str],
    *,
    stores: Stores,
) -> str:
    before, problem = _champions_files(admission.model, champion, stores=stores)
    shown = Shown(
        admission=admission,
        frozen=frozen,
        trained=trained,
        evaluation=stores.lake.read_json(evaluation.uri),
        verdict=stores.lake.read_json(verdict.uri),
        verdict_digest=verdict.digest,
        champion=champion.version if champion else None,
        before=before,
        problem=problem,
        approved_by=standing.by,
        address=addresses[0],
        card_address=addresses[1],
    )
    content = {"markdown": markdown_of(shown), "verdict_digest": verdict.digest}
    uri = f"approvals/{json_digest(content)}.json"
    stores.lake.put_json(uri, content)
    return uri


def _champions_files(
    model: str, champion: ChampionRecord | None, *, stores: Stores
) -> tuple[Mapping[str, str] | None, str | None]:
    """The champion's frozen definition as text, or why it cannot be had."""
    if champion is None:
        return None, None
    try:
        tags = stores.registry.version(model, champion.version).tags
        return stores.ledger.definition_files(tags.get("definition_digest", "none")), None
    except UnavailableError:
        raise
    except (RegistryError, LedgerError) as error:
        return None, str(error)
