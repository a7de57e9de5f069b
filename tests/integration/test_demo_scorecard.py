"""The test score of the demo's model as it is declared: what `make run` leaves, without Airflow."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.sandbox import CLONE
from tests.scorecard.breaking import BROKEN, Breaking, commit, point, total
from tests.stages.nightly import Shop
from tradewind.as_of import current_definition
from tradewind.scorecard import scorecard_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.home import NewHome
    from tradewind.scorecard_records import Scorecard

pytestmark = pytest.mark.drill

MODEL = "flight_delay"
AS_OF = datetime(2013, 7, 1, 4, tzinfo=UTC)  # midnight of 1 July in New York
LEAST = 5
# Its gate is waived for a reason that stands in model.yaml; and nothing was ever rolled back.
NOT_REACHED = {"model_5", "infrastructure_7"}


@pytest.fixture(scope="module")
def demo(
    new_home: NewHome, demo_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Trained, a night served and looked at; its definition committed as in anybody's clone."""
    folder = tmp_path_factory.mktemp("demo_scorecard")
    config = folder / "config"
    shutil.copytree(CLONE / "config" / "models" / MODEL, config / "models" / MODEL)
    commit(config)
    known = {
        "TRADEWIND_ROOT": str(CLONE),
        "TRADEWIND_CONFIG": str(config),
        "AIRFLOW_CONN_DEMO": demo_dsn,
    }
    with new_home(folder, **known) as home:
        shop = Shop(home, {"name": MODEL})
        shop.run("train", AS_OF)
        for pipeline in ("score", "monitor"):
            shop.run(pipeline, AS_OF + timedelta(days=1))
        yield shop


def card_of(shop: Shop) -> Scorecard:
    return scorecard_of(current_definition(MODEL, stores=shop.stores), shop.stores)


def test_its_weakest_section_reaches_five(demo: Shop) -> None:
    card = card_of(demo)
    assert {section.name: section.total for section in card.sections} == {
        "data": 5,
        "model": 5,
        "infrastructure": 5.5,
        "monitoring": 6,
    }
    assert card.score >= LEAST
    points = [one for section in card.sections for one in section.points]
    assert {one.test for one in points if not one.points} == NOT_REACHED
    # Each that it has is taken away below.
    assert {one.test for one in points if one.points} == {test for test, _, _ in TRIED}


TRIED = [broken for broken in BROKEN if broken[0] not in NOT_REACHED]


@pytest.mark.parametrize(("test", "breaking"), [(t, b) for t, _, b in TRIED],
                         ids=[f"{t}: {why}" for t, why, _ in TRIED])  # fmt: skip
def test_each_point_falls_with_its_evidence(demo: Shop, test: str, breaking: Breaking) -> None:
    before = card_of(demo)
    with breaking(demo):
        after = card_of(demo)
    assert point(after, test).points < point(before, test).points
    assert total(after, test) < total(before, test)
    assert card_of(demo) == before
