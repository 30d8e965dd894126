"""Rosters in Cosmos DB: one document a shard."""

from __future__ import annotations

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.roster_shard import RosterShard


class CosmosRosters:
    """A `RosterStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._rosters = CosmosContainer(database, names.ROSTERS)

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder."""
        found = [_shard(each) async for each in self._rosters.query("SELECT * FROM c", partition=feeder_id)]
        return sorted(found, key=lambda shard: shard.shard)

    async def write(self, shard: RosterShard) -> str:
        """Write a shard unchanged since its `etag`, or raise `Conflict`."""
        document = plain(msgspec.structs.replace(shard, etag=None), meters=shard.in_service)
        if shard.etag is None:
            return await self._rosters.create(document)
        return await self._rosters.replace(document, shard.etag)

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        counts: dict[str, int] = {}
        async for each in self._rosters.query("SELECT c.feeder_id, c.meters FROM c"):
            counts[each["feeder_id"]] = counts.get(each["feeder_id"], 0) + each["meters"]
        return dict(sorted(counts.items()))

    async def feeders_of(self, customer_id: str) -> list[str]:
        """Feeders on whose rosters a customer has a meter, by id."""
        text = "SELECT VALUE c.feeder_id FROM c WHERE ARRAY_CONTAINS(c.customer_id, @customer_id)"
        return sorted({each async for each in self._rosters.query(text, {"customer_id": customer_id})})


def _shard(document: dict[str, object]) -> RosterShard:
    return msgspec.convert({**document, "etag": document["_etag"]}, RosterShard)
