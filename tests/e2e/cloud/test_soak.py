"""The soak in its short form, as `make soak` runs the long one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from e2e.cloud.seat import ROOT
from emulators.azurite import MISSING, PROGRAM

WITHIN_S = 240


@pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING)
def test_after_a_short_soak_nothing_differs() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("METERSENTRY_TEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "e2e.cloud.soak", "--short"],
        env={**environment, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}", "COLUMNS": "200"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "differences" in done.stdout
