"""Versions that saw a subject: which were trained on it, and which may not decide any more."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.erasure import Learner, Retraining
from tradewind.lineage import versions_trained_on
from tradewind.lineage_records import TRAINED
from tradewind.live import live_state, order_moment
from tradewind.promotion import reconcile
from tradewind.stages._tainted import decides
from tradewind.stages._taking_back import Unfit, done_by, sentence, take_back
from tradewind.stores.admitted import last_readable
from tradewind.stores.erasures import erased_versions
from tradewind.stores.exclusions import tainted_versions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tradewind.erasure import ErasureOrder
    from tradewind.lineage_records import SeenBy
    from tradewind.records import Part
    from tradewind.stores.stores import Stores

_EVER = datetime(1, 1, 2, tzinfo=UTC)


def observed_as(uris: Iterable[str], stores: Stores) -> set[str]:
    """The addresses that parts of the lake ever had.

    A part that an earlier erasure rewrote was seen by versions under the address of before: it is
    another observation of the same day for the same moment and of the same state of the source.
    """
    found: set[str] = set()
    wanted: dict[str, set[str]] = defaultdict(set)
    for uri in uris:
        wanted[uri.split("/")[1]].add(uri)
    for source_id, some in wanted.items():
        seen: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for part in stores.catalog.later(source_id, as_of=_EVER):
            seen[_of(part)].add(part.uri)
        found |= some.union(*(each for each in seen.values() if each & some))
    return found


def _of(part: Part) -> tuple[object, ...]:
    return part.day, part.as_of, part.change_token


def learners(parts: Collection[str], models: Collection[str], stores: Stores) -> list[Learner]:
    """Versions that were trained on days in which rows of a subject were, by model and version.

    Args:
        parts: Addresses of the parts that held the rows.
        models: Those that read such a source: of them, a version of which it cannot be told any
            more is among the answers.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """
    names = observed_as(parts, stores)
    return [
        _learner(seen, stores)
        for seen in versions_trained_on(names, stores)
        if _learned(seen, models)
    ]


def _learned(seen: SeenBy, models: Collection[str]) -> bool:
    known = any(use.reach in TRAINED for use in seen.uses)
    return known or (not seen.whole and seen.model in models)


def _learner(seen: SeenBy, stores: Stores) -> Learner:
    return Learner(
        model=seen.model,
        version=seen.version,
        state=seen.state.sentence,
        decided=decides(seen.version, live_state(stores.ledger, seen.model)),
        whole=seen.whole,
    )


def versions_of(
    model_uris: Collection[str], models: Iterable[str], stores: Stores
) -> dict[str, list[int]]:
    """The versions by model that logged models are registered as; a candidate may be none.

    Raises:
        RegistryError: MLflow does not answer.
    """
    found: dict[str, list[int]] = {}
    for model in models:
        known = stores.registry.versions(model)
        numbers = sorted(one.version for one in known if one.model_uri in model_uris)
        if numbers:
            found[model] = numbers
    return found


def stop_deciding(
    versions: Mapping[str, Sequence[int]], order: ErasureOrder, stores: Stores
) -> None:
    """Let none of these versions decide any more; a second time changes nothing.

    Raises:
        PromotionRefusedError: The champion changed meanwhile.
        RegistryError: MLflow does not answer; the same again goes on from there.
    """
    for model, numbers in versions.items():
        reconcile(stores=stores, model=model)
        unfit = Unfit(
            model=model,
            versions={
                *numbers,
                *erased_versions(stores.ledger, model),
                *tainted_versions(stores.ledger, model),
            },
            because=f"held data of somebody who is forgotten (reference {order.reference})",
            nobody="no version that was live before may decide",
            as_of=_moment(model, stores),
            actor=order.actor,
            run_id=order.run_id,
        )
        take_back(unfit, stores)


def what_moved(versions: Iterable[str], order: ErasureOrder, stores: Stores) -> list[str]:
    """What `stop_deciding` changed of who decides, a sentence each."""
    return [
        f"{model}: {sentence(event)}"
        for model in versions
        for event in done_by(order.run_id, model, stores.ledger)
    ]


def retrainings(models: Iterable[str], order: ErasureOrder, stores: Stores) -> list[Retraining]:
    """Trainings that are to begin, of these models; one that is retired is trained no more.

    Args:
        models: In which a version decided that saw the subject, or had to go for its files.
        order: What was ordered.
        stores: The ledger.
    """
    why = f"without somebody who is forgotten (reference {order.reference})"
    found = []
    for model in sorted({*models}):
        if live_state(stores.ledger, model).retired is None:
            moment = _moment(model, stores)
            found.append(Retraining(model=model, moment=moment, reason=why))
    return found


def _moment(model: str, stores: Stores) -> datetime:
    """The moment that an order of today stands for."""
    frozen = last_readable(stores.ledger, model)
    return order_moment(stores.ledger, frozen.model) if frozen else stores.ledger.now()
