"""Packs in Cosmos DB: one document a pack, its state in base64."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.anomalies import Anomaly
from functions.domain.errors import Conflict
from functions.domain.packs import Pack


class CosmosPacks:
    """A `PackStore`. Point reads and conditional replaces only; the two sweeps are the only queries."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._packs = CosmosContainer(database, names.PACKS)

    async def read(self, ids: Sequence[str]) -> dict[str, Pack]:
        """Packs that exist, by id."""
        documents = await asyncio.gather(*(self._packs.read(each, each) for each in ids))
        return {each["id"]: _pack(each) for each in documents if each is not None}

    async def write(self, packs: Sequence[Pack]) -> list[str | None]:
        """Write each pack if it is unchanged since its `etag`; None where somebody else wrote first."""
        return list(await asyncio.gather(*map(self._write, packs)))

    async def _write(self, pack: Pack) -> str | None:
        document = _document(pack)
        try:
            if pack.etag is None:
                return await self._packs.create(document)
            return await self._packs.replace(document, pack.etag)
        except Conflict:
            return None

    async def due(self, before: int, limit: int) -> list[Pack]:
        """Packs with a meter overdue before `before`, the longest overdue first."""
        return await self._first("due_at", before, limit)

    async def pending(self, before: int, limit: int) -> list[Pack]:
        """Packs whose outbox was committed before `before`."""
        return await self._first("outbox_pending", before, limit)

    async def _first(self, path: str, before: int, limit: int) -> list[Pack]:
        text = f"SELECT * FROM c WHERE c.{path} < @before ORDER BY c.{path} OFFSET 0 LIMIT @limit"  # noqa: S608  # paths are above
        return [_pack(each) async for each in self._packs.query(text, {"before": before, "limit": limit})]


def _document(pack: Pack) -> Document:
    """A pack as it is stored; what is None is left out, and so costs no index entry."""
    document: Document = {
        "id": pack.id,
        "feeder_id": pack.feeder_id,
        "layout": pack.layout,
        "data": base64.b64encode(pack.data).decode(),
    }
    if pack.due_at is not None:
        document["due_at"] = pack.due_at
    if pack.outbox:
        document["outbox"] = msgspec.to_builtins(pack.outbox)
        document["outbox_pending"] = pack.outbox_pending
    return document


def _pack(document: Document) -> Pack:
    return Pack(
        id=document["id"],
        feeder_id=document["feeder_id"],
        layout=document["layout"],
        data=base64.b64decode(document["data"]),
        due_at=document.get("due_at"),
        outbox=msgspec.convert(document.get("outbox", ()), tuple[Anomaly, ...]),
        outbox_pending=document.get("outbox_pending"),
        etag=document["_etag"],
    )
