"""Real commits in real clones: who wrote them, who read them, and whether they are what runs."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import TEN_LINES
from tests.fixtures.git import git
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError, EvidenceError
from tradewind.gates.revision import Found
from tradewind.stages.examination.revision import gather
from tradewind.stores.provenance import commit_at

if TYPE_CHECKING:
    from tradewind.settings import Settings

ADA, GRACE = "Ada <ada@example.org>", "Grace <grace@example.org>"
NAME = "tips"
HIGH = f"""{TEN_LINES}
risk_tier: high
promotion: {{reviewers: [ada, grace]}}
permissions: {{promote: ada, retire: ada, erase: ada}}
"""


class Clone:
    """A clone with one model's folder."""

    def __init__(self, root: Path, home: Settings) -> None:
        self.root, self.home = root, home
        self.folder = root / "config" / "models" / NAME
        self.folder.mkdir(parents=True)
        (self.folder / "model.yaml").write_text(HIGH)
        (self.folder / "features.sql").write_text("SELECT 1\n")
        git(root, "init")

    def commit(self, *trailers: str, author: str = ADA) -> str:
        git(self.root, "add", ".")
        message = "\n".join(["Say what matters", "", *trailers])
        git(self.root, "commit", "--allow-empty", f"--author={author}", "--message", message)
        return git(self.root, "rev-parse", "HEAD")

    def case(self) -> Any:
        frozen = load_definition(self.folder)
        settings = replace(self.home, root=self.root, config_dir=self.root / "config")
        run = SimpleNamespace(frozen=frozen, stores=SimpleNamespace(settings=settings))
        return SimpleNamespace(model=frozen.model, run=run)


@pytest.fixture
def clone(home: Settings, tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone", home)


def test_a_reviewer_beside_the_author_is_found(clone):
    sha = clone.commit(f"Reviewed-by: {GRACE}")
    assert gather(clone.case()) == Found(commit=sha, author=ADA, reviewers=[GRACE])


@pytest.mark.parametrize(
    "trailers",
    [
        (),
        (f"Reviewed-by: {ADA}",),
        ("Reviewed-by: Ada Lovelace <ADA@example.org>",),
        ("Reviewed-by: Grace",),
        (f"Co-authored-by: {GRACE}", f"Reviewed-by: {GRACE}"),
        (f"Signed-off-by: {GRACE}",),
    ],
    ids=["nobody", "the author", "by another name", "no address", "who wrote it too", "no review"],
)
def test_nobody_reviews_what_they_wrote(clone, trailers):
    sha = clone.commit(*trailers)
    with pytest.raises(EvidenceError, match=f"{sha[:12]} by Ada .*reviewed by nobody else"):
        gather(clone.case())


def test_only_the_commit_that_is_checked_out_counts(clone):
    clone.commit(f"Reviewed-by: {GRACE}")
    clone.commit()
    with pytest.raises(EvidenceError, match="reviewed by nobody else"):
        gather(clone.case())


@pytest.mark.parametrize("name", ["config/models/tips/notes.txt", "code.py"])
def test_what_differs_from_the_commit_blocks(clone, name):
    (clone.root / "code.py").write_text("a = 1\n")
    clone.commit(f"Reviewed-by: {GRACE}")
    gather(clone.case())
    (clone.root / name).write_text("a = 2\n")
    with pytest.raises(EvidenceError, match=f"{Path(name).name} differ from the commit"):
        gather(clone.case())


@pytest.mark.parametrize("name", ["features.sql", "tests.yaml"])
def test_a_definition_that_was_admitted_before_the_commit_is_another(clone, name):
    (clone.folder / "tests.yaml").write_text("tests: []\n")
    case = clone.case()
    (clone.folder / name).write_text("# another\n")
    clone.commit(f"Reviewed-by: {GRACE}")
    with pytest.raises(EvidenceError, match=f"another {name} than the commit"):
        gather(case)


def test_a_tag_counts_by_a_signature_that_can_be_verified(clone, tmp_path):
    clone.commit()
    git(clone.root, "tag", "plain")
    git(clone.root, "tag", "--annotate", "--message", "one", "unsigned")
    with pytest.raises(EvidenceError, match="no tag whose signature"):
        gather(clone.case())
    key = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    trusted = tmp_path / "trusted"
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingkey", f"{key}.pub"),
        ("gpg.ssh.allowedSignersFile", str(trusted)),
    ):
        git(clone.root, "config", name, value)
    trusted.write_text("")
    git(clone.root, "tag", "--sign", "--message", "one", "v1")
    with pytest.raises(EvidenceError, match="no tag whose signature"):
        gather(clone.case())
    trusted.write_text(f"grace@example.org {key.with_suffix('.pub').read_text()}")
    assert gather(clone.case()).tags == ("v1",)


def test_a_definition_of_another_clone_needs_a_reviewed_code_as_well(clone, home, tmp_path):
    clone.commit(f"Reviewed-by: {GRACE}")
    code = tmp_path / "code"
    code.mkdir()
    case = clone.case()
    settings = replace(case.run.stores.settings, root=code)
    case.run.stores.settings = settings
    with pytest.raises(EvidenceError, match=r"git tells of no commit at .*code"):
        gather(case)


def test_without_git_there_is_no_review(clone, tmp_path, monkeypatch):
    clone.commit(f"Reviewed-by: {GRACE}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EvidenceError, match="git tells of no commit"):
        gather(clone.case())
    assert commit_at(clone.folder) is None


def test_a_folder_that_is_gone_is_an_error(clone):
    case = clone.case()
    case.run.stores.settings = replace(case.run.stores.settings, config_dir=clone.root / "nowhere")
    with pytest.raises(DefinitionError, match="there is no model 'tips'"):
        gather(case)


def test_tier_low_asks_git_nothing(clone):
    (clone.folder / "model.yaml").write_text(TEN_LINES)
    assert gather(clone.case()) == Found()


def test_without_a_run_there_is_no_folder(clone):
    clone.commit(f"Reviewed-by: {GRACE}")
    case = clone.case()
    case.run = None
    with pytest.raises(EvidenceError, match="without a run"):
        gather(case)
