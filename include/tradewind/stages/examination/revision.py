"""Which commit the model's folder stands at, who wrote it, and who has read it.

It is asked anew each time, because a tag may come to a commit later: a review that is not there is
something that was not found, and such findings are not the last word on a candidate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.frozen import MODEL_FILE, TESTS_FILE
from tradewind.definition.loader import model_folder
from tradewind.errors import EvidenceError
from tradewind.gates.revision import Found
from tradewind.stores.provenance import commit_at, committed_text

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.stages._case import Case
    from tradewind.stores.provenance import Commit

TASK = "probe"
_SHORT, _SHOWN = 12, 5


def gather(case: Case) -> Found:
    """Ask git about the model's folder, and about the clone that the code runs from.

    Raises:
        DefinitionError: The model's folder is gone.
        EvidenceError: Git does not answer, what runs is not what the commit holds, or nobody but
            its author answers for it.
    """
    if case.model.risk_tier == "low":
        return Found()
    if case.run is None:
        raise EvidenceError("without a run there is no folder whose commit could be asked for")
    settings = case.run.stores.settings
    folder = model_folder(settings.config_dir, case.model.name)
    # Definitions may lie in a clone of their own: then both have a commit, and both are reviewed.
    commits = [_reviewed(place) for place in (folder, settings.root)]
    _require_frozen(folder, case.run.frozen, commits[0])
    return Found(
        commit=commits[0].sha,
        author=commits[0].author,
        reviewers=commits[0].reviewers,
        tags=commits[0].tags,
    )


def _reviewed(place: Path) -> Commit:
    """The commit that a place stands at, if somebody answers for all that lies there."""
    commit = commit_at(place)
    if commit is None:
        raise EvidenceError(
            f"git tells of no commit at {place}: a reviewed revision needs a clone, git on the "
            "PATH, and that git trusts the folder (`safe.directory`)"
        )
    if commit.changed:
        more = len(commit.changed) - _SHOWN
        raise EvidenceError(
            f"{', '.join(commit.changed[:_SHOWN])}{f' and {more} more' if more > 0 else ''} "
            f"differ from the commit {commit.sha[:_SHORT]}: commit what is to run, and have it "
            "reviewed"
        )
    if not (commit.reviewers or commit.tags):
        raise EvidenceError(
            f"the commit {commit.sha[:_SHORT]} by {commit.author} was reviewed by nobody else and "
            "has no tag whose signature git can verify: it needs a trailer `Reviewed-by: Name "
            "<mail>`, or `git tag -s`"
        )
    return commit


def _require_frozen(folder: Path, frozen: FrozenDefinition, commit: Commit) -> None:
    """See that the definition that was trained by is the one that was reviewed."""
    own = (MODEL_FILE, frozen.model.features.sql, TESTS_FILE)
    for name in (name for name in own if name in frozen.files):
        if committed_text(folder, name) != frozen.files[name].strip():
            raise EvidenceError(
                f"this run was admitted with another {name} than the commit {commit.sha[:_SHORT]} "
                "holds: start a new run"
            )
