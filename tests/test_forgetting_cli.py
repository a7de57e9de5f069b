"""The commands by which somebody is forgotten: the key goes in by standard input alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.stages.forgetting import ANN, PLAIN, House
from tests.stages.nightly import settle
from tradewind import cli
from tradewind.erasure import Erased, Learner, Looked, Retraining
from tradewind.reports.forgetting import forgetting_lines

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
        "taken out of database tradewind_airflow_database, public.log.extra: 2",
        f"trained on it: {PLAIN} version 1: champion",
        (
            f"trained on it: {PLAIN} version 2: never live; not all that it was trained on can be "
            "told any more"
        ),
        f"the files of {PLAIN} version 1 held something of it, and are deleted",
        f"{PLAIN}: the naive rule decides",
        f"a training of {PLAIN} begins: without them",
        "searched, and nothing found: lake: 310 files",
        "warning: not searched: Celery's queue: what waits there is not looked at",
        "warning: not asked whether it still holds it: source letters: it does not answer",
        "warning: another stays open",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"already": True}, "was forgotten at 2024-03-06 09:30 UTC already"),
        ({"files": 0, "elsewhere": [], "deleted": {}}, "nothing is held of them"),
    ],
    ids=["a used reference", "nobody known"],
)
def test_the_first_line_says_where_nothing_was_changed(
    changes: dict[str, object], said: str
) -> None:
    assert said in forgetting_lines(ERASED.model_copy(update=changes))[0]
