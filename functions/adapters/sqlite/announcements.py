"""Announcements of planned work in SQLite, in the container of incidents."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.announcements import Announcement, partition_of
from functions.domain.errors import Conflict
from functions.domain.notifications import Intent

_ID = "announcement"


class SqliteAnnouncements:
    """An `AnnouncementStore`; intents enter the feed."""

    def __init__(self, database: Database) -> None:
        self._incidents = Container(database, "incidents", watched=frozenset({"intent"}))

    async def read(self, order_id: str) -> Announcement | None:
        """The announcement of an order."""
        found = self._incidents.read(partition_of(order_id), _ID, Announcement)
        return None if found is None else msgspec.structs.replace(found[0], etag=found[1])

    async def commit(self, announcement: Announcement, intents: Sequence[Intent]) -> None:
        """Replace an announcement if unchanged and insert intents, all or nothing."""
        partition = announcement.partition
        stored = msgspec.structs.replace(announcement, etag=None)
        records = [Document(partition, each.id, "intent", each, each.created_at) for each in intents]
        document = Document(partition, _ID, "announcement", stored, sort=announcement.look_at)
        with self._incidents.database.transaction() as connection:
            self._incidents.replace(document, announcement.etag, connection)
            if self._incidents.insert(records, connection) != len(records):
                raise Conflict(f"{partition} was announced by somebody else; read the announcement again")

    async def due(self, before: int, limit: int) -> list[str]:
        """Orders to be looked at again at or before `before`."""
        found = self._incidents.select(
            Announcement, "type = 'announcement' AND sort <= ? ORDER BY sort LIMIT ?", before, limit
        )
        return [each.order.work_order_id for each in found]
