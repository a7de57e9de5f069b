"""The cost of a night's drift runs without evidently; `benchmarks/drift_cost.py` compares."""

from __future__ import annotations

from benchmarks.drift_cost import compared


def test_a_night_is_measured_whole_and_what_is_not_installed_is_said(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    found = compared(2_000, environment=None)
    assert found["tradewind"]["cpu_seconds"] > 0
    assert found["profile_bytes"] < 2_000_000
    assert "left out" in found["evidently"]
