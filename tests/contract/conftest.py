"""Every adapter of the stores; a suite that takes `stores` runs against each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.ports import Stores


@contextmanager
def sqlite_in_memory(folder: Path) -> Iterator[Stores]:
    database = Database(":memory:")
    yield sqlite_stores(database, folder)
    database.close()


@contextmanager
def sqlite_on_file(folder: Path) -> Iterator[Stores]:
    database = Database(folder / "store.db")
    yield sqlite_stores(database, folder)
    database.close()


ADAPTERS = {"sqlite-memory": sqlite_in_memory, "sqlite-file": sqlite_on_file}


@pytest.fixture(params=ADAPTERS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    with ADAPTERS[request.param](tmp_path) as opened:
        yield opened
