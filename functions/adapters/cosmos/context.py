"""What the utility knows already, in Cosmos DB: work orders by feeder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import CONTEXT_TTL_S
from functions.domain.work_orders import WorkOrder


class CosmosContext:
    """A `ContextStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._context = CosmosContainer(database, names.CONTEXT)

    async def put_orders(self, orders: Iterable[WorkOrder]) -> None:
        """Write orders; a later one with the same id replaces the earlier."""
        # Cosmos DB counts a time to live from the write, by its own clock.
        now = int(time.time())
        newest = {(each.feeder_id, each.work_order_id): each for each in orders}
        await asyncio.gather(
            *(
                self._context.put(
                    plain(
                        each,
                        id=each.work_order_id,
                        type="work_order",
                        scope=each.feeder_id,
                        ttl=max(each.end - now, 0) + CONTEXT_TTL_S,
                    )
                )
                for each in newest.values()
            )
        )

    async def orders(self, feeder_id: str, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder that end after a moment."""
        found = self._context.query(
            "SELECT * FROM c WHERE c['end'] > @moment", {"moment": ending_after}, partition=feeder_id
        )
        orders = [msgspec.convert(each, WorkOrder) async for each in found]
        return sorted(orders, key=lambda order: order.work_order_id)
