"""Where rows come from: PostgreSQL, S3-compatible stores, local files, behind one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.sources import PostgresSource, S3Source
from tradewind.stores.sources.base import SourceReader
from tradewind.stores.sources.files import LocalFiles
from tradewind.stores.sources.intake import Intake
from tradewind.stores.sources.objects import ObjectsReader
from tradewind.stores.sources.postgres import PostgresReader
from tradewind.stores.sources.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Collection

    from tradewind.definition.sources import Source
    from tradewind.settings import Settings

__all__ = ["SourceReader", "open_source"]


def open_source(
    name: str, spec: Source, *, settings: Settings, needed: Collection[str] | None = None
) -> SourceReader:
    """Open a source for reading; nothing is asked of it yet.

    Args:
        name: What the definition calls it, for messages.
        spec: What the definition says of it.
        settings: Where its connection, or the folder of its files, is looked up.
        needed: The only columns that are read; all where nothing is said.
    """
    intake = Intake(spec, None if needed is None else frozenset(needed), settings)
    if isinstance(spec, PostgresSource):
        return PostgresReader(name, intake, settings=settings)
    if isinstance(spec, S3Source):
        return ObjectsReader(name, intake, S3Objects(spec, settings=settings))
    return ObjectsReader(name, intake, LocalFiles(settings=settings))
