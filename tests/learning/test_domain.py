"""Which rows look like those of another stretch, and what was to be expected of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tradewind.learning import domain
from tradewind.learning.domain import Stretches, chance_of_recent, expected_loss, stretches
from tradewind.stats.attribution import weights_of

DAYS, ROWS = 28, 60
TYPES = {"load": "numeric", "weather": "numeric", "carrier": "categorical", "late": "boolean"}


def frame(seed: int, *, load: float = 0.0, ua: float = 0.2) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = DAYS * ROWS
    return pd.DataFrame(
        {
            "load": random.normal(load, 1, rows),
            # One figure a day: whoever saw the day knows it by that.
            "weather": np.repeat(random.normal(size=DAYS), ROWS),
            "carrier": random.choice(["AA", "UA", None], rows, p=[0.75 - ua, ua, 0.25]),
            "late": random.random(rows) < 0.3,
        }
    )


def day() -> np.ndarray:
    return np.repeat(np.arange(DAYS), ROWS)


def both(reference: pd.DataFrame, recent: pd.DataFrame) -> Stretches:
    return stretches(
        reference, recent, types=TYPES, reference_day=day(), recent_day=day()
    )  # fmt: skip


def test_days_of_their_own_are_no_shift():
    for seed in range(5):
        chance = chance_of_recent(both(frame(seed), frame(100 + seed)))
        assert np.unique(chance).tolist() == [0.5]


def test_a_shift_is_weighed_away_beside_days_of_their_own():
    reference, recent = frame(1), frame(2, load=0.8, ua=0.4)
    found = both(reference, recent)
    weight = weights_of(chance_of_recent(found), found.recent)[: len(reference)]
    assert np.average(reference["load"], weights=weight) == pytest.approx(0.8, abs=0.15)
    assert np.average(reference["carrier"] == "UA", weights=weight) == pytest.approx(0.4, abs=0.06)


def test_rows_of_a_kind_that_was_never_there_are_surely_recent():
    reference, recent = frame(1), frame(2)
    recent.loc[recent.index % 4 == 0, "carrier"] = "XX"
    found = both(reference, recent)
    chance = chance_of_recent(found)[found.recent]
    new = (recent["carrier"] == "XX").to_numpy()
    assert chance[new].min() > 0.9
    assert (chance[~new] < 0.9).mean() > 0.99


def test_expectations_are_those_of_the_reference_on_days_that_were_not_looked_at():
    reference, recent = frame(1), frame(2, load=1.0)
    random = np.random.default_rng(0)
    own_day = np.repeat(random.normal(0, 1, DAYS), ROWS)
    loss = reference["load"].to_numpy() + own_day
    expected = expected_loss(both(reference, recent), loss)
    held, later = expected[: len(reference)], expected[len(reference) :]
    assert np.corrcoef(held, reference["load"])[0, 1] > 0.6
    assert later.mean() - held.mean() == pytest.approx(1.0, abs=0.25)
    by_day = [held[day() == one].mean() for one in range(DAYS)]
    assert abs(np.corrcoef(by_day, own_day[::ROWS])[0, 1]) < 0.5


@pytest.mark.parametrize("most", [500, domain.MOST_ROWS])
def test_the_order_of_the_rows_changes_no_answer(most, monkeypatch):
    monkeypatch.setattr(domain, "MOST_ROWS", most)
    reference, recent = frame(1), frame(2, load=0.8)
    found, loss = both(reference, recent), np.arange(len(reference)) / 100.0
    turned = np.random.default_rng(0).permutation(len(reference))
    mixed = stretches(
        reference.iloc[turned], recent, types=TYPES, reference_day=day()[turned], recent_day=day()
    )
    place = np.concatenate([turned, np.arange(len(reference), len(found.recent))])
    assert chance_of_recent(mixed) == pytest.approx(chance_of_recent(found)[place], abs=1e-12)
    expected = expected_loss(mixed, loss[turned])
    assert expected == pytest.approx(expected_loss(found, loss)[place], abs=1e-12)


def test_without_a_feature_nothing_is_told_apart():
    rows = frame(1)
    found = stretches(rows, rows, types={}, reference_day=day(), recent_day=day())
    assert set(chance_of_recent(found)) == {0.5}
    assert set(expected_loss(found, np.full(len(rows), 2.0))) == {2.0}
