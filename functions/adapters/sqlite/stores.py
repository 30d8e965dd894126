"""The document stores in SQLite, in the containers that the architecture names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.anomalies import Anomaly
from functions.domain.context import Suppression
from functions.domain.errors import Conflict
from functions.domain.incidents import Board, Incident, MemberChunk
from functions.domain.notifications import Intent
from functions.domain.roster import RosterShard
from functions.domain.work_orders import WorkOrder


class SqliteRosters:
    """A `RosterStore`."""

    def __init__(self, database: Database) -> None:
        self._rosters = Container(database, "rosters")

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder."""
        shards = self._rosters.select(RosterShard, "partition = ? ORDER BY sort", feeder_id)
        found = []
        for shard in shards:
            document = self._rosters.read(feeder_id, shard.id, RosterShard)
            if document is not None:
                found.append(msgspec.structs.replace(document[0], etag=document[1]))
        return found

    async def write(self, shard: RosterShard) -> str:
        """Write a shard unchanged since its `etag`, or raise `Conflict`."""
        value = msgspec.structs.replace(shard, etag=None)
        document = Document(shard.feeder_id, shard.id, "roster", value, sort=shard.shard)
        with self._rosters.database.transaction() as connection:
            return self._rosters.replace(document, shard.etag, connection)

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        counts: dict[str, int] = {}
        for shard in self._rosters.select(RosterShard, "type = 'roster' ORDER BY partition"):
            counts[shard.feeder_id] = counts.get(shard.feeder_id, 0) + len(shard.meter_id)
        return counts

    async def feeders_of(self, customer_id: str) -> list[str]:
        """Feeders on whose rosters a customer has a meter, by id."""
        rows = self._rosters.database.rows(
            "SELECT DISTINCT partition FROM documents WHERE container = 'rosters' AND type = 'roster'"
            " AND EXISTS (SELECT 1 FROM json_each(CAST(body AS TEXT), '$.customer_id') WHERE value = ?)"
            " ORDER BY partition",
            (customer_id,),
        )
        return [row[0] for row in rows]


class SqliteAnomalies:
    """An `AnomalyStore`."""

    def __init__(self, database: Database) -> None:
        self._anomalies = Container(database, "anomalies", watched=frozenset({"anomaly"}))

    async def insert(self, anomalies: Iterable[Anomaly]) -> int:
        """Insert records whose id is not there yet."""
        documents = [Document(each.feeder_id, each.id, "anomaly", each, each.start, each.kind) for each in anomalies]
        with self._anomalies.database.transaction() as connection:
            return self._anomalies.insert(documents, connection)

    async def between(self, start: int, end: int, kinds: Collection[str]) -> list[Anomaly]:
        """Records of anomalies of these kinds that began before `end` and had not ended before `start`."""
        marks = ", ".join("?" * len(kinds))
        condition = f"type = 'anomaly' AND sort < ? AND state IN ({marks}) ORDER BY sort, id"
        records = self._anomalies.select(Anomaly, condition, end, *sorted(kinds))
        over = {each.anomaly_id for each in records if each.end is not None and each.end <= start}
        return [each for each in records if each.anomaly_id not in over]


class SqliteIncidents:
    """An `IncidentStore`; incident revisions and intents enter the feed."""

    def __init__(self, database: Database) -> None:
        self._incidents = Container(database, "incidents", watched=frozenset({"incident", "intent"}))

    async def board(self, feeder_id: str) -> Board:
        """The feeder's board, or an empty one."""
        found = self._incidents.read(feeder_id, "board", Board)
        if found is None:
            return Board(feeder_id=feeder_id)
        found[0].etag = found[1]
        return found[0]

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
        stored = msgspec.structs.replace(board, etag=None)
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
        """Feeders with a suppression that ends at or before `before`."""
        boards = self._incidents.select(Board, "type = 'board' AND sort <= ? ORDER BY sort LIMIT ?", before, limit)
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

    async def suppressions(self, feeder_id: str | None, limit: int) -> list[Suppression]:
        """Lines of the suppression ledger, newest first."""
        if feeder_id is None:
            return self._incidents.select(Suppression, "type = 'suppression' ORDER BY sort DESC LIMIT ?", limit)
        return self._incidents.select(
            Suppression, "partition = ? AND type = 'suppression' ORDER BY sort DESC LIMIT ?", feeder_id, limit
        )


class SqliteContext:
    """A `ContextStore`."""

    def __init__(self, database: Database) -> None:
        self._context = Container(database, "grid_context")

    async def put_orders(self, orders: Iterable[WorkOrder]) -> None:
        """Write orders; a later one with the same id replaces the earlier."""
        documents = (
            Document(each.feeder_id, each.work_order_id, "work_order", each, each.end, each.status) for each in orders
        )
        with self._context.database.transaction() as connection:
            self._context.put(documents, connection)

    async def orders(self, feeder_id: str, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder that end after a moment."""
        return self._context.select(
            WorkOrder, "partition = ? AND type = 'work_order' AND sort > ?", feeder_id, ending_after
        )
