"""A card leaves no section empty, no figure bare and no term unexplained; words format nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.sandbox import CLONE
from tests.gates.evidence import estimate
from tests.reports.cards import bare, explained, judged, making, whole
from tradewind.cards import CardContents, Curve, Figure, SaidPurpose
from tradewind.definition.learning import METRICS as EVERY_METRIC
from tradewind.definition.loader import load_definition
from tradewind.gates import find_gates
from tradewind.learning.calibrate import METHODS
from tradewind.records import Difference, Estimate, Pretrained, Record, Verdict
from tradewind.reports.card import lines_of, sections_of, to_html, to_markdown
from tradewind.reports.card.blocks import Bullets, Drawing, Facts, Table, Unsaid, Words
from tradewind.reports.card.estimators import SETTINGS, kind_of
from tradewind.reports.card.words import MEASURES, METRICS, RATES, amount, ground, told
from tradewind.reports.plain import with_names
from tradewind.stages._card_found import gates_of
from tradewind.stages._card_said import meaning_of
from tradewind.stats.treatment import MEASURES as EVERY_MEASURE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.reports.card.blocks import Block

DEMOS = [*(CLONE / "config" / "models").iterdir(), CLONE / "config" / "demos" / "employment"]
BOTH = pytest.mark.parametrize("card", [whole(), bare()], ids=["whole", "bare"])
INTERVAL = re.compile(r"-?[\d.,e+-]+ \(-?[\d.,e+-]+ to -?[\d.,e+-]+\)")


def content_of(block: Block) -> list[str]:
    """Everything that a block says."""
    if isinstance(block, Words | Unsaid):
        return [block.text]
    if isinstance(block, Bullets):
        return list(block.items)
    if isinstance(block, Facts):
        return [text for _, text in block.pairs]
    if isinstance(block, Drawing):
        return [block.words, *content_of(block.table)]
    return [block.caption, *(cell for row in block.rows for cell in row)]


def estimates(value: Any) -> Iterator[Estimate]:
    """Every estimate that a record holds, however deep."""
    if isinstance(value, Estimate):
        yield value
    elif isinstance(value, Record):
        for name in type(value).model_fields:
            yield from estimates(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from estimates(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from estimates(inner)


@BOTH
def test_no_section_is_empty(card: CardContents) -> None:
    for section in sections_of(card):
        assert section.about.endswith("."), section.title
        assert section.blocks, section.title
        for block in section.blocks:
            said = content_of(block)
            assert said, section.title
            assert all(text.strip() for text in said), (section.title, said)


def test_what_nobody_said_names_the_key_and_whom_to_ask() -> None:
    page = to_markdown(bare())
    for key in (
        *("purpose.for_whom", "purpose.how_many", "purpose.success", "purpose.intended_use"),
        *("purpose.not_for", "purpose.limits", "harm_review", "acceptance", "value"),
        *("features.protected", "features.meaning", "label.meaning"),
    ):
        found = re.search(rf"(Nobody has [^`]+\(`{key}`[^)]*\)[^.]*)", page)
        assert found, key
        assert "ask the desk" in found[1]
    assert "Nobody has" not in to_markdown(whole())


@BOTH
def test_every_figure_is_told_with_its_interval_in_both_shapes(card: CardContents) -> None:
    html, markdown = to_html(card), to_markdown(card)
    for one in estimates(card):
        assert any(shown in markdown for shown in (told(one), amount(one))), one
        assert any(shown in html for shown in (told(one), amount(one))), one


@BOTH
def test_every_table_of_figures_says_how_many_rows_they_stand_on(card: CardContents) -> None:
    tables = [
        block.table if isinstance(block, Drawing) else block
        for section in sections_of(card)
        for block in section.blocks
        if isinstance(block, Table | Drawing)
    ]
    with_figures = [
        table for table in tables if any(INTERVAL.fullmatch(c) for row in table.rows for c in row)
    ]
    assert with_figures
    for table in with_figures:
        counted = re.search(r"[\d,]+ rows of \d+ days", table.caption)
        assert counted or any(name.startswith("rows") for name in table.head), table.caption
        assert "%" in table.caption, table.caption


def test_a_gate_says_what_it_asks_what_it_says_and_on_how_many_rows() -> None:
    page = to_markdown(whole())
    line = "| threshold | What threshold asks. | passed | Log\\_loss 0.517 is at most 0.6. |"
    assert f"{line} 9,000 rows of 30 days |" in page
    assert "| stability | What stability asks. | switched off |" in page
    assert "| fairness | What fairness asks. | does not apply |" in page
    assert "| stability | ann | No time. | 2013-12-31 |" in page


def test_a_gate_that_looked_at_no_row_says_so() -> None:
    first = whole().gates[0]
    dated = first.model_copy(update={"result": first.result.model_copy(update={"rows": 0})})
    line = "| threshold | What threshold asks. | passed | Log\\_loss 0.517 is at most 0.6. |"
    assert f"{line} no rows |" in to_markdown(whole(gates=[dated]))


def test_a_blocked_candidate_is_said_to_be_so_first() -> None:
    gates = whole().gates
    stopped = gates[0].result.model_copy(update={"outcome": "blocked"})
    blocked = [gates[0].model_copy(update={"result": stopped}), *gates[1:]]
    first = lines_of(whole(passed=False, gates=blocked))[0]
    assert first == "Blocked by threshold: 1 does not apply, 1 switched off (stability)."
    assert lines_of(whole())[0] == (
        "No gate blocks it: 1 passed, 1 does not apply, 1 switched off (stability)."
    )


def test_how_to_switch_it_off_is_said_step_by_step() -> None:
    page = to_markdown(whole())
    assert "`late.release`: action `fall_back`" in page
    assert 'In a shell: `tradewind release late fall_back --reason "why"`.' in page
    assert "within each group of station" in page
    assert "0.5 where no label is known at all" in page
    assert "Its owner is to be told: the desk." in page


def test_limits_tell_what_the_evidence_does_not_cover() -> None:
    page = to_markdown(whole(making=making(revision="d800fa3-dirty")))
    assert "- One year only." in page
    assert "4,100 never got a label" in page
    assert "1 of 2 parts have too few rows" in page
    assert "which are switched off: stability" in page
    assert "it was not as a commit holds it" in page
    assert "as a commit holds it" not in to_markdown(whole())


def test_a_model_that_was_trained_elsewhere_says_where() -> None:
    known = Pretrained(source="a.skops", provenance="by bob", licence="MIT", trained_until=None)
    page = to_markdown(whole(making=making(pretrained=known)))
    assert "It was not trained here. From: a.skops. By bob. Licence: MIT." in page
    assert "nothing later than: unknown" in page


def test_a_worse_candidate_is_not_called_better() -> None:
    worse = Difference(value=-0.02, low=-0.03, standard_error=0.005, smallest_detectable=0.01)
    page = to_markdown(whole(judged=judged(against_champion=worse)))
    assert "it is worse than the champion, version 3 by 0.02, and may be worse by 0.03" in page
    unsure = worse.model_copy(update={"value": 0.001})
    page = to_markdown(whole(judged=judged(against_champion=unsure)))
    assert "better than the champion, version 3 by 0.001, though it may be worse by 0.03" in page


def test_a_champion_that_could_not_be_judged_is_said_to_be_so() -> None:
    page = to_markdown(whole(judged=judged(champion_problem="its files are gone")))
    assert "The champion could not be judged: its files are gone." in page


def test_a_feature_without_a_value_has_no_curve_and_says_so() -> None:
    nothing = Curve(feature="gust", kind="numeric", points=[], left_out=0, missing=500)
    card = whole(explained=explained(curves=[nothing]))
    assert "gust: no curve, because none of the sampled rows has a value of it." in to_markdown(
        card
    )


def test_a_curve_says_how_many_rows_lie_at_each_of_its_points() -> None:
    page = to_markdown(whole())
    assert "| 100 | 0.3 (0.29 to 0.31) | 150 | 33.0% |" in page
    assert "Not shown: 4 have none." in page
    assert "| A (the harbour) | 0.3 (0.29 to 0.31) | 150 | 48.2% |" in page
    assert "Not shown: 11 rows have a rarer value." in page


def test_one_row_is_told_as_one() -> None:
    curve = whole().explained.curves[0].model_copy(update={"left_out": 1, "missing": 1})
    page = to_markdown(whole(explained=explained(curves=[curve])))
    assert "Not shown: 1 row has a rarer value and 1 has none." in page
    assert ground(1, 1, "day") == "1 row of 1 day"


def test_groups_that_are_too_small_to_be_compared_are_said_to_be() -> None:
    alone = whole().fairness.model_copy(update={"gaps": []})
    page = to_markdown(whole(fairness=alone))
    assert "No two groups are large enough to be compared." in page
    assert "| sex | 1 | 1,500 | 30 | 0.31 (0.29 to 0.33) |" in page


def test_the_worst_part_is_drawn_first_whichever_way_the_metric_points() -> None:
    names = ("station A", "station B")
    base = whole().slices
    parts = [
        base.parts[0].model_copy(update={"name": name, "players": {"candidate": estimate(value)}})
        for name, value in zip(names, (0.6, 0.7), strict=True)
    ]
    for greater, order in ((False, names[::-1]), (True, names)):
        card = whole(slices=base.model_copy(update={"parts": parts, "greater_is_better": greater}))
        drawn = re.findall(r'text-anchor="end">(station [AB])<', to_html(card))
        assert tuple(drawn) == order
        assert tuple(re.findall(r"^\| (station [AB]) ", to_markdown(card), re.MULTILINE)) == order


def test_the_table_of_parts_has_them_in_the_order_that_it_tells_and_counts_every_one() -> None:
    base = whole().slices
    unknown = base.parts[0].model_copy(
        update={"name": "station C", "players": {}, "unknown": "too few rows"}
    )
    known = [
        base.parts[0].model_copy(update={"name": name, "players": {"candidate": estimate(value)}})
        for name, value in (("station A", 0.6), ("station B", 0.7))
    ]
    card = whole(slices=base.model_copy(update={"parts": [unknown, *known]}))
    page = to_markdown(card)
    named = re.findall(r"^\| (station [ABC]) ", page, re.MULTILINE)
    assert named == ["station B", "station A", "station C"]
    assert "The worst of the 2 known parts come first; 1 of 3 is unknown and stands last" in page
    assert "The 2 worst of 2 known parts are drawn." in to_html(card)


def test_only_the_page_speaks_of_what_is_drawn() -> None:
    page, markdown = to_html(whole()), to_markdown(whole())
    for words in ("The thin line is the interval", "The bars below", "known parts is drawn"):
        assert words in page, words
        assert words not in markdown, words
    assert "in the table" not in markdown


def test_every_column_is_told_once_with_its_codes_those_that_matter_most_first() -> None:
    page = to_markdown(whole())
    told = page[page.index("## What the columns say") : page.index("## How good it is")]
    named = re.findall(r"^\| (\w+) \| ([\w ,]+) \|", told, re.MULTILINE)
    assert named[1:] == [
        *(("number", "key"), ("day", "key"), ("due", "time of the event")),
        *(("distance", "feature"), ("station", "feature"), ("sex", "protected")),
    ]
    assert "| station | feature | where it leaves (A: the harbour; B: the hill) |" in told
    assert "- **distance**: how far it goes, in miles" in page[: page.index("## What it is for")]
    assert "| distance | how far it goes, in miles | numeric | 0.03" in page
    assert "Where it leaves. The mean answer" in page
    assert page.count("explained under “What the columns say”") == 2


def test_columns_that_nobody_explained_are_named_once_and_the_others_told() -> None:
    known = {"distance": whole().meanings["distance"]}
    page = to_markdown(whole(meanings=known))
    asked = "Nobody has said what number, day, due, station and sex mean"
    assert page.count(asked) == page.count("Nobody has said") == 1
    assert "| distance | feature | how far it goes, in miles |" in page
    assert "| station | nobody has said it | categorical |" in page
    without = {name: told for name, told in whole().meanings.items() if name != "sex"}
    assert "Nobody has said what sex means" in to_markdown(whole(meanings=without))


def test_a_card_from_before_columns_were_explained_is_shown_without_it() -> None:
    kept = whole().model_dump(mode="json")
    del kept["meanings"], kept["task"]["label_meaning"], kept["making"]["members"]
    page = to_markdown(CardContents.model_validate(kept))
    assert "Nobody has said what the label says" in page
    assert "**kind of model**: boosting, by sklearn.ensemble.Hist" in page


def test_a_blend_says_what_each_of_its_members_is_and_what_each_setting_does() -> None:
    members = {
        "boosting": "sklearn.ensemble.HistGradientBoostingRegressor",
        "linear": "sklearn.linear_model.Ridge",
        "other": "sklearn.cross_decomposition.PLSRegression",
    }
    params = {"boosting.max_leaf_nodes": 31, "linear.alpha": 10.0, "other.n_components": 2}
    made = making(candidate="blend", origin="the mean of them", members=members, params=params)
    page = to_markdown(whole(making=made))
    assert "**kind of model**: blend, the mean of them: models that err in different" in page
    assert "**its linear**: sklearn.linear\\_model.Ridge: a weighted sum of the features" in page
    assert "PLSRegression: described in scikit-learn's documentation" in page
    assert "| boosting.max\\_leaf\\_nodes | 31 | how many groups of rows" in page
    assert "| linear.alpha | 10.0 | how strongly the weights are held towards zero" in page
    unknown = "a setting of PLSRegression, described in scikit-learn's documentation"
    assert f"| other.n\\_components | 2 | {unknown} |" in page


@pytest.mark.parametrize(
    ("params", "said"), [({}, "none was searched for"), (None, "not recorded")]
)
def test_settings_that_were_not_searched_for_are_said_not_to_be(params: Any, said: str) -> None:
    assert f"Its settings: {said}." in to_markdown(whole(making=making(params=params)))


# ---------------------------------------------------------------------------------------- terms


@pytest.mark.parametrize("folder", DEMOS, ids=lambda folder: folder.name)
def test_every_metric_gate_estimator_and_setting_of_a_demo_has_its_line(folder: Path) -> None:
    model = load_definition(folder).model
    metrics = [*EVERY_METRIC[model.problem], *model.metrics.own]
    assert [name for name in metrics if not (meaning_of(name, model) or name in METRICS)] == []
    wider = model.retrain.wider.candidates if model.retrain.wider else {}
    candidates = [*model.candidates.values(), *wider.values()]
    settings = {
        name: one.estimator or "" for one in candidates for name in (*one.params, *one.search)
    }
    for origin in settings.values():
        assert "scikit-learn's documentation" not in kind_of(origin)
    for name, origin in settings.items():
        assert name in SETTINGS, origin


def test_every_gate_says_what_it_asks_in_one_sentence() -> None:
    results = [whole().gates[0].result.model_copy(update={"gate": name}) for name in find_gates()]
    reference = whole().verdict
    verdict = Verdict(passed=True, digest=reference.digest, uri=reference.uri, results=results)
    for one in gates_of(verdict):
        assert re.fullmatch(r"[A-Z][^.]+[.?][^.]*\.?", one.asks), one.result.gate


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_every_way_to_calibrate_has_its_line(method: str) -> None:
    assert f"- **calibration**: {method}: " in to_markdown(whole(making=making(calibration=method)))


def test_every_metric_rate_and_measure_has_a_line_that_explains_it() -> None:
    assert {name for names in EVERY_METRIC.values() for name in names} == METRICS.keys()
    rates = {
        rate for measures in EVERY_MEASURE.values() for found in measures.values() for rate in found
    }
    assert rates <= RATES.keys()
    assert {name for measures in EVERY_MEASURE.values() for name in measures} <= MEASURES.keys()


@pytest.mark.parametrize("metric", ["log_loss", "cost"])
def test_a_metric_stands_beside_what_it_says(metric: str) -> None:
    meaning = METRICS.get(metric, "what mistakes cost")
    assert f"{metric.replace('_', chr(92) + '_')}" in to_markdown(whole())
    assert meaning in to_markdown(whole())


def test_what_is_watched_for_harm_keeps_its_name_and_says_what_it_is() -> None:
    [harm] = [one for one in sections_of(whole()) if one.title == "Whom it helps and harms"]
    [watched] = [one for one in harm.blocks if isinstance(one, Table)]
    assert [dict(zip(watched.head, row, strict=True)) for row in watched.rows] == [
        {
            "indicator": "needless",
            "figure": "false positive rate",
            "of": "all rows",
            "allowed": "at most 0.3",
            "on the judged rows": "0.2 (0.18 to 0.22)",
            "rows": "27,000",
            "beyond it at night": "an incident is opened",
        },
        {
            "indicator": "unseen",
            "figure": "mean score",
            "of": "station = north",
            "allowed": "at least 0.1",
            "on the judged rows": "unknown: there is no row of it",
            "rows": "0",
            "beyond it at night": "the naive rule decides",
        },
    ]
    assert "intervals of 95%" in watched.caption
    [meaning] = [one.pairs for one in harm.blocks if isinstance(one, Facts)]
    assert meaning == [
        ("false positive rate", RATES["false_positive_rate"]),
        ("mean score", RATES["mean_score"]),
    ]


def test_an_older_card_still_says_in_sentences_what_is_watched_for_harm() -> None:
    said = "needless: false positive rate of all rows, at most 0.3"
    older = whole().model_dump(mode="json")
    older["harm"]["indicators"] = [said]
    card = CardContents.model_validate(older)
    [harm] = [one for one in sections_of(card) if one.title == "Whom it helps and harms"]
    [watched] = [one for one in harm.blocks if isinstance(one, Bullets) and "night" in one.head]
    assert watched.items == [said]


def test_the_terms_of_the_card_are_explained_on_it() -> None:
    page = to_markdown(whole())
    terms = page.partition("## Terms")[2]
    for word in ("champion", "naive rule", "interval", "waiver", "digest", "partial dependence"):
        assert f"- **{word}**: " in terms


# -------------------------------------------------------------------------------- hostile words

SCRIPT = "<script>alert(1)</script>"
TRICKS = f"{SCRIPT} | [a](javascript:b) ![c](d) **e** `{SCRIPT}`\n# f"


def hostile() -> CardContents:
    said = whole().purpose.model_dump()
    purpose = SaidPurpose(
        **{**said, "decision": TRICKS, "not_for": [f"- {TRICKS}", f"1. {TRICKS}"]}
    )
    figure = Figure(
        metric=TRICKS, meaning=TRICKS, greater_is_better=True, players={}, missing={"naive": TRICKS}
    )
    base = explained()
    named = [one.model_copy(update={"feature": TRICKS}) for one in base.curves]
    named[1] = named[1].model_copy(
        update={"points": [one.model_copy(update={"at": TRICKS}) for one in named[1].points]}
    )
    weights = [one.model_copy(update={"feature": TRICKS}) for one in base.weights]
    return whole(
        owner=TRICKS,
        purpose=purpose,
        judged=judged(figures=[*judged().figures, figure]),
        explained=explained(curves=named, weights=weights),
    )


def test_words_of_people_are_text_on_the_page() -> None:
    page = to_html(hostile())
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "javascript:b" in page
    assert 'href="javascript' not in page
    assert "default-src 'none'" in page


def test_words_of_people_format_nothing_in_markdown() -> None:
    page = to_markdown(hostile())
    assert "<script" not in re.sub(r"\\<", "", page)
    assert re.search(r"(?<!\\)\]\(", page) is None
    assert "\n# f" not in page
    assert "- \\- \\<script\\>" in page
    assert "- 1\\. \\<script\\>" in page
    widths = {line.count("|") - line.count("\\|") for line in page.splitlines() if "---" in line}
    assert widths


def test_hostile_cells_leave_every_table_its_columns() -> None:
    lines = to_markdown(hostile()).splitlines()
    for place, line in enumerate(lines):
        if not re.fullmatch(r"\|( --- \|)+", line):
            continue
        columns = line.count("|")
        for row in [lines[place - 1], *lines[place + 1 :]]:
            if not row.startswith("|"):
                break
            assert row.count("|") - row.count("\\|") == columns, row


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param("say `gates.fairness` so", "say `gates.fairness` so", id="a name"),
        pytest.param("a ` alone", "a \\` alone", id="a backtick alone"),
        pytest.param("`a|b`", "\\`a\\|b\\`", id="no name: it would cut a table"),
        pytest.param("- an item", "\\- an item", id="a list"),
        pytest.param("3. an item", "3\\. an item", id="a numbered list"),
        pytest.param("-0.3 is less", "-0.3 is less", id="a number below zero"),
    ],
)
def test_names_stay_and_what_formats_is_escaped(words: str, shown: str) -> None:
    assert with_names(words) == shown


# -------------------------------------------------------------------------------------- the page


def test_page_and_markdown_have_the_same_sections_in_the_same_order() -> None:
    titles = [section.title for section in sections_of(whole())]
    headings = re.findall(r"^## (.+)$", to_markdown(whole()), re.MULTILINE)
    page = re.findall(r"<h2 id=\"[^\"]+\">(.+)</h2>", to_html(whole()))
    assert headings == page == titles


def test_every_drawing_has_its_figures_as_a_table_and_loads_nothing() -> None:
    page = to_html(whole())
    assert page.count("<svg") == page.count("<details>") >= 3
    assert page.count('role="img"') == page.count("<svg")
    assert re.search(r"(src|href)=\"(?!#)", page) is None
