"""Objects in an S3-compatible store; an object's ETag is its change token."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tradewind.errors import SourceUnavailableError
from tradewind.stores.connections import s3_client
from tradewind.stores.sources.formats import IN_MEMORY_BYTES
from tradewind.stores.sources.objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.sources import S3Source
    from tradewind.settings import Settings


class S3Objects:
    """The objects of one bucket; connects when it is first asked."""

    def __init__(self, spec: S3Source, *, settings: Settings) -> None:
        self._spec = spec
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        return s3_client(self._spec.connection, settings=self._settings)

    @property
    def place(self) -> str:
        """Bucket, endpoint and connection."""
        endpoint = self._client.meta.endpoint_url
        return f"s3://{self._spec.bucket} at {endpoint}, connection {self._spec.connection!r}"

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`.

        Raises:
            SourceUnavailableError: The store does not answer, or there is no such bucket.
        """
        pages = self._client.get_paginator("list_objects_v2")
        with self._asking(f"its keys that begin with {prefix!r}"):
            for page in pages.paginate(Bucket=self._spec.bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield StoredObject(key=found["Key"], token=found["ETag"])

    @contextmanager
    def open(self, found: StoredObject) -> Iterator[IO[bytes]]:
        """The object's bytes, of the very ETag that was listed.

        Raises:
            SourceUnavailableError: The store does not answer, or the object was changed since.
        """
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
            with self._asking(found.key):
                answer = self._client.get_object(
                    Bucket=self._spec.bucket, Key=found.key, IfMatch=found.token
                )
                shutil.copyfileobj(answer["Body"], file, length=2**20)
            file.seek(0)
            yield file

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise SourceUnavailableError(
                f"{self.place} does not give {what}: {error}; a retry may help once it does"
            ) from error
