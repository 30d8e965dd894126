"""The audit trail in Cosmos DB: a day is a partition."""

from __future__ import annotations

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.audit import AuditEntry


class CosmosAudit:
    """An `AuditStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._audit = CosmosContainer(database, names.AUDIT)

    async def put(self, entry: AuditEntry) -> None:
        """Write an entry; one of the same id replaces it."""
        await self._audit.put(plain(entry, day=entry.day))

    async def entries(self, since: int, until: int, limit: int) -> list[AuditEntry]:
        """Entries of a period, newest first."""
        text = "SELECT * FROM c WHERE c.at >= @since AND c.at < @until ORDER BY c.at DESC OFFSET 0 LIMIT @limit"
        found = self._audit.query(text, {"since": since, "until": until, "limit": limit})
        entries = [msgspec.convert(each, AuditEntry) async for each in found]
        return sorted(entries, key=lambda each: (-each.at, each.id))
