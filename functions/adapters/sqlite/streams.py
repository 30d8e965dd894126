"""The change feed and the queue of one machine, as the embedded host reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from functions.adapters.queued_message import QueuedMessage
from functions.adapters.sqlite.database import Database
from functions.ports import Clock

_MOVE_LEASE = (
    "INSERT INTO leases (container, position) VALUES (?, ?)"
    " ON CONFLICT (container) DO UPDATE SET position = excluded.position"
)


class Change(NamedTuple):
    """One inserted document, in the order of insertion."""

    position: int
    type: str
    body: bytes


class SqliteFeed:
    """The inserts of one container after its lease."""

    def __init__(self, database: Database, container: str) -> None:
        self._database = database
        self._container = container

    def read(self, limit: int) -> list[Change]:
        """The next changes; the same ones again until `advance`."""
        rows = self._database.rows(
            "SELECT position, type, body FROM feed WHERE container = ? AND position >"
            " coalesce((SELECT position FROM leases WHERE container = ?), 0) ORDER BY position LIMIT ?",
            (self._container, self._container, limit),
        )
        return [Change(*row) for row in rows]

    def advance(self, position: int) -> None:
        """Move the lease: everything up to `position` is handled, and need not be kept for the feed."""
        with self._database.transaction() as connection:
            connection.execute(_MOVE_LEASE, (self._container, position))
            connection.execute("DELETE FROM feed WHERE container = ? AND position <= ?", (self._container, position))


class SqlitePartition:
    """The sequence numbers of one event hub partition: a later run on the same file goes on where one stopped.

    What an event leaves behind is kept under its number; numbers used twice would replace each other's dead letters.
    """

    def __init__(self, database: Database, partition: str) -> None:
        self._database = database
        self._key = f"partition {partition}"

    def take(self, count: int) -> int:
        """Give `count` events their numbers; returns the first."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT position FROM leases WHERE container = ?", (self._key,)).fetchone()
            first = int(row[0]) if row else 0
            connection.execute(_MOVE_LEASE, (self._key, first + count))
        return first


class SqliteQueue:
    """A queue with visibility timeouts, as Azure's storage queues behave."""

    def __init__(self, database: Database, name: str, clock: Clock) -> None:
        self._database = database
        self._name = name
        self._clock = clock

    async def put(self, bodies: Sequence[bytes], visible_after_s: int = 0) -> None:
        """Append messages."""
        visible_at = self._clock.now() + visible_after_s
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO messages (queue, body, visible_at) VALUES (?, ?, ?)",
                [(self._name, body, visible_at) for body in bodies],
            )

    async def take(self, hidden_for_s: int, limit: int) -> list[QueuedMessage]:
        """Take messages in their order; each is hidden for a while, and comes back unless it is removed."""
        now = self._clock.now()
        with self._database.transaction() as connection:
            rows = connection.execute(
                "UPDATE messages SET visible_at = ?, dequeued = dequeued + 1 WHERE id IN"
                " (SELECT id FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY id LIMIT ?)"
                " RETURNING id, body, dequeued",
                (now + hidden_for_s, self._name, now, limit),
            ).fetchall()
        return [QueuedMessage(str(number), body, taken, str(taken)) for number, body, taken in sorted(rows)]

    async def remove(self, message: QueuedMessage) -> None:
        """Remove a handled message, unless somebody else has taken it meanwhile: then it is theirs."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM messages WHERE id = ? AND dequeued = ?", (int(message.id), int(message.receipt))
            )

    async def waiting(self) -> int:
        """How many messages there are, hidden ones included."""
        ((count,),) = self._database.rows("SELECT count(*) FROM messages WHERE queue = ?", (self._name,))
        return int(count)
