"""Somebody is forgotten: nothing of them is left, all else is as it was, and it is finished."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pyarrow.parquet as pq
import pytest
from psycopg2 import sql

from tests.fixtures.home import LEDGER
from tests.fixtures.sandbox import FOLDER
from tests.stages.forgetting import (
    ANN,
    BEN,
    CARA,
    CITY,
    DAN,
    EVE,
    FAY,
    PLAIN,
    SHORT,
    House,
    Person,
    open_house,
)
from tests.stages.nightly import night, settle
from tradewind.definition.loader import load_definition
from tradewind.errors import (
    LeaseHeldError,
    NotPermittedError,
    PromotionRefusedError,
    RequestError,
    StillHeldError,
    UnavailableError,
)
from tradewind.lineage import lineage_of
from tradewind.live import live_state
from tradewind.nights import ReleaseOrder
from tradewind.overview import event_rows
from tradewind.pipeline import forget_subject, release_order
from tradewind.promotion import roll_back
from tradewind.stages._forget_silence import saying_nothing
from tradewind.stages.finish_erasures import finish_interrupted
from tradewind.stages.forget import ask
from tradewind.stores import erasing
from tradewind.stores.elsewhere import Finding, Proof
from tradewind.stores.erasures import erasure_of
from tradewind.stores.events import ARM_STOPPED, ERASED, ERASURE_ASKED, ERASURE_BEGUN
from tradewind.stores.subjects import Subjects

if TYPE_CHECKING:
    from tests.fixtures.home import Home
    from tradewind.local.databases import Databases


@pytest.fixture(scope="module")
def house(shared_home: Home) -> House:
    """The shop after its trainings and first nights; each test forgets somebody of its own."""
    house = House(settle(shared_home))
    open_house(house)
    return house


def texts_of(person: Person) -> list[str]:
    return [person.key, person.email, *([person.city] if person is ANN else [])]


def files_with(folder: Path, texts: list[str]) -> list[str]:
    """Files whose bytes, or whose decoded columns, hold one of some texts."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += str(pq.read_table(path).to_pylist()).encode()
            if any(text.encode() in content for text in texts):
                found.append(str(path))
    return found


def rows_with(dsn: str, texts: list[str]) -> list[str]:
    """Tables of a database with a row that holds one of some texts."""
    found = []
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for table in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*table)))
            if any(text in row for (row,) in cursor.fetchall() for text in texts):
                found.append(".".join(table))
    return found


TYPED = Person("Zq-typed-4717", ())
"""Whom no source knows, and whom people wrote of."""


def ledger_of(house: House) -> str:
    return house.environ[LEDGER]


def lake_of(house: House) -> Path:
    return house.folder / "home" / "lake"


def state_of(house: House) -> tuple[list[str], list[str]]:
    """Files of the lake, and decisions of the ledger."""
    kinds = [one.kind for one in house.stores.ledger.events() if not one.kind.startswith("lease")]
    return sorted(str(path) for path in lake_of(house).rglob("*")), kinds


# --------------------------------------------------------------------------------- nothing is left


def test_nothing_of_them_is_left_and_all_else_is_as_it_was(
    house: House, postgres: Databases
) -> None:
    house.delete_at_source(ANN)
    held = files_with(lake_of(house), texts_of(ANN))
    assert {Path(path).relative_to(lake_of(house)).parts[0] for path in held} >= {
        "sources", "validated", "features", "predictions",
    }  # fmt: skip
    assert [path for path in held if f"/predictions/{CITY}/" in path and "/rule-" in path]
    before = {path: path.read_bytes() for path in lake_of(house).rglob("*") if path.is_file()}
    others = {path: content for path, content in before.items() if str(path) not in held}
    assert files_with(FOLDER, [ANN.city])
    night_before = house.stores.ledger.night(PLAIN, night(1))
    reference = house.asked(ANN)

    erased = house.forget(reference)

    assert files_with(house.folder / "home", texts_of(ANN)) == []
    assert files_with(FOLDER / "mlflow", texts_of(ANN)) == []
    assert rows_with(ledger_of(house), texts_of(ANN)) == []
    assert rows_with(postgres.dsn("mlflow"), texts_of(ANN)) == []
    assert {path: path.read_bytes() for path in others} == others
    # What was served to everybody else is as it was.
    log = house.log(night_before)
    assert len(log) == night_before.rows - 1
    assert (erased.files, erased.nothing, erased.unasked) == (len(held), False, [])
    assert erased.rows >= len(ANN.days)


