"""What is known of a model when its test score is looked up, and how old that may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradewind.definition.moments import midnight
from tradewind.errors import LakeError, LakeUnavailableError
from tradewind.nights import Monitoring, ScoredNight
from tradewind.records import Verdict
from tradewind.scorecard.marking import NotShownError
from tradewind.scorecard_records import Pointer
from tradewind.stores.prediction_log import read_log

if TYPE_CHECKING:
    from datetime import date, datetime

    import pyarrow as pa

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import GateResult, Pipeline
    from tradewind.stores.ledger import Event, RecordedOutcome
    from tradewind.stores.stores import Stores

_EXAMINED = ("probe", "refit", "load_test")
_NAMES: dict[Pipeline, str] = {"train": "training", "score": "scored night", "monitor": "look"}


@dataclass(frozen=True)
class Gated:
    """What a gate said in the last training.

    Attributes:
        found: What it decided on; empty for a gate that only compares figures, or may do without.
    """

    result: GateResult
    found: dict[str, Any]
    pointer: Pointer


@dataclass(frozen=True)
class Case:
    """A model, and where its evidence is.

    Attributes:
        moment: The model's own clock: evidence is held against it.
        day: Today in the model's time zone: documents are held against it.
    """

    model: ModelDefinition
    stores: Stores
    moment: datetime
    day: date

    # ---------------------------------------------------------------------------------- outcomes

    def said(self, stage: str, pipeline: Pipeline) -> RecordedOutcome:
        """What a stage said in the last run that came to it.

        Raises:
            NotShownError: No run did, or it is older than it may be.
        """
        again = f"`tradewind run {self.model.name} {pipeline}`"
        found = self.stores.ledger.last_outcome(self.model.name, stage, pipeline=pipeline)
        if found is None:
            raise NotShownError(f"no {_NAMES[pipeline]} has come to `{stage}`", f"run {again}")
        due = self._due(pipeline)
        if self.moment - found.as_of > due:
            raise NotShownError(
                f"the last {_NAMES[pipeline]} that came to `{stage}` is of "
                f"{found.as_of:%Y-%m-%d %H:%M} UTC, and one is due every {_words(due)}",
                f"run {again}",
            )
        return found

    def content(self, uri: str | None) -> Any:
        """What lies in the lake at an address.

        Raises:
            NotShownError: Nothing does, or it is damaged.
            UnavailableError: The lake does not answer.
        """
        try:
            return self.stores.lake.read_json(uri or "")
        except LakeUnavailableError:
            raise
        except LakeError as error:
            raise NotShownError(
                f"the run says that it left {uri or 'no report'}, which is not to be read: {error}",
                "run it again, and see who empties the lake",
            ) from error

    def report(self, stage: str, pipeline: Pipeline) -> tuple[dict[str, Any], Pointer]:
        """The whole report of a stage, and where it is.

        Raises:
            NotShownError: As `said` and `content`.
        """
        outcome = self.said(stage, pipeline)
        return self.content(outcome.report_uri), self.pointer(outcome)

    def pointer(self, outcome: RecordedOutcome) -> Pointer:
        """Where a stage's outcome can be opened again."""
        shown = f"tradewind report {self.model.name} {outcome.stage} --run-id '{outcome.run_id}'"
        return Pointer(
            words=f"`{outcome.stage}` of {outcome.run_id}",
            command=shown,
            uri=outcome.report_uri,
            as_of=outcome.as_of,
            run_id=outcome.run_id,
            stage=outcome.stage,
        )

    def of_event(self, event: Event) -> Pointer:
        """Where an event can be read again."""
        return Pointer(
            words=f"event {event.id}, {event.kind.replace('_', ' ')}: {event.reason}",
            command=f"tradewind history {self.model.name}",
            as_of=event.as_of,
        )

    # ------------------------------------------------------------------------------------- gates

    def gate(self, name: str, *, decides_on_findings: bool = True) -> Gated:
        """What a gate said in the last training, with what it decided on.

        Raises:
            NotShownError: It was not asked, is switched off, does not apply, or nothing was found
                for it to decide on.
        """
        verdict, pointer = self._verdict
        result = next((one for one in verdict.results if one.gate == name), None)
        if result is None:
            raise NotShownError(f"the last verdict says nothing of the gate {name}", "train again")
        if result.outcome == "waived":
            raise NotShownError(
                f"the gate {name} shows nothing: {result.sentence}",
                f"end its waiver (`gates.waivers`), see docs/gates/{name}.md",
            )
        if result.outcome == "not_applicable":
            raise NotShownError(
                f"the gate {name} had nothing to hold: {result.sentence}",
                f"declare what it asks for, see docs/gates/{name}.md",
            )
        found = self._findings.get(name, None if decides_on_findings else {})
        if found is None:
            raise NotShownError(
                f"the gate {name} had nothing to decide on. {result.sentence}",
                "see the report of the task that looks for it, and train again",
            )
        return Gated(result, found, pointer)

    @cached_property
    def _verdict(self) -> tuple[Verdict, Pointer]:
        outcome = self.said("gate", "train")
        # What counts is what the ledger says; the lake's copy, with the tables, must be there too.
        self.content(outcome.report_uri)
        return Verdict.model_validate(outcome.result), self.pointer(outcome)

    @cached_property
    def _findings(self) -> dict[str, Any]:
        """What was found for the last verdict, by gate; an examination that is gone shows none."""
        run_id = self._verdict[1].run_id
        found: dict[str, Any] = {}
        for stage in _EXAMINED:
            said = self.stores.ledger.outcomes(
                model=self.model.name, run_id=run_id, stage=stage, limit=1
            )
            try:
                found |= self.content(said[0].result.get("uri"))["findings"] if said else {}
            except NotShownError:
                continue
        return found

    # ------------------------------------------------------------------------------------ nights

    @cached_property
    def night(self) -> tuple[ScoredNight, Pointer]:
        """The last night that was served.

        Raises:
            NotShownError: None was, or it is too old.
        """
        outcome = self.said("predict", "score")
        scored = ScoredNight.model_validate(outcome.result)
        return scored, self.pointer(outcome).model_copy(update={"uri": scored.uri})

    def log(self, columns: list[str]) -> pa.Table:
        """Some columns of what the last night served.

        Raises:
            NotShownError: As `night`; or the log is not to be read.
            UnavailableError: The lake does not answer.
        """
        try:
            return read_log(self.stores.lake, [self.night[0]], columns)
        except LakeUnavailableError:
            raise
        except LakeError as error:
            raise NotShownError(
                f"the night's log is not to be read: {error}", "score a night"
            ) from error

    @cached_property
    def look(self) -> tuple[Monitoring, dict[str, Any], Pointer]:
        """The last look at the nights, with what its page shows beside.

        Raises:
            NotShownError: None was taken, or it is too old or gone.
        """
        kept, pointer = self.report("monitor", "monitor")
        return Monitoring.model_validate(kept["monitoring"]), kept["page"], pointer

    def _due(self, pipeline: Pipeline) -> timedelta:
        """How old evidence may be: two turns of what leaves it, for one may fail."""
        if pipeline != "train":
            return 2 * self.model.score.every
        cadence = self.model.retrain.cadence
        return self.model.score.max_age if cadence == "never" else 2 * cadence


def open_case(model: ModelDefinition, stores: Stores) -> Case:
    """Find the moment that a model's evidence is held against, which may lie in the past.

    Where the definition says which day stands for today, that is it, or the model's last night or
    promotion if one is later; else it is now.
    """
    now, today = stores.ledger.now(), model.schedule.today
    moment = now if today is None else max([midnight(today, model), *_known(model, stores)])
    return Case(model, stores, moment, now.astimezone(model.zone).date())


def _known(model: ModelDefinition, stores: Stores) -> list[datetime]:
    champion = stores.ledger.champion(model.name)
    nights = stores.ledger.nights(model.name, limit=1)
    return [*([champion.since] if champion else []), *(one.night for one in nights)]


def _words(length: timedelta) -> str:
    hours = length // timedelta(hours=1)
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
