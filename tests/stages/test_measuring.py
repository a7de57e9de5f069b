from __future__ import annotations

import pandas as pd

from tradewind.stages._measuring import MOST_GROUPS, group_of, largest
from tradewind.stats.groups import Group


def test_a_whole_number_is_one_group_whatever_type_carries_it() -> None:
    floats = group_of(pd.Series([1.0, 2.5, None]), "categorical")
    assert floats.tolist() == ["1", "2.5", "none"]
    assert group_of(pd.Series([1, 2]), "categorical").tolist() == ["1", "2"]
    assert group_of(pd.Series(["1", "a"]), "categorical").tolist() == ["1", "a"]


def test_truth_values_are_named_alike_whatever_type_carries_them() -> None:
    for values in ([True, False, None], [1.0, 0.0, None]):
        named = group_of(pd.Series(values), "boolean")
        assert named.tolist() == ["true", "false", "none"]


def test_of_many_groups_the_largest_have_figures() -> None:
    groups = {f"g{number}": Group(number, {}, {}) for number in range(MOST_GROUPS + 10)}
    shown = largest(groups)
    assert list(shown) == [f"g{number}" for number in range(10, MOST_GROUPS + 10)]
    assert largest(shown) == shown
