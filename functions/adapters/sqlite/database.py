"""One SQLite file behind all stores of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from functions.domain.errors import SettingError, StoreError, TransientFault

PAGE_BYTES = 32_768
"""A full pack is about 57 kB: large pages keep it on two of them. Rows that large belong in a table with row ids;
in one without, replacing a pack takes twice as long (measured)."""
BUSY_TIMEOUT_S = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (
    id TEXT PRIMARY KEY, feeder_id TEXT NOT NULL, layout INTEGER NOT NULL, data BLOB NOT NULL,
    due_at INTEGER, outbox BLOB NOT NULL, outbox_pending INTEGER, version INTEGER NOT NULL);
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
        with _openable(path):
            self.connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with _openable(path):
                self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self) -> None:
        self.connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A checkpoint syncs, a commit does not: a power cut may lose the last batches, which are delivered again.
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; a locked file is a `TransientFault`, anything else a `StoreError`."""
        with _named_faults():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # on a full disk SQLite has rolled back by itself
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of a query, with the faults of `transaction`."""
        with _named_faults():
            return self.connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


@contextmanager
def _openable(path: Path | str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise TransientFault(f"{path} is in use by another program ({fault}); try again") from fault
        raise SettingError(f"{path} is not a MeterSentry store ({fault}); name another file with --store") from fault


@contextmanager
def _named_faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as fault:
        raise TransientFault(f"the SQLite store is busy or out of space ({fault})") from fault
    except sqlite3.Error as fault:
        raise StoreError(f"the SQLite store refused a statement ({fault})") from fault
