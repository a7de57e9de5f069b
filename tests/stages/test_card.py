"""Cards of candidates that were really trained: made of evidence, once, and never skipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from mlflow import MlflowClient

from tests.fixtures.shop import AS_OF, block, open_shop
from tests.gates.evidence import EXAMINED, waivers
from tradewind.cards import CardContents
from tradewind.errors import LakeError, RegistryError
from tradewind.overview import outcome_of, page_of
from tradewind.overview.cards import contents_of
from tradewind.pipeline import TRAIN, frozen_definition, run_pipeline
from tradewind.records import Card, Estimate, Evidence, RunRequest
from tradewind.reports.card import sections_of, to_html, to_markdown
from tradewind.stages._found import evidence_found
from tradewind.stages.card import make_card
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from tests.fixtures.home import Home
    from tradewind.records import Record
    from tradewind.stores.stores import Stores

BARE, WHOLE = "churn", "churn_told"
SCRIPT = "<script>alert('x')</script>"
QUICK = {
    "search": {"trials": 1},
    "candidates": {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}},
}
TOLD: dict[str, Any] = {
    "purpose": {
        "decision": f"Which customers to call this week {SCRIPT}",
        "for_whom": "The callers",
        "how_many": "Thirty a day",
        "success": "Fewer leave",
        "intended_use": ["Calling", "| [a](javascript:b) **c** |"],
        "not_for": ["Prices"],
        "limits": ["One spring only"],
    },
    "harm_review": {
        "by": "Grace",
        "on": date(2024, 1, 1),
        "until": date(2099, 1, 1),
        "helps": ["Customers with a complaint"],
        "harms": ["Customers who are called for nothing"],
        "indicators": {
            "called_for_nothing": {"metric": "false_positive_rate", "at_most": 0.9},
            "nobody": {
                "metric": "mean_score",
                "where": {"plan": "gold"},
                "at_least": 0.1,
                "then": "switch_off",
            },
        },
    },
    "features": {
        "types": {"plan": "categorical", "visits": "numeric"},
        "protected": ["plan"],
        "meaning": {"plan": {"is": "What they pay for", "values": {"basic": "the cheap one"}}},
    },
    "value": {"true_positive": 60, "false_positive": -5},
    "monitor": {"performance": {"slices": ["plan"]}},
}


@dataclass(frozen=True)
class Shop:
    """Two models of the same customers, each trained until its card."""

    stores: Stores
    runs: dict[str, dict[str, Record]]

    def card(self, model: str) -> Card:
        card = self.runs[model]["card"]
        assert isinstance(card, Card)
        return card

    def contents(self, model: str) -> CardContents:
        return CardContents.model_validate(self.stores.lake.read_json(self.card(model).uri))

    def evidence(self, model: str) -> Evidence:
        said = self.runs[model]
        looked = [said[task] for task in ("probe", "refit", "load_test")]
        return evidence_found(said["evaluate"], looked, stores=self.stores)

    def again(self, model: str, **changes: Record) -> Card:
        """Make the card of a run once more."""
        said = {**self.runs[model], **changes}
        frozen = frozen_definition(said["admit"], stores=self.stores)
        inputs = [said[name] for name in TRAIN["card"].inputs]
        return make_card(said["admit"], frozen, *inputs, stores=self.stores)

    def kept(self) -> list[str]:
        return self.stores.lake.list("")


def declare(folder: Path, name: str, *, waived: list[str], **said: Any) -> None:
    place = folder / "config" / "models" / name
    place.mkdir(exist_ok=True)
    declared = {
        **yaml.safe_load(block("yaml")),
        "name": name,
        "train": QUICK,
        "gates": {"waivers": waivers(*waived)},
        **said,
    }
    (place / "model.yaml").write_text(yaml.safe_dump(declared))
    (place / "features.sql").write_text(block("sql"))


def train(stores: Stores, model: str, run_id: str = "train/r1", **how: Any) -> dict[str, Record]:
    request = RunRequest(model=model, run_id=run_id, as_of=AS_OF, actor="ann", reason="a test")
    return run_pipeline(request, stores=stores, **how)


@pytest.fixture(scope="module")
def shop(shared_home: Home) -> Shop:
    folder = shared_home.folder
    open_shop(folder)
    declare(folder, BARE, waived=[*EXAMINED])
    told = [gate for gate in EXAMINED if gate not in {"slices", "fairness"}]
    declare(folder, WHOLE, waived=told, **TOLD)
    config = {"TRADEWIND_CONFIG": str(folder / "config"), "TRADEWIND_FILES": str(folder)}
    shared_home.environ.update(config)
    stores = shared_home.stores
    return Shop(stores, {model: train(stores, model, until="card") for model in (BARE, WHOLE)})


@pytest.mark.parametrize("model", [BARE, WHOLE])
def test_no_section_of_a_real_card_is_empty(shop: Shop, model: str) -> None:
    for section in sections_of(shop.contents(model)):
        assert section.blocks, section.title
    page = to_markdown(shop.contents(model))
    assert ("Nobody has said what it must not be used for" in page) == (model == BARE)
    assert ("Nobody has said whom it helps and whom it harms" in page) == (model == BARE)


def test_figures_are_those_that_the_gates_were_given(shop: Shop) -> None:
    card, evidence = shop.contents(WHOLE), shop.evidence(WHOLE)
    deciding = card.judged.figures[0]
    assert deciding.metric == evidence.metric == "log_loss"
    assert deciding.players["candidate"] == evidence.candidate["log_loss"]
    assert {one.metric for one in card.judged.figures} == set(evidence.candidate)
    found = evidence.findings["slices"]["parts"]
    assert [(one.name, one.rows) for one in card.slices.parts] == [
        (part["name"], part["rows"]) for part in found
    ]
    assert {"plan is basic", "plan is plus"} <= {one.name for one in card.slices.parts}
    assert [one.group for one in card.fairness.groups] == ["basic", "plus"]
    assert {gap.measure for gap in card.fairness.gaps} == {
        gap["measure"] for gap in evidence.findings["fairness"]["gaps"]
    }
    assert card.value is not None
    assert card.value.players == {name: evidence.money[name] for name in ("candidate", "naive")}


def test_what_is_watched_for_harm_has_its_figure_on_the_judged_rows(shop: Shop) -> None:
    card, evidence = shop.contents(WHOLE), shop.evidence(WHOLE)
    looked = evidence.findings["harm_review"]["looked"]
    assert card.harm is not None
    called, nobody = card.harm.indicators
    assert called.figure == Estimate.model_validate(looked[0]["figure"])
    assert called.rows == evidence.rows
    assert called.figure.low < called.figure.value < called.figure.high
    assert (called.limit, called.then) == ("at most 0.9", "an incident is opened")
    assert (nobody.figure, nobody.missing) == (None, "there is no row of it")
    assert (nobody.group, nobody.then) == ("plan = gold", "the naive rule decides")


def test_every_gate_stands_with_its_answer_and_every_waiver_with_its_name(shop: Shop) -> None:
    card, verdict = shop.contents(WHOLE), shop.runs[WHOLE]["gate"]
    assert [one.result for one in card.gates] == verdict.results
    assert all(one.asks.endswith((".", "?")) and "\n" not in one.asks for one in card.gates)
    assert card.passed == verdict.passed
    off = {one.result.gate for one in card.gates if one.result.outcome == "waived"}
    assert off == {one.gate for one in card.waivers}


def test_what_a_waived_gate_would_have_found_is_said_to_be_unknown(shop: Shop) -> None:
    card = shop.contents(BARE)
    assert card.slices.parts == []
    assert "Switched off by a test until 2099-12-31" in (card.slices.absent or "")
    assert card.fairness.protected == []


def test_data_are_counted_under_the_digests_that_they_have(shop: Shop) -> None:
    data, said = shop.contents(BARE).data, shop.runs[BARE]
    (source,) = data.sources
    assert (source.name, source.rows) == ("customers", said["ingest"].rows["customers"])
    assert source.kept == said["validate"].rows["customers"]
    assert data.snapshot.digest == said["ingest"].digest
    assert data.features.digest == said["features"].digest
    assert data.judge == said["train"].judge
    assert source.first is not None
    assert source.first <= data.fit.start


def test_what_matters_is_measured_on_judged_rows_and_the_curves_follow_it(shop: Shop) -> None:
    said, trained = shop.contents(BARE).explained, shop.runs[BARE]["train"]
    assert said.of == trained.judge.rows
    assert (said.rows, said.curve_rows) == (min(said.of, 2_000), min(said.of, 500))
    first, second = said.weights
    assert (first.feature, second.feature) == ("visits", "plan")
    assert first.loss.low > 0
    rising = [point.answer.value for point in said.curves[0].points]
    assert rising == sorted(rising)
    assert [one.feature for one in said.curves] == ["visits", "plan"]
    assert {point.at for point in said.curves[1].points} == {"basic", "plus"}
    assert sum(point.rows for point in said.curves[0].points) == said.curve_rows


def test_what_a_column_says_stands_in_the_owners_words_beside_its_codes(shop: Shop) -> None:
    page = to_markdown(shop.contents(WHOLE))
    assert "| plan | feature, protected | What they pay for (basic: the cheap one) |" in page
    assert "| basic (the cheap one) | " in page
    assert "Nobody has said what customer, renewal\\_at and visits mean" in page
    assert shop.contents(BARE).meanings == {}


def test_how_it_was_made_names_code_packages_and_run(shop: Shop) -> None:
    making, said = shop.contents(BARE).making, shop.runs[BARE]
    assert making.run_id == said["train"].run_id
    assert making.train_key == said["train"].train_key
    assert making.origin == "sklearn.linear_model.LogisticRegression"
    assert making.members == {"linear": making.origin}
    assert {"python", "requirements", "code", "scikit-learn"} <= making.made_with.keys()
    assert making.definition_digest == said["admit"].definition_digest
    assert making.revision


def test_the_card_lies_beside_the_run_and_the_model_is_as_it_was_logged(shop: Shop) -> None:
    trained, card = shop.runs[WHOLE]["train"], shop.card(WHOLE)
    client = MlflowClient(shop.stores.registry.address)
    assert {one.path for one in client.list_artifacts(trained.run_id, card.place)} == {
        f"{card.place}/card.{kind}" for kind in ("html", "md", "json")
    }
    folder = client.download_artifacts(trained.run_id, card.place)
    assert Path(folder, "card.html").read_text() == to_html(shop.contents(WHOLE))
    assert Path(folder, "card.md").read_text() == to_markdown(shop.contents(WHOLE))
    run = client.get_run(trained.run_id)
    assert run.data.tags["card_digest"] == card.digest
    assert run.data.tags["card"] == f"{card.place}/card.html"
    logged = client.get_logged_model(trained.model_uri.removeprefix("models:/"))
    assert logged.tags["card_uri"] == card.uri
    assert shop.stores.registry.load(trained.model_uri)


def test_the_task_s_page_is_the_card(shop: Shop) -> None:
    outcome = outcome_of(shop.stores, model=WHOLE, stage="card", run_id="train/r1")
    assert outcome is not None
    assert outcome.report_uri == shop.card(WHOLE).uri
    assert outcome.lines[:3] == shop.card(WHOLE).lines[:3]
    assert page_of(shop.stores, outcome) == to_html(shop.contents(WHOLE))


def test_words_of_a_definition_are_shown_and_format_nothing(shop: Shop) -> None:
    html, markdown = to_html(shop.contents(WHOLE)), to_markdown(shop.contents(WHOLE))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\\<script\\>" in markdown
    assert "\\| \\[a\\](javascript:b) \\*\\*c\\*\\* \\|" in markdown


def test_a_card_of_another_version_says_where_it_lies_as_it_was_made(shop: Shop) -> None:
    older = {"model": WHOLE, "format": "another"}
    shop.stores.lake.put_json("cards/older.json", older)
    card = shop.card(WHOLE).model_copy(update={"uri": "cards/older.json"})
    with pytest.raises(LakeError, match=f"beside the candidate's run in MLflow, in {card.place}"):
        contents_of(shop.stores, card)


# ----------------------------------------------------------------------------- once, and always


def test_a_retried_task_writes_nothing_new(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.kept()
    monkeypatch.setattr(shop.stores.registry, "attach", None)
    monkeypatch.setattr(shop.stores.registry, "annotate", None)
    assert shop.again(WHOLE) == shop.card(WHOLE)
    assert shop.kept() == before


def test_the_same_inputs_make_the_same_card_to_the_last_byte(shop: Shop) -> None:
    card = shop.card(WHOLE)
    before = shop.stores.lake.read_bytes(card.uri)
    Path(shop.stores.lake.uri.removeprefix("file://"), card.uri).unlink()
    assert shop.again(WHOLE) == card
    assert shop.stores.lake.read_bytes(card.uri) == before


def test_another_verdict_is_another_card(shop: Shop) -> None:
    verdict = shop.runs[BARE]["gate"].model_copy(update={"digest": "another", "passed": False})
    card = shop.again(BARE, gate=verdict)
    assert card.digest != shop.card(BARE).digest
    assert card.lines[0].startswith("Blocked by")


def test_evidence_that_is_gone_makes_no_card(shop: Shop) -> None:
    features = shop.runs[BARE]["features"]
    lost = features.snapshot.model_copy(update={"uri": "snapshots/lost.json"})
    changed = features.model_copy(update={"snapshot": lost, "digest": "another"})
    with pytest.raises(LakeError, match=r"snapshots/lost\.json is not there"):
        shop.again(BARE, features=changed)


def test_without_a_card_nothing_is_registered(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RegistryError("MLflow refuses")

    monkeypatch.setattr(Registry, "attach", refuse)
    # Of a card that is there already nothing is asked of MLflow: this run's has another digest.
    monkeypatch.setattr("tradewind.stages.card.VERSION", 0)
    with pytest.raises(RegistryError, match="MLflow refuses"):
        train(shop.stores, BARE, "train/r2")
    assert shop.stores.ledger.champion(BARE) is None
    assert outcome_of(shop.stores, model=BARE, stage="card", run_id="train/r2") is None
