"""Sending packed readings, as a utility's head-end does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from functions.domain.errors import InputError, TransientFault
from functions.ports import Link

if TYPE_CHECKING:
    from azure.eventhub import EventHubProducerClient


class EventHubSender:
    """Sends event bodies keyed by feeder, so that a feeder's meters stay on one partition and in order."""

    def __init__(self, link: Link, hub: str) -> None:
        self._producer = _producer(link, hub)

    def send(self, partition_key: str, bodies: Sequence[bytes]) -> None:
        """Send bodies in order, in as few batches as they fit in; raises `TransientFault` when the hub is away."""
        from azure.eventhub import EventData
        from azure.eventhub.exceptions import EventHubError

        try:
            batch = self._producer.create_batch(partition_key=partition_key)
            for body in bodies:
                try:
                    batch.add(EventData(body))
                except ValueError:  # the batch is full
                    self._producer.send_batch(batch)
                    batch = self._producer.create_batch(partition_key=partition_key)
                    batch.add(EventData(body))
            if len(batch):
                self._producer.send_batch(batch)
        except EventHubError as fault:
            reason = str(fault).partition("\n")[0]
            raise TransientFault(f"Event Hubs did not take the events ({reason}); push again") from fault

    def close(self) -> None:
        """Close the connection."""
        self._producer.close()


def _producer(link: Link, hub: str) -> EventHubProducerClient:
    from azure.eventhub import EventHubProducerClient

    if not link.connection:
        from azure.identity import DefaultAzureCredential

        return EventHubProducerClient(link.address, hub, DefaultAzureCredential())
    try:
        return EventHubProducerClient.from_connection_string(link.connection, eventhub_name=hub)
    except ValueError as fault:
        raise InputError(f"the connection string cannot be used ({fault}); copy it from the namespace") from fault
