"""Advancing: what happens because time passes. Runs every minute; each run does a bounded amount of work."""

from __future__ import annotations

from dataclasses import dataclass

from functions.domain.packs import Pack
from functions.ports import Clock, PackStore
from functions.services.correlation import CorrelationService
from functions.services.feeders import Feeders
from functions.services.states import States

PACKS_A_RUN = 2_000
OUTBOX_AGE_S = 300
"""An outbox this old was left by an instance that died between its commit and its insert."""


@dataclass(frozen=True)
class AdvanceReport:
    """What one run did."""

    silent: int
    flushed: int
    released: int


class AdvanceService:
    """Finds meters that fell silent, outboxes left behind, and suppressions that have ended."""

    def __init__(
        self, packs: PackStore, feeders: Feeders, states: States, correlation: CorrelationService, clock: Clock
    ) -> None:
        self._packs = packs
        self._feeders = feeders
        self._states = states
        self._correlation = correlation
        self._clock = clock

    async def advance(self) -> AdvanceReport:
        """Do what is due by now."""
        now = self._clock.now()
        silent = await self._sweep(await self._packs.due(now, PACKS_A_RUN), now)
        left = await self._packs.pending(now - OUTBOX_AGE_S, PACKS_A_RUN)
        silent += await self._sweep(left, now)
        released = await self._correlation.release()
        return AdvanceReport(silent=silent, flushed=len(left), released=len(released))

    async def _sweep(self, packs: list[Pack], now: int) -> int:
        if not packs:
            return 0
        rosters = {feeder: await self._feeders.roster(feeder, now) for feeder in {pack.feeder_id for pack in packs}}
        return await self._states.sweep(packs, rosters, now)
