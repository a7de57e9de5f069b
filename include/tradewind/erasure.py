"""The frozen values of forgetting somebody: what is asked, and what it came to.

Whoever it is about stands in none of them: a random reference does.
"""

from __future__ import annotations

import re
from typing import Literal

from tradewind.records import Identity, Moment, Record

TOKEN = "^[0-9a-f]{32}$"  # noqa: S105 -- what a reference looks like


def is_token(text: str) -> bool:
    """Whether something looks like a reference; a key that was put in its place does not."""
    return re.fullmatch(TOKEN, text) is not None


class ErasureOrder(Record):
    """What a person orders: that whoever a reference stands for is forgotten.

    Attributes:
        reference: The token that stands for them.
        actor: As the ledger's events name who orders it; `by` as what is permitted goes by.
        run_id: The run that it is done in.
    """

    reference: str
    reason: str
    actor: str
    by: Identity
    run_id: str


class Learner(Record):
    """A version that was trained on days in which rows of the subject were.

    Attributes:
        state: What it was when the erasure began, in words.
        decided: Whether it decided for anybody then.
        whole: Whether all that it was trained on can be told; otherwise it may have been.
    """

    model: str
    version: int
    state: str
    decided: bool
    whole: bool


class Retraining(Record):
    """A training that is to begin, because who decides saw the subject, or decides no more.

    Attributes:
        moment: The as-of moment that it stands at.
    """

    model: str
    moment: Moment
    reason: str


class Looked(Record):
    """A place, and what is to be said of it.

    Attributes:
        what: Such as how much was looked at, or why it could not be.
    """

    place: str
    what: str


class Erased(Record):
    """What an erasure came to.

    Attributes:
        kind: Of subject.
        at: When it was done, by the ledger's clock.
        actor: Who ordered it, and `reason` why.
        already: Whether an earlier run did it; then this one changed nothing.
        files: Of the lake that were rewritten or deleted; `rows` and `texts` taken out of them.
        words: Texts that were taken out from beside the ledger's events.
        elsewhere: Places beside the lake from which something was taken.
        learners: Versions that were trained on the subject.
        deleted: Versions by model whose own files held something of it, and are no more.
        done: What was changed of who decides, a sentence each.
        retrain: Trainings that are to begin.
        searched: Where nothing was found in the end, and how much was looked at.
        unsearched: What could not be looked at, or not by bytes, and why.
        unasked: Sources that could not be asked whether they still hold the subject.
        finished: References of earlier erasures that were interrupted, and are done now.
        open: What of earlier ones could not be finished, a sentence each.
    """

    reference: str
    kind: str
    at: Moment
    actor: str
    reason: str
    already: bool = False
    files: int = 0
    rows: int = 0
    texts: int = 0
    words: int = 0
    elsewhere: list[Looked] = []
    learners: list[Learner] = []
    deleted: dict[str, list[int]] = {}
    done: list[str] = []
    retrain: list[Retraining] = []
    searched: list[Looked] = []
    unsearched: list[Looked] = []
    unasked: list[Looked] = []
    finished: list[str] = []
    open: list[str] = []

    @property
    def nothing(self) -> bool:
        """Whether nothing was held of the subject."""
        return not (self.files or self.words or self.elsewhere or self.deleted)


class ErasureRequest(Record):
    """A request that somebody be forgotten, and how far it has come.

    Attributes:
        asked_at: By the ledger's clock; `asked_by` None where no event tells of it.
        begun_at: When it was first carried out, as `ordered_by` ordered it for `reason`; None
            before that, and `reason` with it.
        withdrawn_at: When it was taken back, and `withdrawn_by` whom; None where it was not.
        erased: What it came to; None before it is done.
        open: Why it can be that something is still to be done, and what; None where nothing is.
    """

    reference: str
    kind: str
    state: Literal["asked", "begun", "erased", "withdrawn"]
    asked_at: Moment | None
    asked_by: str | None
    begun_at: Moment | None
    ordered_by: str | None
    reason: str | None
    withdrawn_at: Moment | None
    withdrawn_by: str | None
    erased: Erased | None
    open: str | None
