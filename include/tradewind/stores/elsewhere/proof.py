"""The proof: everything of a subject looked for in all that is stored, the lake included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyarrow import fs

from tradewind.errors import LakeError
from tradewind.stores.elsewhere.contents import look_into
from tradewind.stores.elsewhere.everywhere import Everywhere
from tradewind.stores.elsewhere.records import Finding, Proof, Unsearched, together
from tradewind.stores.erasing import holding
from tradewind.stores.lake import lake_filesystem
from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.settings import Settings
    from tradewind.stores.elsewhere.contents import Looked
    from tradewind.stores.elsewhere.records import Searched
    from tradewind.stores.marks import Marks
    from tradewind.stores.stores import Stores


def prove(stores: Stores, marks: Marks) -> Proof:
    """Look for everything of a subject.

    The lake is looked at twice: every byte of every file, what is packed and in columns decoded;
    and its rows and values by the columns that name the subject, which finds short values too.

    Raises:
        UnavailableError: A database, MLflow or the lake does not answer.
        LakeError: The lake cannot be read.
    """
    needles = Needles(marks.needles)
    files, found, unread = _in_lake(stores.settings, needles)
    rows = [
        Finding(needles.taken_out(f"lake, rows and values of {held.path}"), held.rows + held.texts)
        for held in holding(stores.lake, marks)
    ]
    rest = Everywhere(stores.settings).look(needles)
    return Proof(
        searched=(files, *rest.searched),
        found=(*found, *rows, *rest.found),
        unsearched=(*unread, *_too_short(marks), *rest.unsearched),
    )


def _in_lake(
    settings: Settings, needles: Needles
) -> tuple[Searched, list[Finding], list[Unsearched]]:
    files = _files(settings, needles)
    return together(
        "lake", ((needles.taken_out(f"lake, {path}"), looked) for path, looked in files)
    )


def _files(settings: Settings, needles: Needles) -> Iterator[tuple[str, Looked]]:
    """Every file there is, whether or not the lake's own listings show it."""
    filesystem, root = lake_filesystem(settings)
    try:
        selector = fs.FileSelector(root, recursive=True, allow_not_found=True)
        for info in filesystem.get_file_info(selector):
            if info.type == fs.FileType.File:
                path = info.path.removeprefix(root).lstrip("/")
                with filesystem.open_input_file(info.path) as file:
                    looked = look_into(file, needles)
                looked.count += len(needles.spans_in(path))
                yield path, looked
    except OSError as error:
        raise LakeError(f"{settings.lake_uri} cannot be looked at to the end: {error}") from error


def _too_short(marks: Marks) -> list[Unsearched]:
    """What is said of values that would be met by chance in any file."""
    short = [value for value in marks.values if value not in marks.needles]
    if not short:
        return []
    return [
        Unsearched(
            "everything but the lake's rows",
            f"{len(short)} of the {len(marks.values)} values that name the subject are too short "
            "to be searched in bytes: they were looked for by column",
        )
    ]
