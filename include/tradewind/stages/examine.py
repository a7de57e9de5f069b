"""Examine: find what the gates decide on, beyond everybody's figures.

Three tasks of one shape, which run side by side. What cannot be found is written down with its
reason, and blocks at its gate; a gate that is waived is not looked for.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from tradewind.errors import TradewindError, UnavailableError
from tradewind.gates import waiver_of
from tradewind.records import Examination
from tradewind.stages._case import Case, Run, open_case
from tradewind.stages.examination import Examiner, Task, find_examiners
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, Evaluation, FeatureSet, TrainedModel, Validated
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when an examiner would find something else in the same inputs.
VERSION = 4


def examine(task: Task, run: Run) -> Examination:
    """Let every examiner of a task find what its gate decides on, or find where that was done.

    At `examinations/<digest>.json` lie `findings` and `unfound`, by gate.

    Raises:
        EvidenceError: The judge rows are not those that were kept back.
        ModelRefusedError: The candidate cannot be loaded.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    inputs = [VERSION, task, run.evaluation.digest, run.frozen.digest]
    uri = _uri(json_digest(inputs))
    if run.stores.lake.exists(uri):
        log.info("%s: %s was done before: %s", run.admission.model, task, uri)
        return _told(inputs, run.stores.lake.read_json(uri))
    content: dict[str, Any] = {"findings": {}, "unfound": {}, "seconds": {}}
    # Opening a case fetches the model and its rows: only where somebody looks at them.
    if asked := _asked(task, run):
        with threadpool_limits(limits=run.frozen.model.resources.threads):
            content = look(open_case(run), asked)
    if content["unfound"]:
        # What could not be found this time may be the next: not the final word on the inputs.
        inputs = [*inputs, content["unfound"]]
    return _told(inputs, run.stores.lake.first_json(_uri(json_digest(inputs)), content))


def look(case: Case, examiners: Mapping[str, Examiner]) -> dict[str, Any]:
    """Let examiners look at a case.

    Returns:
        `findings` and `unfound`, by gate, and `seconds` that each took.

    Raises:
        UnavailableError: Something that they need does not answer, and may the next time.
    """
    findings, unfound, seconds = {}, {}, {}
    for gate, examiner in examiners.items():
        began = time.monotonic()
        try:
            findings[gate] = examiner.gather(case).model_dump(mode="json")
        except UnavailableError:
            raise
        except TradewindError as error:
            unfound[gate] = str(error)
        except Exception as error:  # whatever it is, the gate blocks and the others go on
            log.exception("what the gate %s decides on was not found", gate)
            unfound[gate] = f"the examination failed: {error!r}"
        seconds[gate] = round(time.monotonic() - began, 2)
    return {"findings": findings, "unfound": unfound, "seconds": seconds}


def _examined(
    task: Task,
    admission: Admission,
    frozen: FrozenDefinition,
    validated: Validated,
    feature_set: FeatureSet,
    trained: TrainedModel,
    evaluation: Evaluation,
    *,
    stores: Stores,
) -> Examination:
    run = Run(admission, frozen, validated, feature_set, trained, evaluation, stores)
    return examine(task, run)


# The stages, by the names of their tasks.
probe = partial(_examined, "probe")
refit = partial(_examined, "refit")
load_test = partial(_examined, "load_test")


def _asked(task: Task, run: Run) -> dict[str, Examiner]:
    model = run.frozen.model
    day = run.admission.as_of.astimezone(model.zone).date()
    return {
        gate: examiner
        for gate, examiner in find_examiners(task).items()
        if waiver_of(gate, model, day=day) is None
    }


def _uri(digest: str) -> str:
    return f"examinations/{digest}.json"


def _told(inputs: list[Any], content: Mapping[str, Any]) -> Examination:
    unfound = content["unfound"]
    digest = json_digest(inputs)
    lines = [
        f"{gate}: {f'warning: not found: {unfound[gate]}' if gate in unfound else 'found'}, "
        f"{seconds:.1f} s"
        for gate, seconds in content["seconds"].items()
    ]
    nothing = f"every gate that {inputs[1]} looks for is switched off"
    return Examination(digest=digest, uri=_uri(digest), lines=lines or [nothing])
