"""How far a part's rows come, at every boundary; without any store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.lineage._arrived import Arrived
from tradewind.lineage._reach import Edges, use_of
from tradewind.lineage._summed import summed
from tradewind.lineage_records import SeenBy, VersionState
from tradewind.records import Part
from tradewind.reports.lineage import source_words

if TYPE_CHECKING:
    from tradewind.lineage_records import PartUse, Reach

FIT, SELECT = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
JUDGE, END = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)
HORIZON = timedelta(hours=6)
EDGES = Edges(
    {"fit": (FIT, SELECT), "select": (SELECT, JUDGE), "judge": (JUDGE, END)},
    judge=JUDGE,
    horizon=HORIZON,
)
SECOND = timedelta(seconds=1)


def part(first: datetime | None, *, rows: int = 10, day: date | None = None) -> Part:
    day = day or (first.date() if first else END.date())
    return Part(
        source_id="s",
        day=day,
        as_of=END,
        recorded_at=END,
        change_token="t",
        digest=f"{day}",
        uri=f"sources/s/{day}/{day}.parquet",
        rows=rows,
        min_event_time=first,
        max_event_time=first,
        columns={},
    )


def rows(of: Part, known: datetime | None, *, went_on: int = 10) -> Arrived:
    day = of.day if of.min_event_time else None
    return Arrived({day: went_on}, {} if known is None else {day: known}, {day: 10 - went_on})


def use(first: datetime | None, known: datetime | None, **given: Any) -> PartUse:
    of = part(first)
    return use_of("orders", of, rows(of, known, **given), EDGES)


@pytest.mark.parametrize(
    ("first", "known", "reach"),
    [
        pytest.param(FIT, FIT, "learned", id="in fit"),
        pytest.param(FIT - timedelta(days=9), FIT, "learned", id="before fit, looked back on"),
        pytest.param(JUDGE - SECOND, JUDGE - SECOND, "learned", id="a second before judge"),
        pytest.param(JUDGE, JUDGE, "judged", id="known as the judge stretch begins"),
        pytest.param(JUDGE - SECOND, JUDGE, "judged", id="earlier, but published late"),
        pytest.param(JUDGE + HORIZON - SECOND, FIT, "learned", id="predicted before judge"),
        pytest.param(JUDGE + HORIZON, JUDGE - SECOND, "ahead", id="predicted in judge, known"),
        pytest.param(JUDGE + HORIZON, JUDGE, "judged", id="predicted in judge, not known"),
        pytest.param(END + HORIZON, FIT, "ahead", id="after judge, known long before"),
        pytest.param(END, END - SECOND, "judged", id="after judge, known in it"),
        pytest.param(None, None, "learned", id="a table that is always known"),
        pytest.param(None, JUDGE, "judged", id="a table known since judge began"),
    ],
)
def test_a_part_comes_as_far_as_its_first_known_row_could(
    first: datetime | None, known: datetime | None, reach: Reach
) -> None:
    assert use(first, known).reach == reach


def test_a_part_of_which_no_row_went_on_was_not_learned_from() -> None:
    found = use(FIT, FIT, went_on=0)
    assert (found.reach, found.went_on, found.set_aside) == ("unused", 0, 10)
    assert "not known at the as-of moment" in found.why


def test_a_part_without_rows_reaches_nobody_even_where_nothing_else_is_known() -> None:
    assert use_of("orders", part(FIT, rows=0), None, None).reach == "unused"


@pytest.mark.parametrize("edges", [EDGES, None], ids=["no rows", "no stretches"])
def test_what_cannot_be_told_any_more_counts_as_learned_from(edges: Edges | None) -> None:
    found = use_of("orders", part(JUDGE), None, edges)
    assert (found.reach, found.went_on) == ("unknown", None)


@pytest.mark.parametrize(
    ("first", "places"),
    [
        (FIT + HORIZON - SECOND, ["before"]),
        (FIT + HORIZON, ["fit"]),
        (SELECT + HORIZON - SECOND, ["fit"]),
        (SELECT + HORIZON, ["select"]),
        (JUDGE + HORIZON, ["judge"]),
        (END + HORIZON, ["after"]),
    ],
)
def test_a_part_lies_where_the_predictions_of_its_times_do(
    first: datetime, places: list[str]
) -> None:
    assert use(first, FIT).places == places


def test_a_day_on_a_boundary_lies_in_both_stretches() -> None:
    of = part(SELECT).model_copy(update={"max_event_time": SELECT + timedelta(days=1)})
    assert use_of("orders", of, rows(of, FIT), EDGES).places == ["fit", "select"]


def test_parts_are_summed_by_source_and_by_how_far_they_came() -> None:
    uses = [use(FIT, FIT), use(FIT + timedelta(days=1), FIT, went_on=7), use(END, JUDGE)]
    (source,) = summed(uses)
    assert (source.parts, source.rows, source.went_on, source.set_aside) == (3, 30, 27, 3)
    told = [(span.reach, span.parts, span.first, span.last) for span in source.spans]
    assert told == [
        ("learned", 2, FIT.date(), FIT.date() + timedelta(days=1)),
        ("judged", 1, END.date(), END.date()),
    ]


def test_a_sum_with_an_unknown_count_is_unknown() -> None:
    (source,) = summed([use(FIT, FIT), use_of("orders", part(END), None, EDGES)])
    assert (source.rows, source.went_on) == (20, None)


@pytest.mark.parametrize(
    ("reaches", "whole", "trained"),
    [
        (["judged", "learned"], True, True),
        (["ahead"], True, True),
        (["judged", "unused"], True, False),
        (["judged"], False, True),
        ([], False, True),
    ],
)
def test_a_version_was_trained_on_parts_as_soon_as_one_could_reach_it_or_none_can_say(
    reaches: list[Reach], whole: bool, trained: bool
) -> None:
    seen = SeenBy(
        model="m",
        version=1,
        state=VersionState(word="never_live", sentence="never live"),
        as_of=END,
        uses=[use(FIT, FIT).model_copy(update={"reach": reach}) for reach in reaches],
        whole=whole,
        nights=[],
        gaps=[],
    )
    assert seen.trained == trained


@pytest.mark.parametrize(("went_on", "said"), [(9, "1 was set aside"), (8, "2 were set aside")])
def test_one_row_that_was_set_aside_is_told_as_one(went_on: int, said: str) -> None:
    (source,) = summed([use(FIT, FIT, went_on=went_on)])
    assert source_words(source).endswith(f", {said}")


def test_excluded_parts_are_counted_by_the_event_that_says_so() -> None:
    of = part(FIT)
    uses = [use_of("orders", of, rows(of, FIT), EDGES, excluded=event) for event in (7, None, 7, 9)]
    (source,) = summed(uses)
    assert source.excluded == {7: 2, 9: 1}
