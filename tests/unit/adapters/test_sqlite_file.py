"""One SQLite file: two programs on it, one that is locked, and files that are no stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.adapters.sqlite import database as module
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import Conflict, SettingError, StoreError, TransientFault
from functions.domain.packs import LAYOUT, Pack
from functions.ports import Stores


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def two(path: Path, tmp_path: Path) -> Iterator[tuple[Stores, Stores]]:
    with closing(Database(path)) as one, closing(Database(path)) as other:
        yield sqlite_stores(one, tmp_path), sqlite_stores(other, tmp_path)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.05)


@pytest.fixture
def store(impatient: None, path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened


def pack(data: bytes, etag: str | None = None) -> Pack:
    return Pack(id="F:0:0", feeder_id="F", layout=LAYOUT, data=data, etag=etag)


async def test_of_two_programs_that_write_one_pack_the_second_is_told(two: tuple[Stores, Stores]) -> None:
    one, other = two
    await one.packs.write([pack(b"0")])
    etag = (await other.packs.read(["F:0:0"]))["F:0:0"].etag
    assert await one.packs.write([pack(b"1", etag)]) != [None]

    assert await other.packs.write([pack(b"2", etag)]) == [None]
    assert (await other.packs.read(["F:0:0"]))["F:0:0"].data == b"1"


async def test_of_two_programs_that_commit_one_board_the_second_meets_a_conflict(two: tuple[Stores, Stores]) -> None:
    one, other = two
    board = await other.incidents.board("F")
    await one.incidents.commit(await one.incidents.board("F"), [], [], [])

    with pytest.raises(Conflict):
        await other.incidents.commit(board, [], [], [])


async def test_a_locked_file_is_a_fault_that_passes(store: Database, path: Path, tmp_path: Path) -> None:
    packs = sqlite_stores(store, tmp_path).packs
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientFault, match="busy"):
            await packs.write([pack(b"1")])
        other.execute("ROLLBACK")

    assert await packs.write([pack(b"1")]) != [None]


async def test_reading_a_file_locked_for_everybody_is_a_fault_that_passes(
    store: Database, path: Path, tmp_path: Path
) -> None:
    stores = sqlite_stores(store, tmp_path)
    store.connection.execute("PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for read in (
            stores.packs.read(["F:0:0"]),
            stores.packs.due(1, 1),
            stores.incidents.board("F"),
            stores.deliveries.counts(),
        ):
            with pytest.raises(TransientFault):
                await read
        other.execute("ROLLBACK")


def test_opening_a_locked_file_is_a_fault_that_passes(impatient: None, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TransientFault, match="in use"):
            Database(path)
        other.execute("ROLLBACK")


def test_a_file_that_is_no_database_is_named_in_one_sentence(path: Path) -> None:
    path.write_bytes(b"meter_id,timestamp,voltage_v\n" * 100)

    with pytest.raises(SettingError) as caught:
        Database(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes().startswith(b"meter_id")


def test_a_folder_that_is_missing_is_a_setting_at_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="nowhere"):
        Database(tmp_path / "nowhere" / "store.db")


def test_stores_of_a_path_make_its_folder(tmp_path: Path) -> None:
    stores = sqlite_stores(tmp_path / "new" / "store.db", tmp_path)
    stores.packs._database.close()
    assert (tmp_path / "new" / "store.db").is_file()


def test_a_failed_transaction_leaves_nothing_and_the_next_one_works(store: Database) -> None:
    insert = "INSERT INTO leases (container, position) VALUES (?, 1)"
    with pytest.raises(StoreError), store.transaction() as connection:
        connection.executemany(insert, [("c",), ("c",)])
    with pytest.raises(OverflowError), store.transaction() as connection:
        connection.executemany(insert, [("c",), (2**64,)])

    assert store.rows("SELECT * FROM leases") == []
    with store.transaction() as connection:
        connection.execute(insert, ["c"])
    assert store.rows("SELECT * FROM leases") == [("c", 1)]


def test_a_full_disk_is_a_fault_that_passes(store: Database) -> None:
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    insert = "INSERT INTO messages (queue, body, visible_at) VALUES ('q', zeroblob(1000000), 0)"
    with pytest.raises(TransientFault, match="space"), store.transaction() as connection:
        connection.execute(insert)
    store.connection.execute("PRAGMA max_page_count = 100000")
    with store.transaction() as connection:
        connection.execute(insert)
    assert store.rows("SELECT count(*) FROM messages") == [(1,)]
