"""Allowance: permission to send, within limits that all processes share.

A process takes a handful at a time, so that the shared document is not asked for each message. What it has not used by
the end of the minute is lost.
"""

from __future__ import annotations

import msgspec

from functions.domain.errors import Conflict
from functions.domain.rates import MINUTE_S, Limits, grant
from functions.ports import Clock, DeliveryStore

HANDFUL = 20
ATTEMPTS = 8


class Allowance:
    """Asks before each message."""

    def __init__(self, deliveries: DeliveryStore, limits: Limits, clock: Clock) -> None:
        self._deliveries = deliveries
        self._limits = limits
        self._clock = clock
        self._left: dict[tuple[str, bool, bool], tuple[int, int]] = {}
        """Minute and number left, by sender, whether for critical customers, and whether for the backlog."""

    async def take(self, sender: str, *, critical: bool, waited: bool = False) -> bool:
        """Whether one message may leave now; `waited`: it comes from the backlog."""
        if not any(self._limits):
            return True
        purpose, minute = (sender, critical, waited), self._clock.now() // MINUTE_S
        since, left = self._left.get(purpose, (minute, 0))
        if since != minute or not left:
            left = await self._handful(sender, critical=critical, waited=waited)
            since, extra = self._left.get(purpose, (minute, 0))
            left += extra if since == minute else 0  # another task may have taken some meanwhile
        self._left[purpose] = (minute, max(0, left - 1))
        return left > 0

    async def line_up(self) -> None:
        """Let messages that come now wait behind those that still do, for a minute."""
        if not any(self._limits):
            return
        now = self._clock.now()
        for _ in range(ATTEMPTS):
            rates = msgspec.structs.replace(await self._deliveries.rates(), backlog_until=now + MINUTE_S)
            try:
                await self._deliveries.put_rates(rates)
            except Conflict:
                continue
            return

    async def _handful(self, sender: str, *, critical: bool, waited: bool) -> int:
        """Take some from what all share; none when too many others take at the same time."""
        now = self._clock.now()
        for _ in range(ATTEMPTS):
            rates, granted = grant(
                await self._deliveries.rates(),
                self._limits,
                sender,
                critical=critical,
                wanted=HANDFUL,
                now=now,
                waited=waited,
            )
            if not granted:
                return 0
            try:
                await self._deliveries.put_rates(rates)
            except Conflict:
                continue
            return granted
        return 0
