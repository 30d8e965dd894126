"""One container: documents in and out, each operation repeated while Cosmos DB is busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.cosmos import CosmosDict
from azure.cosmos.exceptions import CosmosHttpResponseError

from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.faults import NOT_FOUND, named_faults, persistent

Document = dict[str, Any]

AT_ONCE = 32
"""Requests in flight: enough to hide the way to the account, few enough for one connection pool."""
BATCH_OPERATIONS = 100
"""What a transactional batch takes."""


class CosmosContainer:
    """A container of one database. Every method may raise `TransientFault` and `StoreError`."""

    def __init__(self, database: CosmosDatabase, name: str) -> None:
        self._database = database
        self._name = name
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def read(self, partition: str, identity: str) -> Document | None:
        """A document with its `_etag`; None when it does not exist."""
        proxy = await self._database.container(self._name)

        async def attempt() -> Document | None:
            try:
                return await proxy.read_item(identity, partition)
            except CosmosHttpResponseError as fault:
                # Without a sub-status it is the document that is missing; with one, the container.
                if fault.status_code == NOT_FOUND and not fault.sub_status:
                    return None
                raise

        async with self._gate:
            return await persistent(f"{self._name} document {identity}", attempt)

    async def create(self, document: Document) -> str:
        """Insert a document; returns its ETag or raises `Conflict` when there is one of that id."""
        proxy = await self._database.container(self._name)
        async with self._gate:
            made = await persistent(self._thing(document), lambda: proxy.create_item(document))
        return str(made.get_response_headers()["etag"])

    async def replace(self, document: Document, etag: str) -> str:
        """Replace a document unchanged since `etag`; returns the new ETag or raises `Conflict`."""
        proxy = await self._database.container(self._name)

        def attempt() -> Awaitable[CosmosDict]:
            return proxy.replace_item(
                document["id"], document, etag=etag, match_condition=MatchConditions.IfNotModified
            )

        async with self._gate:
            made = await persistent(self._thing(document), attempt)
        return str(made.get_response_headers()["etag"])

    async def put(self, document: Document) -> None:
        """Insert or replace a document."""
        proxy = await self._database.container(self._name)
        async with self._gate:
            await persistent(self._thing(document), lambda: proxy.upsert_item(document))

    async def remove(self, partition: str, identity: str) -> bool:
        """Remove a document; False when there is none."""
        proxy = await self._database.container(self._name)

        async def attempt() -> bool:
            try:
                await proxy.delete_item(identity, partition)
            except CosmosHttpResponseError as fault:
                if fault.status_code == NOT_FOUND and not fault.sub_status:
                    return False
                raise
            return True

        async with self._gate:
            return await persistent(f"{self._name} document {identity}", attempt)

    async def commit(self, partition: str, operations: Sequence[tuple[Any, ...]]) -> None:
        """Up to 100 operations of one partition, all or nothing; raises `Conflict`."""
        proxy = await self._database.container(self._name)
        async with self._gate:
            await persistent(
                f"{self._name} partition {partition}",
                lambda: proxy.execute_item_batch(list(operations), partition_key=partition),
            )

    async def query(
        self, text: str, values: Mapping[str, object] | None = None, *, partition: str | None = None
    ) -> AsyncIterator[Any]:
        """Results of a query over one partition, or over all."""
        proxy = await self._database.container(self._name)
        scope: dict[str, Any] = {} if partition is None else {"partition_key": partition}
        parameters: list[dict[str, object]] = [
            {"name": f"@{name}", "value": value} for name, value in (values or {}).items()
        ]
        with named_faults(f"a query of {self._name}"):
            async for each in proxy.query_items(text, parameters=parameters, **scope):
                yield each

    def _thing(self, document: Document) -> str:
        return f"{self._name} document {document['id']}"


def plain(value: msgspec.Struct, **more: object) -> Document:
    """A struct as a document, with more fields beside its own."""
    return {**msgspec.to_builtins(value), **more}
