"""Anomaly records in Cosmos DB: inserted once, watched by the change feed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from functions import names
from functions.adapters.cosmos.container import BATCH_OPERATIONS, CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.anomalies import Anomaly
from functions.domain.errors import Conflict


class CosmosAnomalies:
    """An `AnomalyStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._anomalies = CosmosContainer(database, names.ANOMALIES)

    async def insert(self, anomalies: Iterable[Anomaly]) -> int:
        """Insert records whose id is not there yet; returns how many were new, as far as this call can tell."""
        by_feeder: dict[str, dict[str, Document]] = defaultdict(dict)
        for each in anomalies:
            by_feeder[each.feeder_id].setdefault(each.id, plain(each, type="anomaly"))
        inserts = [
            self._insert(feeder_id, list(documents.values())[first : first + BATCH_OPERATIONS])
            for feeder_id, documents in by_feeder.items()
            for first in range(0, len(documents), BATCH_OPERATIONS)
        ]
        return sum(await asyncio.gather(*inserts))

    async def _insert(self, feeder_id: str, documents: Sequence[Document]) -> int:
        if len(documents) > 1:
            try:
                await self._anomalies.commit(feeder_id, [("create", (document,)) for document in documents])
            except Conflict:  # a replay: some are there already
                pass
            else:
                return len(documents)
        return sum(await asyncio.gather(*map(self._create, documents)))

    async def _create(self, document: Document) -> bool:
        try:
            await self._anomalies.create(document)
        except Conflict:
            return False
        return True

    async def between(
        self, start: int, end: int, kinds: Collection[str], feeder_id: str | None = None
    ) -> list[Anomaly]:
        """Records of anomalies that began before `end` and had not ended before `start`, as far back as any is kept."""
        wanted = {f"kind{number}": kind for number, kind in enumerate(sorted(kinds))}
        marks = ", ".join(f"@{name}" for name in wanted)
        text = f"SELECT * FROM c WHERE c.start < @end AND c.kind IN ({marks})"  # noqa: S608  # only parameters
        values = {"end": end, **wanted}
        found = [
            msgspec.convert(each, Anomaly) async for each in self._anomalies.query(text, values, partition=feeder_id)
        ]
        over = {each.anomaly_id for each in found if each.end is not None and each.end <= start}
        return sorted((each for each in found if each.anomaly_id not in over), key=lambda each: (each.start, each.id))
