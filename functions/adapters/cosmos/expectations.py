"""What outages have taught of restoration times, in Cosmos DB: one document among the context, kept compressed."""

from __future__ import annotations

import base64
import zlib

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.restoration_learning import Learnt

_SCOPE, _ID = "utility", "learnt:restoration"


class CosmosExpectations:
    """An `ExpectationStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._context = CosmosContainer(database, names.CONTEXT)

    async def read(self) -> Learnt:
        """What is known."""
        found = await self._context.read(_SCOPE, _ID)
        if found is None:
            return Learnt()
        learnt = msgspec.json.decode(zlib.decompress(base64.b64decode(found["body"])), type=Learnt)
        return msgspec.structs.replace(learnt, etag=found["_etag"])

    async def write(self, learnt: Learnt) -> str:
        """Write it if it is unchanged since its `etag`."""
        # In a storm it follows thousands of outages, whose ids repeat themselves.
        body = zlib.compress(msgspec.json.encode(msgspec.structs.replace(learnt, etag=None)))
        document: Document = {"id": _ID, "type": "learnt", "scope": _SCOPE, "body": base64.b64encode(body).decode()}
        if learnt.etag is None:
            return await self._context.create(document)
        return await self._context.replace(document, learnt.etag)
