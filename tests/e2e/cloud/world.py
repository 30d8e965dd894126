"""One test's world: a database, containers and a queue of its own, the place in the hub where its story begins."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from e2e.cloud.consumer_process import ShiftedClock
from e2e.cloud.endpoints import Endpoints, with_hub
from e2e.cloud.hub import Hub
from e2e.cloud.order import Order, named_for
from e2e.cloud.stories import LATER_S
from functional.promise_house import PRIOR, Silent, score

from functions import names
from functions.adapters.azure_stores import AzureStores
from functions.adapters.cosmos.container import CosmosContainer
from functions.adapters.cosmos.faults import named_faults
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.storage.queues import StorageQueue
from functions.application import Application
from functions.domain.errors import TransientFault
from functions.domain.notifications import WAITING
from functions.domain.roster_row import RosterRow
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
        self._clock = ShiftedClock(self._began)
        cloud = self.order("").cloud
        with named_for(self.name):
            self.azure = AzureStores.over(cloud.cosmos, cloud.blobs, self.name)
            self.hub = Hub(at, names.CHECKPOINTS_BLOBS)
            self.queue = StorageQueue(cloud.queues, names.NOTIFICATIONS_QUEUE)
        self.application = Application.build(
            Settings(output=output),
            self.azure.stores,
            score=score,
            prior=PRIOR,
            notifiers={"console": Silent()},
            plans=PhoneNumbers(),
            telemetry=Silent(),
            clock=self._clock,
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
        while True:
            if await _settled(lambda: self._load(rows)):
                return
            await asyncio.sleep(POLL_S)

    async def _load(self, rows: Sequence[RosterRow]) -> bool:
        await self.application.feeders.load(rows, self.application.clock.now())
        return True

    async def drained(self, within_s: float = ATTEMPTS_S) -> None:
        """Wait until everything sent has led to everything it leads to; raises AssertionError naming what has not."""
        deadline = time.monotonic() + within_s
        for what, is_done in (
            ("readings are not committed", self._readings_done),
            ("anomalies are not correlated", lambda: self._feed_done(names.ANOMALIES, "correlate")),
            ("what time brings is not done", self._pass_time),
            ("incidents are not fanned out", lambda: self._feed_done(names.INCIDENTS, "fan-out")),
            ("messages are not sent", self._messages_done),
        ):
            while not await _settled(is_done):
                assert time.monotonic() < deadline, f"{what} after {within_s:.0f} s; see the logs in {self.output}"
                await asyncio.sleep(POLL_S)

    async def _pass_time(self) -> bool:
        """Do what the timer would half an hour later; the consumers' clocks stay where they are."""
        self._clock.move(LATER_S)
        try:
            await self.application.correlation.release()
        except TransientFault:
            return False
        finally:
            self._clock.move(-LATER_S)
        return True

    async def _readings_done(self) -> bool:
        return await self.hub.lag() == 0

    async def _feed_done(self, container: str, purpose: str) -> bool:
        lease = f"consume:{purpose}"
        found = await CosmosContainer(self.azure.database, names.LEASES).read(lease, lease)
        if found is None or found["place"] is None:
            return False
        proxy = await self.azure.database.container(container)
        with named_faults(f"the change feed of {container}"):
            async for _ in proxy.query_items_change_feed(continuation=found["place"]):
                return False
        return True

    async def _messages_done(self) -> bool:
        if await self.queue.waiting():
            return False
        counts = await self.azure.stores.deliveries.counts()
        return not any(counts.get(state) for state in WAITING)

    async def open(self) -> None:
        """Create what is this world's, and begin after the last event of a hub that others have used."""
        await self.azure.provision()
        await self.queue.create()
        await self.hub.open()

    async def close(self) -> None:
        """Leave nothing behind but the logs."""
        await self.azure.database.drop()
        for each in (self.azure, self.queue, self.hub):
            await each.close()


async def _settled(step: Callable[[], Awaitable[bool]]) -> bool:
    """Whether something is done; not yet, while the store that would tell is made to fail."""
    try:
        return await step()
    except TransientFault:
        return False


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
