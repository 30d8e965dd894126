"""The queue of notifications: the same behaviour on one machine and in Azure."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import NamedTuple

import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.streams import SqliteQueue
from functions.adapters.storage.queues import StorageQueue

NOW = 1_718_582_400


class Queue(NamedTuple):
    """A queue, another beside it, and a way to let time pass."""

    one: SqliteQueue | StorageQueue
    other: SqliteQueue | StorageQueue
    wait: Callable[[int], Awaitable[None]]


@pytest.fixture(params=["sqlite", "storage"])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    if request.param == "sqlite":
        clock = SetClock(NOW)

        async def advance(seconds: int) -> None:
            clock.set(clock.now() + seconds)

        with closing(Database(":memory:")) as database:
            yield Queue(SqliteQueue(database, "one", clock), SqliteQueue(database, "other", clock), advance)
        return
    storage, name = request.getfixturevalue("storage"), uuid.uuid4().hex
    one, other = StorageQueue(storage, f"{name}-one"), StorageQueue(storage, f"{name}-other")
    for each in (one, one, other):  # the second time it is there
        await each.create()

    async def sleep(seconds: int) -> None:
        await asyncio.sleep(seconds + 0.2)

    yield Queue(one, other, sleep)
    for each in (one, other):
        await each.close()


async def test_messages_come_as_they_went(queue: Queue) -> None:
    bodies = ['{"body":"Störung <&> 語 \\u0000"}'.encode(), b"[1]"]
    await queue.one.put(bodies)

    assert sorted(message.body for message in await queue.one.take(30, 10)) == sorted(bodies)


async def test_more_messages_than_are_sent_at_once_all_arrive(queue: Queue) -> None:
    await queue.one.put([b"%d" % number for number in range(40)])

    assert await queue.one.waiting() == 40
    taken = [message.body for _ in range(3) for message in await queue.one.take(30, 20)]
    assert sorted(map(int, taken)) == list(range(40))


async def test_no_more_is_taken_than_wanted(queue: Queue) -> None:
    await queue.one.put([b"1", b"2", b"3"])

    assert len(await queue.one.take(30, 2)) == 2
    assert len(await queue.one.take(30, 2)) == 1
    assert await queue.one.take(30, 2) == []


async def test_a_message_is_hidden_while_it_is_handled_and_comes_back_unless_removed(queue: Queue) -> None:
    await queue.one.put([b"one", b"two"])
    one, two = sorted(await queue.one.take(1, 10), key=lambda message: message.body)
    assert (one.dequeued, two.dequeued) == (1, 1)

    await queue.one.remove(two)
    assert await queue.one.take(1, 10) == []
    await queue.wait(1)
    (again,) = await queue.one.take(1, 10)
    assert (again.id, again.body, again.dequeued) == (one.id, b"one", 2)


async def test_a_message_waits_until_it_is_visible(queue: Queue) -> None:
    await queue.one.put([b"later"], visible_after_s=1)

    assert await queue.one.take(30, 10) == []
    assert await queue.one.waiting() == 1
    await queue.wait(1)
    assert [message.body for message in await queue.one.take(30, 10)] == [b"later"]


async def test_a_message_that_another_took_meanwhile_is_theirs(queue: Queue) -> None:
    await queue.one.put([b"slow"])
    (slow,) = await queue.one.take(1, 10)
    await queue.wait(1)
    (theirs,) = await queue.one.take(30, 10)

    await queue.one.remove(slow)
    assert await queue.one.waiting() == 1
    await queue.one.remove(theirs)
    await queue.one.remove(theirs)
    assert await queue.one.waiting() == 0


async def test_queues_do_not_mix(queue: Queue) -> None:
    await queue.one.put([b"1"])
    await queue.other.put([b"2"])

    assert [message.body for message in await queue.other.take(30, 10)] == [b"2"]
    assert await queue.one.waiting() == 1
