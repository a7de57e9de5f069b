"""What is not needed, or personal, is in no byte of the lake; what is hashed still meets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from tests.stages.ingesting import Shop, july, night
from tests.stages.snapshots import admitted, frozen
from tradewind.engine.needed import needed_columns
from tradewind.errors import SchemaChangedError, UnknownConnectionError
from tradewind.stages.ingest import ingest, ingest_night
from tradewind.stages.validate import validate
from tradewind.stores.sources import SourceReader, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Part, Snapshot
    from tradewind.settings import Settings

_numbers = itertools.count(1)
KEY, VARIABLE = "0123456789abcdef" * 3, "AIRFLOW_CONN_TRADEWIND_HASH_KEY"
MAIL, SECRET, BUYER, KEPT = "ann@example.org", "Sesame-4711", "buyer-0815", "Elm Street 9"
ALL = "SELECT * FROM sales"


def hash_of(value: str, key: str = KEY) -> str:
    return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:32]


@dataclass
class Personal(Shop):
    """The shop, with its buyers beside the sales, and a SELECT that says what is needed.

    Attributes:
        select: The features' SQL.
        buyers: What the definition says of the buyers; nothing where they are no source.
    """

    select: str = ALL
    buyers: dict[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> FrozenDefinition:
        """As a run has it."""
        body = {
            "name": self.name, "owner": "ann", "purpose": "to test", "problem": "binary",
            "entity_key": "id", "event_time": "sold_at",
            "sources": {"sales": self.spec} | ({"buyers": self.buyers} if self.buyers else {}),
            "features": {"types": {"amount": "numeric"}}, "train": self.train,
            "label": {"relation": "sales", "expression": "amount > 1"},
        }  # fmt: skip
        made = frozen(body)
        return replace(made, files={**made.files, "features.sql": self.select})

    def ingest(self, as_of: datetime) -> Snapshot:
        """One night."""
        run = self.definition
        return ingest(admitted(run, as_of), run, stores=self.stores)

    def reader(self) -> SourceReader:
        """The sales, open as a run opens them."""
        run = self.definition
        needed = needed_columns(run)["sales"].columns
        return open_source(
            "sales", run.model.sources["sales"], settings=self.settings, needed=needed
        )

    def table(self, snapshot: Snapshot, source: str = "sales") -> list[dict[str, Any]]:
        """Rows of a source as the lake has them."""
        parts = [part["uri"] for part in self.stores.lake.read_json(snapshot.uri)[source]]
        return list(self.stores.lake.dataset(parts).to_table().to_pylist())

    def holds(self, text: str) -> bool:
        """Whether a text is anywhere in the lake: in a file's bytes, or in its values."""
        files = [p for p in lake_folder(self.settings).rglob("*") if p.is_file()]
        assert files
        return any(text.encode() in path.read_bytes() or text in values(path) for path in files)


def lake_folder(settings: Settings) -> Path:
    return Path(urlsplit(settings.lake_uri).path)


def values(path: Path) -> str:
    """What a Parquet file says once it is unpacked."""
    return repr(pq.read_table(path).to_pydict()) if path.suffix == ".parquet" else ""


@pytest.fixture
def shop(
    source_database: str, shared_ledger: None, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Personal]:
    """Sales on three days of July by a buyer, and a table of buyers."""
    schema = f"personal_{next(_numbers)}"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", source_database)
    monkeypatch.setenv(VARIABLE, f"generic://:{KEY}@")
    spec = {
        "kind": "postgres", "connection": "shop", "table": f"{schema}.sales", "key": ["id"],
        "time_column": "sold_at",
    }  # fmt: skip
    made = Personal(spec, dsn=source_database, schema=schema)
    made.sql(f"CREATE SCHEMA {schema}")
    made.sql(
        "CREATE TABLE sales (id integer, sold_at timestamptz, amount numeric, buyer text,"
        " mail text, pin text, street text)"
    )
    for day in (1, 2, 3):
        made.sql(
            "INSERT INTO sales VALUES (%s, %s, 2, %s, %s, %s, %s)",
            day, night(day, 12), BUYER, MAIL, SECRET, KEPT,
        )  # fmt: skip
    made.sql("CREATE TABLE buyers (buyer text, pin text)")
    made.sql("INSERT INTO buyers VALUES (%s, %s), ('buyer-0001', 'x')", BUYER, SECRET)
    yield made
    made.sql(f"DROP SCHEMA {schema} CASCADE")


# --------------------------------------------------------------------------- what nothing uses


