"""The commands by which somebody is forgotten: the key goes in by standard input alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.stages.forgetting import ANN, BEN, CARA, PLAIN, House, Person
from tests.stages.nightly import settle
from tradewind import cli
from tradewind.erasure import Erased, Learner, Looked, Retraining
from tradewind.errors import UnavailableError
from tradewind.reports.forgetting import forgetting_lines
from tradewind.stores import erasing
from tradewind.stores.events import ERASURE_WITHDRAWN
from tradewind.stores.subjects import Subjects

if TYPE_CHECKING:
    from click.testing import Result

    from tests.fixtures.home import Home


@pytest.fixture
def house(own_home: Home) -> House:
    """The shop with parts and validated rows of one model; nothing was trained."""
    house = House(settle(own_home))
    house.open_all()
    house.describe("renewals_in_a_shell")
    house.run_until("validate", model="renewals_in_a_shell")
    return house


NOBODY_KNOWN = Person("Zq-nobody-4799", ())


def stories(printed: str) -> list[str]:
    """What is printed of each erasure: the lines behind its first are set in."""
    return re.findall(r"^\S.*\n(?:  .*\n)*", printed, re.MULTILINE)


def lost(*_: object, **__: object) -> None:
    msg = "the disk is gone"
    raise UnavailableError(msg)


def run(house: House, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli.app, [*words], input=typed, env=house.environ)


def test_somebody_is_kept_by_standard_input_and_forgotten_by_reference(house: House) -> None:
    house.delete_at_source(ANN)
    kept = run(house, "subject", "customer", typed=f"{ANN.key}\n")
    assert kept.exit_code == 0, kept.output
    reference = kept.stdout.strip()
    assert re.fullmatch("[0-9a-f]{32}", reference)
    assert f"tradewind forget {reference}" in kept.stderr
    assert ANN.key not in kept.output

    done = run(house, "forget", reference, "--reason", "they asked for it")
    assert done.exit_code == 0, done.output
    assert f"customer {reference}: forgotten at " in done.stdout
    # Of others' versions, which MLflow holds too, nothing can be told here.
    assert "trained on it: renewals_in_a_shell" not in done.stdout
    assert ANN.key not in done.output

    again = run(house, "forget", reference, "--reason", "once more", "--json")
    assert json.loads(again.stdout)["already"] is True


def test_all_erasures_are_listed_by_reference_with_what_they_came_to(house: House) -> None:
    assert "nobody" in run(house, "erasures").stdout
    house.delete_at_source(ANN)
    gone, unknown, taken_back = (house.asked(one) for one in (ANN, NOBODY_KNOWN, CARA))
    for reference in (gone, unknown):
        done = run(house, "forget", reference, "--reason", f"request {reference[:4]}")
        assert done.exit_code == 0, done.output
    assert run(house, "subject", "--withdraw", taken_back).exit_code == 0
    refused = house.asked(BEN)
    still = run(house, "forget", refused, "--reason", "request 7")
    assert f"`tradewind subject --withdraw {refused}`" in str(still.exception)
    assert "the reference stays valid" in str(still.exception)

    listed = run(house, "erasures")
    assert listed.exit_code == 0, listed.output
    told = dict(zip((refused, taken_back, unknown, gone), stories(listed.stdout), strict=True))
    assert all(story.startswith(f"customer {one}: ") for one, story in told.items())
    assert "forgotten at " in told[gone]
    assert re.search(r"asked at .* UTC by ann; ordered at .* UTC by .*: request", told[gone])
    assert re.search(r"[1-9]\d* files of the lake rewritten: [1-9]\d* rows taken out", told[gone])
    assert "nothing was held of them" in told[unknown]
    assert "withdrawn at " in told[taken_back]
    assert "asked, and not begun" in told[refused]
    assert f"`tradewind forget {refused} --reason ...`" in told[refused]

    machine = run(house, "erasures", "--json")
    states = {one["reference"]: one["state"] for one in json.loads(machine.stdout)}
    assert states == {
        refused: "asked", taken_back: "withdrawn", unknown: "erased", gone: "erased",
    }  # fmt: skip
    opened = {one["reference"] for one in json.loads(machine.stdout) if one["open"]}
    assert opened == {refused}
    for person in (ANN, NOBODY_KNOWN, CARA, BEN):
        for result in (listed, machine, still):
            said = f"{result.output} {result.exception}"
            assert person.key not in said
            assert person.email not in said


def test_a_request_that_has_not_begun_is_withdrawn_and_its_key_let_go_of(house: House) -> None:
    reference = house.asked(BEN)
    done = run(house, "subject", "--withdraw", reference)
    assert done.exit_code == 0, done.output
    assert Subjects.open(house.stores.settings).find(reference) is None
    [event] = house.stores.ledger.events(kind=ERASURE_WITHDRAWN)
    assert event.payload == {"reference": reference, "kind": "customer"}
    assert BEN.key not in f"{event} {done.output}"
    for words in (("forget", reference, "--reason", "x"), ("subject", "--withdraw", reference)):
        again = run(house, *words)
        assert "it was never given, was withdrawn, or is mistyped" in str(again.exception)
    # Whoever is asked for anew gets another reference.
    assert house.asked(BEN) != reference


def test_what_has_begun_or_is_done_cannot_be_withdrawn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.delete_at_source(ANN)
    reference = house.asked(ANN)
    with monkeypatch.context() as broken:
        broken.setattr(erasing, "rewrite", lost)
        assert run(house, "forget", reference, "--reason", "request 9").exit_code == 1
    refused = run(house, "subject", "--withdraw", reference)
    assert "has begun" in str(refused.exception)
    [story] = stories(run(house, "erasures").stdout)
    assert "begun, and not finished" in story
    assert "request 9" in story
    assert run(house, "forget", reference, "--reason", "request 9").exit_code == 0
    refused = run(house, "subject", "--withdraw", reference)
    assert "was carried out at " in str(refused.exception)
    assert ANN.key not in f"{refused.exception} {story}"


@pytest.mark.parametrize("words", [[], ["customer", "--withdraw", "5b0d41c7"]])
def test_somebody_is_kept_or_withdrawn_and_not_both(house: House, words: list[str]) -> None:
    assert run(house, "subject", *words).exit_code == 2


def test_what_is_no_reference_is_not_withdrawn_and_not_said_again(house: House) -> None:
    slip = run(house, "subject", "--withdraw", ANN.key)
    assert "that is no reference" in str(slip.exception)
    assert ANN.key not in f"{slip.output} {slip.exception}"


def test_a_warning_is_printed_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    done = run(house, "forget", house.asked(NOBODY_KNOWN), "--reason", "they asked for it")
    assert done.stdout.count("warning: not searched: logs: ") == 1
    assert "warning: " not in caplog.text


def test_what_is_typed_wrongly_is_refused_and_not_said_again(house: House) -> None:
    unknown = run(house, "subject", "custmer", typed=f"{ANN.key}\n")
    assert unknown.exit_code == 1
    assert "declared are customer" in str(unknown.exception)
    several = run(house, "subject", "customer", typed=f"{ANN.key}\n{ANN.key}\n")
    assert several.exit_code == 2
    as_reference = run(house, "forget", ANN.key, "--reason", "a slip")
    assert "that is no reference" in str(as_reference.exception)
    for result in (unknown, several, as_reference):
        assert ANN.key not in f"{result.output} {result.exception}"


# ------------------------------------------------------------------------------------- the receipt

ERASED = Erased(
    reference="5b0d41c7a90e4f6c8d2e1b3a7f905c64",
    kind="customer",
    at="2024-03-06T09:30:00Z",
    actor="ann",
    reason="request 118",
    files=9,
    rows=31,
    texts=1,
    words=2,
    elsewhere=[Looked(place="database tradewind_airflow_database, public.log.extra", what="2")],
    learners=[
        Learner(model=PLAIN, version=1, state="champion", decided=True, whole=True),
        Learner(model=PLAIN, version=2, state="never live", decided=False, whole=False),
    ],
    deleted={PLAIN: [1]},
    done=[f"{PLAIN}: the naive rule decides"],
    retrain=[Retraining(model=PLAIN, moment="2024-03-06T00:00:00Z", reason="without them")],
    searched=[Looked(place="lake", what="310 files")],
    unsearched=[Looked(place="Celery's queue", what="what waits there is not looked at")],
    unasked=[Looked(place="source letters", what="it does not answer")],
    open=["another stays open"],
)


def test_the_receipt_says_what_was_done_and_what_could_not_be() -> None:
    assert forgetting_lines(ERASED) == [
        f"customer {ERASED.reference}: forgotten at 2024-03-06 09:30 UTC (by ann: request 118)",
        "9 files of the lake rewritten: 31 rows taken out, 1 text blanked",
        "2 texts of the ledger's events taken out",
        "taken out of database tradewind_airflow_database, public.log.extra: 2",
        f"trained on it: {PLAIN} version 1: champion",
        (
            f"trained on it: {PLAIN} version 2: never live; not all that it was trained on can be "
            "told any more"
        ),
        f"the files of {PLAIN} version 1 held something of it, and are deleted",
        f"{PLAIN}: the naive rule decides",
        f"{PLAIN}: to be trained without them",
        "searched, and nothing found: lake: 310 files",
        "warning: not searched: Celery's queue: what waits there is not looked at",
        "warning: not asked whether it still holds it: source letters: it does not answer",
        "warning: another stays open",
    ]


NOBODY = {"files": 0, "words": 0, "elsewhere": [], "deleted": {}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"already": True}, "was forgotten at 2024-03-06 09:30 UTC already"),
        (NOBODY, "nothing is held of them, and nothing was changed"),
        (
            {**NOBODY, "already": True},
            "nothing was held of them (asked at 2024-03-06 09:30 UTC, by ann: request 118)",
        ),
    ],
    ids=["a used reference", "nobody known", "nobody, asked for once more"],
)
def test_the_first_line_says_where_nothing_was_changed(
    changes: dict[str, object], said: str
) -> None:
    assert said in forgetting_lines(ERASED.model_copy(update=changes))[0]
