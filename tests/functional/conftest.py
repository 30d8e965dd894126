"""Every example of a property opens a store of its own; all of them are closed when the test ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.adapters.sqlite.database import Database


@pytest.fixture(autouse=True)
def stores_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[Database] = []
    prepare = Database._prepare

    def noting(self: Database) -> None:
        opened.append(self)
        prepare(self)

    monkeypatch.setattr(Database, "_prepare", noting)
    yield
    for database in opened:
        database.close()
