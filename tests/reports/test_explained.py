"""A decision's story as lines and as a page: all of it is there, and nothing of it is run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest

from tradewind.explanation import Explained, KeyMatches
from tradewind.reports.explained import (
    MOST,
    explained_address,
    explained_page,
    lines_of_explained,
    lines_of_matches,
    matches_page,
)

NIGHT = datetime(2013, 7, 2, 4, tzinfo=UTC)
EVIL = "<script>alert('x')</script>"
EFFECTS = [0.9, -0.5, *(0.1 / place for place in range(1, 14))]


def story(**changes: Any) -> Explained:
    features = [
        {
            "name": f"f{place}",
            "kind": "numeric",
            "value": f"{place}.25",
            "usual": "above 93 % of 98,000 training rows with a value",
            "place": 0.93,
            "effect": effect,
            "what": f"what f{place} is" if place == 0 else None,
            "says": "a lot" if place == 1 else None,
        }
        for place, effect in enumerate(EFFECTS)
    ]
    said = {
        "model": "flight_delay",
        "night": NIGHT,
        "key": {"carrier": "UA", "flight": "15"},
        "short_key": "UA,15",
        "event_time": NIGHT,
        "prediction_time": NIGHT,
        "score": 0.61,
        "decision": 1,
        "threshold": 0.4,
        "model_score": 0.61,
        "fallback_reason": None,
        "raw": [
            {
                "relation": "flights",
                "by": ["carrier", "flight"],
                "rows": 5,
                "known": 9000,
                "shown": [
                    {
                        "values": {"carrier": "UA", "dest": None, "wind": "6.904679999999999"},
                        "known_at": NIGHT,
                        "repaired": {"dest": "XXX"},
                        "set_aside": "not a place",
                    }
                ],
            },
            {"relation": "weather", "by": [], "rows": 0, "known": 7, "shown": []},
        ],
        "raw_problem": None,
        "warnings": [f"warning {place}" for place in range(10)],
        "features": features,
        "reasons": {
            "version": 3,
            "scale": "log-odds",
            "mean": -1.0,
            "margin": -1.0 + sum(EFFECTS),
            "before": 0.5,
            "after": 0.61,
            "served": 0.61,
            "calibration": "isotonic",
            "exact": True,
            "tolerance": 1e-6,
            "problems": [],
        },
        "reasons_problem": None,
        "decider": {
            "source": "champion",
            "version": 3,
            "alias": "champion",
            "words": "version 3, the champion",
            "because": ["promoted by ann", "approved by bob"],
        },
        "naive": {"score": 0.3, "decision": 0, "threshold": 0.35, "words": "the rate of all"},
        "others": [{"alias": "shadow:4", "version": 4, "score": 0.2, "decision": 0}],
        "label": {"state": "known", "label": "true", "known_at": NIGHT, "looked": NIGHT},
        "owner": "the desk",
        "contest": "write to the owner, the desk",
        "kept": {"features": "features/abc.parquet"},
        **changes,
    }
    return Explained.model_validate(said)


def test_the_lines_tell_every_step_and_add_up() -> None:
    text = "\n".join(lines_of_explained(story()))
    for said in (
        "score 0.6100, decision 1 (1 from 0.4 on), by version 3, the champion",
        "flights: 5 rows with its carrier, flight, the newest 1 shown, of 9,000 known then",
        "carrier UA, dest (none), wind 6.90468",
        "repaired: dest was XXX",
        "set aside by validation: not a place",
        "weather: 7 rows were known then; features take them together",
        "and 2 more, as the page of the task `validate` shows",
        "+0.9000  f0 0.25: above 93 % of 98,000",
        "training rows with a value\n             what f0 is\n  -0.5000  f1 1.25 (a lot): above",
        "after calibration (isotonic) 0.610000",
        "approved by bob",
        "the naive rule: score 0.3000, decision 0 (1 from 0.35 on): the rate of all",
        "version 4 (shadow:4): score 0.2000, decision 0",
        "the label is true, known since 2013-07-02 04:00 UTC",
        "to contest it: write to the owner",
    ):
        assert said in text
    told = [float(one) for one in re.findall(r"^  ([+-][\d.]+)  ", text, re.MULTILINE)]
    assert len(told) == 1 + MOST + 1
    assert sum(told) == pytest.approx(-1.0 + sum(EFFECTS), abs=1e-3)
    assert f"the other {len(EFFECTS) - MOST} features together" in text


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("6.904679999999999", "6.90468"),
        ("-0.1234567891", "-0.123457"),
        ("1234567.890123", "1234568"),
        ("1e-09", "1e-09"),
        ("1.5", "1.5"),
        ("2.0", "2.0"),
        ("20130701123456", "20130701123456"),
        ("v1.2.3.4567890", "v1.2.3.4567890"),
        ("nan", "nan"),
    ],
)
def test_a_long_figure_is_shown_short_and_everything_else_as_it_is(kept: str, shown: str) -> None:
    (flights, *_) = story().raw
    row = flights.shown[0].model_copy(update={"values": {"wind": kept}, "repaired": {}})
    told = story(raw=[flights.model_copy(update={"shown": [row]})])
    assert f"wind {shown}\n" in "\n".join(lines_of_explained(told))
    assert f"<td>{shown}</td>" in explained_page(told)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"state": "pending", "looked": NIGHT}, "still awaited, as far as the night of 2013-07-02"),
        ({"state": "expired", "looked": NIGHT}, "never came"),
        ({"state": "unknown"}, "no night since then has looked"),
        ({"state": "unknown", "problem": "two labels"}, "cannot be told: two labels"),
    ],
)
def test_what_became_of_it_has_words_for_each_state(label: dict[str, Any], said: str) -> None:
    assert said in "\n".join(lines_of_explained(story(label=label)))


def test_a_decision_of_the_fallback_draws_no_reasons() -> None:
    features = [{**one.model_dump(), "effect": None} for one in story().features]
    told = story(
        fallback_reason="the model is switched off: looks wrong",
        reasons=None,
        reasons_problem="no version decided: the naive rule did",
        features=features,
        raw=[],
        raw_problem="the night's rows cannot be read: gone",
    )
    page, text = explained_page(told), "\n".join(lines_of_explained(told))
    assert "<svg" not in page
    for said in ("no version decided", "the model would have said 0.6100", "gone"):
        assert said in text
    for said in ("switched off: looks wrong", "no version decided", "gone"):
        assert said in page


def test_the_page_draws_every_effect_where_the_one_before_it_ended() -> None:
    page = explained_page(story())
    drawing = ET.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])  # noqa: S314
    bars = drawing.findall("rect")
    assert [bar.get("class") for bar in bars[:3]] == ["up", "down", "up"]
    assert len(bars) == MOST + 1
    first, second = bars[0], bars[1]
    end = float(first.get("x")) + float(first.get("width"))
    assert float(second.get("x")) + float(second.get("width")) == pytest.approx(end, abs=0.2)
    assert '>f0<br><span class="small soft">what f0 is</span></th>' in page
    assert '<td>1.25 <span class="soft">(a lot)</span></td>' in page
    assert "f1 1.25 (a lot)" in ET.tostring(drawing, encoding="unicode")
    for said in ("repaired", "was XXX", "set aside by validation", "does not agree"):
        assert (said in page) == (said != "does not agree")


def test_the_page_runs_and_loads_nothing() -> None:
    told = story().model_dump(mode="json")

    def evil(value: Any) -> Any:
        if isinstance(value, dict):
            keyed = {"values", "repaired", "key", "kept"}
            return {
                (EVIL if name in ("dest", "features/x") else name): (
                    {**{k: evil(v) for k, v in one.items()}, EVIL: EVIL}
                    if name in keyed
                    else evil(one)
                )
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [evil(one) for one in value]
        fixed = {"champion", "known", "log-odds", "numeric"}
        is_moment = isinstance(value, str) and value.startswith("2013-")
        return EVIL if isinstance(value, str) and value not in fixed and not is_moment else value

    page = explained_page(Explained.model_validate(evil(told)))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 20
    found = KeyMatches(model="m", night=NIGHT, asked=EVIL, rows=1, keys=[f'{EVIL}"&x=1'])
    listed = matches_page(found)
    assert "<script" not in listed
    for html in (page, listed):
        assert re.findall(r"(?:src|href)=\"(?!\?)[^\"]*", html) == []


def test_the_address_of_a_story_names_its_key_and_its_night() -> None:
    assert explained_address(story(short_key="a b,é")) == (
        "/tradewind/dags/flight_delay.score/explained"
        "?key=a+b%2C%C3%A9&as_of=2013-07-02T04%3A00%3A00%2B00%3A00"
    )


def test_keys_that_are_like_the_one_asked_for_are_links_to_their_stories() -> None:
    keys = ["2013-07-01T21:00Z,UA,15,EWR", "a b"]
    found = KeyMatches(model="flight_delay", night=NIGHT, asked="UA", rows=25, keys=keys)
    lines = lines_of_matches(found)
    assert lines[0].endswith("25 entities of the night of 2013-07-02 04:00 UTC are like 'UA'")
    assert lines[-1] == "  and 23 more: say more of the key"
    page = matches_page(found)
    assert (
        "?key=2013-07-01T21%3A00Z%2CUA%2C15%2CEWR&amp;as_of=2013-07-02T04%3A00%3A00%2B00%3A00"
        in page
    )
    assert "And 23 more" in page
