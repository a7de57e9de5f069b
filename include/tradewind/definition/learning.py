"""What a model learns from and is judged by: features, label, metrics, training, gates, value."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tradewind.definition.base import Column, Duration, Identifier, Section, Sql
from tradewind.definition.meaning import ColumnMeaning

FeatureType = Literal["numeric", "categorical", "boolean"]
Problem = Literal["binary", "regression"]

ALLOWED_PREFIXES = ("sklearn.",)
"""Where estimators may come from, by the beginning of their import path."""
METRICS: dict[str, tuple[str, ...]] = {
    "binary": (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "calibration_error",
        "precision",
        "recall",
        "f1",
    ),
    "regression": ("rmse", "mae", "r2", "bias"),
}
"""The metrics that every model of a problem is measured by; an owner may add own ones."""


class Features(Section):
    """The columns a model sees."""

    sql: str = Field(default="features.sql", pattern=r"^[\w-]+\.sql$")
    """The file with the SELECT, beside model.yaml."""
    types: dict[str, FeatureType] = Field(min_length=1)
    """Every feature and how it is read. A column of the SELECT that is neither here nor a key,
    time or weight is an error: nothing reaches a model by accident."""
    protected: list[str] = []
    """Features, or other columns of the SELECT, that name groups of people: watched for fairness
    and coverage. One that is not in `types` is never given to a model."""
    python: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    """`package.module:function`, pure: takes the SELECT's frame, returns it with more columns."""
    # Left out of every dump, and so of every digest that is made of one: with other words for a
    # column nothing is trained or judged anew.
    meaning: dict[Column, ColumnMeaning] = Field(default={}, exclude=True)
    """What each column of the SELECT is, in the owner's words, for whoever reads a card or an
    explanation: a few words, or `{is: ..., values: {"1": ...}}` for a column of codes."""


class Label(Section):
    """What is to be predicted, and when its truth is known."""

    relation: str
    """Where it stands: a source, or `<source>_<late name>`. Its rows carry the entity key."""
    expression: Sql
    """Over that relation's columns."""
    meaning: str | None = Field(default=None, min_length=1, exclude=True)
    """What it says, in the owner's words, for whoever reads a card."""
    expires_after: Duration = Field(default="7 days", validate_default=True)
    """How long after the event a missing label is still awaited."""
    selective: bool = False
    """Whether a label is only ever seen after a positive decision: figures on matured rows are then
    marked as selective, because the rows decided against are missing from them."""


class Resample(Section):
    """What is drawn again and again to get an interval."""

    unit: Literal["day"] = "day"
    """Rows of one unit are not independent and are never torn apart."""
    block: int = Field(default=7, ge=1, le=14)
    """How many neighbouring units are drawn together: days that follow each other are alike, and
    blocks of one day make intervals that are too narrow (docs/gates.md has the figures)."""
    draws: int = Field(default=1000, ge=200, le=20_000)


class ScenarioMetric(Section):
    """A metric of the owner's own."""

    kind: Literal["cost", "capture", "python"]
    top: float | None = Field(default=None, gt=0, lt=1)
    """For `capture`: the share of rows one can act on; the metric is the share of positives
    there."""
    false_positive: float | None = Field(default=None, ge=0)
    false_negative: float | None = Field(default=None, ge=0)
    function: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    """For `python`: `package.module:function(label, score) -> float`, both 1-d arrays."""
    greater_is_better: bool | None = None
    """For `python` only; the others know."""

    @model_validator(mode="after")
    def _complete(self) -> ScenarioMetric:
        needed = {
            "cost": ("false_positive", "false_negative"),
            "capture": ("top",),
            "python": ("function", "greater_is_better"),
        }
        of_this_kind = set(needed[self.kind])
        every = {name for names in needed.values() for name in names}
        missing = sorted(name for name in of_this_kind if getattr(self, name) is None)
        foreign = sorted(name for name in every - of_this_kind if getattr(self, name) is not None)
        if missing or foreign:
            msg = f"a {self.kind} metric needs {sorted(of_this_kind)}; " + "; ".join(
                [f"missing: {', '.join(missing)}"] * bool(missing)
                + [f"not its own: {', '.join(foreign)}"] * bool(foreign)
            )
            raise ValueError(msg)
        return self


