"""Announcements of planned work in Cosmos DB, in the container of incidents: an order is a partition.

Its announcement and the intents that follow from it change in one transactional batch, and the paths that find what is
due are indexed there already, for boards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import RECORD_TTL_S
from functions.domain.announcements import Announcement, partition_of
from functions.domain.notifications import Intent

_ID = "announcement"


class CosmosAnnouncements:
    """An `AnnouncementStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._incidents = CosmosContainer(database, names.INCIDENTS)

    async def read(self, order_id: str) -> Announcement | None:
        """The announcement of an order."""
        found = await self._incidents.read(partition_of(order_id), _ID)
        if found is None:
            return None
        return msgspec.structs.replace(msgspec.convert(found["announcement"], Announcement), etag=found["_etag"])

    async def commit(self, announcement: Announcement, intents: Sequence[Intent]) -> None:
        """Replace an announcement if unchanged and insert intents, all or nothing."""
        operations: list[tuple[Any, ...]] = [_replacement(announcement)]
        operations += [("create", (plain(each, type="intent", ttl=RECORD_TTL_S),)) for each in intents]
        await self._incidents.commit(announcement.partition, operations)

    async def due(self, before: int, limit: int) -> list[str]:
        """Orders to be looked at again at or before `before`."""
        text = (
            "SELECT VALUE c.order_id FROM c WHERE c.type = 'announcement' AND c.release_at <= @before"
            " ORDER BY c.release_at OFFSET 0 LIMIT @limit"
        )
        return [each async for each in self._incidents.query(text, {"before": before, "limit": limit})]


def _replacement(announcement: Announcement) -> tuple[Any, ...]:
    order, told = announcement.order, announcement.told
    last = max(order.end, told.end if told is not None else 0)
    document = {
        "id": _ID,
        "type": "announcement",
        "feeder_id": announcement.partition,
        "order_id": order.work_order_id,
        "announcement": msgspec.to_builtins(msgspec.structs.replace(announcement, etag=None)),
        # Cosmos DB counts a time to live from the write, by its own clock.
        "ttl": max(last - int(time.time()), 0) + RECORD_TTL_S,
    }
    if announcement.look_at is not None:
        document["release_at"] = announcement.look_at
    if announcement.etag is None:
        return "create", (document,)
    return "replace", (_ID, document), {"if_match_etag": announcement.etag}
