"""Numbers of things, as a person writes them."""

from __future__ import annotations


def count(number: int, unit: str) -> str:
    """A number of units: `1 day`, `1,200 rows`."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
