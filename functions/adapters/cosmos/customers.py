"""Customers in Cosmos DB."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.customers import Customer


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

    async def read_many(self, customer_ids: Collection[str]) -> dict[str, Customer]:
        """Those of some customers that are known, by id."""
        found = await asyncio.gather(*map(self.read, customer_ids))
        return {each.customer_id: each for each in found if each is not None}

    async def with_phone(self, phone: str) -> list[Customer]:
        """Customers of a number, by id."""
        found = self._customers.query("SELECT * FROM c WHERE c.phone = @phone", {"phone": phone})
        customers = [msgspec.convert(each, Customer) async for each in found]
        return sorted(customers, key=lambda each: each.customer_id)

    async def remove(self, customer_id: str) -> bool:
        """Forget a customer."""
        return await self._customers.remove(customer_id, customer_id)
