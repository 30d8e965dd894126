"""The audit trail in SQLite."""

from __future__ import annotations

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.audit import AuditEntry


class SqliteAudit:
    """An `AuditStore`."""

    def __init__(self, database: Database) -> None:
        self._audit = Container(database, "audit")

    async def put(self, entry: AuditEntry) -> None:
        """Write an entry; one of the same id replaces it."""
        with self._audit.database.transaction() as connection:
            self._audit.put([Document(entry.day, entry.id, "audit", entry, sort=entry.at)], connection)

    async def entries(self, since: int, until: int, limit: int) -> list[AuditEntry]:
        """Entries of a period, newest first."""
        condition = "type = 'audit' AND sort >= ? AND sort < ? ORDER BY sort DESC, id LIMIT ?"
        return self._audit.select(AuditEntry, condition, since, until, limit)
