"""The deployment package holds what runs and nothing else, and starts on its own where Azure's Python is at hand."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from stacks import ROOT, bicep

SCRIPT = ROOT / "infra" / "package.py"
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


def test_another_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    if sys.version_info[:2] == (3, 13):
        pytest.skip("this is Python 3.13")
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path / "x.zip"], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert run.stderr.startswith("error: this is Python")
    assert not (tmp_path / "x.zip").exists()


def python_313() -> str | None:
    """A Python 3.13 that runs: one on the path may be a shim that answers only where its version is active."""
    shim = shutil.which("python3.13")
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))]
    roots += [Path(shim).parents[1]] if shim and Path(shim).parent.name == "shims" else []
    found = [str(path) for root in roots for path in sorted(root.glob("versions/3.13*/bin/python3.13"))]
    for candidate in [*([shim] if shim else []), *found]:
        if subprocess.run([candidate, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="module")
def python() -> str:
    found = python_313()
    if found is None:
        pytest.skip("no Python 3.13 with pip runs on this machine; it builds and imports the package")
    return found


@pytest.fixture(scope="module")
def unpacked(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    built = subprocess.run([python, SCRIPT, "--out", folder / "app.zip"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert " MB unpacked" in built.stdout
    with zipfile.ZipFile(folder / "app.zip") as archive:
        archive.extractall(folder / "app")
    return folder / "app"


def test_the_unpacked_package_starts_alone(python: str, unpacked: Path) -> None:
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
        [python, "-I", "-c", code], env=settings, cwd=unpacked, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    names, *files = json.loads(run.stdout.splitlines()[-1])
    assert {"score_readings", "correlate_anomalies", "fan_out", "send_notification", "http"} <= set(names)
    assert all(file.startswith(str(unpacked)) for file in files)


def test_the_unpacked_package_stays_small(unpacked: Path) -> None:
    size = sum(path.stat().st_size for path in unpacked.rglob("*") if path.is_file())
    assert size < 250e6
    installed = {path.name.lower() for path in (unpacked / ".python_packages/lib/site-packages").iterdir()}
    assert not installed & {"torch", "sklearn", "pandas", "matplotlib", "duckdb", "pyarrow", "pytest"}
