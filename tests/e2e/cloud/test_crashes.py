"""Killed anywhere, the consumer leaves nothing undone and does nothing twice."""

from __future__ import annotations

import asyncio
import os
import random

from e2e.cloud.fault_points import EVERY, NAMES
from e2e.cloud.oracle import Oracle
from e2e.cloud.order import Point
from e2e.cloud.seat import Seat
from e2e.cloud.told_story import begin
from e2e.cloud.world import World

KILL_POINTS = int(os.environ.get("METERSENTRY_KILL_POINTS", "20"))
SEED = int(os.environ.get("METERSENTRY_KILL_SEED", "1"))

MOST_CHAPTERS = 10
"""Every point is reached within fewer."""


def a_point(rng: random.Random) -> Point:
    """A write of any sort, or any write."""
    name = rng.choice([*NAMES, EVERY, EVERY, EVERY])
    return Point(name, rng.randint(1, 60 if name == EVERY else 3), after=rng.random() < 0.5)


async def dies(world: World, seat: Seat) -> bool:
    """Whether the consumer dies before everything sent has led to all it leads to."""
    end, done = asyncio.create_task(seat.ended()), asyncio.create_task(world.drained())
    await asyncio.wait({end, done}, return_when=asyncio.FIRST_COMPLETED)
    if end.done():
        done.cancel()
        assert end.result() == -9
        await asyncio.gather(done, return_exceptions=True)
        return True
    end.cancel()
    await done
    return False


async def test_killed_at_any_write_it_ends_as_if_undisturbed(here: World, seat: Seat, oracle: Oracle) -> None:
    rng = random.Random(SEED)
    telling = await begin(here, oracle)
    kills = survived = 0
    point = a_point(rng)
    seat.start(here.order("a", die_at=point))
    while kills < KILL_POINTS:
        assert survived < MOST_CHAPTERS, f"{point.name} is not written any more"
        await telling.send()
        survived += 1
        while await dies(here, seat):
            kills, survived, point = kills + 1, 0, a_point(rng)
            await here.hub.forget_owners()
            seat.start(here.order("a", die_at=point if kills < KILL_POINTS else None))
    await telling.check()
