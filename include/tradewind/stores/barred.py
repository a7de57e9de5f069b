"""Which versions may not decide, or come back: what they learned from was cut out or erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.stores.erasures import erased_versions
from tradewind.stores.exclusions import tainted_versions

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.stores.ledger import Ledger


def why_barred(
    ledger: Ledger, model: str, version: int | None, *, as_of: datetime | None = None
) -> str | None:
    """Say why a version may not decide, and what to do; None where nothing is against it.

    Args:
        ledger: What was ordered, and erased.
        model: Whose version.
        version: The version; of none nothing is said.
        as_of: What is left out at a moment; all that is known, where nothing is said. What is
            erased is gone for every moment.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    if version is None:
        return None
    erased = erased_versions(ledger, model).get(version)
    if erased is not None:
        return (
            f"the files of version {version} held data of somebody who was forgotten on "
            f"{erased.at:%Y-%m-%d} (reference {erased.reference}), and are deleted: train anew"
        )
    cut = tainted_versions(ledger, model, as_of=as_of).get(version)
    if cut is not None:
        return (
            f"version {version} was trained on {cut.what}, which {cut.actor} left out "
            f"({cut.reason}): train without it; or, if it is sound, take it back in with "
            f"`readmit` and event {cut.event_id}"
        )
    return None
