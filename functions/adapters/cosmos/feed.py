"""The change feed, read outside Functions: every process asks for the lease, one reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.adapters.cosmos.container import Document
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.faults import persistent
from functions.adapters.cosmos.leases import CosmosLease
from functions.ports import Clock


class CosmosFeed:
    """The inserts of one container, from the beginning, for one purpose."""

    def __init__(self, database: CosmosDatabase, container: str, purpose: str, owner: str, clock: Clock) -> None:
        self._database = database
        self._container = container
        self._lease = CosmosLease(database, purpose, owner, clock)
        self._next: str | None = None

    async def read(self, limit: int) -> list[Document]:
        """The next documents, the same again until `advance`; none while another process reads."""
        if not await self._lease.hold():
            return []
        proxy = await self._database.container(self._container)

        async def attempt() -> list[Document]:
            place = self._lease.place
            start: dict[str, Any] = {"start_time": "Beginning"} if place is None else {"continuation": place}
            # The SDK writes the way to go on into the headers of the answer, after the hook has seen them.
            answers: list[Mapping[str, str]] = []
            changes = proxy.query_items_change_feed(
                max_item_count=limit, response_hook=lambda headers, _: answers.append(headers), **start
            )
            async for page in changes.by_page():
                documents = [each async for each in page]
                self._next = answers[-1]["etag"]
                return documents
            return []

        return await persistent(f"the change feed of {self._container}", attempt)

    async def advance(self) -> None:
        """Everything read is handled. When the lease was lost meanwhile, another process reads it again."""
        if self._next is not None:
            await self._lease.move(self._next)
            self._next = None
