"""Two consumers on one hub: one dies or leaves, the other goes on where it was."""

from __future__ import annotations

import asyncio
import time

import pytest
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches
from e2e.cloud.seat import Seat
from e2e.cloud.stories import Story
from e2e.cloud.told_story import Telling, begin
from e2e.cloud.world import World
from emulators.cosmos import CosmosServer

SHARED_S = 15.0
MOST_CHAPTERS = 20


async def start_both(telling: Telling, seats: tuple[Seat, Seat]) -> None:
    """Start two consumers, and tell of the story what it takes until both have had a part in it."""
    here = telling.world
    for seat, owner in zip(seats, ("a", "b"), strict=True):
        seat.start(here.order(owner, alone=False))
    deadline = time.monotonic() + SHARED_S
    while sorted((await here.hub.owners()).values()) != [2, 2]:
        assert time.monotonic() < deadline, "the partitions are not shared fairly"
        await asyncio.sleep(0.1)
    while {each.owner for each in batches(here)} != {"a", "b"}:
        assert telling.told < MOST_CHAPTERS, "one consumer gets nothing to do"
        await telling.tell(1)


@pytest.mark.parametrize("graceful", [False, True], ids=["kill -9", "SIGTERM"])
async def test_when_one_of_two_goes_the_other_does_its_work(
    graceful: bool, here: World, seats: tuple[Seat, Seat], oracle: Oracle
) -> None:
    telling = await begin(here, oracle, Story(feeders=4))
    await start_both(telling, seats)
    await telling.send()
    leaving = seats[0]
    if graceful:
        assert await leaving.stop() == 0
    else:
        await leaving.kill()
    await here.drained()
    await telling.tell(2)
    assert batches(here)[-1].owner == "b"
    await telling.check()


async def test_two_writers_on_one_pack_end_in_a_serial_order(
    here: World, seats: tuple[Seat, Seat], oracle: Oracle, cosmos: CosmosServer
) -> None:
    telling = await begin(here, oracle, Story(feeders=1, spread=4))
    await start_both(telling, seats)
    # A pack at hand is read again only when somebody else wrote it first.
    read = cosmos.usage()["requests"]["packs"]["read"]
    await telling.tell(4)
    assert cosmos.usage()["requests"]["packs"]["read"] > read
    await telling.check()
