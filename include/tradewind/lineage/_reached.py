"""The parts behind a version: its own, and those behind the version that it was taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.lineage._uses import Found
from tradewind.lineage._versions import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.lineage._origins import Origin
    from tradewind.lineage._uses import Reader
    from tradewind.lineage._versions import Versions


def reached(
    origin: Origin,
    *,
    reader: Reader,
    versions: Versions,
    wanted: Callable[[str, dict[str, Any]], bool] = lambda _, __: True,
) -> Found:
    """Which parts came how far into a version.

    A model that was not fitted here has seen what its own source was fitted on, too: where that is
    a model of this registry its parts are named as well, and otherwise the gap is.

    Args:
        origin: Of the version.
        reader: Reads manifests.
        versions: Finds what it was taken from.
        wanted: Which parts, by the source's name and the part as its manifest has it; all of them
            where nothing is said.

    Raises:
        UnavailableError: A store does not answer.
    """
    own = reader.uses(origin, wanted=wanted)
    if origin.pretrained is None:
        return own
    base = versions.base_of(origin)
    if base is None:
        told = origin.pretrained
        ours = told.source.startswith(REGISTRY)
        gap = (
            f"{origin.name} was not trained here but comes from {told.source} ({told.provenance}): "
            + ("neither MLflow nor the ledger knows it" if ours else "what that learned from")
            + (" any more" if ours else " is not in this lake")
        )
        return Found(own.uses, [*own.gaps, gap], whole=own.whole and not ours)
    before = reached(base, reader=reader, versions=versions, wanted=wanted)
    through = [use.model_copy(update={"through": use.through or base.name}) for use in before.uses]
    return Found([*own.uses, *through], [*own.gaps, *before.gaps], whole=own.whole and before.whole)
