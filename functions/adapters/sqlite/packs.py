"""Packs in SQLite: one row a pack, its state as raw bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.domain.anomalies import Anomaly
from functions.domain.packs import Pack

_OUTBOX = msgspec.json.Decoder(tuple[Anomaly, ...])
_ENCODER = msgspec.json.Encoder()
_COLUMNS = "id, feeder_id, layout, data, due_at, outbox, outbox_pending, version"
_READ_AT_ONCE = 500
_EMPTY = b"[]"


class SqlitePacks:
    """A `PackStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, ids: Sequence[str]) -> dict[str, Pack]:
        """Packs that exist, by id."""
        packs = {}
        for start in range(0, len(ids), _READ_AT_ONCE):
            some = ids[start : start + _READ_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT {_COLUMNS} FROM packs WHERE id IN ({marks})"  # noqa: S608  # only question marks
            for row in self._database.rows(query, some):
                packs[row[0]] = _pack(row)
        return packs

    async def write(self, packs: Sequence[Pack]) -> list[str | None]:
        """Write each pack if it is unchanged since its `etag`; None where somebody else wrote first."""
        with self._database.transaction() as connection:
            return [_write(connection, pack) for pack in packs]

    async def due(self, before: int, limit: int) -> list[Pack]:
        """Packs with a meter overdue before `before`, the longest overdue first."""
        return self._select("due_at < ? ORDER BY due_at", before, limit)

    async def pending(self, before: int, limit: int) -> list[Pack]:
        """Packs whose outbox was committed before `before`."""
        return self._select("outbox_pending < ? ORDER BY outbox_pending", before, limit)

    def _select(self, condition: str, before: int, limit: int) -> list[Pack]:
        query = f"SELECT {_COLUMNS} FROM packs WHERE {condition} LIMIT ?"  # noqa: S608  # conditions are above
        return [_pack(row) for row in self._database.rows(query, (before, limit))]


def _write(connection: sqlite3.Connection, pack: Pack) -> str | None:
    outbox = _ENCODER.encode(pack.outbox) if pack.outbox else _EMPTY
    if pack.etag is None:
        cursor = connection.execute(
            f"INSERT INTO packs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (id) DO NOTHING",  # noqa: S608  # columns are above
            (pack.id, pack.feeder_id, pack.layout, pack.data, pack.due_at, outbox, pack.outbox_pending),
        )
        return "1" if cursor.rowcount else None
    version = int(pack.etag)
    cursor = connection.execute(
        "UPDATE packs SET layout = ?, data = ?, due_at = ?, outbox = ?, outbox_pending = ?, version = ?"
        " WHERE id = ? AND version = ?",
        (pack.layout, pack.data, pack.due_at, outbox, pack.outbox_pending, version + 1, pack.id, version),
    )
    return str(version + 1) if cursor.rowcount else None


def _pack(row: tuple[str, str, int, bytes, int | None, bytes, int | None, int]) -> Pack:
    name, feeder_id, layout, data, due_at, outbox, pending, version = row
    return Pack(
        id=name,
        feeder_id=feeder_id,
        layout=layout,
        data=data,
        due_at=due_at,
        outbox=_OUTBOX.decode(outbox) if outbox != _EMPTY else (),
        outbox_pending=pending,
        etag=str(version),
    )
