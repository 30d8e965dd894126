"""What surrounds the consumer throttles, fails, dawdles and hangs up: it waits, and then goes on."""

from __future__ import annotations

import asyncio
import time

import pytest
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches, end_of, log_of
from e2e.cloud.seat import Seat
from e2e.cloud.told_story import Telling, begin
from e2e.cloud.world import World
from emulators.cosmos import CosmosServer
from emulators.cosmos.faults import ANY, Effect, Rule
from emulators.event_hubs import EventHubsBroker

from functions.names import READINGS_HUB

LASTS_S = 3.0
RECOVERS_S = 20.0
REPEATS = 100
"""Of a chapter's eight events: more than a process fetches ahead."""
GROWTH_MB = 40.0

STANDSTILL = {
    "throttled": Rule("throttle", times=None, retry_after_ms=200),
    "every request answers 503": Rule("unavailable", operation=ANY, times=None),
}
ROUGH = {
    "bursts of 503": Rule("unavailable", times=None, probability=0.3, seed=1),
    "slow": Rule("latency", times=None, delay_s=0.5),
    "connections cut": Rule("cut", times=None, probability=0.2, seed=2),
    "replies lost": Rule("drop_reply", times=None, probability=0.2, seed=3),
}


async def recovers(telling: Telling, cosmos: CosmosServer) -> None:
    """After the fault has gone, all is done within a while."""
    struck = cosmos.struck()
    cosmos.clear_faults()
    assert all(struck)
    await telling.world.drained(RECOVERS_S)


@pytest.mark.parametrize("fault", STANDSTILL)
async def test_while_the_store_takes_nothing_the_checkpoint_waits(
    fault: str, here: World, seat: Seat, oracle: Oracle, cosmos: CosmosServer
) -> None:
    telling = await begin(here, oracle)
    seat.start(here.order("a"))
    await telling.tell(1)
    checkpoints, memory = await here.hub.checkpoints(), seat.memory_mb()
    cosmos.set_faults(STANDSTILL[fault])
    await telling.send()
    await here.hub.send(telling.story.chapter(1).events * REPEATS)
    until = time.monotonic() + LASTS_S
    while time.monotonic() < until:
        assert await here.hub.checkpoints() == checkpoints
        await asyncio.sleep(0.2)
    await recovers(telling, cosmos)
    assert seat.memory_mb("VmHWM") - memory < GROWTH_MB
    await telling.check()
    assert (await end_of(here)).letters == []


async def test_through_rough_weather_nothing_is_lost_or_told_twice(
    here: World, seat: Seat, oracle: Oracle, cosmos: CosmosServer, broker: EventHubsBroker
) -> None:
    telling = await begin(here, oracle)
    seat.start(here.order("a"))
    await telling.tell(1)
    memory = seat.memory_mb()
    for rule in ROUGH.values():
        cosmos.set_faults(rule)
        await telling.send()
        broker.drop_send_acks(1)  # of the incidents
        for _ in range(2):
            await asyncio.sleep(0.5)
            broker.cut()
        await recovers(telling, cosmos)
    assert seat.memory_mb("VmHWM") - memory < GROWTH_MB
    await telling.check()


LOST_REPLIES = [
    *(("packs", "create"), ("packs", "replace"), ("anomalies", "batch"), ("incidents", "upsert")),
    *(("incidents", "batch"), ("deliveries", "create"), ("deliveries", "replace"), ("leases", "replace")),
]
LOST_RACES = [("packs", "create"), ("packs", "replace"), ("incidents", "batch"), ("leases", "replace")]


@pytest.mark.parametrize(
    ("effect", "writes"), [("drop_reply", LOST_REPLIES), ("precondition", LOST_RACES)], ids=["reply", "race"]
)
async def test_a_lost_reply_or_race_repeats_nothing_and_loses_nothing(
    effect: Effect, writes: list[tuple[str, str]], here: World, seat: Seat, oracle: Oracle, cosmos: CosmosServer
) -> None:
    telling = await begin(here, oracle)
    seat.start(here.order("a"))
    for container, operation in writes:
        cosmos.set_faults(Rule(effect, container=container, operation=operation, times=2))
        await telling.tell(1)
        assert cosmos.struck()[0] > 0, f"{container} {operation}"
    cosmos.clear_faults()
    await telling.check()


async def test_missing_sequence_numbers_are_told(
    here: World, seat: Seat, oracle: Oracle, broker: EventHubsBroker
) -> None:
    telling = await begin(here, oracle)
    seat.start(here.order("a"))
    await telling.tell(1)
    assert sum(each.missing_events for each in batches(here)) == 0
    broker.gap(READINGS_HUB, 0, 3)
    await telling.tell(1)
    assert sum(each.missing_events for each in batches(here)) == 3
    assert "WARNING metersentry batch" in log_of(here, "a")
    assert "missing_events=3" in log_of(here, "a")
    await telling.check()
