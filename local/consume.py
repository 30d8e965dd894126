"""Consume: the product in a container, without the Functions host, sharing the work with others of its kind.

It drives the services that the triggers drive, with the host's semantics: readings come one partition a call and are
tried again until they are committed, only then does the checkpoint move; change feeds and timers run in whichever
process holds their lease; a queued message is hidden while it is handled, and comes back when it was not.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from functions import names
from functions.adapters.clocks import SystemClock
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.feed import CosmosFeed
from functions.adapters.cosmos.leases import CosmosLease
from functions.adapters.event_hubs.consumer import HubConsumer, HubEvent, Sharing
from functions.adapters.event_hubs.publisher import IncidentPublisher
from functions.adapters.queued_message import QueuedMessage
from functions.adapters.storage.queues import StorageQueue
from functions.application import Application
from functions.domain.errors import TransientFault
from functions.ports import LetterSource
from functions.services.scoring import Event
from functions.services.work_order_intake import OrderEvent
from functions.settings import Cloud, Settings
from local.cloud import open_cloud

log = logging.getLogger("metersentry.consume")

FEED_DOCUMENTS = 1_000
QUEUE_MESSAGES = 32
HIDDEN_S = 30
"""As host.json has it."""
IDLE_S = 1.0
ADVANCE_S = 60
INSPECT_HOUR = 5
"""UTC, as the trigger's schedule."""
LONGEST_WAIT_S = 60.0

Step = Callable[[], Awaitable[bool]]
"""One turn of a loop; True when there may be more to do at once."""


class Consumer:
    """All loops of one process over one application."""

    def __init__(
        self,
        application: Application,
        database: CosmosDatabase,
        cloud: Cloud,
        *,
        owner: str = "",
        sharing: Sharing = Sharing(),  # noqa: B008  # a tuple cannot be changed
    ) -> None:
        self._application = application
        self._cloud, self._sharing = cloud, sharing
        owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        clock = application.clock
        self._anomalies = CosmosFeed(database, names.ANOMALIES, "correlate", owner, clock)
        self._incidents = CosmosFeed(database, names.INCIDENTS, "fan-out", owner, clock)
        self._timers = CosmosLease(database, "timers", owner, clock)
        self._queue = StorageQueue(cloud.queues, names.NOTIFICATIONS_QUEUE)
        self._publisher = IncidentPublisher(cloud.event_hubs, names.INCIDENTS_HUB)
        self._readings = HubConsumer(
            cloud.event_hubs,
            names.READINGS_HUB,
            names.READINGS_GROUP,
            blobs=cloud.blobs,
            container=names.CHECKPOINTS_BLOBS,
            handle=self.score,
            sharing=sharing,
        )
        self._advanced_at = 0

    async def run(self, *, timers: bool = True, orders: bool = False) -> None:
        """Work until cancelled; a batch that is cut off is delivered again to whoever takes its partition.

        With `orders`, work orders are taken from their hub as well.
        """
        steps: dict[str, Step] = {
            "correlation": self.correlate,
            "fan-out": self.fan_out,
            "delivery": self.deliver,
        }
        if timers:
            steps["timers"] = self.advance
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self.receive())
                if orders:
                    loops.create_task(self._orders().run())
                for name, step in steps.items():
                    loops.create_task(_forever(name, step))
        finally:
            await self.close()

    async def receive(self) -> None:
        """Take readings until cancelled."""
        await self._readings.run()

    def _orders(self) -> HubConsumer:
        return HubConsumer(
            self._cloud.event_hubs,
            names.WORK_ORDERS_HUB,
            names.WORK_ORDERS_GROUP,
            blobs=self._cloud.blobs,
            container=names.CHECKPOINTS_BLOBS,
            handle=self.take_orders,
            sharing=self._sharing,
        )

    async def take_orders(self, partition: str, events: Sequence[HubEvent]) -> None:
        """Take work orders of one partition."""
        await self._application.work_orders.consume(
            [OrderEvent(each.body, f"{partition}-{each.sequence_number}", each.enqueued_at) for each in events]
        )

    async def settle(self) -> None:
        """Follow what readings have led to, until nothing is left to do."""
        while await self.correlate() or await self.fan_out() or await self.deliver():
            pass

    async def close(self) -> None:
        """Close the connections of this process's own."""
        await self._publisher.close()
        await self._queue.close()

    async def score(self, partition: str, events: Sequence[HubEvent]) -> None:
        """Apply one batch of a partition."""
        await self._application.scoring.score(
            [Event(each.body, LetterSource(partition, each.sequence_number), each.enqueued_at) for each in events]
        )

    async def correlate(self) -> bool:
        """Take new anomaly records into incidents."""
        documents = await self._anomalies.read(FEED_DOCUMENTS)
        if documents:
            await self._application.correlation.correlate(documents)
        # The feed goes past what it does not show, too.
        await self._anomalies.advance()
        return bool(documents)

    async def fan_out(self) -> bool:
        """Queue what customers are to be told, and publish what incidents have become."""
        documents = await self._incidents.read(FEED_DOCUMENTS)
        if documents:
            out = await self._application.fan_out.expand(documents)
            await self._queue.put([msgspec.json.encode(each) for each in out.notifications])
            await self._publisher.publish(out.revisions)
        await self._incidents.advance()
        return bool(documents)

    async def deliver(self) -> bool:
        """Send queued messages."""
        messages = await self._queue.take(HIDDEN_S, QUEUE_MESSAGES)
        await asyncio.gather(*map(self._deliver, messages))
        return bool(messages)

    async def _deliver(self, message: QueuedMessage) -> None:
        try:
            await self._application.dispatch.dispatch(message.body, message.dequeued)
        except Exception as fault:  # noqa: BLE001  # it comes back when its time has passed
            log.warning("message %s, try %d: %s", message.id, message.dequeued, fault)
        else:
            await self._queue.remove(message)

    async def advance(self) -> bool:
        """Do what is due by the clock, in the one process that holds the lease of the timers."""
        now = self._application.clock.now()
        if now - self._advanced_at < ADVANCE_S or not await self._timers.hold():
            return False
        await self._application.advancing.advance()
        self._advanced_at = now
        moment = datetime.fromtimestamp(now, UTC)
        today = moment.date().isoformat()
        if moment.hour >= INSPECT_HOUR and self._timers.place != today:
            await self._application.inspection.publish()
            await self._timers.move(today)
        return False


async def _forever(name: str, step: Step) -> None:
    wait_s = IDLE_S
    while True:
        try:
            busy = await step()
        except TransientFault as fault:
            log.warning("%s: %s; trying again in %.0f s", name, fault, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        except Exception:
            log.exception("%s failed; trying again in %.0f s", name, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        else:
            wait_s = IDLE_S
            if not busy:
                await asyncio.sleep(IDLE_S)


async def run(settings: Settings, cloud: Cloud, out: Path, *, timers: bool) -> None:
    """Consume until SIGTERM or Ctrl-C; what is under way is delivered again to the next process."""
    settings = msgspec.structs.replace(settings, output=out)
    async with open_cloud(settings, cloud, SystemClock()) as machine:
        consumer = Consumer(machine.application, machine.azure.database, cloud)
        work = asyncio.create_task(consumer.run(timers=timers, orders=True))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        log.info("consuming %s; stop with SIGTERM or Ctrl-C", names.READINGS_HUB)
        try:
            await work
        except asyncio.CancelledError:
            log.info("stopped; batches under way come again")
