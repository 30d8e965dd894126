"""Two consumers on one hub: one dies or leaves, the other goes on where it was."""

from __future__ import annotations

import asyncio
import time

import pytest
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches
from e2e.cloud.seat import Seat
from e2e.cloud.stories import Story
from e2e.cloud.told_story import begin
from e2e.cloud.world import World
from emulators.cosmos import CosmosServer

SHARED_S = 15.0


async def both_work(world: World) -> None:
    """Wait until each of two consumers reads two of the four partitions."""
    deadline = time.monotonic() + SHARED_S
    while sorted((await world.hub.owners()).values()) != [2, 2]:
        assert time.monotonic() < deadline, "the partitions are not shared fairly"
        await asyncio.sleep(0.1)


async def start_both(world: World, seats: tuple[Seat, Seat]) -> None:
    for seat, owner in zip(seats, ("a", "b"), strict=True):
        seat.start(world.order(owner, alone=False))
    await both_work(world)


@pytest.mark.parametrize("graceful", [False, True], ids=["kill -9", "SIGTERM"])
async def test_when_one_of_two_goes_the_other_does_its_work(
    graceful: bool, here: World, seats: tuple[Seat, Seat], oracle: Oracle
) -> None:
    telling = await begin(here, oracle, Story(feeders=4))
    await start_both(here, seats)
    await telling.tell(1)
    workers = {each.owner for each in batches(here)}
    await telling.send()
    leaving = seats[0]
    if graceful:
        assert await leaving.stop() == 0
    else:
        await leaving.kill()
    await here.drained()
    await telling.tell(2)
    assert workers == {"a", "b"}
    assert batches(here)[-1].owner == "b"
    await telling.check()


async def test_two_writers_on_one_pack_end_in_a_serial_order(
    here: World, seats: tuple[Seat, Seat], oracle: Oracle, cosmos: CosmosServer
) -> None:
    telling = await begin(here, oracle, Story(feeders=1, spread=4))
    await start_both(here, seats)
    await telling.tell(1)
    # A pack at hand is read again only when somebody else wrote it first.
    read = cosmos.usage()["requests"]["packs"]["read"]
    await telling.tell(5)
    assert cosmos.usage()["requests"]["packs"]["read"] > read
    assert {each.owner for each in batches(here)} == {"a", "b"}
    await telling.check()
