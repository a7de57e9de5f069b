"""What a reviewer is shown says what they decide on, and nothing of it formats the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.candidates import trained_model
from tests.definition.folders import SQL, WHOLE
from tests.gates.evidence import evidence
from tradewind.definition.loader import parse_definition
from tradewind.records import Admission, RunRequest, Stretch
from tradewind.reports.approval import Shown, markdown_of
from tradewind.reports.definition_changes import changed_files, changed_keys

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
ADDRESS = "/tradewind/dags/late.train/runs/r1/gate"
CARD = "/tradewind/dags/late.train/runs/r1/card"
WAIVER = """
gates:
  threshold: {roc_auc: {at_least: 0.7}}
  waivers: [{gate: slices, by: ann, because: 'one shop only', until: 2099-12-31}]
"""
LOOSE = WAIVER.replace("0.7", "0.6")
STRETCH = Stretch(start=JULY - timedelta(days=90), end=JULY, rows=12_345, units=90)
RESULTS = [
    {"gate": "threshold", "outcome": "passed", "sentence": "roc_auc 0.76 reaches 0.6."},
    {"gate": "slices", "outcome": "waived", "sentence": "Switched off | by ann."},
]


def files(more: str = "", sql: str = SQL) -> dict[str, str]:
    text = WHOLE.split("\ngates:")[0]
    return {"model.yaml": f"{text}\n{more}", "features.sql": sql}


def shown(**changes: Any) -> Shown:
    request = RunRequest(
        model="late", run_id="train/r1", as_of=JULY, actor="ann", reason="a | new <b>source</b>"
    )
    stretches = dict.fromkeys(("fit", "select", "judge"), STRETCH)
    trained = trained_model("m", "models:/m", as_of=JULY, key="k").model_copy(update=stretches)
    said: dict[str, Any] = {
        "admission": Admission(request=request, definition_digest="d", fencing_token=1),
        "frozen": parse_definition(files(LOOSE), where="late"),
        "trained": trained,
        "evaluation": {"evidence": evidence().model_dump(mode="json")},
        "verdict": {"results": RESULTS},
        "verdict_digest": "0a1b2c",
        "champion": 3,
        "before": files(WAIVER),
        "problem": None,
        "approved_by": (),
        "address": ADDRESS,
        "card_address": CARD,
    }
    return Shown(**{**said, **changes})


def test_the_figures_of_everybody_are_there_with_their_intervals() -> None:
    page = markdown_of(shown())
    assert "in place of v3?" in page
    assert "| figure | candidate | champion, v3 | naive rule |" in page
    line = "| **log\\_loss**, decides | 0.517 (0.497 to 0.537) | 0.52 (0.5 to 0.54) |"
    assert line in page
    assert "On the same 27,075 rows of 30 days, unseen in training" in page
    assert "of log\\_loss less is better" in page
    assert "on 12,345 rows from 2013-04-02 to 2013-07-01" in page


def test_every_gate_says_its_sentence_and_waivers_stand_apart() -> None:
    page = markdown_of(shown())
    assert "| `threshold` | passed | roc\\_auc 0.76 reaches 0.6. |" in page
    assert "| `slices` | **switched off** | Switched off \\| by ann. |" in page
    assert "- `slices` until 2099-12-31, by ann: one shop only" in page
    assert f"({ADDRESS})" in page


def test_the_card_is_linked_and_what_no_figure_says_stands_beside_the_buttons() -> None:
    more = (
        "harm_review: {by: ann, on: 2013-01-01, until: 2014-01-01, helps: [desks], "
        "harms: [crews | all]}\n"
    )
    told = WHOLE.replace(
        "  decision: whom to warn\n", "  decision: whom to warn\n  not_for: [blaming *drivers*]\n"
    ).split("\ngates:")[0]
    frozen = parse_definition(
        {"model.yaml": f"{told}\n{more}{LOOSE}", "features.sql": SQL}, where="late"
    )
    page = markdown_of(shown(frozen=frozen))
    assert f"({CARD})" in page
    assert "- It must not be used for: blaming \\*drivers\\*\n" in page
    assert "- It fails where: nobody has said; ask the desk\n" in page
    assert "- It harms, or could harm: crews \\| all\n" in page


def test_a_loosened_threshold_is_shown_as_the_decision_that_it_is() -> None:
    page = markdown_of(shown())
    assert "| `gates.threshold.roc_auc.at_least` | 0.7 | 0.6 |" in page
    assert "`features.sql` is the same." in page


def test_a_changed_select_is_shown_line_by_line() -> None:
    page = markdown_of(shown(before=files(LOOSE, sql=f"{SQL}\n-- an older line")))
    assert "`model.yaml` says the same." in page
    assert "-- an older line" in page
    assert "is the same." not in page


def test_a_long_difference_says_how_much_of_it_is_left_out() -> None:
    older = SQL + "\n" + "\n".join(f"-- line {number}" for number in range(200))
    assert "more lines of this difference are not shown." in markdown_of(
        shown(before=files(LOOSE, sql=older))
    )


def test_a_first_champion_has_nothing_to_be_compared_with() -> None:
    page = markdown_of(shown(champion=None, before=None))
    assert "the first champion?" in page
    assert "What changed" not in page


def test_a_definition_that_cannot_be_had_is_said_to_be_so() -> None:
    page = markdown_of(shown(before=None, problem="no *such* thing"))
    assert "Not known: no \\*such\\* thing" in page


def test_who_approved_already_is_named() -> None:
    assert "rita approved already" in markdown_of(shown(approved_by=("rita",)))


def test_a_champion_that_could_not_be_judged_is_said_to_be_so() -> None:
    unjudged = evidence(
        champion=None, champion_state="unusable", champion_problem="its files are gone"
    )
    page = markdown_of(shown(evaluation={"evidence": unjudged.model_dump(mode="json")}))
    assert "The champion could not be judged: its files are gone" in page
    assert "| figure | candidate | naive rule |" in page


def test_words_of_people_format_nothing() -> None:
    assert "(a \\| new \\<b\\>source\\</b\\>)" in markdown_of(shown())


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        pytest.param("", "risk_tier: high", [("risk_tier", None, "high")], id="a new key"),
        pytest.param("risk_tier: high", "", [("risk_tier", "high", None)], id="a key left out"),
        pytest.param(
            "alerts: {to: [a]}", "alerts: {to: [a, b]}",
            [("alerts.to", '["a"]', '["a", "b"]')],
            id="a list of words is one thing",
        ),
        pytest.param(
            "repair: [{set: a}]", "repair: [{set: b}]",
            [("repair[0].set", "a", "b")],
            id="a list of sections is many",
        ),
        pytest.param(
            "owner: a\ngates: {confidence: 0.9}", "owner: b\ngates: {confidence: 0.8}",
            [("gates.confidence", "0.9", "0.8"), ("owner", "a", "b")],
            id="what the gates ask comes first",
        ),
        pytest.param("a: 1\nb: 2", "# other words\nb: 2\na: 1", [], id="order says nothing"),
    ],
)  # fmt: skip
def test_changes_are_told_by_dotted_key(
    before: str, now: str, said: list[tuple[str, str | None, str | None]]
) -> None:
    texts = ({"model.yaml": f"name: late\n{text}\n"} for text in (before, now))
    found = changed_keys(*texts)
    assert [(one.key, one.before, one.now) for one in found] == said


def test_files_beside_are_compared_by_their_lines() -> None:
    (change,) = changed_files({"a.sql": "x\ny", "b": "1"}, {"a.sql": "x\nz", "b": "1"})
    assert change.key == "a.sql"
    assert change.now is not None
    assert change.now.splitlines()[-2:] == ["-y", "+z"]
