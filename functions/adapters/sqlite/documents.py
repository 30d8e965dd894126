"""Documents in SQLite: JSON bodies by container, partition and id, guarded by versions, watched by a feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from functions.adapters.sqlite.database import Database
from functions.domain.errors import Conflict

Value = TypeVar("Value")


class Document(NamedTuple):
    """One document to write. `sort` and `state` are what queries filter on; a watched one also enters the feed."""

    partition: str
    id: str
    type: str
    value: object
    sort: int | None = None
    state: str | None = None


class Container:
    """One container of documents."""

    def __init__(self, database: Database, name: str, *, watched: frozenset[str] = frozenset()) -> None:
        self.database = database
        self.name = name
        self._watched = watched

    def read(self, partition: str, identity: str, kind: type[Value]) -> tuple[Value, str] | None:
        """A document and its ETag; None when it does not exist."""
        found = self.body(partition, identity)
        return None if found is None else (msgspec.json.decode(found[0], type=kind), found[1])

    def body(self, partition: str, identity: str) -> tuple[bytes, str] | None:
        """A document as it is stored, undecoded, and its ETag; None when it does not exist."""
        rows = self.database.rows(
            "SELECT body, version FROM documents WHERE container = ? AND partition = ? AND id = ?",
            (self.name, partition, identity),
        )
        return (rows[0][0], str(rows[0][1])) if rows else None

    def partition(self, partition: str, kind: type[Value]) -> list[tuple[Value, str]]:
        """All documents of a partition with their ETags, in their order."""
        rows = self.database.rows(
            "SELECT body, version FROM documents WHERE container = ? AND partition = ? ORDER BY sort",
            (self.name, partition),
        )
        return [(msgspec.json.decode(body, type=kind), str(version)) for body, version in rows]

    def insert(self, documents: Iterable[Document], connection: sqlite3.Connection) -> int:
        """Insert documents that do not exist yet; returns how many were new."""
        new = 0
        for document in documents:
            body = msgspec.json.encode(document.value)
            inserted = connection.execute(
                "INSERT INTO documents (container, partition, id, type, body, sort, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (self.name, document.partition, document.id, document.type, body, document.sort, document.state),
            ).rowcount
            new += inserted
            if inserted and document.type in self._watched:
                connection.execute(
                    "INSERT INTO feed (container, type, body) VALUES (?, ?, ?)", (self.name, document.type, body)
                )
        return new

    def put(self, documents: Iterable[Document], connection: sqlite3.Connection) -> None:
        """Insert or replace documents."""
        connection.executemany(
            "INSERT INTO documents (container, partition, id, type, body, sort, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (container, partition, id) DO UPDATE SET type = excluded.type, body = excluded.body,"
            " sort = excluded.sort, state = excluded.state, version = version + 1",
            [
                (self.name, each.partition, each.id, each.type, msgspec.json.encode(each.value), each.sort, each.state)
                for each in documents
            ],
        )

    def replace(self, document: Document, etag: str | None, connection: sqlite3.Connection) -> str:
        """Replace a document unchanged since `etag` (None: create it); returns the new ETag or raises `Conflict`."""
        if etag is None:
            if self.insert([document], connection):
                return "1"
        else:
            changed = connection.execute(
                "UPDATE documents SET type = ?, body = ?, sort = ?, state = ?, version = version + 1"
                " WHERE container = ? AND partition = ? AND id = ? AND version = ?",
                (
                    *(document.type, msgspec.json.encode(document.value), document.sort, document.state),
                    *(self.name, document.partition, document.id, int(etag)),
                ),
            ).rowcount
            if changed:
                return str(int(etag) + 1)
        raise Conflict(f"{self.name} document {document.id} was changed by somebody else; read it and try again")

    def remove(self, condition: str, values: tuple[object, ...], connection: sqlite3.Connection) -> int:
        """Remove documents that fulfil a condition; returns how many there were."""
        statement = f"DELETE FROM documents WHERE container = ? AND {condition}"  # noqa: S608  # conditions are ours
        return connection.execute(statement, (self.name, *values)).rowcount

    def select(self, kind: type[Value], condition: str, *values: Any) -> list[Value]:
        """Documents that fulfil a condition on partition, type, sort and state, decoded."""
        query = f"SELECT body FROM documents WHERE container = ? AND {condition}"  # noqa: S608  # conditions are ours
        rows = self.database.rows(query, (self.name, *values))
        return [msgspec.json.decode(body, type=kind) for (body,) in rows]
