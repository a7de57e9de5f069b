"""The champion as one of the judged: found in the ledger, scored with its own features.

Whatever keeps it from being judged is recorded in words, and blocks at the gate: a champion that is
named and cannot be loaded is never taken for none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tradewind.engine.database import open_database
from tradewind.engine.features import build
from tradewind.engine.relations import load
from tradewind.errors import EvidenceError, UnavailableError
from tradewind.learning.splits import MIN_JUDGE_UNITS, local_days
from tradewind.stages._versions import definition_of, feature_identity
from tradewind.stores.events import INTENDED

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, ChampionState, TrainedModel, Validated
    from tradewind.stores.registry import LoadedModel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """One player's answers on the rows of the judge stretch, in their order.

    Attributes:
        score: Shape (rows,).
        threshold: From which score it decides for 1; None for regression.
    """

    score: npt.NDArray[np.float64]
    threshold: float | None


@dataclass(frozen=True)
class Champion:
    """Who decides now, and whether it can be judged.

    Attributes:
        state: As in `Evidence`; `judged` as long as nothing keeps it from being so.
        problem: What keeps it from being judged.
        trained_until: No row before this may be used to judge it.
    """

    state: ChampionState
    version: int | None = None
    model_uri: str | None = None
    problem: str | None = None
    scores: Scores | None = field(default=None, repr=False)
    trained_until: datetime | None = None

    def judged_rows(self, judge: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Say of each row whether everybody is judged on it: all, but for a champion's past."""
        if self.scores is None:
            return np.ones(len(judge), dtype=np.bool_)
        return self.may_be_judged_on(judge)

    def may_be_judged_on(self, judge: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Say of each row whether the champion has surely not been trained on it."""
        after = judge["prediction_time"] >= self.trained_until
        return after.to_numpy(dtype=np.bool_)


def find_champion(admission: Admission, trained: TrainedModel, *, stores: Stores) -> Champion:
    """Ask the ledger who was champion when the run's candidate was still a candidate.

    A night that is run again finds its own candidate promoted. It is judged beside the champion
    that it replaced, as the first time, so that the same night has the same evidence.
    """
    record = stores.ledger.champion(admission.model, as_of=admission.as_of)
    if record is None:
        return Champion("never")
    if record.model_uri != trained.model_uri:
        return Champion("judged", record.version, record.model_uri)
    if record.since != admission.as_of:
        return Champion("is_candidate", record.version, record.model_uri)
    decisions = stores.ledger.events(
        model=admission.model, kind=INTENDED, as_of=admission.as_of, newest_first=True
    )
    earlier = [event for event in decisions if event.id < record.event_id]
    if not earlier:
        return Champion("never")
    before = earlier[0].payload
    return Champion("judged", int(before["version"]), str(before["model_uri"]))


def score_champion(
    champion: Champion,
    frozen: FrozenDefinition,
    validated: Validated,
    judge: pd.DataFrame,
    *,
    as_of: datetime,
    stores: Stores,
) -> Champion:
    """Score the champion on the judge rows, with the features of its own definition.

    Args:
        champion: As the ledger names it.
        frozen: The definition of this run.
        validated: The sources, for a champion whose features are defined otherwise.
        judge: The judge stretch, with this run's features.
        as_of: The moment that the run stands at.
        stores: Where model and definition are kept.

    Returns:
        It, with its scores; or as `unusable`, with what keeps it from being judged.

    Raises:
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    try:
        loaded = stores.registry.load(champion.model_uri or "")
        own = definition_of(loaded, stores=stores)
        if own.model.problem != frozen.model.problem:
            raise EvidenceError(f"it solves a {own.model.problem} problem, this is another")
        rows = judge
        if feature_identity(own) != feature_identity(frozen):
            log.info("version %s has features of its own: building them", champion.version)
            rows = _own_features(own, validated, judge, as_of=as_of, stores=stores)
        return _scored(champion, frozen, loaded, rows)
    except UnavailableError:
        raise  # says nothing of the champion: to be tried again
    except Exception as error:  # any reason at all why it cannot be judged is recorded
        log.exception("version %s cannot be judged", champion.version)
        problem = str(error) or repr(error)
        return replace(champion, state="unusable", problem=problem, scores=None)


def _scored(
    champion: Champion, frozen: FrozenDefinition, loaded: LoadedModel, rows: pd.DataFrame
) -> Champion:
    score = loaded.score(rows)["score"].to_numpy(dtype=np.float64)
    missing = int(np.count_nonzero(~np.isfinite(score)))
    if missing:
        raise EvidenceError(f"{missing} of its {len(score)} scores are missing or not finite")
    scored = replace(
        champion,
        scores=Scores(score, loaded.metadata["decision_threshold"]),
        trained_until=datetime.fromisoformat(loaded.metadata["trained_until"]),
    )
    _require_units(scored, frozen, rows)
    return scored


def _require_units(champion: Champion, frozen: FrozenDefinition, judge: pd.DataFrame) -> None:
    unseen = judge[champion.may_be_judged_on(judge)]
    units = local_days(unseen["prediction_time"], zone=frozen.model.zone).nunique()
    if units < MIN_JUDGE_UNITS:
        raise EvidenceError(
            f"it was trained until {champion.trained_until}, and only {units} of the judged days "
            f"come after that; {MIN_JUDGE_UNITS} are needed: judge a later as-of, or with a longer "
            "`train.judge_days`"
        )


def _own_features(
    own: FrozenDefinition,
    validated: Validated,
    judge: pd.DataFrame,
    *,
    as_of: datetime,
    stores: Stores,
) -> pd.DataFrame:
    """Build the champion's features for the judge rows, from the same validated sources."""
    key, manifest = own.model.entity_key, stores.lake.read_json(validated.uri)
    foreign = sorted({*own.model.sources} - {*manifest}) + sorted({*key} - {*judge.columns})
    if foreign:
        raise EvidenceError(
            f"its definition names {', '.join(foreign)}, which the validated sources or the entity "
            "key of this run no longer have"
        )
    sources = {name: stores.lake.dataset([manifest[name]]) for name in own.model.sources}
    resources, first = own.model.resources, judge["event_time"].min().to_pydatetime()
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        load(connection, own, sources)
        built = build(connection, own, as_of=as_of, start=first).to_pandas()
    # A column may be part of the key and a feature too.
    columns = [*dict.fromkeys([*key, *own.model.features.types])]
    features = built[columns].assign(found=True)
    rows = judge[[*dict.fromkeys([*key, "prediction_time"])]].merge(
        features, on=key, how="left", validate="one_to_one"
    )
    missing = int(rows["found"].isna().sum())
    if missing:
        raise EvidenceError(
            f"its own features.sql gives no row for {missing} of the {len(judge)} judged rows"
        )
    return rows
