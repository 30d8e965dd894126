"""Weather: something goes wrong every few seconds, the same for a seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
from e2e.cloud.order import Order
from e2e.cloud.seat import Seat
from e2e.cloud.world import World
from emulators.cosmos.faults import Rule

CALM_S = (1.0, 4.0)
LASTS_S = 3.0
RULES = {
    "throttled": Rule("throttle", times=None, probability=0.7, retry_after_ms=200),
    "503": Rule("unavailable", times=None, probability=0.5),
    "slow": Rule("latency", times=None, delay_s=0.5),
    "store cut": Rule("cut", times=None, probability=0.2),
    "replies lost": Rule("drop_reply", times=None, probability=0.2),
}


class Weather:
    """Strikes the stores and the hub, and one of two consumers."""

    def __init__(self, world: World, victim: Seat, order: Order, seed: int) -> None:
        assert world.at.cosmos_server is not None
        assert world.at.broker is not None
        self.struck: Counter[str] = Counter()
        self._cosmos = world.at.cosmos_server
        self._broker = world.at.broker
        self._victim = victim
        self._order = order
        self._random = random.Random(seed)

    async def blow(self) -> None:
        """Go on until cancelled."""
        strikes: dict[str, Callable[[], Awaitable[None]]] = {"killed": self._kill, "hub cut": self._cut}
        while True:
            await asyncio.sleep(self._random.uniform(*CALM_S))
            name = self._random.choice([*RULES, *strikes])
            self.struck[name] += 1
            if name in strikes:
                await strikes[name]()
            else:
                rule = msgspec.structs.replace(RULES[name], seed=self._random.randrange(1_000), seconds=LASTS_S)
                await asyncio.to_thread(self._cosmos.set_faults, rule)

    async def _kill(self) -> None:
        await self._victim.kill()
        await asyncio.sleep(1)
        self._victim.start(self._order)

    async def _cut(self) -> None:
        await asyncio.to_thread(self._broker.cut)
