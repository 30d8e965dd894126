"""Incidents in SQLite: boards, revisions, heads, members and the ledger of suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.board import Board, read_board, stored_board
from functions.domain.context import Suppression
from functions.domain.errors import Conflict
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import Incident, MemberChunk
from functions.domain.notifications import Intent


class _Name(msgspec.Struct):
    """All that is asked of a board that is due: one that cannot be read must not hide the others."""

    feeder_id: str


class SqliteIncidents:
    """An `IncidentStore`; incident revisions and intents enter the feed."""

    def __init__(self, database: Database) -> None:
        self._incidents = Container(database, "incidents", watched=frozenset({"incident", "intent"}))

    async def board(self, feeder_id: str) -> Board:
        """The feeder's board, or an empty one."""
        found = self._incidents.body(feeder_id, "board")
        if found is None:
            return Board(feeder_id=feeder_id)
        board = read_board(found[0], feeder_id)
        board.etag = found[1]
        return board

    async def put_chunks(self, chunks: Iterable[MemberChunk]) -> None:
        """Write member chunks."""
        with self._incidents.database.transaction() as connection:
            self._incidents.put((Document(each.feeder_id, each.id, "members", each) for each in chunks), connection)

    async def commit(
        self,
        board: Board,
        incidents: Sequence[Incident],
        suppressions: Sequence[Suppression],
        intents: Sequence[Intent],
    ) -> None:
        """Replace the board if unchanged and insert the records, all or nothing."""
        feeder = board.feeder_id
        stored = stored_board(board)
        records = [Document(feeder, each.id, "incident", each, each.started_at, each.state) for each in incidents]
        records += [Document(feeder, each.id, "intent", each, each.created_at) for each in intents]
        # Whoever looks at incidents reads the newest revision of each here, and never their history.
        heads = [Document(feeder, each.incident_id, "head", each, each.started_at, each.state) for each in incidents]
        ledger = [
            Document(feeder, f"sup:{each.anomaly_id}", "suppression", each, each.suppressed_at) for each in suppressions
        ]
        with self._incidents.database.transaction() as connection:
            self._incidents.replace(
                Document(feeder, "board", "board", stored, sort=board.release_at), board.etag, connection
            )
            if self._incidents.insert(records, connection) != len(records):
                raise Conflict(f"an incident of feeder {feeder} was revised by somebody else; read the board again")
            self._incidents.put([*heads, *ledger], connection)

    async def chunks(self, feeder_id: str, ids: Sequence[str]) -> list[MemberChunk]:
        """Member chunks by id."""
        found = [self._incidents.read(feeder_id, each, MemberChunk) for each in ids]
        return [each[0] for each in found if each is not None]

    async def due_boards(self, before: int, limit: int) -> list[str]:
        """Partitions whose board is to be looked at again at or before `before`."""
        boards = self._incidents.select(_Name, "type = 'board' AND sort <= ? ORDER BY sort LIMIT ?", before, limit)
        return [board.feeder_id for board in boards]

    async def latest(self, *, state: str | None, feeder_id: str | None, limit: int) -> list[Incident]:
        """Newest revision of incidents, latest start first."""
        condition, values = "type = 'head'", []
        for column, value in (("partition", feeder_id), ("state", state)):
            if value is not None:
                condition += f" AND {column} = ?"
                values.append(value)
        return self._incidents.select(Incident, f"{condition} ORDER BY sort DESC, id LIMIT ?", *values, limit)

    async def head(self, feeder_id: str, incident_id: str) -> Incident | None:
        """Newest revision of one incident."""
        found = self._incidents.read(feeder_id, incident_id, Incident)
        return None if found is None else found[0]

    async def page(self, search: IncidentSearch, after: Cursor | None, limit: int) -> list[Incident]:
        """Newest revision of incidents behind a cursor, latest start first; by state, feeder and start only."""
        conditions: list[str] = ["type = 'head'"]
        values: list[object] = []
        for condition, value in (
            ("partition = ?", search.feeder_id or None),
            ("sort >= ?", search.since),
            ("sort < ?", search.until),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if search.states:
            conditions.append(f"state IN ({', '.join('?' * len(search.states))})")
            values += sorted(search.states)
        if after is not None:
            conditions.append("(sort < ? OR (sort = ? AND id > ?))")
            values += [after.started_at, after.started_at, after.incident_id]
        wanted = " AND ".join(conditions)
        return self._incidents.select(Incident, f"{wanted} ORDER BY sort DESC, id LIMIT ?", *values, limit)

    async def find(self, incident_id: str) -> Incident | None:
        """Newest revision of one incident on whatever feeder."""
        return next(iter(self._incidents.select(Incident, "type = 'head' AND id = ?", incident_id)), None)

    async def history(self, feeder_id: str, incident_id: str) -> list[Incident]:
        """Every revision of an incident, oldest first."""
        condition = "partition = ? AND type = 'incident' AND id >= ? AND id < ?"
        # Behind the r of a revision come digits, and s is the letter after r.
        found = self._incidents.select(Incident, condition, feeder_id, f"{incident_id}:r", f"{incident_id}:s")
        return sorted(found, key=lambda each: each.revision)

    async def log(self, start: int, end: int) -> list[Incident]:
        """Newest revision of every incident that began in a period."""
        return self._incidents.select(
            Incident, "type = 'head' AND sort >= ? AND sort < ? ORDER BY sort, id", start, end
        )

    async def suppressions(self, feeder_id: str | None, limit: int, since: int = 0) -> list[Suppression]:
        """Lines of the suppression ledger written from a moment on, newest first."""
        wanted = "type = 'suppression' AND sort >= ? ORDER BY sort DESC LIMIT ?"
        if feeder_id is None:
            return self._incidents.select(Suppression, wanted, since, limit)
        return self._incidents.select(Suppression, f"partition = ? AND {wanted}", feeder_id, since, limit)
