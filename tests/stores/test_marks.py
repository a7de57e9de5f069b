"""What a subject is found by, kept as plain JSON."""

from __future__ import annotations

import json

from tradewind.stores.marks import Marks

MARKS = Marks(
    columns=frozenset({"customer", "buyer_id"}),
    values=frozenset({"C-00042", "9f86d081884c7d659a2feaa0c55ad015"}),
    entities={'["order"]': frozenset({'["O-2"]', '["O-1"]'})},
    needles=("C-00042", "ann@example.org"),
)


def test_marks_come_back_from_json_as_they_were() -> None:
    assert Marks.from_json(json.loads(json.dumps(MARKS.to_json()))) == MARKS


def test_the_same_marks_have_one_spelling() -> None:
    assert MARKS.to_json()["entities"] == {'["order"]': ['["O-1"]', '["O-2"]']}
    assert MARKS.to_json()["columns"] == ["buyer_id", "customer"]
