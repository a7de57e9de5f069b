"""Who may do what, at each action, with a real ledger and real commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import SQL, WHOLE, write_model
from tests.fixtures.git import git
from tradewind.errors import NotPermittedError
from tradewind.nights import ReleaseOrder
from tradewind.records import Admission, Identity, Refusal, RunRequest
from tradewind.stages._permitted import Asked, require
from tradewind.stages.admit import admit
from tradewind.stages.release import carry_out
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings
    from tradewind.stores.events import Event

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
ANN = Identity(kind="airflow", name="ann", roles=["user"])
BOB = Identity(kind="airflow", name="bob", roles=["op"])
ADA, GRACE, EVE = "Ada <ada@example.org>", "Grace <grace@example.org>", "Eve <eve@example.org>"
ONLY_ADA = "permissions: {change_definition: ada@example.org}\n"


@dataclass
class Scene:
    """A real ledger, and a model's folder that may lie in a clone."""

    stores: Stores
    root: Path
    runs: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "models" / "late"

    def declare(self, more: str = "", *, sql: str = SQL) -> None:
        write_model(self.root, f"{WHOLE}\n{more}", sql=sql, name="late")

    def commit(self, *trailers: str, author: str = ADA, only: str = ".") -> None:
        if not (self.root / ".git").exists():
            git(self.root, "init")
        git(self.root, "add", only)
        message = "\n".join(["Say what matters", "", *trailers])
        git(self.root, "commit", "--allow-empty", f"--author={author}", "--message", message)

    def ask(self, by: Identity | None = ANN, **more: Any) -> Admission | Refusal:
        self.runs.append(f"train/{len(self.runs)}")
        given = {
            "model": "late",
            "run_id": self.runs[-1],
            "as_of": JULY,
            "actor": by.name if by else "ann",
            "reason": "to see",
            "by": by,
            **more,
        }
        request = RunRequest.model_validate(given)
        said = admit(request, stores=self.stores, config_dir=self.root)
        if isinstance(said, Admission) and said.fencing_token is not None:
            self.stores.ledger.release_lease(
                "late", holder=request.run_id, fencing_token=said.fencing_token
            )
        return said

    def admitted(self, by: Identity | None = ANN, **more: Any) -> Admission:
        said = self.ask(by, **more)
        assert isinstance(said, Admission), said.reason
        return said

    def refused(self, by: Identity | None = ANN, **more: Any) -> str:
        said = self.ask(by, **more)
        assert isinstance(said, Refusal)
        assert self.stores.ledger.lease("late") is None
        return said.reason

    def order(self, action: str, by: Identity | None, **more: Any) -> str:
        self.runs.append(f"release/{len(self.runs)}")
        given = {
            "model": "late",
            "action": action,
            "as_of": JULY,
            "actor": by.name if by else "ann",
            "reason": "because",
            "run_id": self.runs[-1],
            "by": by,
            **more,
        }
        return carry_out(ReleaseOrder.model_validate(given), stores=self.stores).permitted

    def events(self, *kinds: str) -> list[Event]:
        return self.stores.ledger.events(model="late", kind=kinds)


@pytest.fixture
def scene(home: Settings, ledger_dsn: str, tmp_path: Path) -> Scene:
    scene = Scene(Stores.open(home), tmp_path / "config")
    scene.declare()
    return scene


# --------------------------------------------------------------------------------------- retrain


def test_a_training_by_hand_is_admitted_under_a_permission_that_is_kept(scene: Scene) -> None:
    scene.declare("permissions: {retrain: [ann, cy]}")
    said = scene.admitted(ANN)
    assert said.permitted == "ann may retrain: `permissions.retrain` names ann"
    assert scene.events("refused") == []


def test_a_training_by_somebody_else_is_not_admitted_and_the_ledger_says_who_and_why(
    scene: Scene,
) -> None:
    scene.declare("permissions: {retrain: [ann, cy]}")
    reason = scene.refused(BOB)
    assert reason == (
        "late: bob may not retrain: `permissions.retrain` names ann or cy; ask one of them"
    )
    (event,) = scene.events("refused")
    assert (event.actor, f"late: {event.reason}") == ("bob", reason)
    assert event.payload == {
        "run_id": "train/0",
        "action": "retrain",
        "by": {"kind": "airflow", "name": "bob", "roles": ["op"]},
    }
    assert scene.events("definition_frozen") == []


def test_a_role_lets_in_whoever_has_it(scene: Scene) -> None:
    scene.declare("permissions: {retrain: {roles: [op]}}")
    assert scene.admitted(BOB).permitted.endswith("names the role op")
    assert "may not retrain" in scene.refused(ANN)


