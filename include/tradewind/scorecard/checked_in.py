"""Whether git holds the definition that a model was trained with, and who has read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.loader import model_folder, shown_folder
from tradewind.definition.modules import file_of, module_key
from tradewind.errors import DefinitionError
from tradewind.scorecard.marking import HALF, NotShownError, Seen
from tradewind.scorecard_records import Pointer
from tradewind.stores.provenance import commit_at, committed_text, last_change

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.scorecard.case import Case
    from tradewind.stores.provenance import Commit

_SHORT = 12
_MODULE = module_key("")
_COMMIT = "commit what is to run, and train again"
_REVIEW = (
    "have each file's newest commit reviewed by somebody else (a trailer `Reviewed-by: Name "
    "<mail>`), or sign a tag at the commit (`git tag -s`)"
)


def checked_in(case: Case) -> Seen:
    """Half a point for a definition that is committed, file by file; one where others have read it.

    For a model whose tier asks for no reviewed revision, so that no gate has looked.

    Raises:
        NotShownError: The commit that is checked out holds something else, or there is none.
    """
    admitted = case.said("admit", "train")
    frozen = case.stores.ledger.definition_files(admitted.result["definition_digest"])
    try:
        folder = model_folder(case.stores.settings.config_dir, case.model.name)
    except DefinitionError as error:
        raise NotShownError(f"the model's folder is gone: {error}", _COMMIT) from error
    commit = commit_at(folder)
    if commit is None:
        raise NotShownError(f"git tells of no commit at {folder}", "keep definitions in git")
    files = {name: _path(name, folder) for name in frozen}
    other = [name for name, text in frozen.items() if not _is_held(files[name], text)]
    if other:
        raise NotShownError(
            f"the last training ran with another {', '.join(other)} than the commit "
            f"{commit.sha[:_SHORT]} holds",
            _COMMIT,
        )
    said = (
        f"{', '.join(frozen)}, which the last training ran with, are as the commit "
        f"{commit.sha[:_SHORT]} holds them"
    )
    shown = Pointer(
        words=f"commit {commit.sha[:_SHORT]}",
        command=f"git log -1 -p {commit.sha[:_SHORT]} -- {shown_folder(folder)}",
    )
    evidence = (case.pointer(admitted), shown)
    if commit.tags:
        return Seen(1.0, f"{said}; it is signed as {', '.join(commit.tags)}", evidence)
    unread = [name for name, path in files.items() if not _readers(path)]
    if not unread:
        readers = sorted({reader for path in files.values() for reader in _readers(path)})
        return Seen(1.0, f"{said}; they were reviewed by {', '.join(readers)}", evidence)
    told = f"{said}; nobody but its author is known to have read {', '.join(unread)}"
    return Seen(HALF, told, evidence, _REVIEW)


def _path(name: str, folder: Path) -> Path | None:
    if name.startswith(_MODULE):
        return file_of(name.removeprefix(_MODULE), near=folder)
    return folder / name


def _is_held(path: Path | None, text: str) -> bool:
    return path is not None and committed_text(path.parent, path.name) == text.strip()


def _readers(path: Path | None) -> tuple[str, ...]:
    """Who reviewed the newest commit of a file, and did not write it."""
    commit: Commit | None = last_change(path) if path else None
    return commit.reviewers if commit else ()