def test_what_nothing_uses_is_in_no_byte_of_the_lake(shop: Personal) -> None:
    shop.select = "SELECT id, street FROM sales"

    snapshot = shop.ingest(night(3))

    assert shop.table(snapshot)[0] == {
        "id": 1, "sold_at": night(1, 12), "amount": 2.0, "street": KEPT,
    }  # fmt: skip
    assert shop.holds(KEPT)
    assert not any(shop.holds(text) for text in (MAIL, SECRET, BUYER))


def test_two_models_that_use_the_same_columns_read_them_once(shop: Personal) -> None:
    shop.select = "SELECT id, street FROM sales"
    shop.ingest(night(3))
    shop.name, shop.select = "another", "SELECT s.street || 'x' AS y, id FROM sales AS s"

    assert shop.ingest(night(3)).read == 0


def test_a_model_that_uses_other_columns_gets_them_and_changes_nothing(shop: Personal) -> None:
    shop.select = "SELECT id, street FROM sales"
    first = shop.ingest(night(3))
    kept = shop.observed(night(3))

    wider = replace(shop, name="another", select="SELECT id, buyer FROM sales")
    second = wider.ingest(night(3))

    assert second.read == 3
    assert {*wider.table(second)[0]} == {"id", "sold_at", "amount", "buyer"}
    assert shop.observed(night(3)) == kept
    assert shop.ingest(night(3)) == first.model_copy(update={"read": 0})


def test_one_column_more_is_read_as_it_is_now_and_the_past_stays_what_it_was(
    shop: Personal,
) -> None:
    shop.select = "SELECT id, street FROM sales"
    before = shop.ingest(night(3))
    shop.ingest(night(4))
    shop.sql("UPDATE sales SET amount = 5 WHERE id = 1")
    edited = replace(shop, select="SELECT id, street, buyer FROM sales")

    after = edited.ingest(night(5))

    assert edited.table(after)[0]["amount"] == 5
    assert shop.ingest(night(3)).digest == before.digest
    assert shop.table(before)[0]["amount"] == 2
    # A night before the edit sees its days as they were found first: no older state is known.
    assert edited.table(edited.ingest(night(3)))[0]["amount"] == 5


def test_a_change_of_what_is_not_used_is_no_change(shop: Personal) -> None:
    shop.select = "SELECT id FROM sales"
    shop.ingest(night(3))
    shop.sql("UPDATE sales SET pin = 'another', mail = NULL")

    assert shop.ingest(night(3, 5)).read == 0
    shop.sql("UPDATE sales SET amount = 9 WHERE id = 3")
    assert shop.ingest(night(3, 6)).read == 1


def test_a_source_that_is_down_is_seen_as_it_was_with_the_same_columns(
    shop: Personal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.select = "SELECT id, street FROM sales"
    shop.ingest(night(3))
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "postgres://ann:s3cret@127.0.0.1:1/shop")
    run = shop.definition

    seen = ingest_night(admitted(run, night(4)), run, stores=shop.stores)

    assert [*seen.stale] == ["sales"]
    assert {*shop.table(seen)[0]} == {"id", "sold_at", "amount", "street"}


# --------------------------------------------------------------------------- what is personal


def test_what_is_dropped_is_in_no_byte_of_the_lake(shop: Personal) -> None:
    shop.spec["personal"] = {"mail": "drop", "pin": "drop"}

    snapshot = shop.ingest(night(3))

    assert {*shop.table(snapshot)[0]} == {"id", "sold_at", "amount", "buyer", "street"}
    assert shop.holds(BUYER)
    assert not shop.holds(MAIL)
    assert not shop.holds(SECRET)


def test_what_is_hashed_is_in_no_byte_and_meets_its_like_in_another_source(shop: Personal) -> None:
    shop.spec["personal"] = {"buyer": "hash", "mail": "drop", "pin": "hash"}
    shop.buyers = {
        "kind": "postgres", "connection": "shop", "table": f"{shop.schema}.buyers",
        "key": ["buyer"], "personal": {"buyer": "hash", "pin": "hash"},
    }  # fmt: skip
    shop.select = "SELECT s.*, b.* FROM sales s, buyers b"

    snapshot = shop.ingest(night(3))

    assert {row["buyer"] for row in shop.table(snapshot)} == {hash_of(BUYER)}
    buyers = {row["buyer"]: row["pin"] for row in shop.table(snapshot, "buyers")}
    assert buyers[hash_of(BUYER)] == hash_of(SECRET) == shop.table(snapshot)[0]["pin"]
    assert not any(shop.holds(text) for text in (BUYER, SECRET, MAIL, KEY))
    # Nor does their order tell which of them comes first in the alphabet.
    assert [*buyers] == sorted(buyers)


