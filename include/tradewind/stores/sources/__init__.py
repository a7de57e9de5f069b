"""Where rows come from: PostgreSQL, S3-compatible stores, local files, behind one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.sources import PostgresSource, S3Source
from tradewind.stores.sources.base import SourceReader, source_id
from tradewind.stores.sources.files import LocalFiles
from tradewind.stores.sources.objects import ObjectsReader
from tradewind.stores.sources.postgres import PostgresReader
from tradewind.stores.sources.s3 import S3Objects

if TYPE_CHECKING:
    from tradewind.definition.sources import Source
    from tradewind.settings import Settings

__all__ = ["SourceReader", "open_source", "source_id"]


def open_source(name: str, spec: Source, *, settings: Settings) -> SourceReader:
    """Open a source for reading; nothing is asked of it yet.

    Args:
        name: What the definition calls it, for messages.
        spec: What the definition says of it.
        settings: Where its connection, or the folder of its files, is looked up.
    """
    if isinstance(spec, PostgresSource):
        return PostgresReader(name, spec, settings=settings)
    if isinstance(spec, S3Source):
        return ObjectsReader(name, spec, S3Objects(spec, settings=settings))
    return ObjectsReader(name, spec, LocalFiles(settings=settings))
