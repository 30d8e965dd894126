"""The change feed and the queue that the embedded host reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.adapters.sqlite.streams import SqliteFeed, SqlitePartition, SqliteQueue


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(":memory:")) as opened:
        yield opened


def insert(database: Database, *names: str, kind: str = "seen") -> None:
    container = Container(database, "c", watched=frozenset({"seen"}))
    with database.transaction() as connection:
        container.insert([Document("p", name, kind, {"name": name}) for name in names], connection)


def read(feed: SqliteFeed, limit: int = 10) -> list[bytes]:
    return [change.body for change in feed.read(limit)]


def test_the_feed_has_inserts_in_order(database: Database) -> None:
    insert(database, "b")
    insert(database, "a", "c")

    assert read(SqliteFeed(database, "c")) == [b'{"name":"b"}', b'{"name":"a"}', b'{"name":"c"}']
    assert read(SqliteFeed(database, "another")) == []


def test_the_feed_has_new_and_watched_documents_only(database: Database) -> None:
    insert(database, "a")
    insert(database, "a", "b", "b")
    insert(database, "d", kind="unseen")

    assert [change.type for change in SqliteFeed(database, "c").read(10)] == ["seen", "seen"]


def test_the_feed_gives_the_same_changes_until_the_lease_moves(database: Database) -> None:
    insert(database, "a", "b", "c")
    feed = SqliteFeed(database, "c")
    first = feed.read(2)

    assert feed.read(2) == first
    feed.advance(first[-1].position)
    assert read(feed) == [b'{"name":"c"}']
    feed.advance(feed.read(1)[0].position)
    assert read(feed) == []


def test_a_change_after_an_emptied_feed_is_seen(database: Database) -> None:
    feed = SqliteFeed(database, "c")
    for name in ("a", "b"):
        insert(database, name)
        (change,) = feed.read(10)
        feed.advance(change.position)
    assert read(feed) == []


def test_a_transaction_that_fails_leaves_no_change(database: Database) -> None:
    container = Container(database, "c", watched=frozenset({"seen"}))
    documents = [Document("p", "a", "seen", 1), Document("p", "b", "seen", 1, sort=2**64)]
    with pytest.raises(OverflowError), database.transaction() as connection:
        container.insert(documents, connection)
    assert read(SqliteFeed(database, "c")) == []


async def test_messages_are_taken_in_order(database: Database) -> None:
    queue = SqliteQueue(database, "q", SetClock(100))
    await queue.put([b"1", b"2", b"3"])

    assert [message.body for message in await queue.take(30, 2)] == [b"1", b"2"]
    assert [message.body for message in await queue.take(30, 2)] == [b"3"]


def test_sequence_numbers_go_on_in_a_later_run(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "store.db")) as database:
        assert SqlitePartition(database, "0").take(3) == 0
        assert SqlitePartition(database, "0").take(2) == 3
    with closing(Database(tmp_path / "store.db")) as database:
        assert SqlitePartition(database, "0").take(1) == 5
        assert SqlitePartition(database, "1").take(1) == 0
