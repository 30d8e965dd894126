"""The deployment package holds what runs and nothing else, and starts on its own on Azure's Python."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from stacks import ROOT, bicep

SCRIPT = ROOT / "infra" / "package.py"
ON_AZURES_PYTHON = sys.version_info[:2] == (3, 13)
# Building takes a minute, so it is done where Azure's Python runs the tests, by `make test-serving`, and not by both.
needs_azures_python = pytest.mark.skipif(not ON_AZURES_PYTHON, reason="the package is built on Python 3.13 alone")
DEPLOYED = {"function_app.py", "functions", "host.json", "requirements.txt"}


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("package", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_package_holds_the_app_and_nothing_else() -> None:
    files = [path.relative_to(ROOT) for path in script().deployed()]
    assert {path.parts[0] for path in files} == DEPLOYED
    assert Path("functions/models/detector.onnx") in files
    assert not [path for path in files if path.suffix == ".pyc"]


@pytest.mark.skipif(ON_AZURES_PYTHON, reason="this is Python 3.13")
def test_another_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path / "x.zip"], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert run.stderr.startswith("error: this is Python")
    assert not (tmp_path / "x.zip").exists()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    built = subprocess.run(
        [sys.executable, SCRIPT, "--out", folder / "app.zip"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert " MB unpacked" in built.stdout
    with zipfile.ZipFile(folder / "app.zip") as archive:
        archive.extractall(folder / "app")
    return folder / "app"


@needs_azures_python
def test_the_unpacked_package_starts_alone(unpacked: Path) -> None:
    """Imported from nowhere but the zip, with the settings of the templates, as the engine of Azure indexes it."""
    settings = {"METERSENTRY_STORE": "cosmos", "METERSENTRY_OUT": str(unpacked / "out")}
    settings |= {
        name: "https://made.up" for name in bicep().settings if name.endswith(("Endpoint", "Namespace", "Name"))
    }
    site = unpacked / ".python_packages" / "lib" / "site-packages"
    code = (
        f"import sys; sys.path[:0] = [{str(unpacked)!r}, {str(site)!r}]\n"
        "import json, function_app, onnxruntime, twilio\n"
        "names = sorted(each.get_function_name() for each in function_app.app.get_functions())\n"
        "print(json.dumps([names, function_app.__file__, onnxruntime.__file__]))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], env=settings, cwd=unpacked, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    names, *files = json.loads(run.stdout.splitlines()[-1])
    assert {"score_readings", "correlate_anomalies", "fan_out", "send_notification", "http"} <= set(names)
    assert all(file.startswith(str(unpacked)) for file in files)


@needs_azures_python
def test_the_unpacked_package_stays_small(unpacked: Path) -> None:
    size = sum(path.stat().st_size for path in unpacked.rglob("*") if path.is_file())
    assert size < 250e6
    installed = {path.name.lower() for path in (unpacked / ".python_packages/lib/site-packages").iterdir()}
    assert not installed & {"torch", "sklearn", "pandas", "matplotlib", "duckdb", "pyarrow", "pytest"}
