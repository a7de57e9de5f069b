"""Walks the chain from its first entry to its last, and says what is not as it was written."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tradewind.definition.frozen import digest_of_files
from tradewind.records import Head, Record
from tradewind.stores.chain_rows import NamedEvent, entries, unchained
from tradewind.stores.chain_words import WordsWalk
from tradewind.stores.events import DEFINITION_FROZEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import cursor as postgres_cursor

    from tradewind.stores.chain_rows import Entry, StoredEvent

What = Literal["altered", "missing", "added", "reordered", "rewritten", "definition", "head"]

_DEFINITIONS = "SELECT digest, files FROM definitions ORDER BY recorded_at"
_NAMED = """
    SELECT e.id, e.recorded_at::text, e.model, e.kind, e.payload ->> 'digest'
    FROM events e LEFT JOIN definitions d ON d.digest = e.payload ->> 'digest'
    WHERE e.kind = %s AND d.digest IS NULL ORDER BY e.id
"""


class ChainFinding(Record):
    """Something of the ledger that is not as it was written.

    Attributes:
        what: An event, or its words, `altered`, `missing` or `added` behind the chain; an event
            that was `reordered`; a chain that was `rewritten`, by its own hashes or by what was
            kept of it elsewhere; a frozen `definition` that is not what its digest says; a `head`
            that was kept elsewhere and is gone or unreadable there.
        sentence: What was seen, and where.
        event_id: The event, where it is about one.
        model: Its model.
        kind: Its kind.
        recorded_at: When it was recorded, as the ledger says.
    """

    what: What
    sentence: str
    event_id: int | None = None
    model: str | None = None
    kind: str | None = None
    recorded_at: str | None = None


class ChainFindings(Record):
    """What a walk over the whole chain came to.

    Attributes:
        entries: How many there are.
        head: The last of them; None where there is none.
        definitions: How many frozen texts were looked at.
        agreeing: How many heads and hashes that were kept elsewhere the chain still has.
        held: The newest entry among those: everything up to it is as it was when that was kept.
        erased: How many texts of events are gone because somebody was forgotten.
        erasures: By how many erasures, as events say.
        findings: What is wrong; nothing where the ledger is as it was written.
    """

    entries: int
    head: Head | None
    definitions: int
    agreeing: int
    held: Head | None
    erased: int = 0
    erasures: int = 0
    findings: list[ChainFinding]


@dataclass
class _Walk:
    """What is known on the way."""

    heads: Sequence[Head]
    hashes: Sequence[str]
    entries: int = 0
    last: Entry | None = None
    findings: list[ChainFinding] = field(default_factory=list)
    altered: list[tuple[Entry, StoredEvent]] = field(default_factory=list)
    agreeing: list[Head] = field(default_factory=list)
    disagreeing: list[tuple[Head, Entry]] = field(default_factory=list)
    words: WordsWalk = field(default_factory=WordsWalk)


def verify(
    cursor: postgres_cursor, *, heads: Sequence[Head] = (), hashes: Sequence[str] = ()
) -> ChainFindings:
    """Compute the chain again, hold it against what was kept elsewhere, and look at definitions.

    Args:
        cursor: Where to read.
        heads: Entries that were kept elsewhere; they must have been read before this is called.
        hashes: Hashes that were kept elsewhere without their position.
    """
    walk = _Walk(heads, hashes)
    kept = defaultdict(list)
    for head in heads:
        kept[head.position].append(head)
    for entry, event in entries(cursor):
        # An entry comes twice where two events have its number.
        if walk.last is None or entry.position != walk.last.position:
            _link(walk, entry)
            _hold(walk, entry, kept.get(entry.position, []))
        _compare(walk, entry, event)
    walk.findings += _not_as_written(walk.altered)
    walk.findings += _not_as_kept(walk)
    walk.findings += [_added(event) for event in unchained(cursor)]
    walk.findings += [_finding(*one) for one in (*walk.words.wrong, *walk.words.unexplained())]
    definitions, wrong = _definitions(cursor)
    return ChainFindings(
        entries=walk.entries,
        head=walk.last.head if walk.last else None,
        definitions=definitions,
        agreeing=len(walk.agreeing),
        held=max(walk.agreeing, key=lambda head: head.position, default=None),
        erased=walk.words.erased,
        erasures=len(walk.words.erasures),
        findings=[*walk.findings, *wrong],
    )


def _link(walk: _Walk, entry: Entry) -> None:
    """See that an entry comes next, and hangs on the one before it."""
    last, walk.last = walk.last, entry
    walk.entries += 1
    expected = last.position + 1 if last else 1
    if entry.position != expected:
        lost = f"entries {expected} to {entry.position - 1} of the chain are gone"
        since = f"after {last.event} and " if last else ""
        walk.findings.append(
            _finding("missing", entry.event, f"{lost}: they stood {since}before {entry.event}")
        )
    elif not entry.follows(last):
        on = f"entry {last.position}, for {last.event}" if last else "nothing, as the first does"
        walk.findings.append(
            _finding(
                "rewritten",
                entry.event,
                f"entry {entry.position} of the chain, for {entry.event}, does not hang on {on}: "
                "one of them was changed, exchanged or put in",
            )
        )


def _hold(walk: _Walk, entry: Entry, heads: Sequence[Head]) -> None:
    """Hold an entry against what was kept of it elsewhere."""
    own = entry.head
    walk.agreeing += [own for one in walk.hashes if own and one == entry.hash]
    for head in heads:
        if (head.hash, head.event_id) == (entry.hash, entry.event_id):
            walk.agreeing.append(head)
        else:
            walk.disagreeing.append((head, entry))


def _compare(walk: _Walk, entry: Entry, event: StoredEvent | None) -> None:
    """Hold an event against its entry; and its words against it, where it is as written."""
    if event is None:
        said = f"{entry.event} is gone; the chain has its entry still"
        walk.findings.append(_finding("missing", entry.event, said))
    elif event.digest(event.id) != entry.digest or event.named != entry.event:
        walk.altered.append((entry, event))
    else:
        walk.words.hold(event)


def _not_as_written(altered: Sequence[tuple[Entry, StoredEvent]]) -> Iterator[ChainFinding]:
    """Say of each event that is not what was written whether it is what was written as another."""
    moments = {entry.recorded_at: entry for entry, _ in altered}
    for entry, event in altered:
        other = moments.get(event.recorded_at, entry)
        if other is not entry and event.digest(other.event_id) == other.digest:
            said = f"in the place of {entry.event} stands what was written as {other.event}"
            yield _finding("reordered", entry.event, said)
        else:
            now = "" if event.named == entry.event else f": it now says that it is {event.named}"
            said = f"{entry.event} is not what was written{now}"
            yield _finding("altered", entry.event, said)


def _not_as_kept(walk: _Walk) -> Iterator[ChainFinding]:
    """Say what of the heads and hashes that were kept elsewhere the chain does not have."""
    for head, entry in walk.disagreeing:
        agreed = [one.position for one in walk.agreeing if one.position < head.position]
        yield _finding(
            "rewritten",
            entry.event,
            f"{_kept_as(head)}, had the hash {head.hash[:12]}…, and the chain has "
            f"{entry.hash[:12]}… there now, for {entry.event}: it was written anew somewhere from "
            f"entry {max(agreed, default=0) + 1} on, or what was kept was altered",
        )
    length = walk.last.position if walk.last else 0
    for head in walk.heads:
        if head.position > length:
            yield ChainFinding(
                what="missing",
                sentence=f"{_kept_as(head)}, is gone: the chain ends at entry {length}, and what "
                "followed was taken away",
                event_id=head.event_id,
                recorded_at=head.at.isoformat(),
            )
    agreeing = {head.hash for head in walk.agreeing}
    for unknown in walk.hashes:
        if unknown not in agreeing:
            yield ChainFinding(
                what="rewritten",
                sentence=f"no entry of the chain has the hash {unknown}: the chain was written "
                "anew or cut since it was kept, or it is another ledger's",
            )


def _kept_as(head: Head) -> str:
    return (
        f"entry {head.position}, which was kept elsewhere for event {head.event_id}, recorded at "
        f"{head.at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _added(event: NamedEvent) -> ChainFinding:
    said = f"{event} is not in the chain: it was put in while the chain's trigger was off"
    return _finding("added", event, said)


def _definitions(cursor: postgres_cursor) -> tuple[int, list[ChainFinding]]:
    """How many frozen texts there are, and which are not what the events say of them."""
    cursor.execute(_DEFINITIONS)
    texts = cursor.fetchall()
    wrong = [
        ChainFinding(
            what="definition",
            sentence=f"the text of the definition frozen as {digest} is not what its digest says",
        )
        for digest, files in texts
        if not isinstance(files, dict) or digest_of_files(files) != digest
    ]
    cursor.execute(_NAMED, (DEFINITION_FROZEN,))
    for *row, digest in cursor.fetchall():
        event = NamedEvent(*row)
        said = f"the definition {digest}, frozen by {event}, is gone"
        wrong.append(_finding("definition", event, said))
    return len(texts), wrong


def _finding(what: What, event: NamedEvent, sentence: str) -> ChainFinding:
    return ChainFinding(
        what=what,
        sentence=sentence,
        event_id=event.id,
        model=event.model,
        kind=event.kind,
        recorded_at=event.recorded_at,
    )
