"""Customers in Cosmos DB."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.notifications import Customer


class CosmosCustomers:
    """A `CustomerStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._customers = CosmosContainer(database, names.CUSTOMERS)

    async def put(self, customers: Iterable[Customer]) -> None:
        """Write customers."""
        newest = {each.customer_id: each for each in customers}
        await asyncio.gather(*(self._customers.put(plain(each, id=name)) for name, each in newest.items()))

    async def read(self, customer_id: str) -> Customer | None:
        """One customer; None when unknown."""
        found = await self._customers.read(customer_id, customer_id)
        return None if found is None else msgspec.convert(found, Customer)
