"""Hostile bodies among valid ones: every valid reading is applied, and every record is counted."""

from __future__ import annotations

import random

from e2e.cloud import hostile
from e2e.cloud.end_state import EndState
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches, end_of
from e2e.cloud.seat import Seat
from e2e.cloud.stories import Chapter, Sent, Story
from e2e.cloud.told_story import begin
from e2e.cloud.world import World
from functional.promise_house import NOW

from functions.domain.readings import decode

IN_PROCESS, OVER_SOCKETS = 10_000, 1_000
CHAPTERS = 4


def mixed(chapter: Chapter, bodies: list[bytes], rng: random.Random) -> list[Sent]:
    """Valid events in their order, with hostile ones anywhere between them."""
    events = list(chapter.events)
    for body in bodies:
        events.insert(rng.randrange(len(events) + 1), Sent(rng.randrange(2), "", body))
    return events


def assert_the_story_is_as_it_was(story: Story, end: EndState, undisturbed: EndState) -> None:
    told_of = {meter for meters in story.meters.values() for meter in meters}
    assert {meter: state for meter, state in end.meters.items() if meter in told_of} == undisturbed.meters
    ours = [record for record in end.anomalies if record[0].partition(":")[0] in told_of]
    assert ours == undisturbed.anomalies


async def test_hostile_bodies_harm_no_neighbour_in_process(oracle: Oracle) -> None:
    story, rng = Story(), random.Random(1)
    await oracle.load(story.meters)
    bodies = list(hostile.bodies(1, IN_PROCESS, list(story.meters)))
    with Oracle() as visited:
        await visited.load(story.meters)
        received = 0
        for number in range(CHAPTERS):
            chapter = story.chapter(number)
            await oracle.hear(chapter)
            events = [each.body for each in mixed(chapter, bodies[number::CHAPTERS], rng)]
            for first in range(0, len(events), 100):
                report = await visited.house.score(events[first : first + 100], first)
                assert report.tally.received == sum(decode(body, NOW).records for body in events[first : first + 100])
                received += report.tally.received
        assert received >= IN_PROCESS
        assert_the_story_is_as_it_was(story, await visited.end(), await oracle.end())


async def test_hostile_bodies_harm_no_neighbour_over_sockets(here: World, seat: Seat, oracle: Oracle) -> None:
    rng = random.Random(2)
    telling = await begin(here, oracle)
    bodies = list(hostile.bodies(2, OVER_SOCKETS, list(telling.story.meters)))
    seat.start(here.order("a"))
    for number in range(CHAPTERS):
        chapter = telling.story.chapter(number)
        await oracle.hear(chapter)
        await here.hub.send(mixed(chapter, bodies[number::CHAPTERS], rng))
        await here.drained()
    assert [each for each in batches(here) if sum(each.tally.values()) != each.records] == []
    assert sum(each.records for each in batches(here)) == CHAPTERS * 528 + sum(decode(b, NOW).records for b in bodies)
    assert_the_story_is_as_it_was(telling.story, await end_of(here), await oracle.end())
