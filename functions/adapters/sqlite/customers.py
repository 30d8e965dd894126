"""Customers in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.customers import Customer


class SqliteCustomers:
    """A `CustomerStore`; a number is what its documents are filtered by."""

    def __init__(self, database: Database) -> None:
        self._customers = Container(database, "customers")

    async def put(self, customers: Iterable[Customer]) -> None:
        """Write customers."""
        documents = (
            Document(each.customer_id, each.customer_id, "customer", each, state=each.phone) for each in customers
        )
        with self._customers.database.transaction() as connection:
            self._customers.put(documents, connection)

    async def read(self, customer_id: str) -> Customer | None:
        """One customer; None when unknown."""
        found = self._customers.read(customer_id, customer_id, Customer)
        return None if found is None else found[0]

    async def read_many(self, customer_ids: Collection[str]) -> dict[str, Customer]:
        """Those of some customers that are known, by id."""
        found = {each: self._customers.read(each, each, Customer) for each in customer_ids}
        return {customer_id: document[0] for customer_id, document in found.items() if document is not None}

    async def with_phone(self, phone: str) -> list[Customer]:
        """Customers of a number, by id."""
        return self._customers.select(Customer, "type = 'customer' AND state = ? ORDER BY id", phone)

    async def remove(self, customer_id: str) -> bool:
        """Forget a customer."""
        with self._customers.database.transaction() as connection:
            return bool(self._customers.remove("partition = ?", (customer_id,), connection))
