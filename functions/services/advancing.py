"""Advancing: what happens because time passes. Runs every minute; each run does a bounded amount of work."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from functions.domain.packs import Pack
from functions.ports import Clock, PackStore
from functions.services.announcing import AnnouncingService
from functions.services.confirming import ConfirmService
from functions.services.correlation import CorrelationService
from functions.services.expectations import ExpectationService
from functions.services.feeders import Feeders
from functions.services.isolation import isolate
from functions.services.releasing import ReleaseService
from functions.services.states import States

log = logging.getLogger(__name__)

PACKS_A_RUN = 2_000
PACKS_AT_ONCE = 200
"""A sweep holds up scoring only this long."""
OUTBOX_AGE_S = 300
"""An outbox this old was left by an instance that died between its commit and its insert."""


@dataclass(frozen=True)
class AdvanceReport:
    """What one run did."""

    silent: int
    flushed: int
    released: int
    announced: int
    """Customers to be told of planned work."""
    messages: int
    """Held messages taken up again, and sent ones whose end is known now."""


class AdvanceService:
    """Finds silent meters, outboxes left behind, suppressions that have ended, due messages, and what outages teach."""

    def __init__(
        self,
        packs: PackStore,
        feeders: Feeders,
        states: States,
        correlation: CorrelationService,
        announcing: AnnouncingService,
        releasing: ReleaseService,
        confirming: ConfirmService,
        expectations: ExpectationService,
        clock: Clock,
    ) -> None:
        self._packs = packs
        self._feeders = feeders
        self._states = states
        self._correlation = correlation
        self._announcing = announcing
        self._releasing = releasing
        self._confirming = confirming
        self._expectations = expectations
        self._clock = clock

    async def advance(self) -> AdvanceReport:
        """Do what is due by now. A pack or board that cannot be handled is logged and does not hold up the others."""
        now = self._clock.now()
        silent = await self._sweep(await self._packs.due(now, PACKS_A_RUN), now)
        left = await self._packs.pending(now - OUTBOX_AGE_S, PACKS_A_RUN)
        silent += await self._sweep(left, now)
        released = await self._correlation.release()
        announced = await self._announcing.advance()
        messages = (await self._releasing.release()).handled + await self._confirming.confirm()
        await self._expectations.learn()  # last: nobody waits for it
        return AdvanceReport(
            silent=silent, flushed=len(left), released=released, announced=announced, messages=messages
        )

    async def _sweep(self, packs: list[Pack], now: int) -> int:
        silent = 0

        async def handle(some: Sequence[Pack]) -> None:
            nonlocal silent
            rosters = {each.feeder_id: await self._feeders.roster(each.feeder_id, now) for each in some}
            silent += await self._states.sweep(some, rosters, now)

        async def bury(pack: Pack, fault: Exception) -> None:
            log.error("pack %s cannot be swept for silence: %s", pack.id, fault)

        for first in range(0, len(packs), PACKS_AT_ONCE):
            await isolate(packs[first : first + PACKS_AT_ONCE], handle, bury)
        return silent
