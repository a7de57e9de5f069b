"""A logged model is served where nothing is installed but what it names, and is what was judged."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import mlflow
import numpy as np
import pytest

from tests.gates.evidence import evidence, model, waivers
from tests.learning import frames
from tests.stages.cases import case_of
from tests.stages.judging import QUICK, Scene
from tradewind.errors import EvidenceError
from tradewind.gates.service import Found, check
from tradewind.learning import account
from tradewind.learning.carried import carried
from tradewind.learning.fit import fit_model
from tradewind.stages._case import Case, Run, open_case
from tradewind.stages.evaluate import evaluate
from tradewind.stages.examination import service
from tradewind.stores import clean_interpreter, load_probe
from tradewind.stores.clean_interpreter import Load
from tradewind.stores.model_files import write_model
from tradewind.stores.provenance import scoring_requirements
from tradewind.stores.pyfunc_files import save_pyfunc
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

SHORT = partial(Load, warm_up=1, calls=4, call_rows=25, rounds=1, seconds=20.0)
FRAME = frames.feature_set()
ENDLESS = {"load_seconds": 1e9, "p99_seconds": 1e9, "rows_per_second": 1e-9}
AMPLE = {**ENDLESS, "disk_mb": 1e9, "memory_mb": 1e9}


def outcome(found: Found, **limits: float):
    said = model(waivers=[], service={**AMPLE, **limits})
    return check(evidence(findings={"service": found.model_dump(mode="json")}), said)


@pytest.fixture(scope="module")
def fitted_case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    """A real model, judged here, and the folder that MLflow would load it from."""
    asked = frames.definition(train=QUICK)
    fitted = fit_model(asked, FRAME, as_of=frames.AS_OF)
    folder = tmp_path_factory.mktemp("logged")
    metadata = {**account.metadata_of(fitted, asked), **carried(fitted, asked), "origin": {}}
    write_model(folder / "model", fitted.estimator, metadata=metadata)
    case = case_of(asked, FRAME, as_of=frames.AS_OF, fitted=fitted)
    save_pyfunc(
        folder / "pyfunc",
        folder / "model",
        described=mlflow.models.Model(),
        example=case.rows[[*frames.TYPES]].head(3),
        requirements=scoring_requirements(),
    )
    return case, folder / "pyfunc"


def copy_of(place: Path, folder: Path, *, without: str) -> Path:
    shutil.copytree(place, folder / "copy")
    file = folder / "copy" / "requirements.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(line for line in lines if not line.startswith(without)))
    return folder / "copy"


def test_a_sound_candidate_is_served_cold_and_answers_as_it_was_judged(
    home: Settings,
    mlflow_server: str,
    ledger_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert mlflow_server
    assert ledger_dsn
    scene = Scene(Stores(home), "served_in_a_clean_interpreter")
    others = [one for one in waivers() if one["gate"] != "service"]
    frozen = scene.definition(gates={"waivers": others})
    admission, features, trained = scene.train(frozen, FRAME)
    validated = scene.validated(FRAME)
    stores = scene.stores
    judged = evaluate(admission, frozen, validated, features, trained, stores=stores)
    case = open_case(Run(admission, frozen, validated, features, trained, judged, stores))
    monkeypatch.setattr(service, "Load", SHORT)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(empty))
    kept = []
    real = service.visit
    monkeypatch.setattr(service, "visit", lambda *a, **k: kept.append(real(*a, **k)) or kept[0])

    found = service.gather(case)

    assert list(empty.iterdir()) == [], "nothing is left behind"
    assert (found.pinned, found.unmet, found.failure) == (7, [], None)
    assert found.rows == 400 < len(case.rows)
    served = found.served
    assert (served.calls, served.load_calls, served.threads) == (4, 16, 4)
    assert (served.answered, served.missing) == (400, 0)
    assert served.worst_difference <= 1e-9
    assert 0 < served.p50_seconds <= served.p99_seconds
    assert 0 < found.disk_bytes < 10_000_000
    assert outcome(found).outcome == "passed"
    for limit in ("load_seconds", "p99_seconds", "disk_mb", "memory_mb"):
        assert outcome(found, **{limit: 1e-9}).outcome == "blocked", limit
    assert outcome(found, rows_per_second=1e9).outcome == "blocked"

    # The same visit, held against answers of which one is another.
    monkeypatch.setattr(service, "visit", lambda *_, **__: kept[0])
    spoilt = case.answers["candidate"].copy()
    last = int(np.flatnonzero(case.judged)[-1])
    spoilt[last] += 1e-6
    other = Case(**{**_fields(case), "answers": {**case.answers, "candidate": spoilt}})
    result = outcome(service.gather(other))
    assert result.outcome == "blocked"
    assert "does not answer as it did when it was judged" in result.sentence


def _fields(case: Case) -> dict:
    return {name: getattr(case, name) for name in Case.__dataclass_fields__}


def test_a_package_that_the_requirements_lack_blocks_by_its_name(
    fitted_case: tuple[Case, Path], tmp_path: Path
) -> None:
    case, place = fitted_case
    copied = copy_of(place, tmp_path, without="nothing")
    code = copied / "model.py"
    # Installed here, and so loaded without a word by whoever does not look closely.
    code.write_text("import duckdb\n" + code.read_text())
    found = service.serve(case, copied, tmp_path, load=SHORT())
    assert found.unmet == []
    result = outcome(found)
    assert result.outcome == "blocked"
    assert "No module named 'duckdb'" in result.sentence


def test_another_version_than_the_pinned_blocks_by_name(
    fitted_case: tuple[Case, Path], tmp_path: Path
) -> None:
    case, place = fitted_case
    copied = copy_of(place, tmp_path, without="numpy")
    with (copied / "requirements.txt").open("a") as file:
        file.write("\nnumpy==1.0\n")
    found = service.serve(case, copied, tmp_path, load=SHORT())
    assert found.served is None
    result = outcome(found)
    assert result.outcome == "blocked"
    assert "numpy==1.0 is pinned" in result.sentence


def test_a_model_that_never_loads_is_given_up_and_blocks(
    fitted_case: tuple[Case, Path], tmp_path: Path
) -> None:
    case, place = fitted_case
    found = service.serve(case, place, tmp_path, load=SHORT(load_seconds=0.1))
    assert found.failure == "it was not loaded within 0.1 s, and was given up"
    assert outcome(found).outcome == "blocked"


def test_a_model_that_loads_and_never_answers_is_given_up_and_blocks(
    fitted_case: tuple[Case, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, place = fitted_case
    monkeypatch.setattr(clean_interpreter, "_ANSWERING_SECONDS", 0.3)
    endless = tmp_path / "endless.py"
    telling = "open(sys.argv[1] + '/told.jsonl', 'w').write('{\"load_seconds\": 0.25}\\n')"
    endless.write_text(f"import sys, time\n{telling}\nwhile True: time.sleep(1)\n")
    monkeypatch.setattr(clean_interpreter, "_PROBE", endless)
    found = service.serve(case, place, tmp_path, load=SHORT(load_seconds=600.0))
    assert found.failure == (
        "it loaded in 0.25 s, had not answered every call 0.3 s later, and was given up"
    )
    assert outcome(found).outcome == "blocked"


def test_a_model_without_requirements_or_without_a_log_is_no_evidence(
    fitted_case: tuple[Case, Path], tmp_path: Path
) -> None:
    case, place = fitted_case
    with pytest.raises(EvidenceError, match="was not logged"):
        service.gather(case)
    copied = copy_of(place, tmp_path, without="x")
    (copied / "requirements.txt").unlink()
    with pytest.raises(EvidenceError, match=r"no requirements\.txt"):
        service.serve(case, copied, tmp_path, load=SHORT())


def test_of_two_blocks_the_quieter_counts_and_every_answer_is_compared() -> None:
    told = {
        "blocks": [[0.1, 9.0], [0.2, 0.3, 0.4]],
        "load_seconds": 1.0,
        "rows": 50,
        "seconds": 2.0,
        "load_calls": 5,
        "memory_bytes": 7,
        "answers": [[0, 0.5, False], [1, 1000.0, True], [1, 1000.001, True], [0, None, False]],
    }
    came = clean_interpreter.Visit(clean_interpreter.Closure(0, {}, []), told, None)
    served = service._served(came, np.array([0.5, 1000.0]), threads=2)
    assert (served.p50_seconds, served.p99_seconds, served.calls) == (0.3, 0.4, 3)
    assert served.rows_per_second == 25.0
    assert (served.answered, served.by_rule, served.missing) == (2, 1, 1)
    # Relative to its size where that is above one.
    assert served.worst_difference == pytest.approx(1e-6)


def test_the_memory_is_the_model_s_own_and_not_that_of_who_started_it() -> None:
    ballast = np.ones(60_000_000)  # 480 MB here, in the process that starts the other
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['peak_memory']())"
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, load_probe.__file__],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
        timeout=60,
    )
    assert ballast.nbytes == 480_000_000
    assert 1_000_000 < int(said.stdout) < 200_000_000


def test_the_probe_imports_nothing_but_the_standard_library() -> None:
    names = runpy.run_path(load_probe.__file__)
    modules = {
        getattr(one, "__module__", None) or getattr(one, "__name__", "") for one in names.values()
    }
    foreign = {str(one).partition(".")[0] for one in modules} - {
        *sys.stdlib_module_names,
        "<run_path>",
        "",
    }
    assert foreign == set()
    assert json.loads(json.dumps(vars(Load()))) == vars(Load())