class Metrics(Section):
    """How a model is judged."""

    decides: str | None = None
    """The metric that the gates compare by; log_loss or rmse where nothing is said."""
    own: dict[Identifier, ScenarioMetric] = {}
    resample: Resample = Resample()


class Window(Section):
    """Which past a model learns from: everything since `start`, or the last `days`."""

    start: date | None = None
    """First day of an expanding window; the earliest row where nothing is said."""
    days: int | None = Field(default=None, ge=30)
    """Length of a rolling window, the stretches for selecting and judging included."""
    history: Duration = Field(default="35 days", validate_default=True)
    """How much of the sources is read before the window's first day, for features that look back:
    at least as long as the longest of them looks."""

    @model_validator(mode="after")
    def _one_kind(self) -> Window:
        if self.start is not None and self.days is not None:
            msg = "a window is expanding (`start`) or rolling (`days`), not both"
            raise ValueError(msg)
        return self


_FILE = ".skops"
_OF_FITS = {"params", "search", "without", "numbers"}


class Candidate(Section):
    """One kind of estimator to try, or a model that was trained elsewhere."""

    estimator: str | None = None
    """Its import path, within the allowed prefixes."""
    from_: str | None = Field(
        default=None, alias="from", pattern=r"^models:/[\w./-]+$|^[\w./-]+\.skops$"
    )
    """In place of `estimator`, a model that is trained already, and is not fitted again:
    `models:/<name>/<version>` or `models:/m-…` of this registry, or a file in skops' format, by its
    path from the model's folder and within the folder of definitions. It takes the features of this
    definition, and every gate applies to it."""
    digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Of such a file: its SHA-256, in hexadecimal digits. Another file is refused."""
    provenance: str | None = Field(default=None, min_length=1)
    """Of such a file: who trained it, on what, and where it comes from."""
    licence: str | None = Field(default=None, min_length=1)
    """Of such a file: what allows its use."""
    trained_until: date | Literal["unknown"] | None = None
    """Of such a file: the last day that it learned anything from, or `unknown`. Judged rows of that
    day or an earlier one block; where it is unknown, the verdict says so."""
    params: dict[str, Any] = {}
    """Fixed parameters."""
    search: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    """Parameters to search over, each with its possible values."""
    without: list[Identifier] = []
    """Features that this one does not look at."""
    numbers: Literal["scaled", "splines"] = "scaled"
    """How numbers reach an estimator that does not bin them itself. `splines` lets a weighted sum
    bend, and level off beyond the rows it learned from, where `scaled` goes on for ever."""

    @model_validator(mode="after")
    def _fixed_or_searched(self) -> Candidate:
        both = sorted(self.params.keys() & self.search.keys())
        if both:
            msg = f"{', '.join(both)}: a parameter is fixed (`params`) or searched (`search`)"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _of_one_kind(self) -> Candidate:
        if (self.estimator is None) == (self.from_ is None):
            msg = "a candidate has an `estimator`, or is trained already (`from`)"
            raise ValueError(msg)
        of_a_file = {"digest", "provenance", "licence", "trained_until"}
        said = {name for name in self.model_fields_set if getattr(self, name) is not None}
        is_file = self.from_ is not None and self.from_.endswith(_FILE)
        foreign = said & (_OF_FITS if self.from_ else set())
        foreign |= set() if is_file else said & of_a_file
        if foreign:
            kind = "a file" if is_file else "a model of the registry" if self.from_ else "a fit"
            msg = f"{', '.join(sorted(foreign))}: not of {kind}"
            raise ValueError(msg)
        if is_file and (missing := sorted(of_a_file - said)):
            msg = f"a file that was trained elsewhere needs {', '.join(missing)} as well"
            raise ValueError(msg)
        return self

    @property
    def origin(self) -> str:
        """The estimator's import path, or where a trained model comes from."""
        return self.estimator or self.from_ or ""


