"""The page of one night's look: data, drift, performance, people, worth, operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.reports.bars import Bar, limited_bars
from tradewind.reports.drawing import daily_bars
from tradewind.reports.lines import days, figures, line_plot, shares
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

_STATES = {
    "too_few_rows": ("too few rows", ""),
    "no_difference": ("no difference", "good"),
    "difference": ("difference", "calm"),
}
_GUARDS = {
    "first_worse": ("worse", "bad"),
    "first_better": ("better", "good"),
    "undecided": ("undecided", ""),
}
_SIGNS = {"beyond": ("beyond its bounds", "warn"), "within": ("within its bounds", "good")}
_HARM = {
    "harm": ("harm", "bad"),
    "within": ("within its limit", "good"),
    "unknown": ("unknown", ""),
}
_NO_SIGN = ("not enough history", "")
_PLAYERS = ("champion", "previous", "naive")


def render(look: Mapping[str, Any]) -> str:
    """One HTML page, whole in itself.

    Args:
        look: `monitoring/<model>/<night>/<digest>.json`, as the stage stored it.
    """
    found, page = look["monitoring"], look["page"]
    performance = found["performance"]
    return render_page(
        "monitoring.html.j2",
        title=f"{found['model']}: the night",
        look=look,
        found=found,
        page=page,
        verdict=verdict_of(found),
        metrics=_metrics(performance) if performance else [],
        slices=sorted((performance or {}).get("slices", {}).items()),
        drift=[_drift(one) for one in _ranked(found["drift"])],
        guards=_guards(found, page),
        signs=[_sign(one) for one in page["vitals"]],
        harm=[(*_HARM[one["state"]], one) for one in found.get("indicators", [])],
        people=sorted(page["people"].items()),
        nights=page["nights"],
        drawings=[drawing for drawing in _drawings(found, page) if drawing is not None],
    )


def verdict_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """What stands at the top: the worst that was seen, and every reason for it."""
    performance = found["performance"]
    levels: list[tuple[str, str, list[str]]] = [
        ("bad", "Not all of it could be looked at.", list(found["problems"])),
        ("bad", "The data's contract is broken.", [one["sentence"] for one in found["breaches"]]),
        (
            "bad",
            "The model does harm, by its own review.",
            [one["sentence"] for one in found.get("indicators", []) if one["state"] == "harm"],
        ),
        (
            "bad",
            "The model is below its bound.",
            [performance["sentence"]] if performance and performance["below_bound"] else [],
        ),
        ("warn", "Drift alarms.", [one["sentence"] for one in found["drift"] if one["alarm"]]),
    ]
    for tone, words, reasons in levels:
        if reasons:
            return {"tone": tone, "words": words, "reasons": reasons}
    return {"tone": "good", "words": "Nothing asks for anything.", "reasons": []}


def _ranked(drift: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Alarms first, then by how far each is towards its own level."""
    return sorted(drift, key=lambda one: (not one["alarm"], -_towards(one), one["column"]))


def _towards(one: Mapping[str, Any]) -> float:
    return float((one["effect"] or 0.0) / (one["alarm_level"] or one["effect_floor"]))


def _drift(one: Mapping[str, Any]) -> dict[str, Any]:
    word, tone = ("alarm", "bad") if one["alarm"] else _STATES[one["state"]]
    return {**one, "word": word, "tone": tone}


