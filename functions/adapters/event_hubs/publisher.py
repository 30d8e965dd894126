"""Publishing incident revisions for the utility's outage management system."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from functions.adapters.event_hubs.connection import named_setting
from functions.adapters.identity import credential
from functions.domain.errors import TransientFault
from functions.domain.incidents import Incident
from functions.ports import Link


class IncidentPublisher:
    """Sends revisions in order, each feeder's to one partition. A repeat carries the same `id`."""

    def __init__(self, link: Link, hub: str) -> None:
        with named_setting():
            if link.connection:
                self._producer = EventHubProducerClient.from_connection_string(link.connection, eventhub_name=hub)
            else:
                self._producer = EventHubProducerClient(link.address, hub, credential(link))

    async def publish(self, revisions: Iterable[Incident]) -> None:
        """Send revisions; raises `TransientFault` when the hub is away."""
        by_feeder: dict[str, list[bytes]] = {}
        for each in revisions:
            by_feeder.setdefault(each.feeder_id, []).append(msgspec.json.encode(each))
        try:
            for feeder_id, bodies in by_feeder.items():
                await self._send(feeder_id, bodies)
        except EventHubError as fault:
            reason = str(fault).partition("\n")[0]
            raise TransientFault(f"Event Hubs did not take the incidents ({reason}); they are sent again") from fault

    async def _send(self, partition_key: str, bodies: list[bytes]) -> None:
        batch = await self._producer.create_batch(partition_key=partition_key)
        for body in bodies:
            try:
                batch.add(EventData(body))
            except ValueError:  # the batch is full
                await self._producer.send_batch(batch)
                batch = await self._producer.create_batch(partition_key=partition_key)
                batch.add(EventData(body))
        await self._producer.send_batch(batch)

    async def close(self) -> None:
        """Close the connection."""
        await self._producer.close()
