"""Gate: every gate is asked, and their answers are the verdict.

The verdict is stored, and stays with the candidate in MLflow whatever it says, with the figures it
was judged by: a blocked candidate is there for everyone to see.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.gates import passed, run_gates
from tradewind.records import Verdict
from tradewind.stages._found import evidence_found
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Evaluation, Evidence, Examination, TrainedModel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when the gates would say something else of the same evidence.
VERSION = 6
_ASKED = {"gates", "acceptance", "harm_review", "risk_tier"}
_LONGEST_TAG = 5000
_MONEY = {"candidate": "money", "champion": "money.champion", "naive": "money.naive"}


def judge(
    admission: Admission,
    frozen: FrozenDefinition,
    trained: TrainedModel,
    evaluation: Evaluation,
    *examinations: Examination,
    stores: Stores,
) -> Verdict:
    """Ask every gate about a candidate, and write the verdict down.

    At `verdicts/<digest>.json` lies the verdict; beside the candidate in MLflow lie its tags (the
    verdict, and each gate's sentence) and the judged metrics with their intervals.

    Args:
        admission: The run.
        frozen: The definition, with what its gates ask.
        trained: The candidate.
        evaluation: Everybody's figures on the judged rows.
        examinations: What was found beside them; what is not among them blocks at its gate.
        stores: Lake and registry.

    Raises:
        LakeError: The evaluation is not there: without evidence there is no verdict at all.
        RegistryError: MLflow does not answer.
    """
    evidence = evidence_found(evaluation, examinations, stores=stores)
    asked = frozen.model.model_dump(mode="json", include=_ASKED)
    found = [evaluation.digest, *(one.digest for one in examinations)]
    digest = json_digest([VERSION, found, asked, frozen.model.deciding_metric])
    uri = f"verdicts/{digest}.json"
    if stores.lake.exists(uri):
        log.info("%s: the verdict on this evidence is there: %s", admission.model, uri)
        return _handed_on(Verdict.model_validate(stores.lake.read_json(uri)))
    results = run_gates(evidence, frozen.model)
    verdict = Verdict(passed=passed(results), digest=digest, uri=uri, results=results)
    _annotate(trained, evaluation, evidence, verdict, stores=stores)
    # Written last: a task that is killed before this annotates again, and changes nothing by it.
    stores.lake.put_json(uri, verdict.model_dump(mode="json"))
    return _handed_on(verdict)


def _handed_on(verdict: Verdict) -> Verdict:
    """The verdict without its tables, which are for a page: it travels through XCom."""
    results = [result.model_copy(update={"table": []}) for result in verdict.results]
    return verdict.model_copy(update={"results": results})


def _annotate(
    trained: TrainedModel,
    evaluation: Evaluation,
    evidence: Evidence,
    verdict: Verdict,
    *,
    stores: Stores,
) -> None:
    said = {
        f"gate.{result.gate}": f"{result.outcome}: {result.sentence}"[:_LONGEST_TAG]
        for result in verdict.results
    }
    money = {_MONEY[player]: found for player, found in evidence.money.items()}
    figures = {
        f"judged.{name}{suffix}": value
        for name, estimate in {**evidence.candidate, **money}.items()
        for suffix, value in (
            ("", estimate.value),
            (".low", estimate.low),
            (".high", estimate.high),
        )
    }
    stores.registry.annotate(
        trained.run_id,
        trained.model_uri,
        tags={
            "verdict": "passed" if verdict.passed else "blocked",
            "verdict_digest": verdict.digest,
            "verdict_uri": verdict.uri,
            "evaluation_uri": evaluation.uri,
            **said,
        },
        metrics={**figures, "judged.rows": evidence.rows, "judged.units": evidence.units},
    )
