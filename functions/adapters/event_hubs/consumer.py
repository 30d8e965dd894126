"""Consuming readings outside Functions, with the semantics of its host: one partition a call, retries, a checkpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from functions import names
from functions.adapters.event_hubs.connection import named_setting
from functions.adapters.identity import credential
from functions.ports import Link

log = logging.getLogger(__name__)

BATCH_EVENTS = 100
PREFETCH_EVENTS = 300
"""As host.json has them."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0


class Sharing(NamedTuple):
    """How quickly processes share partitions."""

    balance_s: float = 10.0
    """How often each looks whether the partitions are shared fairly."""
    ownership_s: float = 40.0
    """One that has not renewed its partitions for this long has died."""


class HubEvent(NamedTuple):
    """One event as it was received."""

    body: bytes
    sequence_number: int
    enqueued_at: int


Handle = Callable[[str, Sequence[HubEvent]], Awaitable[object]]


class HubConsumer:
    """Shares the partitions of a hub with the other processes of its consumer group.

    A batch is handed to `handle` until it succeeds; only then does the checkpoint move. Whoever takes a partition over
    starts from the last checkpoint, so that batches come again, and none is passed over.
    """

    def __init__(
        self,
        hub: Link,
        name: str,
        group: str,
        *,
        blobs: Link,
        container: str,
        handle: Handle,
        sharing: Sharing = Sharing(),  # noqa: B008  # a tuple cannot be changed
    ) -> None:
        self._handle = handle
        with named_setting(names.STORAGE_CONNECTION):
            self._checkpoints = _checkpoints(blobs, container)
        options: dict[str, Any] = {
            "checkpoint_store": self._checkpoints,
            "load_balancing_interval": sharing.balance_s,
            "partition_ownership_expiration_interval": sharing.ownership_s,
        }
        with named_setting():
            if hub.connection:
                self._client = EventHubConsumerClient.from_connection_string(
                    hub.connection, group, eventhub_name=name, **options
                )
            else:
                self._client = EventHubConsumerClient(hub.address, name, group, credential(hub), **options)

    async def run(self) -> None:
        """Receive until cancelled."""
        try:
            await self._client.receive_batch(
                self._on_batch,
                max_batch_size=BATCH_EVENTS,
                prefetch=PREFETCH_EVENTS,
                starting_position="-1",
                on_error=_on_error,
            )
        finally:
            await self._client.close()
            await self._checkpoints.close()

    async def _on_batch(self, context: PartitionContext, events: list[EventData]) -> None:
        # An exception that left here would stop the partition for good.
        if events:
            received = [_received(event) for event in events]
            await _until_done(f"partition {context.partition_id}", lambda: self._handle(context.partition_id, received))
            await _until_done(
                f"the checkpoint of partition {context.partition_id}", lambda: context.update_checkpoint(events[-1])
            )


async def _until_done(what: str, attempt: Callable[[], Awaitable[object]]) -> None:
    """Try without limit: while a store is out of reach the checkpoint waits, and Event Hubs is the buffer."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            await attempt()
        except Exception as fault:  # noqa: BLE001  # whatever it is, nothing may be passed over
            log.warning("%s: %s: %s; trying again in %.0f s", what, type(fault).__name__, fault, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        else:
            return


async def _on_error(context: PartitionContext | None, fault: Exception) -> None:
    where = f"partition {context.partition_id}" if context else "load balancing"
    log.warning("%s: %s; the SDK connects again", where, str(fault).partition("\n")[0])


def _received(event: EventData) -> HubEvent:
    body = event.body
    moment = event.enqueued_time
    return HubEvent(
        body if isinstance(body, bytes) else b"".join(cast("Iterable[bytes]", body)),
        event.sequence_number or 0,
        int(moment.timestamp()) if moment else 0,
    )


def _checkpoints(blobs: Link, container: str) -> BlobCheckpointStore:
    if blobs.connection:
        return BlobCheckpointStore.from_connection_string(blobs.connection, container)
    return BlobCheckpointStore(blobs.address, container, credential=credential(blobs))
