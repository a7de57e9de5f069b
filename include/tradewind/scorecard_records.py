"""The ML test score of a model, as frozen values: looked up once, told wherever somebody looks.

The 28 tests are those of Breck, Cai, Nielsen, Salib and Sculley, "The ML Test Score: A Rubric for
ML Production Readiness and Technical Debt Reduction" (IEEE Big Data, 2017): four sections of seven.
"""

from __future__ import annotations

from typing import Literal

from tradewind.records import Moment, Record

SectionName = Literal["data", "model", "infrastructure", "monitoring"]


class Pointer(Record):
    """Where a piece of evidence is, for whoever wants to look at it again.

    Attributes:
        words: What it is.
        command: What shows it.
        uri: Where it lies in the lake; for a document, its path in the repository or its address.
        as_of: The moment that it stands for.
        run_id: The run that left it, and `stage` which of its stages.
    """

    words: str
    command: str | None = None
    uri: str | None = None
    as_of: Moment | None = None
    run_id: str | None = None
    stage: str | None = None


class Point(Record):
    """What one test of the rubric comes to.

    Attributes:
        test: Section and number, such as `data_1`; so documents are named in a definition.
        name: The test, in the paper's words.
        points: 1 where the system does it in each run and the last one left its evidence; 0.5 where
            it is done in part, was done once, or by hand with a document that holds; else 0.
        sentence: What was found.
        evidence: Where; empty where nothing was found.
        way_up: What to do for more; None at a full point.
    """

    test: str
    name: str
    points: float
    sentence: str
    evidence: list[Pointer]
    way_up: str | None


class ScoredSection(Record):
    """Seven tests, and their sum."""

    name: SectionName
    points: list[Point]

    @property
    def total(self) -> float:
        """From 0 to 7."""
        return sum(point.points for point in self.points)


class Scorecard(Record):
    """The test score of a model: the least of the four sums.

    Attributes:
        as_of: The model's own moment, that evidence may be too old at.
        day: The day, in the model's time zone, that documents were held against.
        score: The least of the four sums.
        reading: What the paper makes of such a score.
    """

    model: str
    owner: str
    as_of: Moment
    day: str
    score: float
    reading: str
    sections: list[ScoredSection]

    @property
    def weakest(self) -> list[SectionName]:
        """The sections with the least sum."""
        return [one.name for one in self.sections if one.total == self.score]