def test_the_versions_that_saw_them_are_listed_and_their_training_is_asked_for(
    house: House,
) -> None:
    erased = done(house, ANN)
    assert [(one.model, one.version) for one in erased.learners] == [(CITY, 1), (PLAIN, 1)]
    assert [one.model for one in erased.retrain] == [CITY, PLAIN]
    assert [one.reason for one in erased.retrain] == [
        f"without somebody who is forgotten (reference {erased.reference})"
    ] * 2


def test_a_version_whose_files_held_them_decides_no_more_and_never_again(house: House) -> None:
    erased = done(house, ANN)
    assert erased.deleted == {CITY: [1]}
    state = live_state(house.stores.ledger, CITY)
    assert f"reference {erased.reference}" in (state.switched_off or "")
    assert [line.startswith(f"{CITY}: the naive rule decides") for line in erased.done] == [True]
    assert live_state(house.stores.ledger, PLAIN).switched_off is None
    order = ReleaseOrder(
        model=CITY, action="resume", as_of=state.as_of, actor="ann", reason="a test", run_id="r/1"
    )
    with pytest.raises(RequestError, match=f"version 1 would decide again.*{erased.reference}"):
        release_order(order, stores=house.stores)


def test_the_ledger_knows_the_reference_the_kind_and_counts_alone(house: House) -> None:
    erased = done(house, ANN)
    told = [
        event
        for event in house.stores.ledger.events(kind=(ERASURE_ASKED, ERASURE_BEGUN, ERASED))
        if event.payload["reference"] == erased.reference
    ]
    assert [event.kind for event in told] == [ERASURE_ASKED, ERASURE_BEGUN, ERASED]
    assert {event.payload["kind"] for event in told} == {"customer"}
    assert Subjects.open(house.stores.settings).find(erased.reference) is None


def test_the_next_night_and_training_go_on_without_them(house: House) -> None:
    erased = done(house, ANN)
    scored = house.go("score", night(3))["predict"]
    assert scored.served.get("champion", 0) > 0
    moment = next(one.moment for one in erased.retrain if one.model == CITY)
    assert house.go("train", moment, CITY)["register"].outcome == "promoted"
    assert files_with(house.folder / "home", texts_of(ANN)) == []
    told = {"as_of": moment, "actor": "ann", "reason": "a test"}
    with pytest.raises(PromotionRefusedError, match=f"version 1 held .*{erased.reference}"):
        roll_back(stores=house.stores, model=CITY, to=1, **told)


def test_the_same_reference_again_tells_what_it_came_to_and_changes_nothing(house: House) -> None:
    first = done(house, ANN)
    before = state_of(house)
    again = house.forget(first.reference, reason="once more")
    assert again == first.model_copy(update={"already": True})
    assert state_of(house) == before


def done(house: House, person: Person) -> Any:
    """What it came to, where it was done; else it is done now."""
    for event in house.stores.ledger.events(kind=ERASED):
        erased = erasure_of(house.stores.ledger, event.payload["reference"])
        if person is ANN and erased is not None and erased.deleted:
            return erased
    house.delete_at_source(person)
    return house.forget(house.asked(person))


def test_what_people_typed_of_them_into_reasons_and_notes_is_gone_too(
    house: House, postgres: Databases
) -> None:
    ledger = house.stores.ledger
    typed = f"{TYPED.key} has complained"
    told = {"as_of": night(5), "actor": "rita"}
    for action in ("fall_back", "resume"):
        order = {**told, "model": PLAIN, "action": action, "run_id": f"release/{action}"}
        release_order(ReleaseOrder(**order, reason=typed), stores=house.stores)
    house.run_until("ingest", run_id="train/typed", reason=typed, override=TYPED.key)
    ledger.append(
        model=PLAIN, kind=ARM_STOPPED, **told, reason=typed,
        payload={"name": "canary:1", "version": 1, "run_id": "r", "of": [{"note": TYPED.key}]},
    )  # fmt: skip
    ids = [event.id for event in ledger.events() if TYPED.key in event.model_dump_json()]
    assert len(ids) > len(("fall_back", "resume", "lease", "stop"))
    assert ledger.chain.verify().findings == []

    erased = house.forget(house.asked(TYPED))

    assert rows_with(ledger_of(house), [TYPED.key]) == []
    assert any("database" in place.place for place in erased.searched)
    assert erased.words >= len(ids)
    assert not erased.nothing
    whole = ledger.chain.verify()
    assert (whole.findings, whole.erased) == ([], erased.words)
    events = {event.id: event for event in ledger.events()}
    assert {events[number].reason for number in ids if events[number].actor == "rita"} == {
        "(erased)"
    }
    assert events[max(ids)].payload["of"] == [{"note": "(erased)"}]
    # Who looks at a model's history or a version's origin reads the same.
    stopped = [
        one for one in lineage_of(PLAIN, 1, stores=house.stores).moves if one.event_id in ids
    ]
    assert [one.reason for one in stopped] == ["(erased)"]
    rows = event_rows(house.stores, model=PLAIN, limit=1000)
    assert TYPED.key not in str(rows)
    assert "(erased)" in {row["reason"] for row in rows}
    ledger.rebuild_projections()
    assert rows_with(ledger_of(house), [TYPED.key]) == []


