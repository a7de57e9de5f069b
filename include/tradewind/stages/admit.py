"""Lets a run in: with the model's lease and a frozen definition, or not, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folder
from tradewind.definition.moments import night_days
from tradewind.definition.problems import nearest
from tradewind.errors import DefinitionError, RequestError
from tradewind.policy.governor import may_launch
from tradewind.policy.permitting import Denied
from tradewind.records import Admission, Refusal, RunRequest
from tradewind.stages._permitted import Asked, judged, judged_change, note
from tradewind.stores import launches
from tradewind.stores.admitted import last_readable
from tradewind.stores.events import DEFINITION_BROKEN, NOT_ADMITTED, REFUSED
from tradewind.stores.leases import LeaseHeld, lease_time

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import GovernorWord
    from tradewind.stores.stores import Stores

LEAST_FIT_DAYS = 7
"""What a training window must leave for fitting, before the stretches for selecting and judging."""


def admit(request: RunRequest, *, stores: Stores, config_dir: Path) -> Admission | Refusal:
    """Let a run in, or say why not.

    A model whose folder is broken now goes on with the last definition that it was admitted with,
    and the ledger says so; so do the nights of one that was changed by somebody who may not. The
    same run asking again is the same admission.

    Args:
        request: What is asked for.
        stores: The ledger.
        config_dir: The folder that holds `models/`.

    Returns:
        The admission; or the refusal, when another run holds the model's lease, the governor holds
        it back, or who asked, or who changed the definition, may not. A night takes no lease: it
        waits for no training, and is always let in.

    Raises:
        DefinitionError: There is no such model, or it is broken and was never whole.
        RequestError: The as-of lies in the future, or an override is not possible.
        LedgerError: The ledger cannot be reached.
    """
    _require_past(request, stores=stores)
    # Whose permissions count. None also where it was whole under an earlier release only: else no
    # change would ever be let in again.
    before = last_readable(stores.ledger, request.model)
    frozen, warning = _definition(request, before, stores=stores, config_dir=config_dir)
    if isinstance(frozen, Denied):
        return Refusal(request=request, reason=frozen.sentence)
    if request.pipeline != "train":
        return _night(request, frozen, warning, stores=stores)
    _require_candidate(request, frozen.model)
    _require_window(request, frozen.model)
    asked = Asked.in_run("retrain", request)
    # What the schedule or a decision starts is declared; by whose rights a person does, was said
    # before the definition changed.
    permit = judged(asked, before or frozen) if request.trigger == "hand" else None
    if isinstance(permit, Denied):
        note(asked, permit, ledger=stores.ledger)
        return Refusal(request=request, reason=f"{request.model}: {permit.sentence}")
    if (word := _cooling_down(request, frozen.model, stores=stores)) is not None:
        return _refuse(request, word.sentence, word, stores=stores)
    lease = stores.ledger.acquire_lease(
        request.model,
        holder=request.run_id,
        ttl=lease_time(frozen.model.schedule),
        as_of=request.as_of,
        actor=request.actor,
        reason=request.reason,
    )
    if isinstance(lease, LeaseHeld):
        return _refuse(request, lease.sentence, lease, stores=stores)
    digest = stores.ledger.freeze_definition(
        request.model, frozen.files, as_of=request.as_of, actor=request.actor
    )
    return Admission(
        request=request,
        definition_digest=digest,
        fencing_token=lease.fencing_token,
        warning=warning,
        permitted=permit.sentence if permit else "",
    )


def _night(
    request: RunRequest, frozen: FrozenDefinition, warning: str | None, *, stores: Stores
) -> Admission:
    digest = stores.ledger.freeze_definition(
        request.model, frozen.files, as_of=request.as_of, actor=request.actor
    )
    days = {"window_days": night_days(frozen.model)}
    return Admission(
        request=request.model_copy(update=days),
        definition_digest=digest,
        fencing_token=None,
        warning=warning,
    )


def _require_past(request: RunRequest, *, stores: Stores) -> None:
    now = stores.ledger.now()
    if request.as_of > now:
        raise RequestError(
            f"{request.model}: the as-of {request.as_of.isoformat()} lies in the future; the "
            f"ledger's clock says {now.isoformat(timespec='seconds')}: ask for a moment before it"
        )


def _require_candidate(request: RunRequest, model: ModelDefinition) -> None:
    if request.candidate is not None and request.candidate not in model.candidates:
        raise RequestError(
            f"{model.name}: there is no candidate {request.candidate!r}"
            f"{nearest(request.candidate, model.candidates)}"
        )


def _require_window(request: RunRequest, model: ModelDefinition) -> None:
    if request.window_days is None:
        return
    judge, select = model.train.judge_days, model.train.select_days
    least = judge + select + LEAST_FIT_DAYS
    if request.window_days < least:
        raise RequestError(
            f"{model.name}: a window of {request.window_days} days is too short: it takes "
            f"{judge} to judge, {select} to select and {LEAST_FIT_DAYS} to fit, so at least {least}"
        )


def _definition(
    request: RunRequest, before: FrozenDefinition | None, *, stores: Stores, config_dir: Path
) -> tuple[FrozenDefinition | Denied, str | None]:
    folder = model_folder(config_dir, request.model)
    try:
        now = load_definition(folder)
    except DefinitionError as error:
        return _last_good(request, error, stores=stores)
    if before is None or before.digest == now.digest:
        return now, None
    word = judged_change(now, before, folder)
    if word is None:
        return now, None
    asked = Asked.in_run("change_definition", request)
    if not isinstance(word, Denied):
        note(asked, word, ledger=stores.ledger, digest=now.digest)
        return now, None
    return _unchanged(asked, request, word, now, before, stores=stores)


def _unchanged(
    asked: Asked,
    request: RunRequest,
    word: Denied,
    now: FrozenDefinition,
    before: FrozenDefinition,
    *,
    stores: Stores,
) -> tuple[FrozenDefinition | Denied, str | None]:
    """No training by a change that nobody could make; a night goes on as it was."""
    if request.pipeline == "train":
        note(asked, word, ledger=stores.ledger, digest=now.digest)
        return Denied(f"{request.model}: {word.sentence}"), None
    said = stores.ledger.events(model=request.model, kind=REFUSED, newest_first=True)
    # Night after night it is the same news.
    if now.digest not in {event.payload.get("digest") for event in said}:
        note(asked, word, ledger=stores.ledger, digest=now.digest)
    used = f"changed, so {before.digest[:12]}, its last good definition, is used"
    return before, f"{used}: {word.sentence}"


def _last_good(
    request: RunRequest, error: DefinitionError, *, stores: Stores
) -> tuple[FrozenDefinition, str]:
    try:
        frozen = stores.ledger.last_good(request.model)
    except DefinitionError as older:
        # What was whole under an earlier release need not be so under this one.
        raise DefinitionError([*error.problems, *older.problems]) from error
    if frozen is None:
        raise error
    return frozen, _warn(request, error, frozen.digest, stores=stores)


def _warn(request: RunRequest, error: DefinitionError, digest: str, *, stores: Stores) -> str:
    reason = f"broken now, so {digest[:12]}, its last good definition, is used: {error.problems[0]}"
    said = stores.ledger.events(
        model=request.model, kind=DEFINITION_BROKEN, newest_first=True, limit=1
    )
    payload = {"problems": error.problems, "used": digest, "run_id": request.run_id}
    if not said or said[0].payload != payload:
        stores.ledger.append(
            model=request.model,
            kind=DEFINITION_BROKEN,
            as_of=request.as_of,
            actor=request.actor,
            reason=reason,
            payload=payload,
        )
    return reason


def _cooling_down(
    request: RunRequest, model: ModelDefinition, *, stores: Stores
) -> GovernorWord | None:
    """What keeps a training by hand back: a launch shortly before it, or what is spent already.

    The schedule's own are declared, and a decision's were asked for before: those only take the
    lease, like everybody.
    """
    if request.trigger != "hand":
        return None
    # A launch of a later night is none of an older training's business, nor is the run's own.
    launched = launches.retrains(stores.ledger, model.name, as_of=request.as_of)
    others = launches.others(
        stores.ledger,
        model.name,
        as_of=request.as_of,
        since=request.as_of - model.retrain.window,
    )
    word = may_launch(
        model.retrain,
        as_of=request.as_of,
        retrains=[one for one in launched if one.run_id != request.run_id],
        others=[one for one in others if one.run_id != request.run_id],
        override=request.override,
    )
    if word.allowed:
        return None
    # A reason overrides the wait, and neither the count of launches nor their computing time.
    waits = word.rule in ("cooldown", "back_off")
    hint = "; name a reason in `override` to do it all the same" if waits else ""
    return word.model_copy(update={"sentence": f"{model.name}: {word.sentence}{hint}"})


def _refuse(
    request: RunRequest, sentence: str, by: LeaseHeld | GovernorWord, *, stores: Stores
) -> Refusal:
    key = "lease" if isinstance(by, LeaseHeld) else "governor"
    stores.ledger.append(
        model=request.model,
        kind=NOT_ADMITTED,
        as_of=request.as_of,
        actor=request.actor,
        reason=sentence,
        payload={"run_id": request.run_id, key: by.model_dump(mode="json")},
    )
    return Refusal(request=request, reason=sentence)
