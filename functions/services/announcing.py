"""Announcing: orders become words to the customers below their assets, when these are due.

One word is told feeder by feeder. Each feeder is one conditional commit of the announcement with the feeder's intent,
so that a process that dies, or two at once, tell nobody twice and forget nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from functions.domain.announcements import (
    Announcement,
    begun,
    concerned,
    heard,
    intent_of,
    told_next_feeder,
)
from functions.domain.errors import Conflict, TransientFault
from functions.domain.incidents import chunk
from functions.domain.topology import FeederMap
from functions.domain.work_orders import WorkOrder
from functions.ports import AnnouncementStore, Clock, IncidentStore
from functions.services.feeders import Feeders
from functions.services.isolation import isolate

log = logging.getLogger("metersentry.announcing")

MOST_A_RUN = 6_000
"""Customers told in a minute: as many as may be sent to by default, so that an outage finds no queue of notices before
it, and what is expanded at once stays small. A feeder that is begun with is finished."""
ORDERS_A_RUN = 500
ATTEMPTS = 8


class AnnouncingService:
    """Hears of orders, and tells of them in time."""

    def __init__(
        self, announcements: AnnouncementStore, incidents: IncidentStore, feeders: Feeders, clock: Clock
    ) -> None:
        self._announcements = announcements
        self._incidents = incidents
        self._feeders = feeders
        self._clock = clock

    async def hear(self, order: WorkOrder, feeders: Iterable[str]) -> None:
        """Take in a version of an order and the feeders below its asset. Safe to repeat, in any order."""
        below = sorted(feeders)
        for _ in range(ATTEMPTS):
            known = await self._announcements.read(order.work_order_id)
            after = heard(known, order, below, self._clock.now())
            if after is None or after is known:
                return
            try:
                await self._announcements.commit(after, [])
            except Conflict:
                continue
            return
        raise TransientFault(
            f"the announcement of work order {order.work_order_id} changes faster than it can be written; try again"
        )

    async def advance(self) -> int:
        """Tell what is due; returns how many customers are to hear of something.

        An order that cannot be told of is logged and does not hold up the others.
        """
        customers = 0

        async def handle(orders: Sequence[str]) -> None:
            nonlocal customers
            for order_id in orders:
                if customers < MOST_A_RUN:
                    customers += await self._tell(order_id, MOST_A_RUN - customers)

        async def bury(order_id: str, fault: Exception) -> None:
            log.error("work order %s cannot be announced: %s", order_id, fault)

        await isolate(await self._announcements.due(self._clock.now(), ORDERS_A_RUN), handle, bury)
        return customers

    async def _tell(self, order_id: str, most: int) -> int:
        """Tell what is due of one order, feeder by feeder, until so many customers were told."""
        customers = 0
        while customers < most:
            now = self._clock.now()
            known = await self._announcements.read(order_id)
            if known is None or known.look_at is None or known.look_at > now:
                break
            try:
                customers += await self._step(begun(known, now), now)
            except Conflict:
                continue  # somebody else told, or the order has changed: look again
        return customers

    async def _step(self, announcement: Announcement, now: int) -> int:
        """Tell one feeder, or note that nothing is to be told now."""
        word = announcement.word
        if word is None:
            await self._announcements.commit(announcement, [])
            return 0
        feeder_id = word.feeders[word.done]
        members = concerned(word, FeederMap.of(await self._feeders.roster(feeder_id, now)))
        label = f"{announcement.revision}:{feeder_id}"
        chunks = chunk(announcement.partition, word.order.work_order_id, label, members)
        await self._incidents.put_chunks(chunks)
        intents = [intent_of(announcement, feeder_id, [each.id for each in chunks], now)] if chunks else []
        await self._announcements.commit(told_next_feeder(announcement, now), intents)
        return len(members)
