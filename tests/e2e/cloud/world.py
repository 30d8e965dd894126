"""One test's world: a database, containers and a queue of its own, the place in the hub where its story begins."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from azure.eventhub import EventData, parse_connection_string
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient
from e2e.cloud.consumer_process import ShiftedClock
from e2e.cloud.endpoints import Endpoints, with_hub
from e2e.cloud.order import Order, named_for
from e2e.cloud.stories import Sent
from functional.promise_house import PRIOR, Silent, score

from functions import names
from functions.adapters.azure_stores import AzureStores
from functions.adapters.cosmos.container import CosmosContainer
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.queues import StorageQueue
from functions.application import Application
from functions.domain.notifications import WAITING
from functions.domain.roster import RosterRow
from functions.settings import Settings

NUMBERS = itertools.count()
POLL_S = 0.1
ATTEMPTS_S = 60.0


class World:
    """Everything a test does to the product from outside. Made by `world`."""

    def __init__(self, at: Endpoints, output: Path) -> None:
        self.at = at
        self.output = output
        self.name = f"world-{os.getpid()}-{next(NUMBERS)}"
        self._began = time.time()
        cloud = self.order("").cloud
        with named_for(self.name):
            self.azure = AzureStores.over(cloud.cosmos, cloud.blobs, self.name)
            self._checkpoints_name = names.CHECKPOINTS_BLOBS
            self._created = [BlobContainer(cloud.blobs, names.CHECKPOINTS_BLOBS)]
            self.queue = StorageQueue(cloud.queues, names.NOTIFICATIONS_QUEUE)
        self._checkpoints = BlobCheckpointStore.from_connection_string(at.storage, self._checkpoints_name)
        self._blobs = ContainerClient.from_connection_string(at.storage, self._checkpoints_name)
        self.application = Application.build(
            Settings(output=output),
            self.azure.stores,
            score=score,
            prior=PRIOR,
            notifiers={"console": Silent()},
            plans=PhoneNumbers(),
            telemetry=Silent(),
            clock=ShiftedClock(self._began),
        )

    def order(self, owner: str, **more: Any) -> Order:
        """An order for a consumer of this world."""
        return Order(
            owner=owner,
            world=self.name,
            cosmos=self.at.cosmos,
            event_hubs=self.at.event_hubs,
            storage=self.at.storage,
            output=str(self.output),
            began=self._began,
            **more,
        )

    async def load(self, meters: Mapping[str, Sequence[str]]) -> None:
        """Load a story's roster, as the oracle does."""
        rows = [
            RosterRow(meter_id=meter, feeder_id=feeder, transformer_id=f"T{meter[:2]}", nominal_voltage_v=230.0)
            for feeder, these in meters.items()
            for meter in these
        ]
        await self.application.feeders.load(rows, self.application.clock.now())

    async def send(self, events: Sequence[Sent]) -> None:
        """Send events, each to its partition, in their order."""
        for partition in sorted({each.partition for each in events}):
            bodies = [each.body for each in events if each.partition == partition]
            if self.at.broker is not None:  # past the SDK, which leaves the sockets of cut connections open
                await asyncio.to_thread(self.at.broker.append, names.READINGS_HUB, partition, bodies)
            else:
                await self._produce(partition, bodies)

    async def _produce(self, partition: int, bodies: Sequence[bytes]) -> None:
        async with self._producer() as producer:
            batch = await producer.create_batch(partition_id=str(partition))
            for body in bodies:
                try:
                    batch.add(EventData(body))
                except ValueError:  # the batch is full
                    await producer.send_batch(batch)
                    batch = await producer.create_batch(partition_id=str(partition))
                    batch.add(EventData(body))
            await producer.send_batch(batch)

    async def checkpoints(self) -> dict[str, int]:
        """Sequence number of each partition's checkpoint."""
        found = await self._checkpoints.list_checkpoints(*self._consumers_place())
        return {each["partition_id"]: each["sequence_number"] for each in found}

    async def lag(self) -> int:
        """How many sequence numbers the checkpoints are behind the hub."""
        at, last = await self.checkpoints(), await self._last_events()
        return sum(sequence - at.get(partition, -1) for partition, sequence in last.items())

    async def owners(self) -> Counter[str]:
        """How many partitions each consumer owns."""
        owned = await self._checkpoints.list_ownership(*self._consumers_place())
        return Counter(each["owner_id"] for each in owned)

    async def forget_owners(self) -> None:
        """Let whoever owned partitions be long dead, without the wait."""
        async for name in self._blobs.list_blob_names():
            if "/ownership/" in name:
                await self._blobs.delete_blob(name)

    async def drained(self, within_s: float = ATTEMPTS_S) -> None:
        """Wait until everything sent has led to everything it leads to; raises AssertionError naming what has not."""
        deadline = time.monotonic() + within_s
        for what, is_done in (
            ("readings are not committed", self._readings_done),
            ("anomalies are not correlated", lambda: self._feed_done(names.ANOMALIES, "correlate")),
            ("incidents are not fanned out", lambda: self._feed_done(names.INCIDENTS, "fan-out")),
            ("messages are not sent", self._messages_done),
        ):
            while not await is_done():
                assert time.monotonic() < deadline, f"{what} after {within_s:.0f} s; see the logs in {self.output}"
                await asyncio.sleep(POLL_S)

    async def _readings_done(self) -> bool:
        return await self.lag() == 0

    async def _feed_done(self, container: str, purpose: str) -> bool:
        lease = f"consume:{purpose}"
        found = await CosmosContainer(self.azure.database, names.LEASES).read(lease, lease)
        if found is None or found["place"] is None:
            return False
        proxy = await self.azure.database.container(container)
        async for _ in proxy.query_items_change_feed(continuation=found["place"]):
            return False
        return True

    async def _messages_done(self) -> bool:
        if await self.queue.waiting():
            return False
        counts = await self.azure.stores.deliveries.counts()
        return not any(counts.get(state) for state in WAITING)

    def _producer(self) -> EventHubProducerClient:
        return EventHubProducerClient.from_connection_string(self.at.event_hubs, eventhub_name=names.READINGS_HUB)

    async def _last_events(self) -> dict[str, int]:
        """Sequence number of the last event of every partition that has one."""
        if self.at.broker is None:
            return {partition: sequence for partition, (sequence, _) in (await self._last_places()).items()}
        hub = (await asyncio.to_thread(self.at.broker.state))["hubs"][names.READINGS_HUB]
        return {each["partition"]: each["last_sequence"] for each in hub if each["events"]}

    async def _last_places(self) -> dict[str, tuple[int, str]]:
        """Sequence number and offset of the same events, as the service tells them."""
        async with self._producer() as producer:
            told = [await producer.get_partition_properties(each) for each in await producer.get_partition_ids()]
        return {
            each["id"]: (each["last_enqueued_sequence_number"], each["last_enqueued_offset"])
            for each in told
            if not each["is_empty"]
        }

    def _consumers_place(self) -> tuple[str, str, str]:
        namespace = parse_connection_string(self.at.event_hubs).fully_qualified_namespace
        return namespace, names.READINGS_HUB, names.READINGS_GROUP

    async def open(self) -> None:
        """Create what is this world's, and begin after the last event of a hub that others have used."""
        await self.azure.provision()
        await self._created[0].create()
        await self.queue.create()
        if self.at.broker is not None:
            return
        namespace, hub, group = self._consumers_place()
        for partition, (sequence, offset) in (await self._last_places()).items():
            place = {
                "fully_qualified_namespace": namespace,
                "eventhub_name": hub,
                "consumer_group": group,
                "partition_id": partition,
                "offset": offset,
                "sequence_number": sequence,
            }
            await self._checkpoints.update_checkpoint(place)

    async def close(self) -> None:
        """Leave nothing behind but the logs."""
        await self.azure.database.drop()
        for each in (self.azure, self.queue, self._checkpoints, self._blobs, *self._created):
            await each.close()


@asynccontextmanager
async def world(at: Endpoints, output: Path) -> AsyncIterator[World]:
    """A fresh world, which ends with whatever faults it was made to suffer."""
    with with_hub(at) as everything:
        made = World(everything, output)
        try:
            await made.open()
            yield made
        finally:
            if at.cosmos_server is not None:
                at.cosmos_server.clear_faults()
            await made.close()
