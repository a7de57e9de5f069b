"""The terms of a card, each with one line that explains it, and figures in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.counts import count
from tradewind.reports.page import figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.records import Estimate

METRICS = {
    "roc_auc": (
        "how often a positive row has a higher score than a negative one: 0.5 is chance, 1 always"
    ),
    "average_precision": (
        "the share of positives among the highest scores, averaged over how many one looks at; "
        "chance gives the share of positives in all rows"
    ),
    "log_loss": (
        "how surprised one is by what happens after believing the scores: 0 for a sure and right "
        "score, without end for a sure and wrong one"
    ),
    "brier": "the mean squared distance between the score and what happened (0 or 1)",
    "calibration_error": (
        "how far the shares that happen lie from the scores that said them, on the average"
    ),
    "precision": "of the rows decided positive, the share that is",
    "recall": "of the positive rows, the share that was decided positive",
    "f1": "precision and recall in one figure, their harmonic mean",
    "rmse": (
        "the usual size of an error in the label's unit, in which large errors count for more "
        "(the root of the mean squared error)"
    ),
    "mae": "the mean size of an error, in the label's unit",
    "r2": "the share of the label's spread that is explained: 0 is no better than the mean",
    "bias": "the mean error with its sign: above zero the scores say too much",
}
"""What each of the usual metrics says."""

RATES = {
    "selection_rate": "the share that is decided positive",
    "true_positive_rate": "of those who are positive, the share that is decided so",
    "false_positive_rate": "of those who are negative, the share that is decided positive",
    "calibration_gap": "the share that is positive, less the mean score",
    "mean_score": "the mean score",
    "mean_error": "the mean of the label, less the mean score",
}
"""What each rate of a group says."""

MEASURES = {
    "demographic_parity": "how far the groups' shares that are decided for lie apart",
    "equalised_odds": "how far the groups' true, or false, positive rates lie apart",
    "calibration": "how far the groups' truth lies from their scores, one way or the other",
}
"""What each measure of fairness says."""

OUTCOMES = {
    "passed": "passed",
    "blocked": "blocks",
    "not_applicable": "does not apply",
    "waived": "switched off",
}
PLAYERS = {"candidate": "candidate", "champion": "champion", "naive": "naive rule"}
BETTER = {True: "more is better", False: "less is better", None: "nearer to zero is better"}
ORIGINS = {
    "declared": "declared",
    "important": "a feature that matters",
    "found": "found by a search for the worst",
}
PROBLEMS = {
    "binary": "yes or no, as a score between 0 and 1 (the probability of yes)",
    "regression": "a figure",
}

TERMS = {
    "candidate": "the model that this card is about, before it is registered",
    "champion": "the version that decides at present",
    "naive rule": (
        "what one would go by without a model; it decides where the model may not (the fallback)"
    ),
    "interval": (
        "in brackets after a figure: where it would lie, this often, had other days been drawn. "
        "Whole blocks of neighbouring days are drawn again and again (a bootstrap), because rows "
        "of a day are alike"
    ),
    "block, draw": (
        "a block is so many neighbouring days; a draw takes blocks by chance, until there are as "
        "many days as before, and computes the figure on them"
    ),
    "surely, confidence": (
        "true of the whole interval, and not of the figure in its middle alone. With 95% "
        "confidence one such sentence in twenty is wrong"
    ),
    "standard deviation": "how far single values usually lie from their mean",
    "standard error": "how far a figure would usually lie from itself, had other days been drawn",
    "judged rows": (
        "the last stretch of time, from which nothing was learned and by which nothing was chosen"
    ),
    "fit, select, judge": (
        "three stretches of time, one after the other: to learn from, to choose by, to be judged on"
    ),
    "prediction time": "when a row is predicted: what became known later may not be looked at",
    "score": "what the model answers for one row, before anything is decided",
    "positive, negative": "a row that is, or is decided, yes; one that is, or is decided, no",
    "decision threshold": "the score from which a row is decided positive",
    "label": "what really happened, as it becomes known after the event",
    "tenth": "a tenth of the judged rows, put in the order of their scores",
    "floor": "a level that a metric must reach, whoever else is worse",
    "gate": "a check before the registry; a candidate that one of them blocks is not registered",
    "waiver": "a gate that a named person switched off, for a reason and until a day",
    "budget": "how much of something a gate allows before it blocks",
    "copy": "a judged row whose features are all equal to those of a training row",
    "incident": "something wrong that a night found: it is open until somebody closes it",
    "batch, category": (
        "parts in which the gate `poisoning` looks for labels that somebody wrote: the training "
        "rows of some neighbouring days, and those with one value of one column"
    ),
    "quick model": (
        "a small one that is fitted beside the candidate, on other rows than those that it is "
        "asked about, to see what labels one would expect"
    ),
    "turned label": "one that somebody changed to the other answer",
    "linear model": "one whose answer is a weighted sum of the features: the simplest kind",
    "seed": "the number that chance begins with: the same seed draws the same",
    "configuration": "one kind of model with one value of each setting, as the search tries them",
    "verdict": "what all gates say of one candidate",
    "digest": (
        "a short fingerprint of content: the same digest is the same content, to the last cell"
    ),
    "part": "the rows of one source and one day, as they were observed at a moment",
    "snapshot": "the list of parts that a run reads",
    "lake": "the folder or bucket in which rows and evidence are kept as files",
    "ledger": "the list of everything that was done and decided; nothing in it is ever changed",
    "MLflow": "where every training and every registered version is kept (the registry)",
    "Airflow, DAG": (
        "Airflow runs the tasks and shows their pages; a DAG is a set of tasks with their order"
    ),
    "UTC": "the time of the whole world, without summer time",
    "training key": "a digest of everything that decides what is learned: rows, settings, code",
    "revision": "the state of the code, by the name that git gave it",
    "quarantine": "where rows that cannot be true are set aside, counted and kept",
    "point in time": (
        "every feature holds only what was known at the row's own prediction time; it is proved by "
        "computing rows again without their future"
    ),
    "feature": (
        "a column that the model looks at: numeric, categorical (a name or a code, without order) "
        "or boolean (yes or no)"
    ),
    "importance": (
        "by how much the loss grows where a feature's values are dealt out anew among the rows "
        "(permutation importance). Features that say the same share what they would have alone"
    ),
    "partial dependence": (
        "the mean answer where every row is given the same value of one feature and keeps its "
        "others. It says what the model answers, and not what would happen in the world"
    ),
    "point of a curve": "one value of a feature at which that mean was taken",
    "calibration": "a correction after training, so that of scores of 0.3 three in ten come true",
    "slice": "a part of the judged rows, such as one airport",
    "protected column": "one that names groups of people: watched, and given to a model or not",
    "risk tier": "how bad a wrong model is; it says how many people must approve (none, one, two)",
}
"""Every term that a card uses, but for metrics, rates and measures."""


def told(estimate: Estimate | None) -> str:
    """A figure with its interval: `0.517 (0.497 to 0.537)`."""
    if estimate is None:
        return "not known"
    ends = f"{figure(estimate.low, 3)} to {figure(estimate.high, 3)}"
    return f"{figure(estimate.value, 3)} ({ends})"


def amount(estimate: Estimate, *, each: float = 1.0) -> str:
    """An amount of money with its interval, in whole units."""
    value, low, high = (each * one for one in (estimate.value, estimate.low, estimate.high))
    return f"{value:,.0f} ({low:,.0f} to {high:,.0f})"


def ground(rows: int, units: int, unit: str) -> str:
    """What figures stand on: `27,075 rows of 30 days`."""
    return f"{count(rows, 'row')} of {count(units, unit)}"


def day(moment: datetime) -> str:
    """Its day in UTC."""
    return f"{moment:%Y-%m-%d}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def length(seconds: float) -> str:
    """A length of time: `2 hours`."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % size == 0:
            return count(int(seconds // size), unit)
    return f"{seconds:,.0f} seconds"


def sentence(text: str) -> str:
    """Words as a sentence: a capital first, a full stop last."""
    line = " ".join(text.split())
    return f"{line[:1].upper()}{line[1:]}{'' if line.endswith(('.', '!', '?')) else '.'}"
