"""The shapes of what names a person: addresses, numbers of telephones, cards, accounts, states.

Few and exact: each has a form of its own (a sign, separators, an alphabet of prefixes), and three
have a rule or a checksum besides. A number that merely has as many digits is none.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])")
# With a country's code; or as the United States and Canada write it, area and exchange from 2 on.
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9](?:[ .()-]{0,2}\d){7,14}(?!\d)"
    r"|(?<![\w.-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}(?![\w-]|\.\d)"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_IBAN = re.compile(
    r"(?<!\w)[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?!\w)"
)
_ISSUERS: tuple[tuple[range, int, frozenset[int]], ...] = tuple(
    (range(low, high + 1), len(str(low)), frozenset(lengths))
    for low, high, lengths in (
        (4, 4, {13, 16, 19}),
        (51, 55, {16}),
        (2221, 2720, {16}),
        (34, 34, {15}),
        (37, 37, {15}),
        (300, 305, {14}),
        (36, 36, {14}),
        (38, 38, {14}),
        (6011, 6011, {16, 19}),
        (644, 659, {16, 19}),
        (62, 62, {16, 17, 18, 19}),
        (3528, 3589, {16, 19}),
    )
)
"""First digits, how many of them, and lengths of cards' numbers."""
_CHANCE = 3
"""A checksum is believed where more than one in so many numbers of the form hold it: of any numbers
a tenth pass a card's, and a hundredth an account's."""


def kinds_in(values: Iterable[str]) -> dict[str, int]:
    """How many of some values hold something of each kind; kinds that none holds are left out.

    Args:
        values: Of one column.
    """
    held: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    for value, times in Counter(values).items():
        for kind, shape in _SHAPES.items():
            held[kind] += times * bool(shape.search(value))
        for kind, (form, holds) in _CHECKED.items():
            numbers = list(form(value))
            alike[kind] += times * bool(numbers)
            held[kind] += times * any(map(holds, numbers))
    return {kind: count for kind, count in sorted(held.items()) if count * _CHANCE > alike[kind]}


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the check of those before it (ISO/IEC 7812)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


def is_iban(number: str) -> bool:
    """Whether the two digits after the country are the check of the rest (ISO 13616)."""
    turned = number[4:] + number[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def _cards(value: str) -> Iterator[str]:
    """Numbers that begin and are as long as a card's."""
    for found in _CARD.findall(value):
        digits = re.sub(r"[ -]", "", found)
        if any(
            int(digits[:first]) in issued and len(digits) in lengths
            for issued, first, lengths in _ISSUERS
        ):
            yield digits


def _ibans(value: str) -> Iterator[str]:
    for found in _IBAN.findall(value):
        yield found.replace(" ", "")


_SHAPES = {
    "e-mail address": _EMAIL,
    "telephone number": _PHONE,
    "US social security number": _SSN,
    "UK national insurance number": _NINO,
}
_CHECKED: dict[str, tuple[Callable[[str], Iterator[str]], Callable[[str], bool]]] = {
    "payment card number": (_cards, is_luhn),
    "bank account number (IBAN)": (_ibans, is_iban),
}
KINDS = (*_SHAPES, *_CHECKED)
"""What is looked for."""
