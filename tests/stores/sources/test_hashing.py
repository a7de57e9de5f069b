"""The same value has the same hash, and none without the key."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tradewind.errors import UnknownConnectionError
from tradewind.settings import load_settings
from tradewind.stores.sources.hashing import HashKey

if TYPE_CHECKING:
    from tradewind.settings import Settings

VARIABLE = "AIRFLOW_CONN_TRADEWIND_HASH_KEY"
KEY = "k" * 40


@pytest.fixture
def key(home: Settings, monkeypatch: pytest.MonkeyPatch) -> HashKey:
    """The key that the environment names."""
    monkeypatch.setenv(VARIABLE, f"generic://:{KEY}@")
    return HashKey.of(load_settings())


def test_it_is_the_first_half_of_an_hmac_of_the_text(key: HashKey) -> None:
    whole = hmac.new(KEY.encode(), "Zoë".encode(), hashlib.sha256).hexdigest()

    assert key.hashed(pa.array(["Zoë", None, "Zoë", ""])).to_pylist() == [
        whole[:32],
        None,
        whole[:32],
        hmac.new(KEY.encode(), b"", hashlib.sha256).hexdigest()[:32],
    ]


@pytest.mark.parametrize(
    "number", [pa.array([7, 12]), pa.array([7, 12], pa.int16()), pa.chunked_array([[7], [12]])]
)
def test_a_number_meets_its_text(key: HashKey, number: pa.Array) -> None:
    assert key.hashed(number).to_pylist() == key.hashed(pa.array(["7", "12"])).to_pylist()


def test_another_key_has_other_hashes_and_another_fingerprint(
    key: HashKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"generic://:{KEY}2@")
    other = HashKey.of(load_settings())

    values = pa.array(["ann"])
    assert key.hashed(values) != other.hashed(values)
    assert key.fingerprint != other.fingerprint
    assert key.token("1:2") != other.token("1:2")


def test_the_key_stands_in_no_representation(key: HashKey) -> None:
    assert KEY not in repr(key)


def test_without_a_key_nothing_is_hashed(home: Settings) -> None:
    with pytest.raises(UnknownConnectionError, match=f"set {VARIABLE} to generic://:KEY@"):
        HashKey.of(load_settings())


def test_a_short_key_is_refused_and_not_repeated(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "generic://:tooshort@")

    with pytest.raises(UnknownConnectionError, match="has 8 characters: 32 or more") as caught:
        HashKey.of(load_settings())
    assert "tooshort" not in str(caught.value)
