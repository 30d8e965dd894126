"""One SQLite file behind all stores of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from functions.domain.errors import SettingError, StoreError, TransientFault

PAGE_BYTES = 32_768
"""A full pack is about 57 kB: large pages keep it on two of them."""
BUSY_TIMEOUT_S = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (
    id TEXT PRIMARY KEY, feeder_id TEXT NOT NULL, layout INTEGER NOT NULL, data BLOB NOT NULL,
    due_at INTEGER, outbox BLOB NOT NULL, outbox_pending INTEGER, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packs_due ON packs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS packs_pending ON packs (outbox_pending) WHERE outbox_pending IS NOT NULL;
CREATE TABLE IF NOT EXISTS documents (
    container TEXT NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL,
    sort INTEGER, state TEXT, version INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (container, partition, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_sorted ON documents (container, type, sort);
CREATE TABLE IF NOT EXISTS feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT, container TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS leases (container TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body BLOB NOT NULL,
    visible_at INTEGER NOT NULL, dequeued INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at);
"""


class Database:
    """A connection with the schema in place. Statements run in the transaction that `transaction` opens."""

    def __init__(self, path: Path | str) -> None:
        try:
            self.connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self.connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self.connection.execute("PRAGMA journal_mode = WAL")
            # A checkpoint syncs, a commit does not: a power cut may lose the last batches, which are delivered again.
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.executescript(SCHEMA)
        except sqlite3.Error as fault:
            raise SettingError(
                f"{path} is not a MeterSentry store ({fault}); name another file with --store"
            ) from fault

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; a locked file is a `TransientFault`, anything else a `StoreError`."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as fault:
            raise TransientFault(f"the SQLite store is busy or out of space ({fault})") from fault
        except sqlite3.Error as fault:
            raise StoreError(f"the SQLite store refused a statement ({fault})") from fault

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
