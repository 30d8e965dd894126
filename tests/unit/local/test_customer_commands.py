"""`python -m local customers`: what a person sees of an import, an export and a deletion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from functions.adapters.sqlite.database import Database
from functions.domain.errors import InputError
from local.__main__ import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    path = tmp_path / "store.db"
    Database(path).close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METERSENTRY_STORE", f"sqlite:///{path}")
    return lambda *arguments: CliRunner().invoke(app, ["customers", *map(str, arguments)])


def test_customers_are_imported_shown_and_forgotten(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    table.write_text("customer_id,phone,language\nC1,+12025550143,es\n", encoding="utf-8")

    done = run("import", table)
    assert (done.exit_code, done.stdout) == (0, "1 customers applied, 0 rows rejected\n")
    assert json.loads(run("export", "C1").stdout)["customer"]["language"] == "es"
    assert run("delete", "C1").stdout == "customer C1 is forgotten, with 0 messages\n"
    assert isinstance(run("export", "C1").exception, InputError)


def test_every_row_at_fault_is_named_by_its_place_in_the_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.customers.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("local.customers.SHOWN", 2)
    table = tmp_path / "customers.csv"
    rows = [f"C{nth},{'+12025550143' if nth % 2 else '12345'}" for nth in range(1, 8)]
    table.write_text("\n".join(["customer_id,phone", *rows]), encoding="utf-8")

    done = run("import", table)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "4 customers applied, 3 rows rejected"
    assert [line.partition(":")[0] for line in lines[1:3]] == ["row 2, customer C2", "row 4, customer C4"]
    assert lines[3] == "… and 1 more"
    assert "12345" not in done.stdout
