"""Shares by stable hash: even, unrelated between salts, and they stay where they are."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, kstest

from tradewind.errors import EvidenceError
from tradewind.stats.shares import assign, share_of

PLACES = share_of([f"flight {number}" for number in range(20_000)], salt="flight_delay")
FEW = PLACES[:2000]
SHARES = st.floats(0, 0.3)


def test_places_are_the_same_on_every_machine_and_every_night():
    key = hashlib.blake2b(b"flight_delay", digest_size=32).digest()
    digest = hashlib.blake2b(b'["UA", 1545]', digest_size=8, key=key).digest()
    expected = (int.from_bytes(digest, "big") >> 11) / 2**53
    assert share_of(['["UA", 1545]'], salt="flight_delay").tolist() == [expected]


def test_places_are_spread_evenly():
    assert kstest(PLACES, "uniform").pvalue > 0.001
    assert PLACES.min() >= 0
    assert PLACES.max() < 1


def test_another_salt_shuffles_anew():
    other = share_of([f"flight {number}" for number in range(20_000)], salt="another")
    assert abs(np.corrcoef(PLACES, other)[0, 1]) < 0.03


@given(st.lists(st.text(), max_size=20), st.text())
def test_any_text_has_a_place_and_equal_texts_share_it(texts, salt):
    places = share_of(np.array([*texts, *texts], dtype=object), salt=salt)
    assert ((places >= 0) & (places < 1)).all()
    assert (places[: len(texts)] == places[len(texts) :]).all()


def test_an_entity_that_is_no_text_is_refused():
    with pytest.raises(EvidenceError, match=r"must be text.*7 \(int\)"):
        share_of(["a", 7], salt="s")


def test_each_arm_serves_its_share():
    named = assign(PLACES, {"control": 0.01, "canary:7": 0.05})
    for name, share in (("control", 0.01), ("canary:7", 0.05), ("champion", 0.94)):
        low, high = binom.ppf([0.001, 0.999], len(PLACES), share)
        assert low <= (named == name).sum() <= high


@settings(max_examples=50, deadline=None)
@given(SHARES, SHARES, SHARES)
def test_an_arm_keeps_its_entities_when_arms_after_it_come_and_go(one, two, three):
    alone = assign(FEW, {"one": one}) == "one"
    beside = assign(FEW, {"one": one, "two": two, "three": three})
    assert ((beside == "one") == alone).all()
    assert ((assign(FEW, {"one": one, "two": two}) == "two") == (beside == "two")).all()


@settings(max_examples=50, deadline=None)
@given(SHARES, SHARES)
def test_a_share_that_grows_keeps_all_that_it_had(less, more):
    small, large = sorted((less, more))
    had = assign(FEW, {"canary": small}) == "canary"
    assert (assign(FEW, {"canary": large})[had] == "canary").all()


def test_no_share_serves_nobody_and_the_whole_serves_everybody():
    assert set(assign(PLACES, {"none": 0.0, "all": 1.0})) == {"all"}
    assert set(assign(PLACES, {})) == {"champion"}
    assert set(assign(PLACES, {"a": 0.1, "b": 0.2, "c": 0.7})) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"canary": -0.1}, "between 0 and 1"),
        ({"canary": float("nan")}, "between 0 and 1"),
        ({"control": 0.6, "canary": 0.6}, "more than the whole: control 0.6, canary 0.6"),
        ({"champion": 0.1}, "serves the rest"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares, words):
    with pytest.raises(EvidenceError, match=words):
        assign(PLACES, shares)
