"""Deliveries in SQLite: attempts by key, what numbers said, and what was spent of the limits."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.customers import Consent
from functions.domain.notifications import WAITING, Delivery, DeliveryState
from functions.domain.rates import Rates

DELIVERY, WAITS, WAITS_CRITICAL, UNCONFIRMED = "delivery", "waiting", "waiting_critical", "unconfirmed"
"""Types of documents, so that what is due is found by the index of types."""


class SqliteDeliveries:
    """A `DeliveryStore`."""

    def __init__(self, database: Database) -> None:
        self._deliveries = Container(database, "deliveries")

    async def claim(self, delivery: Delivery) -> bool:
        """Insert the record of an attempt."""
        with self._deliveries.database.transaction() as connection:
            return bool(self._deliveries.insert([_document(delivery)], connection))

    async def read(self, customer_id: str, key: str) -> Delivery | None:
        """The record of one attempt."""
        found = self._deliveries.read(customer_id, key, Delivery)
        return None if found is None else found[0]

    async def replace(self, before: Delivery, after: Delivery) -> bool:
        """Replace a record if it still stands as `before`."""
        with self._deliveries.database.transaction() as connection:
            found = self._deliveries.read(before.customer_id, before.key, Delivery)
            if found is None or found[0] != before:
                return False
            self._deliveries.put([_document(after)], connection)
            return True

    async def due(self, now: int, *, critical: bool, limit: int) -> list[Delivery]:
        """Waiting records whose time has come, the longest due first."""
        kind = WAITS_CRITICAL if critical else WAITS
        return self._deliveries.select(Delivery, "type = ? AND sort <= ? ORDER BY sort, id LIMIT ?", kind, now, limit)

    async def unconfirmed(self, now: int, limit: int) -> list[Delivery]:
        """Sent records whose `not_before` has come, the longest due first."""
        return self._deliveries.select(
            Delivery, "type = ? AND sort <= ? ORDER BY sort, id LIMIT ?", UNCONFIRMED, now, limit
        )

    async def waiting(self, now: int) -> int:
        """How many held messages are due."""
        ((count,),) = self._deliveries.database.rows(
            "SELECT count(*) FROM documents WHERE container = 'deliveries' AND type IN (?, ?) AND sort <= ?"
            " AND state = ?",
            (WAITS, WAITS_CRITICAL, now, DeliveryState.held),
        )
        return int(count)

    async def in_state(self, state: DeliveryState, limit: int) -> list[Delivery]:
        """Records in a state, the latest claimed first."""
        wanted = "state = ? ORDER BY json_extract(body, '$.claimed_at') DESC, id LIMIT ?"
        return self._deliveries.select(Delivery, wanted, state, limit)

    async def of_customer(self, customer_id: str) -> list[Delivery]:
        """Every record of one customer, in the order they were claimed."""
        found = self._deliveries.select(Delivery, "partition = ?", customer_id)
        return sorted(found, key=lambda each: (each.claimed_at, each.key))

    async def remove(self, customer_id: str) -> int:
        """Forget every record of a customer."""
        with self._deliveries.database.transaction() as connection:
            return self._deliveries.remove("partition = ?", (customer_id,), connection)

    async def counts(self) -> Mapping[str, int]:
        """Number of deliveries by state."""
        return dict(
            self._deliveries.database.rows(
                "SELECT state, count(*) FROM documents WHERE container = 'deliveries' AND state IS NOT NULL"
                " GROUP BY state"
            )
        )

    async def consent(self, phone: str) -> Consent | None:
        """What the owner of a number said last."""
        found = self._deliveries.read(f"phone:{phone}", "consent", Consent)
        return None if found is None else found[0]

    async def put_consent(self, consent: Consent) -> None:
        """Keep what the owner of a number said."""
        with self._deliveries.database.transaction() as connection:
            self._deliveries.put([Document(f"phone:{consent.phone}", "consent", "consent", consent)], connection)

    async def rates(self) -> Rates:
        """What was spent of the limits."""
        found = self._deliveries.read(":rates", "rates", Rates)
        return Rates() if found is None else msgspec.structs.replace(found[0], etag=found[1])

    async def put_rates(self, rates: Rates) -> None:
        """Write what was spent if it is unchanged since its `etag`."""
        value = msgspec.structs.replace(rates, etag=None)
        with self._deliveries.database.transaction() as connection:
            self._deliveries.replace(Document(":rates", "rates", "rates", value), rates.etag, connection)


def _document(delivery: Delivery) -> Document:
    kind, sort = DELIVERY, delivery.claimed_at
    if delivery.state in WAITING:
        kind, sort = (WAITS_CRITICAL if delivery.critical else WAITS), delivery.not_before
    elif delivery.state is DeliveryState.sent and delivery.not_before:
        kind, sort = UNCONFIRMED, delivery.not_before
    return Document(delivery.customer_id, delivery.key, kind, delivery, sort=sort, state=delivery.state)