def _metrics(performance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a metric, the deciding one first."""
    names = sorted(performance["figures"], key=lambda name: name != performance["metric"])
    previous = performance["previous"] or {}
    return [
        {
            "name": name,
            "decides": name == performance["metric"],
            "champion": performance["figures"][name],
            "previous": previous.get(name),
            "naive": performance["naive"].get(name),
            "judged": performance["judged"] if name == performance["metric"] else None,
        }
        for name in names
    ]


def _guards(found: Mapping[str, Any], page: Mapping[str, Any]) -> list[dict[str, Any]]:
    watched = {**({"probation": found["probation"]} if found["probation"] else {}), **found["arms"]}
    return [
        {
            **guard,
            "name": name,
            "word": _GUARDS[guard["state"]][0],
            "tone": _GUARDS[guard["state"]][1],
            "groups": page["groups"].get(name, []),
        }
        for name, guard in watched.items()
    ]


def _sign(one: Mapping[str, Any]) -> dict[str, Any]:
    sudden, slow = (_SIGNS.get(one[kind], _NO_SIGN) for kind in ("sudden", "slow"))
    return {**one, "sudden_word": sudden, "slow_word": slow}


# -------------------------------------------------------------------------------------- drawings


def _drawings(
    found: Mapping[str, Any], page: Mapping[str, Any]
) -> list[tuple[str, str, Markup] | None]:
    return [_effects(found), _losses(page), _reliability(page), _nights(page)]


def _effects(found: Mapping[str, Any]) -> tuple[str, str, Markup] | None:
    bars = [
        Bar(one["column"], one["effect"] or 0.0, one["alarm_level"], one["alarm"], one["sentence"])
        for one in _ranked(found["drift"])
    ]
    if not bars:
        return None
    words = "The bar is the effect; the dashed line is the level that its own past weeks set."
    return "How far each column is from training", words, limited_bars(bars, label=words)


def _losses(page: Mapping[str, Any]) -> tuple[str, str, Markup] | None:
    drawn = page["performance"]
    if len(drawn.get("days", [])) < 2:  # noqa: PLR2004 -- a line needs two points
        return None
    losses = _by_player(drawn, drawn["loss"])
    every = [value for line in losses.values() for _, value in line]
    plot = line_plot(
        losses,
        across=days(drawn["days"]),
        upward=figures("loss", every),
        label="Mean loss of each day, by player",
    )
    return "Mean loss by day", "Only days whose labels have matured.", plot


def _by_player(
    drawn: Mapping[str, Any], losses: Mapping[str, Sequence[float]]
) -> dict[str, list[tuple[float, float]]]:
    lines = {
        name: [(float(place), loss) for place, loss in enumerate(losses[name])]
        for name in _PLAYERS
        if name in losses
    }
    previous = drawn.get("previous")
    if previous:
        places = {day: place for place, day in enumerate(drawn["days"])}
        both = zip(previous["days"], previous["loss"], strict=True)
        lines["previous"] = [(float(places[day]), loss) for day, loss in both]
    return lines


def _reliability(page: Mapping[str, Any]) -> tuple[str, str, Markup] | None:
    bins = page["performance"].get("reliability", {}).get("champion")
    if not bins:
        return None
    points = {"champion": [(one["score"], one["truth"]) for one in bins]}
    every = [figure for point in points["champion"] for figure in point]
    is_share = min(every) >= 0 and max(every) <= 1
    plot = line_plot(
        points,
        across=shares("predicted") if is_share else figures("predicted", every),
        upward=shares("happened") if is_share else figures("truth", every),
        label="Mean truth over mean prediction, bin by bin",
        diagonal=True,
        dots=True,
    )
    return "What was said, and what came of it", "On the dashed line both are the same.", plot


def _nights(page: Mapping[str, Any]) -> tuple[str, str, Markup] | None:
    nights = [(one["night"][:10], int(one["rows"])) for one in page["nights"]]
    if not nights:
        return None
    sign = next((one for one in page["vitals"] if one["name"] == "rows"), None)
    low, high = (sign["low"], sign["high"]) if sign and sign["low"] is not None else (0.0, 0.0)
    plot = daily_bars(
        nights,
        low=max(low, 0.0),
        high=high or max(count for _, count in nights),
        is_good=sign is None or sign["sudden"] != "beyond",
        label="Rows a night",
    )
    return "Rows a night", "Within the dashed lines is usual.", plot
