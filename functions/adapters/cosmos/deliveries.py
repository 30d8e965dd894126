"""Deliveries in Cosmos DB: a claim is an insert that conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.errors import Conflict
from functions.domain.notifications import Delivery, DeliveryState


class CosmosDeliveries:
    """A `DeliveryStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._deliveries = CosmosContainer(database, names.DELIVERIES)

    async def claim(self, delivery: Delivery) -> bool:
        """Insert a claim; False when the key is claimed already, unless the last attempt failed for certain."""
        # When the reply to an insert is lost, the repeated insert conflicts with itself: the mark tells whose it is.
        mark = uuid4().hex
        document = _document(delivery, mark)
        try:
            await self._deliveries.create(document)
        except Conflict:
            before = await self._deliveries.read(delivery.customer_id, delivery.key)
            if before is None:
                return False
            if before["state"] != DeliveryState.failed:
                return bool(before["mark"] == mark)
            return await self._replace(document, before["_etag"])
        return True

    async def _replace(self, document: Document, etag: str) -> bool:
        try:
            await self._deliveries.replace(document, etag)
        except Conflict:
            now = await self._deliveries.read(document["customer_id"], document["key"])
            return now is not None and bool(now["mark"] == document["mark"])
        return True

    async def read(self, customer_id: str, key: str) -> Delivery | None:
        """The record of one message; None when it was never claimed."""
        found = await self._deliveries.read(customer_id, key)
        return None if found is None else msgspec.convert(found, Delivery)

    async def reclaim(self, stale: Delivery, fresh: Delivery) -> bool:
        """Replace a claim by another of the same key if it still stands as `stale`."""
        found = await self._deliveries.read(stale.customer_id, stale.key)
        if found is None or msgspec.convert(found, Delivery) != stale:
            return False
        return await self._replace(_document(fresh, uuid4().hex), found["_etag"])

    async def finish(self, delivery: Delivery) -> None:
        """Record how a claimed message ended."""
        await self._deliveries.put(_document(delivery, ""))

    async def counts(self) -> Mapping[str, int]:
        """Number of deliveries by state."""
        counts = {}
        for state in DeliveryState:
            text = "SELECT VALUE COUNT(1) FROM c WHERE c.state = @state"
            counts[state.value] = sum([each async for each in self._deliveries.query(text, {"state": state.value})])
        return {state: count for state, count in counts.items() if count}


def _document(delivery: Delivery, mark: str) -> Document:
    return plain(delivery, id=delivery.key, mark=mark)
