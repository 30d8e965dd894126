"""Every record ends in one outcome; what cannot be processed is put aside alone, and can be played again."""

from __future__ import annotations

from collections import Counter

import pytest
from e2e.cloud.consumer_process import POISON_KWH
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches, end_of
from e2e.cloud.seat import Seat
from e2e.cloud.stories import EARLIEST_SLOT, Chapter, Sent, envelope
from e2e.cloud.told_story import begin
from e2e.cloud.world import World
from functional.promise_house import INTERVAL_S

from functions.domain.errors import InputError

FEEDER = "E0v0"
SPARE = "A66v0"
"""A meter of which the story tells nothing, in one pack with two that it tells of."""
FIRST_AT = EARLIEST_SLOT * INTERVAL_S


def of_the_spare(**values: object) -> Sent:
    """One reading of the spare meter, as an event."""
    row = {"meter_id": SPARE, "timestamp": FIRST_AT, "voltage_v": 230.0, "energy_kwh": 0.3, **values}
    return Sent(0, FEEDER, envelope(FEEDER, [row], columns=False))


async def test_every_record_is_accounted_for(here: World, seat: Seat, oracle: Oracle) -> None:
    telling = await begin(here, oracle)
    seat.start(here.order("a"))
    await telling.tell(3)
    story = telling.story
    again, gone_by = story.chapter(2).events, story.chapter(0).events
    refused = [
        of_the_spare(voltage_v=-1),
        of_the_spare(timestamp="noon"),
        of_the_spare(voltage_v=None, energy_kwh=None),
    ]
    unreadable = [Sent(1, FEEDER, b"{"), Sent(1, FEEDER, b"\xff")]
    await here.hub.send([*refused, *again, *unreadable, *gone_by])
    await here.drained()
    totals: Counter[str] = Counter()
    for each in batches(here):
        assert sum(each.tally.values()) == each.records
        totals.update(each.tally)
    per_chapter = telling.records // 3
    assert totals == {
        "applied": telling.records,
        "duplicate": per_chapter,
        "late": per_chapter,
        "quarantined": len(refused),
        "dead_lettered": len(unreadable),
    }
    assert len((await end_of(here)).letters) == len(refused) + len(unreadable)
    assert (await end_of(here)).meters == (await oracle.end()).meters


async def test_a_poison_event_is_put_aside_alone_and_comes_back_once(here: World, seat: Seat, oracle: Oracle) -> None:
    telling = await begin(here, oracle)
    for side in (here, oracle):
        await side.load({FEEDER: [SPARE]})
    poison = of_the_spare(energy_kwh=POISON_KWH)
    seat.start(here.order("a", poison=True))
    chapter = telling.story.chapter(0)
    neighbours = [each for each in chapter.events if each.partition == 0]
    await here.hub.send(
        [*neighbours[:2], poison, *neighbours[2:], *(each for each in chapter.events if each.partition)]
    )
    await here.drained()
    await oracle.hear(chapter)
    (letter,) = await here.azure.stores.letters.letters(10)
    assert (letter.partition, letter.sequence_number) == ("0", first_of(here, "0") + 2)
    assert letter.reason == "ZeroDivisionError: the model cannot do this"
    assert letter.content == poison.body
    assert (await end_of(here)).differences(await oracle.end()) == [f"letters: too much {letter.id}"]
    assert sum(each.tally["dead_lettered"] for each in batches(here)) == 1

    replayed = await here.application.replay.replay(letter.id)
    assert (dict(replayed.outcomes), replayed.kept) == ({"applied": 1}, "")
    with pytest.raises(InputError, match="no dead letter"):
        await here.application.replay.replay(letter.id)
    await oracle.hear(Chapter([poison], 1))
    telling.told = 1
    await telling.tell(1)  # by which the consumer learns that somebody else wrote the pack
    await here.hub.send([poison])
    await here.drained()
    assert batches(here)[-1].tally == {**dict.fromkeys(batches(here)[-1].tally, 0), "duplicate": 1}
    await telling.check()


def first_of(world: World, partition: str) -> int:
    """Sequence number of a partition's first event in this world."""
    return min(each.first for each in batches(world) if each.partition == partition)
