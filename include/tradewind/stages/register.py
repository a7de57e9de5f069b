"""Makes a candidate that no gate blocks the champion; says what became of one that is blocked.

Where people must approve, nothing is promoted without their word in the ledger, about this very
verdict. Where the definition says so, a candidate scores beside the champion first, as a shadow or
a canary; the comparison of the nights promotes or drops it then.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from tradewind.errors import RegistryError, RequestError
from tradewind.live import KINDS
from tradewind.promotion import promote, reconcile, refusal_of, start_arm
from tradewind.records import Evidence, Registration
from tradewind.stages._approved import approved_by, unapproved
from tradewind.stages._left_out import learned_from
from tradewind.stores.events import BLOCKED

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.nightly import Promotion
    from tradewind.nights import Exclusion
    from tradewind.records import Admission, Evaluation, GateResult, TrainedModel, Verdict
    from tradewind.stores.ledger import ChampionRecord
    from tradewind.stores.stores import Stores


# MLflow keeps its own tags of a run, which a version has no use for; but the code is worth naming.
_GIT = "mlflow.source.git.commit"


def register(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    *,
    stores: Stores,
) -> Registration:
    """Register and promote a candidate, or record why not.

    Doing it twice (a task that was retried or cleared) gives one version and one promotion.

    Args:
        admission: The run, with its lease.
        frozen: The definition that the candidate was trained by.
        trained: The candidate.
        evaluation: The evidence.
        verdict: What the gates say.
        stores: Ledger and registry.

    Returns:
        What became of the candidate.

    Raises:
        LeaseLostError: Another run has had the model's lease since.
        PromotionRefusedError: The champion changed while this run was going on.
        RegistryError: MLflow refuses, or has lost the candidate.
    """
    model = admission.model
    found = reconcile(stores=stores, model=model)
    champion = stores.ledger.champion(model)
    _annotate(admission, trained, verdict, stores=stores)
    if not verdict.passed:
        result = _blocked(admission, trained, verdict, champion, stores=stores)
    elif champion is not None and champion.model_uri == trained.model_uri:
        result = _already(admission, verdict, champion)
    elif champion is not None and admission.as_of < champion.since:
        result = _would_have(admission, verdict, champion)
    elif (cut := learned_from(admission, frozen, stores=stores)) is not None:
        result = _left_out(cut, champion)
    elif lacking := unapproved(admission, frozen, trained, verdict, champion, stores=stores):
        result = lacking
    else:
        tags = _tags(admission, frozen, trained, evaluation, verdict, stores=stores)
        version = stores.registry.ensure_version(model, trained.model_uri, tags)
        way = frozen.model.promotion
        result = _let_in(
            admission, version, verdict, way, evaluation.champion_version, stores=stores
        )
    warning = None if found.state == "agrees" else found.sentence
    return result.model_copy(update={"warning": warning})


def _annotate(
    admission: Admission, trained: TrainedModel, verdict: Verdict, *, stores: Stores
) -> None:
    stores.registry.annotate(
        trained.run_id,
        trained.model_uri,
        tags={
            "verdict": "passed" if verdict.passed else "blocked",
            "verdict_digest": verdict.digest,
            "verdict_run": admission.request.run_id,
        },
        metrics={},
    )


def _blocked(
    admission: Admission,
    trained: TrainedModel,
    verdict: Verdict,
    champion: ChampionRecord | None,
    *,
    stores: Stores,
) -> Registration:
    blocking = [result for result in verdict.results if result.outcome == "blocked"]
    reason = _first_sentence(blocking)
    said = {"train_key": trained.train_key, "verdict_digest": verdict.digest}
    known = stores.ledger.events(model=admission.model, kind=BLOCKED)
    if not any(said.items() <= event.payload.items() for event in known):
        stores.ledger.append(
            model=admission.model,
            kind=BLOCKED,
            as_of=admission.as_of,
            actor=admission.request.actor,
            reason=reason,
            payload={
                **said,
                "gates": [result.gate for result in blocking],
                "model_uri": trained.model_uri,
                "run_id": admission.request.run_id,
            },
        )
    return Registration(
        outcome="blocked",
        version=None,
        champion=champion.version if champion else None,
        reason=reason,
    )


def _first_sentence(blocking: list[GateResult]) -> str:
    if not blocking:
        return "the verdict blocks, though no gate says why: a verdict without gates passes nothing"
    others = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return f"{blocking[0].gate}: {blocking[0].sentence}{others}"


def _already(admission: Admission, verdict: Verdict, champion: ChampionRecord) -> Registration:
    # A task that is run again says what it said before: this run did promote it.
    own = champion.run_id == admission.request.run_id
    return Registration(
        outcome="promoted" if own else "unchanged",
        version=champion.version,
        champion=champion.version,
        reason=_follows(verdict, champion.version, champion.previous)
        if own
        else f"version {champion.version} is this very model, and the champion already",
    )


def _would_have(admission: Admission, verdict: Verdict, champion: ChampionRecord) -> Registration:
    return Registration(
        outcome="would_have",
        version=None,
        champion=champion.version,
        reason=(
            f"{verdict.account} as of {admission.as_of:%Y-%m-%d %H:%M} UTC, and it would have been "
            f"promoted then; the champion, version {champion.version}, is of "
            f"{champion.since:%Y-%m-%d %H:%M} UTC, and an older night promotes nothing"
        ),
    )


def _left_out(cut: Exclusion, champion: ChampionRecord | None) -> Registration:
    return Registration(
        outcome="blocked",
        version=None,
        champion=champion.version if champion else None,
        reason=(
            f"it learned from {cut.what}, which {cut.actor} left out ({cut.reason}) after the "
            "training had begun: train again"
        ),
    )


def _let_in(
    admission: Admission,
    version: int,
    verdict: Verdict,
    way: Promotion,
    judged_against: int | None,
    *,
    stores: Stores,
) -> Registration:
    """Promote a version that passed, or start it as an arm, unless something keeps it from that."""
    events = stores.ledger.events(model=admission.model, kind=KINDS)
    refusal = refusal_of(
        events,
        model=admission.model,
        version=version,
        evidence_digest=verdict.digest,
        as_of=admission.as_of,
    )
    if refusal is not None and (way.mode == "direct" or refusal.outcome != "held"):
        champion = stores.ledger.champion(admission.model)
        return Registration(
            outcome=refusal.outcome,
            version=version,
            champion=champion.version if champion else None,
            reason=f"{verdict.account}; but {refusal.sentence}",
        )
    # Nobody to score beside: a first version decides at once, whatever the mode.
    if way.mode == "direct" or judged_against is None:
        return _promoted(admission, version, verdict, judged_against, stores=stores)
    return _beside(admission, version, verdict, way.mode, way.share, judged_against, stores=stores)


def _promoted(
    admission: Admission,
    version: int,
    verdict: Verdict,
    judged_against: int | None,
    *,
    stores: Stores,
) -> Registration:
    promotion = promote(
        stores=stores,
        model=admission.model,
        version=version,
        expected_previous=judged_against,
        as_of=admission.as_of,
        actor=admission.request.actor,
        reason=admission.request.reason,
        evidence_digest=verdict.digest,
        fencing_token=admission.fencing_token,
        run_id=admission.request.run_id,
    )
    return Registration(
        outcome="promoted",
        version=version,
        champion=version,
        reason=_follows(verdict, version, promotion.previous),
    )


def _beside(
    admission: Admission,
    version: int,
    verdict: Verdict,
    kind: Literal["shadow", "canary"],
    share: float,
    champion: int,
    *,
    stores: Stores,
) -> Registration:
    try:
        name = start_arm(
            stores=stores,
            model=admission.model,
            version=version,
            kind=kind,
            share=share if kind == "canary" else 0.0,
            replace=True,
            as_of=admission.as_of,
            actor=admission.request.actor,
            reason=admission.request.reason,
            fencing_token=admission.fencing_token,
            run_id=admission.request.run_id,
        )
    except RequestError as problem:
        outcome, reason = "held", f"{verdict.account}; but {problem}"
    else:
        outcome = "started_as_arm"
        reason = (
            f"{verdict.account}; version {version} scores beside version {champion} as {name} "
            "until a comparison on matured rows says which is better"
        )
    return Registration(outcome=outcome, version=version, champion=champion, reason=reason)


def _follows(verdict: Verdict, version: int, previous: int | None) -> str:
    before = "is the first champion" if previous is None else f"follows version {previous}"
    return f"{verdict.account}; version {version} {before}"


def _tags(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    evaluation: Evaluation,
    verdict: Verdict,
    *,
    stores: Stores,
) -> dict[str, str]:
    """What the version points back to; the candidate's own tags name the data it was fitted on."""
    candidate = stores.registry.find_candidate(admission.model, trained.train_key)
    if candidate is None:
        raise RegistryError(
            f"{admission.model}: MLflow no longer has the candidate {trained.model_uri} "
            f"(run {trained.run_id}): clear the task `train`, which makes it again"
        )
    own = {
        key: value
        for key, value in candidate.tags.items()
        if not key.startswith("mlflow.") or key == _GIT
    }
    return {
        **own,
        "model": admission.model,
        "definition_digest": frozen.digest,
        "evaluation_digest": evaluation.digest,
        "judged": _judged(evaluation, stores=stores),
        "evaluation_uri": evaluation.uri,
        **_waived(verdict),
        **approved_by(admission, frozen, verdict, stores=stores),
        "verdict_digest": verdict.digest,
        "verdict_uri": verdict.uri,
        "train_key": trained.train_key,
        "prediction_digest": trained.prediction_digest,
        "candidate": trained.candidate,
        "mlflow_run_id": trained.run_id,
        "as_of": admission.as_of.isoformat(),
        "dag_run_id": admission.request.run_id,
        "actor": admission.request.actor,
    }


def _waived(verdict: Verdict) -> dict[str, str]:
    """Which gates were switched off when it passed: whoever looks at the version must see it."""
    gates = [result.gate for result in verdict.results if result.outcome == "waived"]
    return {"waived": ", ".join(gates)} if gates else {}


def _judged(evaluation: Evaluation, *, stores: Stores) -> str:
    """The deciding figure with its interval, as JSON: whoever serves the version says it."""
    evidence = Evidence.model_validate(stores.lake.read_json(evaluation.uri)["evidence"])
    found = evidence.candidate.get(evidence.metric)
    told = {
        "metric": evidence.metric,
        **(found.model_dump(mode="json") if found else {"value": None}),
        "confidence": evidence.confidence,
        "rows": evidence.rows,
        "units": evidence.units,
        "unit": evidence.unit,
    }
    return json.dumps(told, sort_keys=True)
