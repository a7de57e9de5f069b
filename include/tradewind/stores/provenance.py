"""What a model was made with: code, requirements, Python, git revision.

`made_with` is part of what decides a model's predictions, and so of its train key; the git revision
is recorded beside it and decides nothing, because a commit to a guide changes no model.
"""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.settings import Settings

SCORING_PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
_LOCKED_REQUIREMENTS = "requirements.txt"
_DECIDING_CODE = (
    *("learning", "stats", "stores/scorer.py", "stores/casting.py", "stores/fallback.py"),
    *("stores/reasons.py", "stores/trees.py", "stores/shapley.py", "stores/telling.py"),
    "stores/prediction_schema.py",
)
_PACKAGE = Path(__file__).resolve().parents[1]
_REVISION_VARIABLE = "TRADEWIND_GIT_REVISION"
_TRAILER = "%(trailers:key={},valueonly,separator=%x01)"
_COMMIT = "%x00".join(
    ("%H", "%an <%ae>", _TRAILER.format("Reviewed-by"), _TRAILER.format("Co-authored-by"))
)
_MAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")


@dataclass(frozen=True)
class Commit:
    """The commit that a folder stands at.

    Attributes:
        author: `Name <mail>`.
        reviewers: Its `Reviewed-by:` trailers, but for who wrote it, alone or with others.
        tags: Its tags whose signature git could verify.
        changed: Files that are not as it holds them: tracked ones anywhere in the clone, and new
            ones in the folder.
    """

    sha: str
    author: str
    reviewers: tuple[str, ...]
    tags: tuple[str, ...]
    changed: tuple[str, ...]


def made_with(settings: Settings) -> dict[str, str]:
    """Everything about this installation that decides what a model predicts.

    Returns:
        `python`, `machine`, `requirements` (digest of the locked requirements, `none` without
        them), `code` (digest of the modules that learn), and the version of each package that
        learns or scores.
    """
    locked = settings.root / _LOCKED_REQUIREMENTS
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "requirements": _digest([locked], root=settings.root) if locked.is_file() else "none",
        "code": code_digest(),
        **{name: package_version(name) for name in SCORING_PACKAGES},
    }


def code_digest() -> str:
    """The digest of the modules that decide a model: learning, its metrics, what scores."""
    return _digest(deciding_files(), root=_PACKAGE)


def deciding_files() -> list[Path]:
    """The modules that decide a model, in their order; among them all that travel with it."""
    named = [_PACKAGE / name for name in _DECIDING_CODE]
    return sorted(
        path for place in named for path in ([place] if place.is_file() else place.rglob("*.py"))
    )


def scoring_requirements() -> list[str]:
    """What a server that scores must have installed: these versions, and nothing else."""
    return [f"{name}=={package_version(name)}" for name in SCORING_PACKAGES]


def package_version(name: str) -> str:
    """The installed version of a package, or `none`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def git_revision(settings: Settings) -> str:
    """The commit that the clone stands at, `-dirty` after it where files differ from it.

    An image has no git: it says its revision in TRADEWIND_GIT_REVISION. Where neither says
    anything, the word is `unknown`.
    """
    if told := settings.environment.get(_REVISION_VARIABLE):
        return told
    revision = _git(settings.root, "rev-parse", "HEAD")
    if revision is None:
        return "unknown"
    changed = _git(settings.root, "status", "--porcelain", "--untracked-files=no")
    return f"{revision}-dirty" if changed else revision


def commit_at(folder: Path) -> Commit | None:
    """The commit that a folder stands at; None where there is no git, or no commit."""
    told = _told(folder)
    if told is None:
        return None
    sha, author, reviewers = told
    tags = _lines(folder, "tag", "--points-at", "HEAD")
    return Commit(
        sha=sha,
        author=author,
        reviewers=reviewers,
        tags=tuple(tag for tag in tags if _git(folder, "verify-tag", tag) is not None),
        changed=(
            *_lines(folder, "diff", "--name-only", "HEAD"),
            *_lines(folder, "ls-files", "--others", "--exclude-standard", "--", "."),
        ),
    )


def last_change(path: Path) -> Commit | None:
    """The newest commit that touched a file, without tags; None where git tells of none.

    A clone whose history is cut off tells of none: its oldest commit seems to have written all.
    """
    folder = path.parent
    told = _told(folder, path.name)
    if told is None or _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None
    sha, author, reviewers = told
    changed = tuple(_lines(folder, "diff", "--name-only", "HEAD", "--", path.name))
    return Commit(sha=sha, author=author, reviewers=reviewers, tags=(), changed=changed)


def committed_text(folder: Path, name: str) -> str | None:
    """What the commit that a folder stands at holds of one of its files; None for no such file."""
    return _git(folder, "show", f"HEAD:./{name}")


def _told(folder: Path, *names: str) -> tuple[str, str, tuple[str, ...]] | None:
    """The newest commit (of these files, where any are named): its sha, author and reviewers."""
    told = _git(folder, "log", "-1", f"--format={_COMMIT}", "--", *names)
    if not told:
        return None
    sha, author, reviewed, written = told.split("\0")
    own = {_mail(one) for one in (author, *written.split("\x01"))}
    reviewers = [one.strip() for one in reviewed.split("\x01") if _mail(one)]
    return sha, author, tuple(one for one in reviewers if _mail(one) not in own)


def _lines(root: Path, *words: str) -> list[str]:
    return (_git(root, *words) or "").splitlines()


def _mail(person: str) -> str:
    """The address in `Name <mail>`, by which people are told apart; empty where there is none."""
    found = _MAIL.search(person)
    return found[1].casefold() if found else ""


def _git(root: Path, *words: str) -> str | None:
    try:
        outcome = subprocess.run(
            ["git", "-C", str(root), *words],  # noqa: S607 -- whichever git the user has
            check=False,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return outcome.stdout.strip() if outcome.returncode == 0 else None


def _digest(files: Iterable[Path], *, root: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
