"""The readings hub as a test sees it: events in, checkpoints and owners of partitions out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from azure.eventhub import EventData, parse_connection_string
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient
from e2e.cloud.endpoints import Endpoints
from e2e.cloud.stories import Sent

from functions import names


class Hub:
    """The hub, and the container of blobs in which its consumers keep their place."""

    def __init__(self, at: Endpoints, checkpoints: str) -> None:
        self._at = at
        self._checkpoints = BlobCheckpointStore.from_connection_string(at.storage, checkpoints)
        self._blobs = ContainerClient.from_connection_string(at.storage, checkpoints)

    async def open(self) -> None:
        """Create the container, and let consumers begin after the last event of a hub that others have used."""
        await self._blobs.create_container()
        if self._at.broker is not None:
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

    async def send(self, events: Sequence[Sent]) -> None:
        """Send events, each to its partition, in their order."""
        for partition in sorted({each.partition for each in events}):
            bodies = [each.body for each in events if each.partition == partition]
            if self._at.broker is not None:  # past the SDK, which leaves the sockets of cut connections open
                await asyncio.to_thread(self._at.broker.append, names.READINGS_HUB, partition, bodies)
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

    def _producer(self) -> EventHubProducerClient:
        return EventHubProducerClient.from_connection_string(self._at.event_hubs, eventhub_name=names.READINGS_HUB)

    async def _last_events(self) -> dict[str, int]:
        """Sequence number of the last event of every partition that has one."""
        if self._at.broker is None:
            return {partition: sequence for partition, (sequence, _) in (await self._last_places()).items()}
        hub = (await asyncio.to_thread(self._at.broker.state))["hubs"][names.READINGS_HUB]
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
        namespace = parse_connection_string(self._at.event_hubs).fully_qualified_namespace
        return namespace, names.READINGS_HUB, names.READINGS_GROUP

    async def close(self) -> None:
        """Close the connections."""
        await self._checkpoints.close()
        await self._blobs.close()
