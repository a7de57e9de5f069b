"""Heads of the ledger's chain outside the database: in the lake, and where people keep them.

A head holds every event up to it. As long as one of them is where the database's superuser is not,
a chain that was written anew from end to end is found up to the last one.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tradewind.errors import LakeError, LakeUnavailableError, RequestError
from tradewind.records import Head
from tradewind.stores.chain_walk import ChainFinding, ChainFindings
from tradewind.stores.events import HEAD_KEPT, HEAD_TOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.stores.events import Event
    from tradewind.stores.lake import Lake
    from tradewind.stores.ledger import Ledger

log = logging.getLogger(__name__)

FOLDER = "audit/heads"
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
# Under which an alert carries one.
_KEY = "head"


def path_of(position: int) -> str:
    """Where the head at a position is in the lake; sorted as the chain is."""
    return f"{FOLDER}/{position:012}.json"


def keep(ledger: Ledger, lake: Lake) -> Head | None:
    """Keep the newest entry in the lake, for good; a lake that refuses stands in no run's way.

    Nothing is kept where nothing happened since the last one. Nor where that one is not the chain's
    any more: whoever looks finds what is wrong, and no newer head that agrees lies over it.

    Returns:
        The head that the lake kept last; None where there is none, or none that can be trusted.

    Raises:
        LedgerError: The ledger cannot be reached.
    """
    try:
        last = last_kept(ledger, lake)
        return None if last.wrong else _keep(last.head, ledger, lake)
    except LakeError as error:
        # The health of the platform tells how old the last head is.
        log.warning("no head of the ledger's chain is kept: %s", error)
        return None


def _keep(last: Head | None, ledger: Ledger, lake: Lake) -> Head | None:
    if not ledger.chain.after(last.position if last else 0).events:
        return last
    head = ledger.chain.head()
    if head is None:
        return None
    path = path_of(head.position)
    lake.put_json(path, head)
    ledger.chain.note_kept(head, path=path)
    return head


def newest(lake: Lake) -> Head | None:
    """The head that was kept last; None where there is none.

    Raises:
        LakeError: It cannot be read, or is no head.
    """
    paths = lake.list(FOLDER)
    return _read(lake, paths[-1]) if paths else None


@dataclass(frozen=True)
class LastKept:
    """The head that the lake kept last.

    Attributes:
        head: None where none was kept, or none can be read.
        wrong: Why it is not the chain's, or cannot be read; None where all is well.
    """

    head: Head | None
    wrong: str | None = None


def last_kept(ledger: Ledger, lake: Lake) -> LastKept:
    """Hold the head that was kept last against the chain.

    This looks at one entry: `verify` looks at all.

    Raises:
        LakeUnavailableError: The lake does not answer.
        LedgerError: The ledger cannot be reached.
    """
    try:
        head = newest(lake)
    except LakeUnavailableError:
        raise
    except LakeError as error:
        return LastKept(None, str(error))
    if head is None:
        return LastKept(None)
    found = ledger.chain.at(head.position)
    if found == head:
        return LastKept(head)
    now = f"that entry is {found.hash[:12]}… now" if found else "the chain has no such entry now"
    return LastKept(
        head,
        f"entry {head.position} of the ledger's chain was kept in the lake as {head.hash[:12]}…, "
        f"for event {head.event_id} of {head.at:%Y-%m-%d %H:%M:%S} UTC, and {now}",
    )


def disagreement(ledger: Ledger, lake: Lake) -> str | None:
    """Say why the head that was kept last is not the chain's; None where it is, or none was kept.

    Raises:
        LakeUnavailableError: The lake does not answer.
        LedgerError: The ledger cannot be reached.
    """
    return last_kept(ledger, lake).wrong


def to_tell(*, model: str, ledger: Ledger) -> bool:
    """Whether a model's people are to be told of a head: once a day, by the database's clock."""
    told = ledger.events(model=model, kind=HEAD_TOLD, newest_first=True, limit=1)
    return not told or told[0].recorded_at.date() < ledger.now().date()


def verify(
    ledger: Ledger, lake: Lake, *, heads: Sequence[Head] = (), hashes: Sequence[str] = ()
) -> ChainFindings:
    """Walk the whole chain, and hold it against every head in the lake, and against others.

    Args:
        ledger: Whose chain.
        lake: Where heads were kept.
        heads: More of them, from elsewhere.
        hashes: And hashes, without their position.

    Raises:
        LakeUnavailableError: The lake does not answer.
        LedgerError: The ledger cannot be reached.
    """
    # Before the walk: what is kept meanwhile would be beyond its end.
    paths = lake.list(FOLDER)
    in_lake, findings = _readable(lake, paths)
    walked = ledger.chain.verify(heads=[*in_lake, *heads], hashes=hashes)
    for event in ledger.events(kind=HEAD_KEPT):
        path = str(event.payload.get("path"))
        if path not in paths and not lake.exists(path):
            findings.append(_gone(path, event))
    return walked.model_copy(update={"findings": [*walked.findings, *findings]})


def parse(text: str, *, where: str) -> tuple[list[Head], list[str]]:
    """Read heads, and hashes alone, from what a person kept: an alert file, a log, a mail.

    Args:
        text: Lines. One of JSON is a head, or an alert with a head in it, or another alert; any
            other may have hashes in it.
        where: For a message.

    Raises:
        RequestError: There is no head and no hash in it.
    """
    heads: list[Head] = []
    hashes: list[str] = []
    for line in text.splitlines():
        said = _object(line)
        if said is None:
            hashes += _HASH.findall(line)
        elif _is_head(said):
            heads.append(Head.model_validate(said))
    if not heads and not hashes:
        raise RequestError(
            f"{where}: there is no head in it: give 64 hexadecimal digits, or a file with lines as "
            "the alerts of a night leave them"
        )
    return heads, hashes


def _readable(lake: Lake, paths: Sequence[str]) -> tuple[list[Head], list[ChainFinding]]:
    heads: list[Head] = []
    findings: list[ChainFinding] = []
    for path in paths:
        try:
            heads.append(_read(lake, path))
        except LakeUnavailableError:
            raise
        except LakeError as error:
            findings.append(ChainFinding(what="head", sentence=str(error)))
    return heads, findings


def _read(lake: Lake, path: str) -> Head:
    value = lake.read_json(path)
    if not _is_head(value) or path_of(value["position"]) != path:
        raise LakeError(
            f"{lake.uri}/{path} is not the head that was kept there: it was altered, or put there"
        )
    return Head.model_validate(value)


def _is_head(value: Any) -> bool:
    try:
        return bool(_HASH.fullmatch(Head.model_validate(value).hash))
    except ValidationError:
        return False


def _object(line: str) -> Any:
    """A line's JSON object, or the head in it; None where it is no such line."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value.get(_KEY, value) if isinstance(value, dict) else None


def _gone(path: str, event: Event) -> ChainFinding:
    return ChainFinding(
        what="head",
        sentence=f"the head that event {event.id} kept as {path} is gone from the lake",
        event_id=event.id,
        model=event.model,
        kind=event.kind,
        recorded_at=event.recorded_at.isoformat(),
    )
