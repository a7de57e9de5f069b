"""The words beside events, held against the commitments that the chain covers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tradewind.stores import words
from tradewind.stores.events import WORDS_ERASED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.chain_rows import NamedEvent, StoredEvent

Wrong = Literal["altered", "missing", "added"]


@dataclass
class WordsWalk:
    """What is known of the words of events on the way through the chain.

    Attributes:
        wrong: What is not as it was written, the event, and a sentence.
        gone: By commitment, the event whose text is not there, as long as no erasure says so.
        erased: How many texts erasures say they took out.
        erasures: Their references.
    """

    wrong: list[tuple[Wrong, NamedEvent, str]] = field(default_factory=list)
    gone: dict[str, NamedEvent] = field(default_factory=dict)
    erased: int = 0
    erasures: set[str] = field(default_factory=set)

    def hold(self, event: StoredEvent) -> None:
        """Hold the words of an event that is as it was written; in the order of the chain."""
        texts = event.texts if isinstance(event.texts, dict) else {}
        made = set(words.commitments(event.reason, event.payload))
        if any(not words.is_kept(one, texts[one]) for one in made & texts.keys()):
            said = f"the words of {event.named} are not what was written"
            self.wrong.append(("altered", event.named, said))
        if added := texts.keys() - made:
            said = f"{len(added)} of the words of {event.named} were never part of it: put in later"
            self.wrong.append(("added", event.named, said))
        self.gone |= dict.fromkeys(made - texts.keys(), event.named)
        if event.kind == WORDS_ERASED:
            self._explain(event)

    def unexplained(self) -> Iterator[tuple[Wrong, NamedEvent, str]]:
        """The events of which words are gone, and no erasure that came after says so."""
        for event in dict.fromkeys(self.gone.values()):
            said = f"the words of {event} are gone, or some of them, and no erasure says so"
            yield "missing", event, said

    def _explain(self, event: StoredEvent) -> None:
        # Whoever may append may append anything: what is no erasure explains nothing.
        match json.loads(event.payload):
            case {"reference": str(reference), "events": dict(told)}:
                self.erasures.add(reference)
                digests = [one for some in told.values() if isinstance(some, list) for one in some]
                taken = [self.gone.pop(one, None) for one in words.from_bare(digests)]
                self.erased += len(taken) - taken.count(None)
