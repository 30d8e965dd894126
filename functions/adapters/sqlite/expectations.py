"""What outages have taught of restoration times, in SQLite."""

from __future__ import annotations

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.restoration_learning import Learnt

_SCOPE, _ID = "utility", "learnt:restoration"


class SqliteExpectations:
    """An `ExpectationStore`."""

    def __init__(self, database: Database) -> None:
        self._context = Container(database, "grid_context")

    async def read(self) -> Learnt:
        """What is known."""
        found = self._context.read(_SCOPE, _ID, Learnt)
        return Learnt() if found is None else msgspec.structs.replace(found[0], etag=found[1])

    async def write(self, learnt: Learnt) -> str:
        """Write it if it is unchanged since its `etag`."""
        document = Document(_SCOPE, _ID, "learnt", msgspec.structs.replace(learnt, etag=None))
        with self._context.database.transaction() as connection:
            return self._context.replace(document, learnt.etag, connection)