def test_what_is_kept_is_there_and_changes_no_part(shop: Personal) -> None:
    before = shop.ingest(night(3))
    shop.spec["personal"] = {"street": {"ingest": "keep", "because": "the van goes there"}}

    assert shop.ingest(night(3)) == before.model_copy(update={"read": 0})
    assert shop.table(before)[0]["street"] == KEPT


def test_a_column_that_becomes_personal_is_read_anew(shop: Personal) -> None:
    shop.ingest(night(3))
    shop.spec["personal"] = {"mail": "drop"}

    snapshot = shop.ingest(night(4))

    assert snapshot.read == 3
    assert "mail" not in shop.table(snapshot)[0]


def test_another_key_reads_everything_anew(shop: Personal, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.spec |= {"personal": {"buyer": "hash"}, "lookback": "0 days"}
    shop.ingest(night(3))
    monkeypatch.setenv(VARIABLE, f"generic://:{KEY[::-1]}@")

    snapshot = shop.ingest(night(3))

    assert snapshot.read == 3
    assert {row["buyer"] for row in shop.table(snapshot)} == {hash_of(BUYER, KEY[::-1])}


def test_the_tokens_of_what_is_hashed_are_the_key_s(shop: Personal) -> None:
    shop.spec["personal"] = {"buyer": "hash"}
    first = [part.change_token for part in parts_of(shop)]

    assert all(len(token) == 32 for token in first)
    assert [part.change_token for part in parts_of(shop)] == first


def parts_of(shop: Personal) -> list[Part]:
    shop.ingest(night(3))
    return shop.observed(night(3))


def test_without_a_key_nothing_is_ingested(shop: Personal, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.spec["personal"] = {"buyer": "hash"}
    monkeypatch.delenv(VARIABLE)

    with pytest.raises(UnknownConnectionError, match="'tradewind_hash_key' is not defined"):
        shop.ingest(night(3))
    assert not lake_folder(shop.settings).joinpath("sources").exists()


def test_a_hash_that_nothing_uses_needs_no_key(
    shop: Personal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.spec["personal"] = {"buyer": "hash"}
    shop.select = "SELECT id FROM sales"
    monkeypatch.delenv(VARIABLE)

    assert {*shop.table(shop.ingest(night(3)))[0]} == {"id", "sold_at", "amount"}


def test_a_personal_column_that_is_not_there_stops_the_night(shop: Personal) -> None:
    shop.spec["personal"] = {"e_mail": "drop"}

    with pytest.raises(SchemaChangedError, match=r"no column 'e_mail'.*nearest: 'mail'"):
        shop.ingest(night(3))


def test_a_hashed_file_is_text_as_it_is_written(
    tmp_path: Path, shop: Personal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_FILES", str(tmp_path))
    for day, number in ((1, "007"), (2, "12")):
        (tmp_path / f"{july(day)}.csv").write_text(
            f"id,sold_at,amount,buyer,pin\n1,{july(day)}T12:00:00Z,1.5,{number},{SECRET}\n"
        )
    shop.spec = {
        "kind": "files", "pattern": "{date}.csv", "key": ["id"], "time_column": "sold_at",
        "personal": {"buyer": "hash", "pin": "drop"},
    }  # fmt: skip

    rows = shop.table(shop.ingest(night(3)))

    assert [row["buyer"] for row in rows] == [hash_of("007"), hash_of("12")]
    assert "pin" not in rows[0]
    assert not shop.holds(SECRET)


# ------------------------------------------------------------------------ what is not declared


def test_validation_says_where_something_personal_is_without_saying_it(shop: Personal) -> None:
    shop.sql("UPDATE sales SET street = 'ring at ' || mail || ', or +44 20 7946 0958' WHERE id = 2")
    shop.spec["personal"] = {"pin": {"ingest": "keep", "because": "a test"}}
    shop.sql("UPDATE sales SET pin = mail")
    run = shop.definition
    admission = admitted(run, night(4, 4))

    validated = validate(admission, run, shop.ingest(night(4, 4)), stores=shop.stores)

    said = [line.partition("; declare")[0] for line in validated.warnings if "sampled" in line]
    assert said == [
        "sales: mail: 3 of 3 sampled values look like holding an e-mail address",
        "sales: street: 1 of 3 sampled values look like holding an e-mail address",
        "sales: street: 1 of 3 sampled values look like holding a telephone number",
    ]
    assert MAIL not in str(validated.warnings)
    report = shop.stores.lake.read_json(validated.report_uri)
    assert {(found["column"], found["values"]) for found in report["sensitive"]} == {
        ("mail", 3), ("street", 1),
    }  # fmt: skip
    pin = next(each for each in report["sources"]["sales"]["columns"] if each["column"] == "pin")
    assert (pin["smallest"], pin["largest"], pin["distinct"]) == (None, None, 1)