class Search(Section):
    """The budget of the search: what may be tried, on how many rows."""

    trials: int = Field(default=12, ge=1, le=1000)
    """Configurations in all, over all candidates."""
    rows: int = Field(default=200_000, ge=1_000)
    """Most rows that one fit may see, in the search and after it: the newest are taken."""
    timeout: Duration = Field(default="30 minutes", validate_default=True)
    """A search that takes longer fails; it is never cut to a result that a slower day would
    change."""


DEFAULT_CANDIDATES: dict[str, dict[str, Any]] = {
    "binary": {
        "boosting": {
            "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
            "search": {"learning_rate": [0.05, 0.1], "max_leaf_nodes": [15, 31]},
        },
        "linear": {"estimator": "sklearn.linear_model.LogisticRegression"},
    },
    "regression": {
        "boosting": {
            "estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
            "search": {"learning_rate": [0.05, 0.1], "max_leaf_nodes": [15, 31]},
        },
        "linear": {"estimator": "sklearn.linear_model.Ridge"},
    },
}


BLEND = "blend"
"""What the blend of candidates is called among the trials."""


class Train(Section):
    """How a model is trained: three consecutive stretches of time, fit, select, judge."""

    window: Window = Window()
    judge_days: int = Field(default=30, ge=28)
    """The last stretch, on which the finished model is judged and nothing is fitted."""
    select_days: int = Field(default=21, ge=7)
    """The stretch before it, on which candidates are compared and calibrated."""
    candidates: dict[Identifier, Candidate] = {}
    """A boosting and a linear model where nothing is said."""
    blend: list[Identifier] = []
    """Candidates whose best configurations are tried together as well, as the mean of their
    log-odds (or values): forecasts that err in different ways err less together."""
    search: Search = Search()
    calibration: Literal["auto", "none"] = "auto"
    """`auto` keeps a calibration only where it helps on rows it was not fitted on."""
    decision_threshold: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = "auto"
    """The score from which a row is positive; `auto` finds it on the select stretch: the greatest
    value where `value` is declared, the greatest F1 elsewhere."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _room_to_fit(self) -> Train:
        held = self.judge_days + self.select_days
        if self.window.days is not None and self.window.days <= held:
            msg = (
                f"window.days is {self.window.days}, and the last {held} of them are for "
                f"select_days and judge_days: nothing is left to fit on"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _blends_are_fitted(self) -> Train:
        trained = [n for n in self.blend if n in self.candidates and self.candidates[n].from_]
        if trained:
            msg = (
                f"blend: {', '.join(trained)} is trained already: a blend is of models fitted here"
            )
            raise ValueError(msg)
        return self


class Fallback(Section):
    """The naive rule: what a model is judged beside, and must beat by the gate `beats_naive`."""

    rule: Literal["prior", "group"] = "prior"
    """`prior`: the training rows' rate (or mean). `group`: the rate within each group, shrunk."""
    by: list[str] = []
    """The features that make the groups."""
    shrink: float = Field(default=50.0, ge=0)
    """How many rows of the overall rate each group's own rate is mixed with."""
    otherwise: float | None = None
    """What is answered where not one labelled row is known yet: 0.5, or 0 for a regression."""

    @model_validator(mode="after")
    def _groups(self) -> Fallback:
        if (self.rule == "group") != bool(self.by):
            msg = "`rule: group` and `by: [columns]` belong together"
            raise ValueError(msg)
        if self.rule == "prior" and "shrink" in self.model_fields_set:
            msg = "`shrink` is for `rule: group`"
            raise ValueError(msg)
        return self


class Value(Section):
    """What each outcome of a decision is worth."""

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    true_positive: float = 0.0
    false_positive: float = 0.0
    true_negative: float = 0.0
    false_negative: float = 0.0
