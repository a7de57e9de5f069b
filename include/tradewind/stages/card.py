"""Card: what a candidate is, for whoever is to approve of it, use it or answer for it.

Made for every candidate once its gates have spoken, whatever they said, from evidence and the
definition's own words. Where it cannot be made the run stops here: nobody is asked about a
candidate, and none is registered, of which there is no card.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from tradewind.cards import CardContents
from tradewind.records import Card, Reference
from tradewind.reports.card import lines_of, to_html, to_markdown
from tradewind.stages import _card_data as data
from tradewind.stages import _card_found as found
from tradewind.stages import _card_said as said
from tradewind.stages._card_explained import explained_of
from tradewind.stages._case import Run, open_case
from tradewind.stages._found import evidence_found
from tradewind.stores.digests import canonical_json, json_digest

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import (
        Admission,
        Evaluation,
        Examination,
        FeatureSet,
        TrainedModel,
        Validated,
        Verdict,
    )
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when a card would say something else of the same inputs.
VERSION = 2


def make_card(
    admission: Admission,
    frozen: FrozenDefinition,
    validated: Validated,
    feature_set: FeatureSet,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    *examinations: Examination,
    stores: Stores,
) -> Card:
    """Make the card of a candidate, or find where it was made.

    At `cards/<digest>.json` lies what it says; rendered as a page and as Markdown it lies beside
    the candidate's run in MLflow, and the tags of run and model name it.

    Args:
        admission: The run.
        frozen: The definition that the candidate was trained by.
        validated: The rows that were learned from.
        feature_set: What was made of them.
        trained: The candidate.
        evaluation: Everybody's figures.
        verdict: What the gates say.
        examinations: What was found beside the figures.
        stores: Lake and registry.

    Raises:
        EvidenceError: The judge rows are not those that were kept back.
        ModelRefusedError: The candidate cannot be loaded.
        LakeError: Something that the card tells of is not there.
        RegistryError: MLflow does not answer, or has lost the candidate.
    """
    inputs = [
        *(VERSION, frozen.digest, feature_set.digest, validated.digest, trained.train_key),
        *(trained.prediction_digest, evaluation.digest, verdict.digest),
        *(one.digest for one in examinations),
    ]
    digest = json_digest(inputs)
    uri = f"cards/{digest}.json"
    if stores.lake.exists(uri):
        log.info("%s: the card of this candidate is there: %s", admission.model, uri)
        return _told(CardContents.model_validate(stores.lake.read_json(uri)), digest)
    run = Run(admission, frozen, validated, feature_set, trained, evaluation, stores)
    # As whoever reads it later finds it, so that all shapes of one card say the same.
    kept = canonical_json(_contents(run, verdict, examinations).model_dump(mode="json"))
    contents = CardContents.model_validate_json(kept)
    place = _place(digest)
    stores.registry.attach(
        trained.run_id,
        {
            f"{place}/card.html": to_html(contents),
            f"{place}/card.md": to_markdown(contents),
            f"{place}/card.json": kept,
        },
    )
    stores.registry.annotate(
        trained.run_id,
        trained.model_uri,
        tags={"card_digest": digest, "card_uri": uri, "card": f"{place}/card.html"},
        metrics={},
    )
    # Written last: a task that is killed before this makes the same card again.
    stores.lake.put_json(uri, contents.model_dump(mode="json"))
    return _told(contents, digest)


def _contents(run: Run, verdict: Verdict, examinations: tuple[Examination, ...]) -> CardContents:
    model, trained, stores = run.frozen.model, run.trained, run.stores
    evidence = evidence_found(run.evaluation, examinations, stores=stores)
    page = stores.lake.read_json(run.evaluation.uri)["page"]
    case = open_case(run)
    # The thread count is an input like any other.
    with threadpool_limits(limits=model.resources.threads):
        explained = explained_of(case)
    return CardContents(
        model=model.name,
        owner=model.owner,
        as_of=run.admission.as_of,
        passed=verdict.passed,
        verdict=Reference(digest=verdict.digest, uri=verdict.uri),
        evaluation=Reference(digest=run.evaluation.digest, uri=run.evaluation.uri),
        purpose=said.purpose_of(model),
        harm=said.harm_of(model, evidence),
        acceptance=said.acceptance_of(model),
        task=said.task_of(model),
        meanings=said.meanings_of(model),
        fallback=said.fallback_of(model),
        release=said.release_of(model),
        waivers=said.waivers_of(model),
        data=data.data_of(run.validated, run.feature_set, trained, stores=stores),
        making=data.making_of(run.frozen, trained, stores=stores),
        explained=explained,
        judged=found.judged_of(evidence, page, model),
        slices=found.slices_of(evidence, verdict),
        fairness=found.fairness_of(evidence, verdict, model),
        gates=found.gates_of(verdict),
        value=found.value_of(evidence, model),
    )


def _place(digest: str) -> str:
    return f"card/{digest[:12]}"


def _told(contents: CardContents, digest: str) -> Card:
    return Card(
        digest=digest,
        uri=f"cards/{digest}.json",
        place=_place(digest),
        verdict_digest=contents.verdict.digest,
        lines=lines_of(contents),
    )
