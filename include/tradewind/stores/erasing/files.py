"""Which files of the lake hold something of a subject, and the same files without it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from tradewind.errors import LakeError
from tradewind.stores.digests import TableDigest, json_digest
from tradewind.stores.erasing.matching import Matcher, model_of
from tradewind.stores.erasing.rows import Sieve
from tradewind.stores.erasing.values import Clearing

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.stores.lake import Lake
    from tradewind.stores.marks import Marks

_ROWS_AT_ONCE = 65_536
_DIGEST = re.compile(r"-?[0-9a-f]{32}$")
# What a server that writes predictions left when it was killed: nobody reads it.
_UNFINISHED = ".draft"


@dataclass(frozen=True)
class Held:
    """What a file holds of a subject.

    Attributes:
        path: Of the file, in the lake.
        rows: Rows of it, or objects, that are the subject's.
        texts: Texts of others in which something of the subject stands.
    """

    path: str
    rows: int
    texts: int


@dataclass(frozen=True)
class Rewritten:
    """A file that was written anew without a subject.

    Attributes:
        path: What it was called.
        now: What is read in its place; None where nothing is.
        rows: Rows, or objects, that it holds no more.
        redacted: Texts that say no more than that they were erased.
    """

    path: str
    now: str | None
    rows: int
    redacted: int


def holding(lake: Lake, marks: Marks) -> list[Held]:
    """Every file that holds a row or a word of a subject, by path; rows are read in batches.

    Raises:
        LakeError: A file cannot be read.
    """
    matcher = Matcher(marks)
    found = (_look(lake, path, matcher) for path in lake.list(""))
    return [held for held in found if held.rows or held.texts]


def rewrite(lake: Lake, path: str, marks: Marks, *, why: str, at: datetime) -> Rewritten:
    """Write a file without a subject, under a new name, and let go of the old one.

    The rows of others stay, in their order. Killed at any moment, the same again ends the same. A
    file that holds nothing of the subject stays as it is.

    Args:
        lake: Where.
        path: The file.
        marks: The subject's.
        why: The reason, for whoever reads the old path's record; nothing of the subject.
        at: When.

    Raises:
        LakeError: The file is of no kind that can be written anew, cannot be read, or must stay.
    """
    matcher = Matcher(marks)
    held = _look(lake, path, matcher)
    if not held.rows and not held.texts:
        return Rewritten(path, path, 0, 0)
    if path.endswith(".parquet"):
        done = _rewritten_rows(lake, path, matcher)
    elif path.endswith(".json"):
        done = _rewritten_value(lake, path, matcher)
    elif path.endswith(_UNFINISHED):
        done = Rewritten(path, None, 0, held.texts)
    else:
        raise LakeError(
            f"{lake.uri}/{path} holds something of the subject, and is neither Parquet nor JSON: "
            "take it out of the lake by hand"
        )
    lake.replace(path, done.now, why=why, at=at)
    return done


def _look(lake: Lake, path: str, matcher: Matcher) -> Held:
    model = model_of(path)
    if path.endswith(".parquet"):
        sieve = Sieve(matcher, model)
        columns = matcher.names(lake.read_schema(path))
        if columns:
            for batch in lake.read_batches(path, rows=_ROWS_AT_ONCE, columns=columns):
                sieve.through(batch)
        return Held(path, sieve.rows, sieve.texts)
    if path.endswith(".json"):
        cleared = Clearing(matcher, lake.read_json(path), model=model)
        return Held(path, cleared.rows, cleared.texts)
    return Held(path, 0, len(matcher.needles.spans(lake.read_bytes(path))))


def _rewritten_rows(lake: Lake, path: str, matcher: Matcher) -> Rewritten:
    sieve = Sieve(matcher, model_of(path))
    batches = lake.read_batches(path, rows=_ROWS_AT_ONCE)
    # A file in which something was found has rows.
    first = next(batches)
    digest = TableDigest(first.schema)
    with lake.draft(first.schema) as draft:
        for batch in chain([first], batches):
            kept = sieve.through(batch)
            draft.write(kept)
            digest.update(kept)
        now = _renamed(path, digest.hexdigest())
        draft.publish(now)
    return Rewritten(path, now, sieve.rows, sieve.texts)


def _rewritten_value(lake: Lake, path: str, matcher: Matcher) -> Rewritten:
    cleared = Clearing(matcher, lake.read_json(path), model=model_of(path))
    now = _renamed(path, json_digest(cleared.value))
    lake.put_json(now, cleared.value)
    return Rewritten(path, now, cleared.rows, cleared.texts)


def _renamed(path: str, digest: str) -> str:
    """The name of a file by what it holds now: another digest, or one beside a fixed name."""
    folder, _, name = path.rpartition("/")
    stem, _, ending = name.rpartition(".")
    kept = _DIGEST.sub("", stem)
    return f"{folder}/{f'{kept}-' if kept else ''}{digest}.{ending}".removeprefix("/")
