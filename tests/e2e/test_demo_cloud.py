"""The demo over emulated services: simulator, Event Hubs, consumer, Cosmos DB and Storage, over sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from emulators.azurite import MISSING, PROGRAM

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING)
def test_the_demo_runs_over_emulated_services_and_shows_the_bill(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "emulators", sys.executable, "-m", "local", "demo-cloud"),
            *("--meters", "80", "--days", "1", "--out", str(tmp_path)),
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["received"] == sum(summary["outcomes"].values()) > 80 * 80
    assert summary["detected"] > summary["truths"] / 3
    assert (tmp_path / "risk_report.html").exists()
    assert "1,000,000" in run.stdout
    assert "packs replace" in run.stdout.partition("request units a reading: ")[2]


def test_a_missing_setting_is_named() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "local", "demo-cloud"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr == (
        "error: COSMOS__accountEndpoint is not set; set it, or COSMOS to the connection string of an emulator\n"
    )
