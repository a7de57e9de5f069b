"""Make `.venv` from the hashed requirements, with nothing but a Python of the right age.

This file must run on any Python 3, if only to say that it is too old: nothing newer than f-strings,
and nothing but the standard library.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST, TOO_NEW = (3, 11), (3, 14)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".complete"
LOCK = ROOT / ".tradewind" / "setup.lock"
REQUIREMENTS = ROOT / "requirements.txt"
BOOTSTRAP = ROOT / "requirements" / "bootstrap.txt"
# Another project's choice of where packages go must not become ours; where they come from may.
FOREIGN = (
    "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME",
    "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV",
)  # fmt: skip


def main():
    """Set up unless the environment is whole already; returns the exit code."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        found = f"{sys.executable} is {sys.version.split()[0]}"
        say(f"Tradewind needs Python 3.11, 3.12 or 3.13; {found}")
        return 1
    if "--fits" in sys.argv or is_complete():
        return 0
    for name in FOREIGN:
        os.environ.pop(name, None)
    import fcntl  # noqa: PLC0415 -- there is none on Windows, where WSL is the way

    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever had the lock may have done it for us.
        return 0 if is_complete() else set_up()


def set_up():
    """Make the environment and install into it; returns the exit code."""
    begun = time.time()
    try:
        make_environment()
        uv = find_uv()
        say(f"installing the pinned packages with {'uv' if uv else 'pip, which takes minutes'}")
        install(uv)
    except subprocess.CalledProcessError as error:
        say(f"setting up failed at: {' '.join(map(str, error.cmd))}")
        return 1
    STAMP.write_text(wanted())
    say(f"ready after {time.time() - begun:.0f} s")
    return 0


def make_environment():
    """Make `.venv`; one that is of an unfit Python, broken, or moved from elsewhere is replaced."""
    sound = f"import sys; v = sys.version_info[:2]; assert {OLDEST} <= v < {TOO_NEW}"
    if runs(PYTHON, "-c", f"{sound}; assert sys.prefix == {str(VENV)!r}"):
        return
    say(f"making .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    if runs(sys.executable, "-m", "venv", VENV):
        return
    # Debian's Python cannot put pip into an environment without python3-venv; uv needs no pip.
    uv = shutil.which("uv")
    if uv is None:
        say("this Python cannot make a virtual environment: install python3-venv, or uv")
        raise subprocess.CalledProcessError(1, [sys.executable, "-m", "venv", VENV])
    do(uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV)


def find_uv():
    """A `uv`: the caller's, or the pinned one from PyPI; None where that cannot be had."""
    own = VENV / "bin" / "uv"
    known = shutil.which("uv") or own
    if runs(known, "--version"):
        return known
    say("fetching uv")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    return own if runs(*pip, "--require-hashes", "-r", BOOTSTRAP) else None


def install(uv):
    """Install the pinned packages, each checked against its hash, then this repository itself."""
    if uv:
        pip = [uv, "pip", "install", "--python", PYTHON]
        do(*pip, "--compile-bytecode", "--require-hashes", "-r", REQUIREMENTS)
    else:
        pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
        # The file is complete, and pip's resolver would find a newer celery behind its extra.
        do(*pip, "--no-deps", "--require-hashes", "-r", REQUIREMENTS)
    do(*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def is_complete():
    """Whether the environment was made whole from these very files, in this very place."""
    try:
        return STAMP.read_text() == wanted() and PYTHON.exists()
    except OSError:
        return False


def wanted():
    """Digest of all that decides what the environment holds."""
    digest = hashlib.sha256(bytes(VENV))
    for path in (REQUIREMENTS, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def runs(*command):
    """Run quietly; whether it went well."""
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(list(map(str, command)), check=False, stdout=quiet, stderr=quiet)
    except OSError:
        return False
    return done.returncode == 0


def do(*command):
    """Run in sight of the user."""
    subprocess.run(list(map(str, command)), check=True)


def say(text):
    """Tell the user."""
    sys.stderr.write(f"tradewind: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
