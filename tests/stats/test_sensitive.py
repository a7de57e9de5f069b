"""What names a person has a form that is told from numbers and words that merely look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stats.sensitive import KINDS, is_iban, is_luhn, kinds_in

EXAMPLES = {
    "e-mail address": "please write to ann.lee+work@mail.example.org, thanks",
    "telephone number": "call +44 20 7946 0958 after six",
    "US social security number": "SSN 219-09-9999",
    "UK national insurance number": "NI: QQ is none, AB 12 34 56 C is",
    "payment card number": "paid with 4111 1111 1111 1111 today",
    "bank account number (IBAN)": "to DE89 3704 0044 0532 0130 00 please",
}
DIGITS = st.text("0123456789", min_size=1, max_size=18)


def _check_digit(digits: str) -> str:
    return next(last for last in "0123456789" if is_luhn(digits + last))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_in_the_midst_of_a_text(kind: str) -> None:
    assert kinds_in(["nothing here", EXAMPLES[kind], EXAMPLES[kind]]) == {kind: 2}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a@b.de", "e-mail address"),
        ("(212) 555-0187", "telephone number"),
        ("212-555-0187", "telephone number"),
        ("+12125550187", "telephone number"),
        ("AB123456C", "UK national insurance number"),
        ("378282246310005", "payment card number"),
        ("5555-5555-5555-4444", "payment card number"),
        ("GB82WEST12345698765432", "bank account number (IBAN)"),
    ],
)
def test_other_spellings_are_the_same(value: str, kind: str) -> None:
    assert kinds_in([value]) == {kind: 1}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("N725MQ", id="a tail number"),
        pytest.param("2013-07-01T12:00:00+00:00", id="a moment"),
        pytest.param("1.5@2", id="a price"),
        pytest.param("192.168.100.1000", id="an address of a machine"),
        pytest.param("1372680000000000", id="microseconds since 1970"),
        pytest.param("4111 1111 1111 1112", id="a card's number with a wrong check digit"),
        pytest.param("DE89 3704 0044 0532 0130 01", id="an account with a wrong check"),
        pytest.param("000-12-3456", id="a social security number that is not issued"),
        pytest.param("900-12-3456", id="nor this one"),
        pytest.param("ZZ123456C", id="a prefix that is not issued"),
        pytest.param("123-45-67890", id="too many digits"),
        pytest.param("0x4111111111111111", id="part of a longer word"),
        pytest.param("3fa85f64-5717-4562-b3fc-2c963f66afa6", id="a random name"),
        pytest.param("d41d8cd98f00b204e9800998ecf8427e", id="a hash"),
        pytest.param("-87.62979800000001", id="a place on the earth"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_only_looks_like_it_is_none(value: str) -> None:
    assert kinds_in([value]) == {}


def test_numbers_of_which_a_tenth_pass_by_chance_are_no_cards() -> None:
    running = [str(4_000_000_000_000_000 + number * 7) for number in range(1000)]

    assert 80 < sum(map(is_luhn, running)) < 120
    assert kinds_in(running) == {}


def test_a_checksum_is_believed_where_more_than_a_third_hold_it() -> None:
    card, wrong = "4111111111111111", ["4111111111111112", "4111111111111113"]

    assert kinds_in([card, wrong[0]]) == {"payment card number": 1}
    assert kinds_in([card, *wrong]) == {}
    assert kinds_in([card, card, *wrong]) == {"payment card number": 2}


@given(DIGITS)
def test_a_wrong_digit_is_always_noticed(digits: str) -> None:
    whole = digits + _check_digit(digits)

    for place, right in enumerate(whole):
        wrong = str((int(right) + 1) % 10)
        assert not is_luhn(whole[:place] + wrong + whole[place + 1 :])


@given(st.integers(0, 10**14 - 1))
def test_every_number_with_its_check_digit_is_a_card(number: int) -> None:
    digits = f"4{number:014}"

    assert kinds_in([digits + _check_digit(digits)])["payment card number"] == 1


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=11, max_size=30))
def test_every_account_with_its_check_is_one(account: str) -> None:
    numbers = [f"FR{check:02}{account}" for check in range(2, 99)]
    found = [number for number in numbers if is_iban(number)]

    assert len(found) == 1
    assert "bank account number (IBAN)" in kinds_in(found)


@given(st.lists(st.text(max_size=40)))
def test_no_text_is_too_odd(values: list[str]) -> None:
    assert all(0 < count <= len(values) for count in kinds_in(values).values())
