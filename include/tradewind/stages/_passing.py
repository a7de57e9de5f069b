"""The passing verdict, and the approvals, without which a person lets no version decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import PromotionRefusedError
from tradewind.gates import passed
from tradewind.promotion.approvals import listed, standing_of
from tradewind.records import Admission, StageOutcome, TrainedModel, Verdict

if TYPE_CHECKING:
    from tradewind.stores.stores import Stores


def passing_verdict(model: str, version: int, *, stores: Stores) -> str:
    """The digest of the verdict that lets a version decide.

    MLflow's tags may be written by others. So all that is taken from there is which logged model
    the version is, and which run is to be asked; that this run trained this very model, and what
    its gates said, is the ledger's.

    Args:
        model: The model.
        version: MLflow's version of it.
        stores: The registry has the version, the ledger what its training run said.

    Raises:
        PromotionRefusedError: There is none, it does not pass, or people must approve and did not.
        RegistryError: MLflow does not know the version.
        LedgerError: The ledger cannot be reached.
    """
    known = stores.registry.version(model, version)
    run_id = known.tags.get("dag_run_id")
    if not run_id:
        raise _refused(model, version, "it has none: it names no training run")
    trained = _said(model, run_id, "train", stores=stores)
    if trained is None or _model_of(trained) != known.model_uri:
        raise _refused(model, version, f"the run {run_id} that it names did not train it")
    said = _said(model, run_id, "gate", stores=stores)
    if said is None:
        raise _refused(model, version, f"the run {run_id} was not judged")
    verdict = Verdict.model_validate(said.result)
    if not verdict.passed or not passed(verdict.results):
        blocking = ", ".join(one.gate for one in verdict.results if one.outcome == "blocked")
        raise _refused(model, version, f"its own blocks ({blocking or 'no gate let it pass'})")
    _require_approval(model, version, run_id, verdict, stores=stores)
    return verdict.digest


def _require_approval(
    model: str, version: int, run_id: str, verdict: Verdict, *, stores: Stores
) -> None:
    """See that the people whom its definition asks for let it through."""
    admitted = _said(model, run_id, "admit", stores=stores)
    if admitted is None:
        raise _refused(model, version, f"the run {run_id} was not admitted")
    admission = Admission.model_validate(admitted.result)
    frozen = stores.ledger.definition(model, admission.definition_digest)
    standing = standing_of(admission, frozen, verdict, ledger=stores.ledger)
    if not standing.is_enough:
        people = listed(frozen.model.promotion.reviewers)
        raise _refused(
            model,
            version,
            f"{len(standing.by)} of the {standing.needed} approvals that it needs are there "
            f"(of {people})",
        )


def _said(model: str, run_id: str, stage: str, *, stores: Stores) -> StageOutcome | None:
    found = stores.ledger.outcomes(model=model, run_id=run_id, stage=stage, limit=1)
    return found[0] if found else None


def _model_of(trained: StageOutcome) -> str:
    return TrainedModel.model_validate(trained.result).model_uri


def _refused(model: str, version: int, why: str) -> PromotionRefusedError:
    return PromotionRefusedError(
        f"{model}: version {version} decides for nobody without a passing verdict, and {why}; "
        "there are no waivers that could stand in for one. Train and judge it again, or "
        "`roll_back` or `fall_back`, which need none"
    )
