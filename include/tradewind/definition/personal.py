"""What becomes of a source's personal columns before anything of them is stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tradewind.definition.base import OrText, Section


class Personal(Section):
    """How one column that tells of a person is taken in."""

    ingest: Literal["drop", "hash", "keep"]
    """`drop`: it is not read. `hash`: a keyed hash of each value stands in its place, the same one
    for the same value in every source. `keep`: as it is, for the reason given."""
    because: str | None = Field(default=None, min_length=1)
    """Why; needed to `keep` it."""

    @model_validator(mode="after")
    def _kept_for_a_reason(self) -> Personal:
        if self.ingest == "keep" and self.because is None:
            msg = "to keep what is personal needs a reason: {ingest: keep, because: ...}"
            raise ValueError(msg)
        return self


def _as_section(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in {"drop", "hash", "keep"}:
        msg = f"expected drop, hash or {{ingest: keep, because: ...}}, found {value!r}"
        raise ValueError(msg)
    return {"ingest": value}


PersonalColumn = Annotated[Personal, BeforeValidator(_as_section), OrText()]
"""Its parts; or `drop` or `hash` alone."""
