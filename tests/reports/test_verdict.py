"""The page of a verdict says what the gates say, with everybody's figures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.gates.evidence import waivers
from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.gates import passed, run_gates
from tradewind.learning.splits import split_frame
from tradewind.records import Verdict
from tradewind.reports.verdict import render
from tradewind.stages._champion import Champion, Scores
from tradewind.stages._judging import evidence_of, judge_players, page_of

VALUE = {"true_positive": 60, "false_positive": -40, "false_negative": -60}
CHAMPION = Champion("judged", 3, "models:/m-3", trained_until=AS_OF - timedelta(days=30))


def judged_page(*, champion: Champion = CHAMPION, gates: Any = None, **changes: Any):
    """An evaluation of made-up scores and the gates' verdict, as the stages store them."""
    own = {"top": {"kind": "capture", "top": 0.2}} if "problem" not in changes else {}
    metrics = {"own": own, "resample": {"draws": 200}}
    asked = {"waivers": waivers(), **(gates or {})}
    model = frames.definition(metrics=metrics, gates=asked, **changes)
    frame = frames.feature_set()
    if model.problem == "regression":
        frame["label"] = frame["label"].astype(float) * 20 + frame["delay"]
    judge = split_frame(frame, model, as_of=AS_OF).judge
    players = {
        name: _scores(judge, model, skill) for name, skill in (("candidate", 2), ("naive", 0))
    }
    if champion.state == "judged":
        champion = Champion(
            "judged",
            3,
            "models:/m-3",
            scores=_scores(judge, model, 1.9),
            trained_until=AS_OF - timedelta(days=30),
        )
        players["champion"] = champion.scores
    judged = judge_players(model, judge, players, champion)
    evidence = evidence_of(model, judged, champion, day=AS_OF.date())
    evaluation = {
        "model": model.name,
        "owner": model.owner,
        "as_of": AS_OF.isoformat(),
        "evidence": evidence.model_dump(mode="json"),
        "page": page_of(model, judged),
    }
    results = run_gates(evidence, model)
    verdict = Verdict(passed=passed(results), digest="d", uri="u", results=results)
    return evaluation, verdict.model_dump(mode="json")


def _scores(judge, model, skill: float) -> Scores:
    if model.problem == "regression":
        return Scores(judge["delay"].to_numpy() * skill, None)
    drive = judge["delay"].to_numpy() * skill * 0.6 - 0.9
    return Scores(1 / (1 + np.exp(-drive)), 0.3)


def drawings(page: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)]  # noqa: S314


def test_a_passed_candidate_has_its_gates_figures_worth_and_curves():
    evaluation, verdict = judged_page(value=VALUE)
    assert verdict["passed"], verdict
    page = render(evaluation, verdict)
    for words in (
        "No gate blocks it: 2 passed, 5 do not apply, 13 switched off (",
        "Champion, version 3",
        "Naive rule",
        "log_loss",
        "decides",
        "Worth in USD",
        "a thousand rows",
        "wrongly yes",
        *(result["gate"] for result in verdict["results"]),
    ):
        assert words in page
    assert "The candidate&#39;s log_loss is" in page


def test_every_player_has_a_line_in_every_drawing():
    evaluation, verdict = judged_page()
    found = drawings(render(evaluation, verdict))
    assert len(found) == 3
    for drawing in found:
        kinds = [line.get("class") for line in drawing.iter("polyline")]
        assert [kind for kind in kinds if kind != "rule"] == [
            "line naive",
            "line champion",
            "line candidate",
        ]


def test_the_page_asks_nothing_of_anybody():
    page = render(*judged_page())
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)


def test_a_blocked_candidate_is_told_by_which_gate_and_what_to_do():
    page = render(*judged_page(gates={"threshold": {"roc_auc": {"at_least": 0.99}}}))
    assert "Blocked by threshold, beats_champion: " in page
    assert "the candidate stays in MLflow with this verdict" in page


def test_what_blocks_stands_first_and_what_does_not_apply_apart_at_the_end():
    page = render(*judged_page(gates={"threshold": {"roc_auc": {"at_least": 0.99}}}))
    shown = re.findall(r'aria-label="Gate (\w+)"', page)
    assert shown[:2] == ["threshold", "beats_champion"]
    cards, _, apart = page.partition('aria-label="Gates that do not apply"')
    assert "not applicable" not in cards
    assert "<code>acceptance</code>" in apart
    assert "pretrained" in apart


def test_a_sentence_formats_code_and_nothing_else():
    evaluation, verdict = judged_page()
    verdict["results"][0] |= {"outcome": "blocked", "sentence": "see `a<b>` and <script>`"}
    page = render(evaluation, verdict)
    assert "see <code>a&lt;b&gt;</code> and &lt;script&gt;`" in page


def test_a_champion_that_could_not_be_judged_is_named_with_the_reason():
    broken = Champion("unusable", 3, "models:/m-3", problem="its files <changed>")
    page = render(*judged_page(champion=broken))
    assert "champion not judged" in page
    assert "Version 3: its files &lt;changed&gt;" in page
    assert "Blocked by beats_champion: " in page


def test_a_figure_that_is_not_there_is_told_with_its_reason():
    evaluation, verdict = judged_page()
    evidence = evaluation["evidence"]
    del evidence["naive"]["brier"], evaluation["page"]["differences"]["naive"]["brier"]
    evidence["missing"] = {"naive": {"brier": "its function <failed>"}}
    page = render(evaluation, verdict)
    assert "There is no brier of the naive rule: its function &lt;failed&gt;" in page


def test_a_regression_has_no_decisions_and_no_gains():
    evaluation, verdict = judged_page(problem="regression", champion=Champion("never"), train={})
    page = render(evaluation, verdict)
    assert len(drawings(page)) == 2
    assert "rmse" in page
    assert "wrongly yes" not in page
    assert "nearer to zero is better" in page


@pytest.mark.parametrize("verdict", [None, {"passed": False, "results": []}])
def test_a_page_without_evidence_says_so_and_no_more(verdict):
    page = render({}, verdict)
    assert ("have not been asked" in page) == (verdict is None)


def test_before_the_gates_are_asked_the_figures_are_there():
    evaluation, _ = judged_page()
    page = render(evaluation, None)
    assert "The gates have not been asked yet." in page
    assert "Figures on the same rows" in page
