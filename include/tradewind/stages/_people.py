"""Groups of people: how the model treats them, and whether those it meets are those it learned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tradewind.stages._measuring import LEAST_ROWS, MOST_GROUPS, largest, measured, with_groups
from tradewind.stages._watching import SHADOW, Look, matured
from tradewind.stats.groups import FAIRNESS, Group, measure_groups, share_distance
from tradewind.stats.tallies import CategoryTally
from tradewind.stores.fallback import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Plain = dict[str, float | str]


def people_of(look: Look) -> tuple[dict[str, Plain], dict[str, Any]]:
    """Measure every protected attribute on matured rows, and how the groups' shares moved.

    Returns:
        Plain figures by attribute, `<group>: <figure>` and its `low` and `high`; and the same for
        the page, group by group; of many groups the largest.
    """
    found: dict[str, Plain] = {}
    page: dict[str, Any] = {}
    for attribute in look.model.features.protected:
        if attribute not in look.entities or look.champion is None:
            found[attribute] = {"missing": "the nights' features do not have this column"}
            continue
        groups, why = _groups(look, attribute)
        coverage = _coverage(look, attribute)
        found[attribute] = {**_plain(groups), **coverage, **({"missing": why} if why else {})}
        page[attribute] = {"groups": _page(groups), "coverage": coverage, "missing": why}
    return found, page


def _groups(look: Look, attribute: str) -> tuple[Mapping[str, Group], str]:
    if look.champion is None:
        return {}, "there is no champion"
    rows = matured(look.of_version(look.champion.version))
    if rows.empty:
        return {}, "no label has matured"
    own = measured(look, rows, {"champion": "model_score"})
    if own.draws is None:
        return {}, own.too_few
    groups = measure_groups(
        own.players["champion"],
        with_groups(look, rows, attribute),
        metrics=FAIRNESS[look.model.problem],
        draws=own.draws,
        confidence=look.model.monitor.performance.confidence,
        least_rows=LEAST_ROWS,
    )
    shown = largest(groups)
    few = len(groups) - len(shown)
    return shown, f"the {few} smallest groups are left out, beyond {MOST_GROUPS}" if few else ""


def _plain(groups: Mapping[str, Group]) -> Plain:
    found: Plain = {}
    for name, group in groups.items():
        found[f"{name}: rows"] = float(group.rows)
        for metric, one in group.figures.items():
            found[f"{name}: {metric}"] = one.value
            found[f"{name}: {metric} low"] = one.low
            found[f"{name}: {metric} high"] = one.high
        for metric, why in group.missing.items():
            found[f"{name}: {metric}"] = why
    return found


def _page(groups: Mapping[str, Group]) -> list[dict[str, Any]]:
    return [
        {
            "group": name,
            "rows": group.rows,
            "figures": {n: one.model_dump(mode="json") for n, one in group.figures.items()},
            "missing": dict(group.missing),
        }
        for name, group in groups.items()
    ]


def _coverage(look: Look, attribute: str) -> Plain:
    """How far the groups' shares among tonight's entities are from those in training."""
    reference = look.champion.reference if look.champion else None
    column = reference.profile.columns.get(attribute) if reference else None
    if column is None or not isinstance(column.tally, CategoryTally):
        return {"coverage": "the training's shares of this attribute are not known"}
    served = look.rows[look.rows["source"] != SHADOW]
    if served.empty:
        return {"coverage": "nobody was served"}
    shares = _shares(look, served, attribute)
    known = {as_text(name): count for name, count in column.tally.counts.items()}
    if column.tally.nulls:
        known["none"] = column.tally.nulls
    distance = share_distance(shares, known)
    unknown = sum(count for name, count in shares.items() if name not in known)
    return {"coverage_distance": distance, "never_in_training": unknown / sum(shares.values())}


def _shares(look: Look, served: pd.DataFrame, attribute: str) -> dict[str, int]:
    return dict(sorted(Counter(with_groups(look, served, attribute).tolist()).items()))
