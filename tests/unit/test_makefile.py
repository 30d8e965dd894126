"""The Makefile: what needs records says so where there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDS = "METERSENTRY_BENCHMARK_DATA"


def make(*arguments: str, **environment: str) -> str:
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed")
    clean = {name: value for name, value in os.environ.items() if name not in (RECORDS, "MAKEFLAGS", "MAKELEVEL")}
    run = subprocess.run([program, *arguments], cwd=ROOT, env=clean | environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_restoration_times_are_measured_where_the_records_are() -> None:
    said = make("--dry-run", "evaluate-restoration", **{RECORDS: "/records"})
    assert "-m model_export evaluate-restoration --events /records/pge_2019_2022_events.parquet" in said
    assert "--updates /records/pge_2019_2022_updates.parquet --page docs/restoration.md" in said


def test_without_records_nothing_is_measured_or_installed() -> None:
    said = make("evaluate-restoration")
    assert said.startswith("evaluate-restoration: skipped, as METERSENTRY_BENCHMARK_DATA names no folder")
    assert len(said.splitlines()) == 1