# ------------------------------------------------------------------------------------- interrupted

STEPS = [
    "tradewind.stages._forget_steps.elsewhere.erase_words",
    "tradewind.stages._forget_steps.elsewhere.erase",
    "tradewind.stages._forget_steps.stop_deciding",
    "tradewind.stages._forget_steps.elsewhere.prove",
    "tradewind.stages._forget_steps.retrainings",
    "tradewind.stages._forget_steps._tell",
    "tradewind.stores.subjects.Subjects.delete",
]
"""What comes next, once something was changed: whatever is killed before it is done later."""


def test_it_is_finished_wherever_it_was_interrupted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.delete_at_source(BEN)
    reference = house.asked(BEN)
    subjects = Subjects.open(house.stores.settings)
    rewrite, whole, calls = "tradewind.stages._forget_steps.erasing.rewrite", erasing.rewrite, []

    def dies(*_: object, **__: object) -> None:
        raise UnavailableError("killed")

    def dies_after_two(*args: Any, **more: Any) -> Any:
        calls.append(args)
        return whole(*args, **more) if len(calls) <= 2 else dies()

    with monkeypatch.context() as patched:
        patched.setattr(rewrite, dies_after_two)
        with pytest.raises(UnavailableError, match="killed"):
            house.forget(reference)
    marks = subjects.find(reference).held["marks"]
    assert BEN.email in marks["needles"]
    for step in STEPS:
        with monkeypatch.context() as patched:
            if step.endswith("_tell"):
                told = house.stores.ledger.events(kind=ERASURE_BEGUN)
                assert reference in {event.payload["reference"] for event in told}
            patched.setattr(step, dies)
            with pytest.raises(UnavailableError, match="killed"):
                house.forget(reference)
        assert subjects.find(reference) is not None, step
        # The marks are those from before anything was changed.
        assert subjects.find(reference).held["marks"] == marks
    house.forget(reference)
    assert subjects.find(reference) is None
    erased = erasure_of(house.stores.ledger, reference)
    assert erased.files > 2
    assert files_with(house.folder / "home", texts_of(BEN)) == []
    assert rows_with(ledger_of(house), texts_of(BEN)) == []


def test_what_was_interrupted_is_finished_by_whoever_comes_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.delete_at_source(CARA, SHORT)
    interrupted, other = house.asked(CARA), house.asked(SHORT)

    def dies(*_: object, **__: object) -> None:
        raise UnavailableError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("tradewind.stages._forget_steps.elsewhere.erase", dies)
        with pytest.raises(UnavailableError, match="killed"):
            house.forget(interrupted)
    erased = house.forget(other)
    assert erased.finished == [interrupted]
    assert files_with(house.folder / "home", texts_of(CARA)) == []
    # A short key is erased by its columns, and the receipt says that its bytes were not searched.
    assert erased.rows >= len(SHORT.days)
    assert any("too short" in one.what for one in erased.unsearched)
    for path in lake_of(house).glob("sources/*/*/*.parquet"):
        assert SHORT.key not in pq.read_table(path)["customer"].to_pylist()