@pytest.mark.parametrize("trigger", ["schedule", "decision"])
def test_what_the_schedule_or_a_decision_starts_needs_nobodys_permission(
    scene: Scene, trigger: str
) -> None:
    scene.declare("permissions: {retrain: cy}")
    assert scene.admitted(BOB, trigger=trigger).permitted == ""


@pytest.mark.parametrize("pipeline", ["score", "monitor"])
def test_a_night_is_nobodys_to_forbid(scene: Scene, pipeline: str) -> None:
    scene.declare("permissions: {retrain: cy}")
    scene.admitted(BOB, pipeline=pipeline)


def test_code_that_names_nobody_is_a_shells_whoever_it_says_that_it_is(scene: Scene) -> None:
    scene.declare("permissions: {retrain: ann}")
    assert "shell:ann may not retrain" in scene.refused(None, actor="ann")


def test_nobody_gives_themselves_a_right(scene: Scene) -> None:
    scene.declare("permissions: {retrain: ann}")
    scene.admitted(ANN)
    scene.declare("permissions: {retrain: bob}")
    assert "names ann; ask" in scene.refused(BOB)
    scene.admitted(ANN)
    # By now what ann had admitted counts.
    assert scene.admitted(BOB).permitted.endswith("names bob")


# -------------------------------------------------------------------------------------- releasing


def test_an_order_is_carried_out_under_a_permission_or_refused(scene: Scene) -> None:
    scene.declare("permissions: {retire: ann, hold_or_switch_off: [ann, bob]}")
    scene.admitted()
    said = "bob may not retire: `permissions.retire` names ann; ask one of them"
    with pytest.raises(NotPermittedError, match=f"^late: {said}$"):
        scene.order("retire", BOB)
    (event,) = scene.events("refused")
    assert (event.actor, event.reason, event.payload["action"]) == ("bob", said, "retire")
    assert scene.events("retired", "switched_off") == []


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("promote", {"version": 1}),
        ("start_canary", {"version": 1}),
        ("start_shadow", {"version": 1}),
        ("roll_back", {}),
        ("hold", {"until": JULY + timedelta(days=9)}),
        ("stop_arm", {"version": 1}),
        ("fall_back", {}),
        ("resume", {}),
        ("segment", {"feature": "station", "value": "x", "until": JULY + timedelta(days=9)}),
        ("accept_contract", {"breach": "unit_change:temp"}),
        ("retire", {}),
        ("exclude", {"source": "trains"}),
        ("readmit", {"exclusion": 1}),
    ],
)
def test_no_order_passes_by_the_permissions(
    scene: Scene, action: str, more: dict[str, Any]
) -> None:
    names = ["promote", "roll_back", "hold_or_switch_off", "retire", "exclude"]
    scene.declare(f"permissions: {{{', '.join(f'{name}: ann' for name in names)}}}")
    scene.admitted()
    before = len(scene.events("intended", "held", "switched_off", "retired", "resumed"))
    with pytest.raises(NotPermittedError, match="bob may not"):
        scene.order(action, BOB, **more)
    assert len(scene.events("refused")) == 1
    assert len(scene.events("intended", "held", "switched_off", "retired", "resumed")) == before


def test_who_may_not_retire_a_model_does_not_bring_it_back(scene: Scene) -> None:
    scene.declare("permissions: {retire: ann, hold_or_switch_off: bob}")
    scene.admitted()
    scene.stores.ledger.append(
        model="late", kind="retired", as_of=JULY, actor="ann", reason="it is over", payload={}
    )
    with pytest.raises(NotPermittedError, match="bob may not retire"):
        scene.order("resume", BOB)


def test_a_new_definition_in_the_folder_gives_nobody_a_right_to_an_order(scene: Scene) -> None:
    scene.declare("permissions: {retire: ann}")
    scene.admitted()
    scene.declare("permissions: {retire: bob}")
    with pytest.raises(NotPermittedError, match="names ann"):
        scene.order("retire", BOB)


def test_a_tier_that_needs_names_and_has_none_lets_nobody_in(scene: Scene) -> None:
    text = f"{WHOLE}\nrisk_tier: high\npromotion: {{reviewers: [rita]}}\n"
    files = {"model.yaml": text, "features.sql": SQL}
    scene.stores.ledger.freeze_definition("late", files, as_of=JULY, actor="ann")
    with pytest.raises(NotPermittedError, match="tier high needs somebody named"):
        scene.order("retire", ANN)


def test_what_is_asked_for_elsewhere_is_held_against_the_same_rights(scene: Scene) -> None:
    scene.declare("permissions: {erase: ann}")
    scene.admitted()
    asked = Asked("erase", "late", "bob", BOB, JULY, "forget/1")
    with pytest.raises(NotPermittedError, match="bob may not erase"):
        require(asked, ledger=scene.stores.ledger)
    asked = Asked("erase", "late", "ann", ANN, JULY, "forget/2")
    assert require(asked, ledger=scene.stores.ledger).endswith("names ann")


