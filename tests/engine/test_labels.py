from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from tests.engine.small import AS_OF, BODY, NOON, TOWNS, definition, parcels
from tradewind.engine import relations
from tradewind.engine.database import open_database
from tradewind.engine.labels import count_orphans, label_states
from tradewind.errors import LabelError

MOMENT = pa.timestamp("us", "UTC")
HOUR = timedelta(hours=1)


def predicted(numbers, *, due=None):
    times = [(due or {}).get(n, NOON + n * HOUR) for n in numbers]
    return pa.table(
        {"parcel": pa.array(numbers, pa.int64()), "event_time": pa.array(times, MOMENT)}
    )


def look(rows, numbers=(0, 1, 2), *, as_of=AS_OF, frozen=None):
    """What is known of these parcels, and how many labels nobody predicted."""
    frozen = frozen or definition(label={**BODY["label"], "expires_after": "23 hours"})
    asked = predicted(numbers)
    with open_database(memory="500MB", threads=1) as connection:
        relations.load(connection, frozen, {"parcels": rows, "towns": TOWNS})
        found = label_states(connection, frozen, asked, as_of=as_of)
        return found, count_orphans(connection, frozen, asked)


def states(found):
    return dict(zip(found["parcel"].to_pylist(), found["label_state"].to_pylist(), strict=True))


def test_each_prediction_is_known_pending_or_expired():
    found, _ = look(parcels({0: {"minutes": None}, 1: {"minutes": None}}))
    assert states(found) == {0: "expired", 1: "pending", 2: "known"}
    assert found["label"].to_pylist() == [None, None, True]


def test_the_rows_keep_their_order_and_what_they_carry():
    found, _ = look(parcels(), (2, 0, 1))
    assert found.column_names == ["parcel", "event_time", "label", "label_known_at", "label_state"]
    assert found["parcel"].to_pylist() == [2, 0, 1]


def test_a_label_that_arrives_later_changes_nothing_of_an_earlier_look():
    late = {2: {"delivered": AS_OF + HOUR}}
    before, _ = look(parcels(late))
    never, _ = look(parcels({2: {"minutes": None, "delivered": None}}))
    assert before.equals(never)
    after, _ = look(parcels(late), as_of=AS_OF + 2 * HOUR)
    assert states(after)[2] == "known"


def test_a_prediction_whose_row_is_gone_expires_like_any_other():
    found, _ = look(parcels(1), as_of=AS_OF + 2 * HOUR)
    assert states(found) == {0: "known", 1: "expired", 2: "expired"}


def test_labels_that_nobody_predicted_are_counted_between_the_first_and_the_last_prediction():
    assert look(parcels(5), (1, 3))[1] == 1


def test_labels_of_nothing_predicted_are_no_orphans():
    assert look(parcels(5), ())[1] == 0


def test_an_entity_with_two_labels_is_an_error():
    rows = pa.concat_tables([parcels(3), parcels(1)])
    with pytest.raises(LabelError, match="more than one label of parcel=0"):
        look(rows)
