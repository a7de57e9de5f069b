from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.learning import frames
from tradewind.errors import LabelError
from tradewind.learning.naive import fit_naive

FRAME = pd.DataFrame(
    {
        "carrier": ["AA"] * 4 + ["UA"] * 4 + [None] * 2,
        "hour": [1.0, 1.0, 2.0, 2.0] * 2 + [1.0, np.nan],
        "label": [True, True, True, True, False, False, False, True, True, None],
    }
)
GROUPED = {"rule": "group", "by": ["carrier"], "shrink": 2}


def test_the_prior_is_the_rate_of_the_labelled_rows() -> None:
    rule = fit_naive(frames.definition(), FRAME)
    assert rule.rows == 9
    assert rule.score(FRAME).tolist() == pytest.approx([6 / 9] * 10)


def test_a_groups_rate_is_mixed_with_that_of_all() -> None:
    rule = fit_naive(frames.definition(fallback=GROUPED), FRAME)
    prior = 6 / 9
    scores = rule.score(FRAME)
    assert scores[0] == pytest.approx((4 + 2 * prior) / 6)
    assert scores[4] == pytest.approx((1 + 2 * prior) / 6)
    # Missing is a group of its own.
    assert scores[8] == pytest.approx((1 + 2 * prior) / 3)


def test_a_group_never_seen_gets_the_prior() -> None:
    rule = fit_naive(frames.definition(fallback=GROUPED), FRAME)
    assert rule.score(pd.DataFrame({"carrier": ["ZZ"]}))[0] == pytest.approx(6 / 9)


def test_no_shrinking_is_the_groups_own_rate() -> None:
    rule = fit_naive(frames.definition(fallback={**GROUPED, "shrink": 0}), FRAME)
    assert rule.score(FRAME)[0] == 1.0


def test_a_regression_gets_means() -> None:
    frame = pd.DataFrame({"carrier": ["AA", "AA", "UA"], "label": [10.0, 20.0, 60.0]})
    rule = fit_naive(frames.definition(problem="regression", fallback=GROUPED), frame)
    assert rule.prior == 30.0
    assert rule.score(frame)[0] == pytest.approx((30 + 2 * 30) / 4)


def test_no_labelled_row_is_an_error() -> None:
    with pytest.raises(LabelError, match="no labelled row"):
        fit_naive(frames.definition(), FRAME[FRAME["label"].isna()])