# --------------------------------------------------------------------------- a changed definition


def test_the_first_definition_is_anybodys(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()


def test_a_change_by_somebody_named_is_admitted_and_the_ledger_says_under_which_permission(
    scene: Scene,
) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- better\n")
    scene.commit()
    scene.admitted()
    (event,) = scene.events("permitted")
    assert event.reason.startswith(
        f"{ADA} may change_definition: `permissions.change_definition` names ada@example.org "
        "(features.sql, commit "
    )
    assert len(scene.events("definition_frozen")) == 2


def test_a_review_by_somebody_named_is_as_good(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- better\n")
    scene.commit(f"Reviewed-by: {GRACE}", f"Reviewed-by: {ADA}", author=EVE)
    scene.admitted()
    assert scene.events("permitted")[0].reason.startswith(ADA)


def test_a_change_by_somebody_else_is_not_trained_on_and_nights_go_on_without_it(
    scene: Scene,
) -> None:
    scene.declare(ONLY_ADA)
    good = scene.admitted().definition_digest
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    scene.commit(f"Reviewed-by: {GRACE}", author=EVE)

    for trigger in ("hand", "schedule"):
        reason = scene.refused(trigger=trigger)
        assert reason.startswith(
            f"late: {EVE} may not change_definition: `permissions.change_definition` names "
            "ada@example.org; ask one of them (features.sql, commit "
        )
        assert "`Reviewed-by: Name <mail>`" in reason
    for pipeline in ("score", "monitor"):
        said = scene.admitted(pipeline=pipeline)
        assert said.definition_digest == good
        assert said.warning is not None
        assert said.warning.startswith(
            f"changed, so {good[:12]}, its last good definition, is used"
        )
        assert EVE in said.warning
    # Each training that was refused, and for the nights nothing that is not known.
    assert [event.payload["action"] for event in scene.events("refused")] == [
        "change_definition",
        "change_definition",
    ]
    assert scene.stores.ledger.last_definition("late") == good


def test_a_night_that_finds_it_first_says_so_once(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    scene.commit(author=EVE)
    for _ in range(2):
        scene.admitted(pipeline="score")
    assert len(scene.events("refused")) == 1


def test_nobody_lets_themselves_change_a_definition(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare("permissions: {change_definition: eve@example.org}")
    scene.commit(author=EVE)
    assert "names ada@example.org" in scene.refused()
    scene.declare("")
    scene.commit(author=EVE)
    assert "names ada@example.org" in scene.refused()


def test_a_later_commit_of_something_else_does_not_answer_for_a_change(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    scene.commit(author=EVE)
    (scene.folder / "README.md").write_text("a guide\n")
    scene.commit(author=ADA)
    assert EVE in scene.refused()


def test_the_tests_of_a_definition_are_changed_and_taken_away_by_those_named_only(
    scene: Scene,
) -> None:
    tests = scene.folder / "tests.yaml"
    tests.write_text("tests: []\n")
    scene.declare(ONLY_ADA)
    scene.commit()
    scene.admitted()
    tests.write_text("tests: [] # fewer\n")
    scene.commit(author=EVE)
    assert EVE in scene.refused()
    tests.unlink()
    scene.commit(author=EVE)
    reason = scene.refused()
    assert EVE in reason
    assert "(tests.yaml, commit " in reason
    scene.commit(f"Reviewed-by: {ADA}")
    tests.write_text("tests: []\n")
    scene.commit()
    tests.unlink()
    scene.commit()
    scene.admitted()


def test_what_is_not_committed_is_nobodys(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.commit()
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    assert "features.sql is not as the commit" in scene.refused()


def test_without_git_a_change_is_nobodys(scene: Scene) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    assert "git tells of no commit of it" in scene.refused()


def test_a_clone_whose_history_is_cut_off_says_nothing_of_a_file(
    scene: Scene, tmp_path: Path
) -> None:
    scene.declare(ONLY_ADA)
    scene.admitted()
    scene.declare(ONLY_ADA, sql=f"{SQL}-- worse\n")
    scene.commit(author=EVE)
    scene.commit(author=ADA)
    git(tmp_path, "clone", "--depth", "1", scene.root.as_uri(), "shallow")
    scene.root = tmp_path / "shallow"
    assert "with its whole history" in scene.refused()


def test_where_nobody_is_named_no_commit_is_needed(scene: Scene) -> None:
    scene.admitted()
    scene.declare("", sql=f"{SQL}-- other\n")
    scene.admitted()
    assert scene.events("permitted", "refused") == []
