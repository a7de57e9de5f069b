"""Where a change in loss came from: what `tradewind diagnose` tells and its page shows."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from tradewind.records import Estimate, Finding, Record

Origin = Literal["declared", "important"]


def signed(figure: Estimate) -> str:
    """A change with its interval, for a person: `+0.0310 (+0.0120 to +0.0500)`."""
    # Adding zero takes the sign from what is rounded to zero.
    value, low, high = (round(one, 4) + 0.0 for one in (figure.value, figure.low, figure.high))
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


class Side(Record):
    """One of the two stretches that are compared.

    Attributes:
        start: The first prediction time.
        end: The last one.
        units: How many local days have a row.
        loss: The mean loss of a row.
    """

    start: AwareDatetime
    end: AwareDatetime
    rows: int
    units: int
    loss: Estimate


class Parts(Finding):
    """A change in mean loss, taken apart; the last three add up to the first.

    Attributes:
        total: Recent less reference; above zero the loss rose.
        inputs: What the reference's own relation says of the recent inputs, less its loss. None,
            as `relation`, where the two cannot be told apart.
        relation: What is left on ground that both know: the same inputs, another outcome.
        new_ground: What recent rows of kinds that the reference hardly has add to the mean. Whether
            it is their inputs or their relation, no row can say.
    """

    total: Estimate
    inputs: Estimate | None
    relation: Estimate | None
    new_ground: Estimate


class FeatureShift(Finding):
    """What one feature's other mix alone does to the loss, all else as in the reference.

    Attributes:
        change: In mean loss; the intervals of all features hold together.
        clear: Whether that interval leaves zero out.
        words: How the mix moved.
    """

    feature: str
    change: Estimate
    clear: bool
    words: str


class SliceChange(Finding):
    """How the relation changed in one slice.

    Attributes:
        rows: Recent rows, as `reference_rows` those of the reference.
        change: In the mean loss of its rows, other inputs left out; the intervals of all slices
            hold together.
        contribution: To the relation's part; over the slices of one column they add up to it.
        excess: Its change less that of all other rows; these hold together as well.
        stands_out: Whether `excess` leaves zero out.
    """

    name: str
    origin: Origin
    rows: int
    reference_rows: int
    change: Estimate
    contribution: float
    excess: Estimate
    stands_out: bool


class Diagnosis(Record):
    """Why the loss of a champion changed, from its judge rows to its matured predictions.

    Attributes:
        version: The champion's, whose rows both are.
        look: The moment of the look whose matured rows are the recent ones.
        metric: The loss that is averaged over rows and taken apart.
        deciding: The metric that decides, where it is no such loss.
        confidence: Of every interval; of slices, and of features, of all of them together.
        changed: Whether the total leaves zero out.
        blurred: Why inputs and relation cannot be told apart; None where they can.
        new_ground_rows: Recent rows of kinds that the reference hardly has.
        effective_rows: So many equally weighted reference rows say as much as the weighted ones.
        features: The greatest change first.
        features_together: What is left of `parts.inputs`: features that move together are counted
            more than once, or act in combination.
        left_out: Features that hardly matter to the model, and were not looked at.
        slices: Where the relation changed, what stands out most first.
        unknown: Slices without a figure, and why.
        told: The diagnosis in sentences, the verdict first.
        suggests: What follows.
    """

    model: str
    as_of: AwareDatetime
    version: int
    look: AwareDatetime
    metric: str
    deciding: str
    confidence: float
    reference: Side
    recent: Side
    parts: Parts
    changed: bool
    blurred: str | None
    new_ground_rows: int
    effective_rows: float
    features: list[FeatureShift]
    features_together: float
    left_out: list[str]
    slices: list[SliceChange]
    unknown: dict[str, str]
    told: list[str]
    suggests: list[str]
