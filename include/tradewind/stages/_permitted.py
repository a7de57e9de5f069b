"""Who may do what, held against who asks: the rights that count, the refusal that is kept.

The definition that counts is the one admitted last, whatever the folder says by now: nobody gives
themselves a right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.definition.frozen import TESTS_FILE
from tradewind.definition.modules import file_of, module_key
from tradewind.definition.permissions import Permissions
from tradewind.errors import NotPermittedError
from tradewind.policy.permitting import Denied, Permit, permitted, who_may
from tradewind.records import Identity
from tradewind.stores.events import PERMITTED, REFUSED
from tradewind.stores.provenance import committed_text, last_change

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.permissions import Action
    from tradewind.nights import ReleaseOrder
    from tradewind.records import RunRequest
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.provenance import Commit

_SHORT = 12
_MODULE = module_key("")


@dataclass(frozen=True)
class Asked:
    """An action that somebody asks for.

    Attributes:
        actor: As the ledger's events name them.
        by: As what is permitted goes by.
        run_id: The run that it would be done in.
    """

    action: Action
    model: str
    actor: str
    by: Identity
    as_of: datetime
    run_id: str

    @classmethod
    def in_run(cls, action: Action, request: RunRequest | ReleaseOrder) -> Asked:
        """What a run asks for. Code that names nobody is a shell's, whoever it says that it is."""
        return cls(
            action=action,
            model=request.model,
            actor=request.actor,
            by=request.by or Identity(kind="shell", name=request.actor),
            as_of=request.as_of,
            run_id=request.run_id,
        )


def require(asked: Asked, *, ledger: Ledger) -> str:
    """See that somebody may do what they ask for.

    Returns:
        Under which permission, in a sentence; it is to be kept with what was done.

    Raises:
        NotPermittedError: They may not; the ledger says so by then.
        DefinitionError: The definition that was admitted last cannot be read any more.
        LedgerError: The ledger cannot be reached.
    """
    word = judged(asked, ledger.last_good(asked.model))
    if isinstance(word, Denied):
        note(asked, word, ledger=ledger)
        raise NotPermittedError(f"{asked.model}: {word.sentence}")
    return word.sentence


def judged(asked: Asked, frozen: FrozenDefinition | None) -> Permit | Denied:
    """Whether somebody may; a model of which no definition was admitted has named nobody."""
    if frozen is None:
        return permitted(asked.action, asked.by, Permissions(), "low")
    return permitted(asked.action, asked.by, frozen.model.permissions, frozen.model.risk_tier)


def note(asked: Asked, word: Permit | Denied, *, ledger: Ledger, **particulars: Any) -> None:
    """Keep what somebody was told who asked."""
    ledger.append(
        model=asked.model,
        kind=REFUSED if isinstance(word, Denied) else PERMITTED,
        as_of=asked.as_of,
        actor=asked.actor,
        reason=word.sentence,
        payload={
            "run_id": asked.run_id,
            "action": asked.action,
            "by": asked.by.model_dump(mode="json"),
            **particulars,
        },
    )


# -------------------------------------------------------------------------- a changed definition


def judged_change(
    now: FrozenDefinition, before: FrozenDefinition, folder: Path
) -> Permit | Denied | None:
    """Whether those who answer for a changed definition may change it.

    Args:
        now: What the folder says.
        before: What was admitted last; it says who may.
        folder: The model's.

    Returns:
        None where anybody may, and nobody needs to be asked about it.
    """
    said = before.model
    if who_may(said.permissions, said.risk_tier)["change_definition"] == "anybody":
        return None
    word: Permit | Denied | None = None
    # A file that model.yaml names no more is answered for with it; the tests are named nowhere.
    tests = {TESTS_FILE} & before.files.keys()
    for name in dict.fromkeys([*now.files, *tests]):
        text = now.files.get(name)
        if before.files.get(name) != text:
            word = _judged_file(name, text, before, folder)
            if isinstance(word, Denied):
                return word
    return word or Denied("nothing that git knows of has changed, and yet the definition has")


def _judged_file(
    name: str, text: str | None, before: FrozenDefinition, folder: Path
) -> Permit | Denied:
    """Whether one of those who answer for a file's newest commit may change it, or remove it."""
    path = _path_of(name, folder)
    commit = last_change(path) if path else None
    if path is None or commit is None:
        return Denied(
            f"{name} has changed, `permissions.change_definition` names who may change it, and git "
            "tells of no commit of it: it needs a clone with its whole history, git on the PATH, "
            "and that git trusts the folder (`safe.directory`)"
        )
    if committed_text(path.parent, path.name) != (None if text is None else text.strip()):
        return Denied(
            f"{name} is not as the commit {commit.sha[:_SHORT]} holds it, and "
            "`permissions.change_definition` names who may change it: commit what is to run"
        )
    return _judged_commit(name, commit, before)


def _judged_commit(name: str, commit: Commit, before: FrozenDefinition) -> Permit | Denied:
    said, where = before.model, f" ({name}, commit {commit.sha[:_SHORT]})"
    words = [
        permitted(
            "change_definition",
            Identity(kind="commit", name=person),
            said.permissions,
            said.risk_tier,
        )
        for person in (commit.author, *commit.reviewers)
    ]
    for word in words:
        if isinstance(word, Permit):
            return Permit(f"{word.sentence}{where}")
    return Denied(
        f"{words[0].sentence}{where}; or let one of them review it: a trailer `Reviewed-by: Name "
        "<mail>` in the newest commit"
    )


def _path_of(name: str, folder: Path) -> Path | None:
    if name.startswith(_MODULE):
        return file_of(name.removeprefix(_MODULE), near=folder)
    return folder / name
