"""The steps of an erasure, each of which changes nothing the second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tradewind.erasure import Erased, ErasureOrder, Learner, Looked
from tradewind.errors import RequestError, StillHeldError
from tradewind.records import Moment, Record
from tradewind.stages._forget_silence import saying_nothing, texts_of
from tradewind.stages._forget_versions import (
    learners,
    retrainings,
    stop_deciding,
    versions_of,
    what_moved,
)
from tradewind.stages._forget_whom import Declarations, require_clear_names, still_holding
from tradewind.stores import elsewhere, erasing
from tradewind.stores.elsewhere.everywhere import REFERENCES
from tradewind.stores.erasures import words_erased
from tradewind.stores.events import ERASED, ERASURE_BEGUN
from tradewind.stores.marks import Marks
from tradewind.stores.needles import Needles
from tradewind.stores.sources.hashing import HashKey
from tradewind.stores.subjects import Subjects

if TYPE_CHECKING:
    from tradewind.stages._forget_leases import Leases
    from tradewind.stores.elsewhere import Proof, Searched
    from tradewind.stores.stores import Stores
    from tradewind.stores.subjects import Subject

_PARTS = "sources/"
_MOST_PLACES = 20


class Held(Record):
    """What an erasure goes by once it has begun, kept beside whom it is about.

    Attributes:
        marks: What everything of the subject is found by.
        began_at: By the ledger's clock.
        learners: Versions that were trained on parts which held rows of the subject.
        files: Of the lake, rewritten or deleted so far; `rows` and `texts` taken out of them.
        elsewhere: How much was taken out of each place beside the lake.
        deleted: Versions by model whose own files held something.
    """

    order: ErasureOrder
    marks: dict[str, Any]
    began_at: Moment
    learners: list[Learner]
    unasked: list[Looked]
    files: int = 0
    rows: int = 0
    texts: int = 0
    elsewhere: dict[str, int] = {}
    deleted: dict[str, list[int]] = {}

    @property
    def why(self) -> str:
        """What is said wherever something is missing since."""
        return f"somebody was forgotten (reference {self.order.reference})"


def begin(subject: Subject, order: ErasureOrder, declared: Declarations, stores: Stores) -> Held:
    """Find all that is held of somebody, and keep what it is found by; nothing else is changed.

    Raises:
        RequestError: A source still holds them, another one calls something else alike, or the
            reason holds something of them.
        UnavailableError: Lake, ledger or registry does not answer.
    """
    require_clear_names(subject.kind, declared, stores)
    still, unasked = still_holding(subject, declared, stores)
    if still:
        raise RequestError(
            f"still held by {'; '.join(still)}: it would come back with the next night. Nothing "
            "was changed, and the reference stays valid: delete it there and run the same again, "
            f"or withdraw the request (`tradewind subject --withdraw {subject.token}`)"
        )
    with saying_nothing([subject.value]):
        marks = _marks(subject, declared, stores)
    _require_silent(order, marks)
    with saying_nothing(texts_of(marks)):
        files = [found.path for found in erasing.holding(stores.lake, marks)]
        parts = [path for path in files if path.startswith(_PARTS)]
        learned = learners(parts, declared.models(subject.kind), stores)
    held = Held(
        order=order,
        marks=marks.to_json(),
        began_at=stores.ledger.now(),
        learners=learned,
        unasked=unasked,
    )
    Subjects.open(stores.settings).hold(subject.token, held.model_dump(mode="json"))
    versions: dict[str, list[int]] = {}
    for one in learned:
        versions.setdefault(one.model, []).append(one.version)
    _tell(
        ERASURE_BEGUN,
        order,
        {"kind": subject.kind, "files": len(files), "versions": versions},
        stores,
    )
    return held


def _require_silent(order: ErasureOrder, marks: Marks) -> None:
    """See that the reason says nothing of whom it is about: it is told again when they are gone."""
    if Needles(marks.needles).spans_in(order.reason):
        raise RequestError(
            "the reason holds something of whom it is about, and is kept when they are gone: give "
            "another one. Nothing was changed"
        )


def _marks(subject: Subject, declared: Declarations, stores: Stores) -> Marks:
    values = {subject.value}
    if declared.hashed(subject.kind):
        key = HashKey.of(stores.settings)
        values |= {*key.hashed(pa.array([subject.value])).to_pylist()}
    return erasing.marks_of(
        stores.lake,
        columns=declared.columns(subject.kind),
        values=values,
        keys=declared.keys,
        personal=declared.personal,
    )


def carry_out(subject: Subject, held: Held, leases: Leases, stores: Stores) -> Erased:
    """Erase, prove it, and let go of whom it was about.

    Raises:
        StillHeldError: Something is left, where; the erasure stays open.
        UnavailableError: Something does not answer; the same again goes on from there.
    """
    marks = Marks.from_json(held.marks)
    with saying_nothing(texts_of(marks)):
        held = _erase(subject, held, marks, leases, stores)
        proof = elsewhere.prove(stores, marks)
        if not proof.clean:
            # What came in while the rest was erased: a night that had begun before.
            held = _erase(subject, held, marks, leases, stores)
            proof = elsewhere.prove(stores, marks)
    if not proof.clean:
        raise StillHeldError(_left(held, proof))
    return _finished(subject, held, proof, stores)


def _erase(subject: Subject, held: Held, marks: Marks, leases: Leases, stores: Stores) -> Held:
    for step in (_from_lake, _from_events, _from_elsewhere):
        leases.renew()
        held = step(subject, held, marks, stores)
    return held


def _from_lake(subject: Subject, held: Held, marks: Marks, stores: Stores) -> Held:
    files = rows = texts = 0
    try:
        for found in erasing.holding(stores.lake, marks):
            done = erasing.rewrite(stores.lake, found.path, marks, why=held.why, at=held.began_at)
            files, rows, texts = files + 1, rows + done.rows, texts + done.redacted
        erasing.observe(stores.lake, stores.catalog)
    finally:
        told = {"files": held.files + files, "rows": held.rows + rows, "texts": held.texts + texts}
        held = _kept(subject, held.model_copy(update=told), stores)
    return held


def _from_events(_: Subject, held: Held, marks: Marks, stores: Stores) -> Held:
    elsewhere.erase_words(stores.settings, Needles(marks.needles), held.order)
    return held


def _from_elsewhere(subject: Subject, held: Held, marks: Marks, stores: Stores) -> Held:
    found = elsewhere.erase(stores, marks.needles)
    counts = dict(held.elsewhere)
    for one in found:
        if not one.kept and one.model_uri is None:
            counts[one.place] = counts.get(one.place, 0) + one.count
    uris = {one.model_uri for one in found if one.model_uri is not None}
    models = sorted({one.model for one in Declarations.of(stores).sources})
    versions = versions_of(uris, models, stores)
    deleted = {
        model: sorted({*held.deleted.get(model, []), *versions.get(model, [])})
        for model in sorted({*held.deleted, *versions})
    }
    held = _kept(subject, held.model_copy(update={"elsewhere": counts, "deleted": deleted}), stores)
    # Nobody is left to decide by files that are no more.
    stop_deciding(held.deleted, held.order, stores)
    for uri in sorted(uris):
        elsewhere.delete_model_files(stores, uri, why=held.why, at=held.began_at)
    return held


def _kept(subject: Subject, held: Held, stores: Stores) -> Held:
    Subjects.open(stores.settings).hold(subject.token, held.model_dump(mode="json"))
    return held


def _finished(subject: Subject, held: Held, proof: Proof, stores: Stores) -> Erased:
    order = held.order
    decided = [one.model for one in held.learners if one.decided]
    erased = Erased(
        reference=subject.token,
        kind=subject.kind,
        at=stores.ledger.now(),
        actor=order.actor,
        reason=order.reason,
        files=held.files,
        rows=held.rows,
        texts=held.texts,
        words=words_erased(stores.ledger, subject.token),
        elsewhere=[
            Looked(place=place, what=f"{count:,}") for place, count in held.elsewhere.items()
        ],
        learners=held.learners,
        deleted=held.deleted,
        done=what_moved(held.deleted, order, stores),
        retrain=retrainings({*decided, *held.deleted}, order, stores),
        searched=[Looked(place=one.place, what=_how_much(one)) for one in proof.searched],
        # Whoever is to be forgotten is let go of last, and then is there no more.
        unsearched=[
            Looked(place=one.place, what=one.why)
            for one in proof.unsearched
            if not one.place.endswith(REFERENCES)
        ],
        unasked=held.unasked,
    )
    _tell(ERASED, order, erased.model_dump(mode="json"), stores)
    Subjects.open(stores.settings).delete(subject.token)
    return erased


def _how_much(one: Searched) -> str:
    counts = {"files": one.files, "rows": one.rows, "bytes": one.bytes}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing"


def _tell(kind: str, order: ErasureOrder, told: dict[str, Any], stores: Stores) -> None:
    stores.ledger.append(
        model=None,
        kind=kind,
        as_of=stores.ledger.now(),
        actor=order.actor,
        reason=order.reason,
        payload={"reference": order.reference, "run_id": order.run_id, **told},
    )


def _left(held: Held, proof: Proof) -> str:
    places = [
        f"{one.place} ({one.count:,}{': ' * bool(one.kept)}{one.kept})" for one in proof.found
    ]
    more = f", and {len(places) - _MOST_PLACES:,} more" * (len(places) > _MOST_PLACES)
    return (
        f"of {held.order.reference} something is left: {'; '.join(places[:_MOST_PLACES])}{more}. "
        "The erasure stays open: see to those places, and run `tradewind forget` with the same "
        "reference again"
    )
