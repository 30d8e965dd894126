"""The rooms of the house: who may import whom, and what a cold start must not load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("functions", "function_app", "local", "simulator", "model_export", "tests")
ARRAYS = ("numpy", "msgspec")
DOMAIN = ("functions.domain",)
PORTS = (*DOMAIN, "functions.ports")
SERVICES = (*PORTS, "functions.services")
ANYTHING = ("*",)
"""Any library; of our own rooms only those named beside it."""

# Most particular first: the first that matches a file holds.
ROOMS: dict[str, tuple[str, ...]] = {
    "functions/domain/": (*ARRAYS, *DOMAIN),
    "functions/ports/": (*ARRAYS, *PORTS),
    "functions/services/": (*ARRAYS, *SERVICES),
    "functions/adapters/": (*ANYTHING, *PORTS, "functions.adapters", "functions.names"),
    "functions/triggers/": (
        *("azure.functions", "msgspec", *SERVICES),
        *("functions.application", "functions.names", "functions.triggers", "functions.web"),
    ),
    "functions/web/": ("fastapi", "msgspec", "jinja2", *SERVICES, "functions.application", "functions.web"),
    "functions/application.py": (*SERVICES, "functions.settings"),
    "functions/settings.py": ("msgspec", *PORTS, "functions.names"),
    "functions/": (),
    "function_app.py": ("azure.functions", "functions"),
    "simulator/": (*ARRAYS, *DOMAIN, "simulator"),
    # The reader of `replay`, so that there is one definition of column names.
    "model_export/history.py": (*ANYTHING, *DOMAIN, "simulator", "local"),
    "model_export/__main__.py": (*ANYTHING, *DOMAIN, "functions.adapters", "simulator", "model_export", "local"),
    "model_export/metrics.py": (
        *ANYTHING,
        *DOMAIN,
        "functions.adapters",
        "functions.settings",
        "simulator",
        "model_export",
    ),
    "model_export/": (*ANYTHING, *DOMAIN, "functions.adapters", "simulator", "model_export"),
    "local/": (*ANYTHING, "functions", "simulator", "model_export", "local"),
}
SDKS = (
    *("azure.cosmos", "azure.eventhub", "azure.identity", "azure.storage", "azure.monitor", "opentelemetry"),
    *("twilio", "onnxruntime", "sqlite3"),
)
MAY_NAME_SDKS = ("functions/adapters/", "function_app.py", "local/")

NOT_AT_COLD_START = (
    *("torch", "sklearn", "pandas", "matplotlib", "onnxruntime", "fastapi", "duckdb", "pyarrow"),
    *("sqlite3", "twilio", "azure.cosmos", "azure.eventhub", "azure.identity", "azure.storage", "aiohttp"),
    *("opentelemetry", "azure.monitor"),
)

FILES = sorted(
    str(path.relative_to(ROOT))
    for room in ("functions", "local", "simulator", "model_export", "function_app.py")
    for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
)


def imported(file: str) -> set[str]:
    """Every module a file imports, at its top or within a function, as `package.module.name`."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def allowed(module: str, rooms: tuple[str, ...]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names or within(module, rooms):
        return True
    return "*" in rooms and not within(module, OURS)


@pytest.mark.parametrize("file", FILES)
def test_a_room_imports_only_what_it_may(file: str) -> None:
    room = next(room for room in ROOMS if file.startswith(room))
    assert {module for module in imported(file) if not allowed(module, ROOMS[room])} == set()


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith(MAY_NAME_SDKS)])
def test_an_sdk_is_named_by_adapters_and_composition_roots_only(file: str) -> None:
    assert {module for module in imported(file) if within(module, SDKS)} == set()


def test_the_rules_see_an_import_within_a_function() -> None:
    assert "onnxruntime" in imported("functions/adapters/onnx_scorer.py")
    assert not allowed("functions.adapters.clocks.SetClock", ROOMS["functions/services/"])
    assert not allowed("tests.unit", ROOMS["local/"])


def test_what_a_deployed_function_imports_is_pinned() -> None:
    """Not only brought along by something that is pinned; `azure` and `opentelemetry` are names of many packages."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    deployed = [file for file in FILES if file.startswith("functions")]
    libraries = {module.partition(".")[0] for file in deployed for module in imported(file)}
    assert libraries - set(sys.stdlib_module_names) - {"functions", "azure", "opentelemetry"} <= pinned


def test_a_cold_start_loads_nothing_that_only_later_work_needs() -> None:
    code = f"import sys, function_app; print(*[name for name in {NOT_AT_COLD_START!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == []
