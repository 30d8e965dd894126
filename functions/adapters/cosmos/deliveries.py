"""Deliveries in Cosmos DB: a claim is an insert that conflicts.

What numbers said and what was spent of the limits is kept beside them, in partitions that no customer id can have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import uuid4

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import FOREVER
from functions.domain.customers import Consent
from functions.domain.errors import Conflict
from functions.domain.notifications import WAITING, Delivery, DeliveryState
from functions.domain.rates import Rates

RATES = ":rates"


class CosmosDeliveries:
    """A `DeliveryStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._deliveries = CosmosContainer(database, names.DELIVERIES)

    async def claim(self, delivery: Delivery) -> bool:
        """Insert the record of an attempt."""
        # When the reply to an insert is lost, the repeated insert conflicts with itself: the mark tells whose it is.
        document = _document(delivery)
        try:
            await self._deliveries.create(document)
        except Conflict:
            return await self._is_ours(document)
        return True

    async def read(self, customer_id: str, key: str) -> Delivery | None:
        """The record of one attempt."""
        found = await self._deliveries.read(customer_id, key)
        return None if found is None else msgspec.convert(found, Delivery)

    async def replace(self, before: Delivery, after: Delivery) -> bool:
        """Replace a record if it still stands as `before`."""
        found = await self._deliveries.read(before.customer_id, before.key)
        if found is None or msgspec.convert(found, Delivery) != before:
            return False
        document = _document(after)
        try:
            await self._deliveries.replace(document, found["_etag"])
        except Conflict:
            return await self._is_ours(document)
        return True

    async def _is_ours(self, document: Document) -> bool:
        now = await self._deliveries.read(document["customer_id"], document["key"])
        return now is not None and bool(now["mark"] == document["mark"])

    async def due(self, now: int, *, critical: bool, limit: int) -> list[Delivery]:
        """Waiting records whose time has come, the longest due first."""
        text = (
            "SELECT * FROM c WHERE c.state IN (@held, @claimed, @unknown) AND c.critical = @critical"
            " AND c.not_before <= @now ORDER BY c.not_before OFFSET 0 LIMIT @limit"
        )
        states = {state.value: state.value for state in WAITING}
        found = self._deliveries.query(text, {**states, "critical": critical, "now": now, "limit": limit})
        return [msgspec.convert(each, Delivery) async for each in found]

    async def unconfirmed(self, now: int, limit: int) -> list[Delivery]:
        """Sent records whose `not_before` has come, the longest due first."""
        text = (
            "SELECT * FROM c WHERE c.state = @state AND c.not_before > 0 AND c.not_before <= @now"
            " ORDER BY c.not_before OFFSET 0 LIMIT @limit"
        )
        values = {"state": DeliveryState.sent.value, "now": now, "limit": limit}
        return [msgspec.convert(each, Delivery) async for each in self._deliveries.query(text, values)]

    async def waiting(self, now: int) -> int:
        """How many held messages are due."""
        text = "SELECT VALUE COUNT(1) FROM c WHERE c.state = @state AND c.not_before <= @now"
        values = {"state": DeliveryState.held.value, "now": now}
        return sum([each async for each in self._deliveries.query(text, values)])

    async def in_state(self, state: DeliveryState, limit: int) -> list[Delivery]:
        """Records in a state, the latest claimed first."""
        found = self._deliveries.query(
            "SELECT * FROM c WHERE c.state = @state ORDER BY c._ts DESC OFFSET 0 LIMIT @limit",
            {"state": state.value, "limit": limit},
        )
        deliveries = [msgspec.convert(each, Delivery) async for each in found]
        return sorted(deliveries, key=lambda each: (-each.claimed_at, each.key))

    async def of_customer(self, customer_id: str) -> list[Delivery]:
        """Every record of one customer, in the order they were claimed."""
        found = self._deliveries.query("SELECT * FROM c", partition=customer_id)
        deliveries = [msgspec.convert(each, Delivery) async for each in found]
        return sorted(deliveries, key=lambda each: (each.claimed_at, each.key))

    async def remove(self, customer_id: str) -> int:
        """Forget every record of a customer."""
        keys = [each.key for each in await self.of_customer(customer_id)]
        return sum(await asyncio.gather(*(self._deliveries.remove(customer_id, key) for key in keys)))

    async def counts(self) -> Mapping[str, int]:
        """Number of deliveries by state."""
        counts = {}
        for state in DeliveryState:
            text = "SELECT VALUE COUNT(1) FROM c WHERE c.state = @state"
            counts[state.value] = sum([each async for each in self._deliveries.query(text, {"state": state.value})])
        return {state: count for state, count in counts.items() if count}

    async def consent(self, phone: str) -> Consent | None:
        """What the owner of a number said last."""
        found = await self._deliveries.read(f"phone:{phone}", "consent")
        return None if found is None else msgspec.convert(found["consent"], Consent)

    async def put_consent(self, consent: Consent) -> None:
        """Keep what the owner of a number said, for as long as there are customers."""
        said = msgspec.to_builtins(consent)
        partition = f"phone:{consent.phone}"
        await self._deliveries.put({"id": "consent", "customer_id": partition, "consent": said, "ttl": FOREVER})

    async def rates(self) -> Rates:
        """What was spent of the limits."""
        found = await self._deliveries.read(RATES, RATES)
        return Rates() if found is None else msgspec.convert({**found["rates"], "etag": found["_etag"]}, Rates)

    async def put_rates(self, rates: Rates) -> None:
        """Write what was spent if it is unchanged since its `etag`."""
        spent = msgspec.to_builtins(msgspec.structs.replace(rates, etag=None))
        document = {"id": RATES, "customer_id": RATES, "rates": spent}
        if rates.etag is None:
            await self._deliveries.create(document)
        else:
            await self._deliveries.replace(document, rates.etag)


def _document(delivery: Delivery) -> Document:
    return plain(delivery, id=delivery.key, mark=uuid4().hex)
