"""What a model was made with: code, requirements, Python, git revision.

`made_with` is part of what decides a model's predictions, and so of its train key; the git revision
is recorded beside it and decides nothing, because a commit to a guide changes no model.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
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
