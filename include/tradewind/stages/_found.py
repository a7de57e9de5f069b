"""What was measured of a candidate and what was found beside it, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.records import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.records import Evaluation, Examination
    from tradewind.stores.stores import Stores


def evidence_found(
    evaluation: Evaluation, examinations: Sequence[Examination], *, stores: Stores
) -> Evidence:
    """Everybody's figures, with the findings of every examination.

    Raises:
        LakeError: One of them is not there.
    """
    evidence = Evidence.model_validate(stores.lake.read_json(evaluation.uri)["evidence"])
    contents = [stores.lake.read_json(one.uri) for one in examinations]
    together = {
        part: {gate: said for content in contents for gate, said in content[part].items()}
        for part in ("findings", "unfound")
    }
    return evidence.model_copy(update=together)