def test_what_cannot_be_erased_keeps_it_open_and_says_where_and_never_what(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.delete_at_source(DAN)
    reference = house.asked(DAN)

    def stays(*_: object) -> Proof:
        return Proof((), (Finding("logs, a file", 2, kept="it is pickled"),), ())

    with monkeypatch.context() as patched:
        patched.setattr("tradewind.stages._forget_steps.elsewhere.prove", stays)
        with pytest.raises(StillHeldError, match=r"logs, a file \(2: it is pickled\)") as caught:
            house.forget(reference)
        assert DAN.key not in str(caught.value)
        assert [reference in line for line in finish_interrupted(house.stores)[1]] == [True]
    assert finish_interrupted(house.stores) == ([reference], [])
    assert files_with(house.folder / "home", texts_of(DAN)) == []


def test_an_error_that_quotes_them_is_said_without_them() -> None:
    def quotes() -> None:
        try:
            raise ValueError(f"invalid input syntax: {ANN.key}")
        except ValueError as error:
            raise UnavailableError(f"no answer: {ANN.key}") from error

    with pytest.raises(UnavailableError) as caught, saying_nothing([ANN.key]):
        quotes()
    assert "(erased)" in str(caught.value)
    assert ANN.key not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# --------------------------------------------------------------------------------------- refusals


def test_a_reference_that_stands_for_nobody_is_told_so_and_not_quoted(house: House) -> None:
    before = state_of(house)
    with pytest.raises(RequestError, match="stands for nobody"):
        house.forget("0" * 32)
    with pytest.raises(RequestError, match="that is no reference") as caught:
        house.forget(EVE.key)
    assert EVE.key not in str(caught.value)
    assert state_of(house) == before


def test_of_whom_nothing_is_held_it_says_so(house: House) -> None:
    nobody = Person("Zq-nobody-1", ())
    erased = house.forget(house.asked(nobody))
    assert erased.nothing
    assert (erased.learners, erased.retrain) == ([], [])
    assert rows_with(ledger_of(house), [nobody.key]) == []


def test_whom_a_source_still_holds_is_not_erased(house: House) -> None:
    before = state_of(house)
    reference = house.asked(EVE)
    with pytest.raises(RequestError, match=r"still held by source 'customers'.*column customer"):
        house.forget(reference)
    files, kinds = state_of(house)
    assert (files, [kind for kind in kinds if kind != ERASURE_ASKED]) == (
        before[0],
        [kind for kind in before[1] if kind != ERASURE_ASKED],
    )
    assert house.stores.ledger.lease(PLAIN) is None


def test_while_a_model_is_being_trained_nobody_is_erased(house: House) -> None:
    ledger, reference = house.stores.ledger, house.asked(EVE)
    told = {"ttl": timedelta(hours=1), "as_of": night(4), "actor": "ann", "reason": "a test"}
    lease = ledger.acquire_lease(PLAIN, holder="train/7", **told)
    before = state_of(house)
    with pytest.raises(LeaseHeldError, match=f"the run train/7 holds the lease of {PLAIN} since"):
        house.forget(reference)
    assert state_of(house) == before
    assert ledger.lease(CITY) is None
    ledger.release_lease(PLAIN, holder="train/7", fencing_token=lease.fencing_token)


def test_who_may_not_erase_of_one_of_the_models_erases_of_none(house: House) -> None:
    ledger, reference = house.stores.ledger, house.asked(EVE)
    house.describe(CITY, city=True, permissions={"erase": ["rita"]})
    frozen = load_definition(house.folder / "config" / "models" / CITY)
    ledger.freeze_definition(CITY, frozen.files, as_of=night(4), actor="ann")
    files = state_of(house)[0]
    with pytest.raises(NotPermittedError, match=r"`permissions.erase` names rita"):
        house.forget(reference)
    assert state_of(house)[0] == files
    house.describe(CITY, city=True)
    frozen = load_definition(house.folder / "config" / "models" / CITY)
    ledger.freeze_definition(CITY, frozen.files, as_of=night(4), actor="ann")


def test_a_reason_that_names_them_is_refused_before_it_is_kept(house: House) -> None:
    with pytest.raises(RequestError, match="the reason holds the key"):
        house.forget(house.asked(EVE), reason=f"{EVE.key.upper()} called")
    house.delete_at_source(FAY)
    by_mail = house.order(house.asked(FAY), reason=f"{FAY.email} has asked")
    before = state_of(house)
    with pytest.raises(RequestError, match="the reason holds something of whom it is about"):
        forget_subject(by_mail, stores=house.stores)
    assert state_of(house) == before
    with pytest.raises(RequestError, match="needs a reason"):
        house.forget(house.asked(EVE), reason=" ")


def test_a_kind_that_no_source_names_is_told_with_those_that_there_are(house: House) -> None:
    with pytest.raises(RequestError, match="declared are customer"):
        ask("custmer", "x", actor="ann", stores=house.stores)
    with pytest.raises(RequestError, match="1 to 1,000 are expected"):
        ask("customer", "", actor="ann", stores=house.stores)


def test_the_same_key_again_keeps_its_reference_and_is_asked_for_once(house: House) -> None:
    first = house.asked(EVE)
    assert house.asked(EVE) == first
    asked = house.stores.ledger.events(kind=ERASURE_ASKED)
    assert [event.payload["reference"] for event in asked].count(first) == 1
