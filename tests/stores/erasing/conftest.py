"""A lake of each kind, and whom the tests forget."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.settings import load_settings
from tradewind.stores.lake import Lake
from tradewind.stores.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.s3 import Bucket

AT = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def marks() -> Callable[..., Marks]:
    """Marks of a customer, of which any may be other ones."""

    def of(**more: Any) -> Marks:
        given = {
            "columns": frozenset({"customer"}),
            "values": frozenset({"C-1000"}),
            "entities": {},
            "needles": ("C-1000",),
        }
        return Marks(**{**given, **more})

    return of


@pytest.fixture(params=["folder", "versions"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake in a folder, and one in a bucket that keeps every version of a key."""
    monkeypatch.setenv("TRADEWIND_LAKE", (tmp_path / "lake").as_uri())
    if request.param == "versions":
        s3: Bucket = request.getfixturevalue("s3")
        s3.client().put_bucket_versioning(
            Bucket=s3.name, VersioningConfiguration={"Status": "Enabled"}
        )
        monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)
        monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}/lake")
    return Lake.open(load_settings())
