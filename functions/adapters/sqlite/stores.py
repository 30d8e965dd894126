"""The document stores in SQLite, in the containers that the architecture names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.anomalies import Anomaly
from functions.domain.roster_shard import RosterShard


class SqliteRosters:
    """A `RosterStore`."""

    def __init__(self, database: Database) -> None:
        self._rosters = Container(database, "rosters")

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder."""
        found = self._rosters.partition(feeder_id, RosterShard)
        return [msgspec.structs.replace(shard, etag=etag) for shard, etag in found]

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
            counts[shard.feeder_id] = counts.get(shard.feeder_id, 0) + shard.in_service
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

    async def between(
        self, start: int, end: int, kinds: Collection[str], feeder_id: str | None = None
    ) -> list[Anomaly]:
        """Records of anomalies of these kinds that began before `end` and had not ended before `start`."""
        marks = ", ".join("?" * len(kinds))
        condition, of = (
            f"type = 'anomaly' AND sort < ? AND state IN ({marks})",
            () if feeder_id is None else (feeder_id,),
        )
        condition += " AND partition = ?" if of else ""
        records = self._anomalies.select(Anomaly, f"{condition} ORDER BY sort, id", end, *sorted(kinds), *of)
        over = {each.anomaly_id for each in records if each.end is not None and each.end <= start}
        return [each for each in records if each.anomaly_id not in over]
