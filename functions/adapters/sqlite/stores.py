"""The document stores in SQLite, in the containers that the architecture names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.anomalies import Anomaly
from functions.domain.notifications import Customer, Delivery, DeliveryState
from functions.domain.roster import RosterShard


class SqliteRosters:
    """A `RosterStore`."""

    def __init__(self, database: Database) -> None:
        self._rosters = Container(database, "rosters")

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder."""
        found = self._rosters.partition(feeder_id, RosterShard)
        return [msgspec.structs.replace(shard, etag=etag) for shard, etag in found]

    async def write(self, shard: RosterShard) -> str:
        """Write a shard unchanged since its `etag`, or raise `Conflict`."""
        value = msgspec.structs.replace(shard, etag=None)
        document = Document(shard.feeder_id, shard.id, "roster", value, sort=shard.shard)
        with self._rosters.database.transaction() as connection:
            return self._rosters.replace(document, shard.etag, connection)

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        counts: dict[str, int] = {}
        for shard in self._rosters.select(RosterShard, "type = 'roster' ORDER BY partition"):
            counts[shard.feeder_id] = counts.get(shard.feeder_id, 0) + len(shard.meter_id)
        return counts


class SqliteAnomalies:
    """An `AnomalyStore`."""

    def __init__(self, database: Database) -> None:
        self._anomalies = Container(database, "anomalies", watched=frozenset({"anomaly"}))

    async def insert(self, anomalies: Iterable[Anomaly]) -> int:
        """Insert records whose id is not there yet."""
        documents = [Document(each.feeder_id, each.id, "anomaly", each, each.start, each.kind) for each in anomalies]
        with self._anomalies.database.transaction() as connection:
            return self._anomalies.insert(documents, connection)

    async def between(self, start: int, end: int, kinds: Collection[str]) -> list[Anomaly]:
        """Records of anomalies of these kinds that began before `end` and had not ended before `start`."""
        marks = ", ".join("?" * len(kinds))
        condition = f"type = 'anomaly' AND sort < ? AND state IN ({marks}) ORDER BY sort, id"
        records = self._anomalies.select(Anomaly, condition, end, *sorted(kinds))
        over = {each.anomaly_id for each in records if each.end is not None and each.end <= start}
        return [each for each in records if each.anomaly_id not in over]


class SqliteCustomers:
    """A `CustomerStore`."""

    def __init__(self, database: Database) -> None:
        self._customers = Container(database, "customers")

    async def put(self, customers: Iterable[Customer]) -> None:
        """Write customers."""
        documents = (Document(each.customer_id, each.customer_id, "customer", each) for each in customers)
        with self._customers.database.transaction() as connection:
            self._customers.put(documents, connection)

    async def read(self, customer_id: str) -> Customer | None:
        """One customer; None when unknown."""
        found = self._customers.read(customer_id, customer_id, Customer)
        return None if found is None else found[0]


class SqliteDeliveries:
    """A `DeliveryStore`."""

    def __init__(self, database: Database) -> None:
        self._deliveries = Container(database, "deliveries")

    async def claim(self, delivery: Delivery) -> bool:
        """Insert a claim; False when the key is claimed already, unless the last attempt failed for certain."""
        with self._deliveries.database.transaction() as connection:
            before = self._deliveries.read(delivery.customer_id, delivery.key, Delivery)
            if before is not None and before[0].state is not DeliveryState.failed:
                return False
            self._deliveries.put([_delivery(delivery)], connection)
            return True

    async def read(self, customer_id: str, key: str) -> Delivery | None:
        """The record of one message; None when it was never claimed."""
        found = self._deliveries.read(customer_id, key, Delivery)
        return None if found is None else found[0]

    async def reclaim(self, stale: Delivery, fresh: Delivery) -> bool:
        """Replace a claim by another of the same key if it still stands as `stale`."""
        with self._deliveries.database.transaction() as connection:
            found = self._deliveries.read(stale.customer_id, stale.key, Delivery)
            if found is None or found[0] != stale:
                return False
            self._deliveries.put([_delivery(fresh)], connection)
            return True

    async def finish(self, delivery: Delivery) -> None:
        """Record how a claimed message ended."""
        with self._deliveries.database.transaction() as connection:
            self._deliveries.put([_delivery(delivery)], connection)

    async def counts(self) -> Mapping[str, int]:
        """Number of deliveries by state."""
        return dict(
            self._deliveries.database.rows(
                "SELECT state, count(*) FROM documents WHERE container = 'deliveries' GROUP BY state"
            )
        )


def _delivery(delivery: Delivery) -> Document:
    return Document(
        delivery.customer_id, delivery.key, "delivery", delivery, sort=delivery.claimed_at, state=delivery.state
    )
