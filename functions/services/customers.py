"""Customers: taken over from the utility's customer information system, shown to themselves, and forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.domain.customer_rows import RejectedRow, Row, read_customer
from functions.domain.customers import Consent, Customer
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.notifications import Delivery
from functions.ports import CustomerStore, DeliveryStore, NumberingPlans


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """What became of rows."""

    applied: int
    rejected: list[RejectedRow]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a customer as a person."""

    customer: Customer | None
    consent: Consent | None
    deliveries: list[Delivery]


class CustomerService:
    """Imports, exports and forgets."""

    def __init__(self, customers: CustomerStore, deliveries: DeliveryStore, plans: NumberingPlans) -> None:
        self._customers = customers
        self._deliveries = deliveries
        self._plans = plans

    async def load(self, rows: Sequence[Row]) -> Import:
        """Apply every row that can be; a later one of the same customer replaces the earlier. Safe to repeat."""
        good: list[Customer] = []
        rejected: list[RejectedRow] = []
        for number, row in enumerate(rows, 1):
            try:
                good.append(read_customer(row, self._plans.e164))
            except RejectedDocument as fault:
                named = str(row.get("customer_id") or "")[:64]
                rejected.append(RejectedRow(row=number, customer_id=named, field=fault.field, error=fault.reason))
        await self._customers.put(good)
        return Import(applied=len(good), rejected=rejected)

    async def export(self, customer_id: str) -> Record:
        """Everything about a customer; raises `InputError` when there is nothing."""
        customer = await self._customers.read(customer_id)
        deliveries = await self._deliveries.of_customer(customer_id)
        if customer is None and not deliveries:
            raise InputError(f"nothing is known of customer {customer_id}; check the id")
        phone = customer.phone if customer is not None else ""
        consent = await self._deliveries.consent(phone) if phone else None
        return Record(customer=customer, consent=consent, deliveries=deliveries)

    async def forget(self, customer_id: str) -> int:
        """Remove a customer and their messages, also those that wait; returns how many messages there were.

        That the owner of a number asked not to be written to is kept: the next import may bring the number again.
        Raises `InputError` when there is nothing.
        """
        known = await self._customers.remove(customer_id)
        messages = await self._deliveries.remove(customer_id)
        if not known and not messages:
            raise InputError(f"nothing is known of customer {customer_id}; check the id")
        return messages
