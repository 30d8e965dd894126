"""Versioned partitions: read again and again, written seldom. One point read tells whether what was read still holds.

Every write replaces the partition's version document in the same transaction, so its ETag changes whenever anything in
the partition does: whoever has read it before is never behind, in whatever process, and pays 1 RU instead of a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from functions.adapters.cosmos.container import BATCH_OPERATIONS, CosmosContainer, Document
from functions.domain.documents import LATEST

_VERSION = "version:partition"
REACH_S = 60 * 86_400
MOST_COPIES = 4_000
"""Of partitions in one process."""
BATCH_BYTES = 1_000_000
"""Half of what a batch takes, for the SDK writes more than the documents."""


class _Copy(NamedTuple):
    etag: str | None
    """Of the version document; None while there is none."""
    after: int
    documents: list[Document]
    """All that end later than `after`."""


class VersionedPartitions:
    """The partitions of a container with the key `/scope`, whose documents have an `end`."""

    def __init__(self, container: CosmosContainer) -> None:
        self._container = container
        self._copies: dict[str, _Copy] = {}

    async def write(self, scope: str, operations: Sequence[tuple[Any, ...]]) -> None:
        """Up to 99 operations on a partition, all or nothing; raises `Conflict`."""
        # It ends after everything, so that a query finds it among the documents.
        version = {"id": _VERSION, "type": "version", "scope": scope, "end": LATEST}
        await self._container.commit(scope, [*operations, ("upsert", (version,))])

    async def ending(self, scope: str, after: int) -> list[Document]:
        """Documents of a partition that end later than `after`, in no order; they belong to all who ask."""
        version = await self._container.read(scope, _VERSION)
        etag = None if version is None else version["_etag"]
        copy = self._copies.get(scope)
        if copy is None or copy.etag != etag or copy.after > after:
            # As far back as anybody has asked: those who share a partition must not take turns.
            copy = await self._read(
                scope, after if copy is None else max(min(after, copy.after), after - REACH_S), etag
            )
        return [each for each in copy.documents if each["end"] > after]

    async def _read(self, scope: str, after: int, etag: str | None) -> _Copy:
        found = self._container.query("SELECT * FROM c WHERE c['end'] > @after", {"after": after}, partition=scope)
        by_id = {each["id"]: each async for each in found}
        # The version that the query saw: the replica that answered it may be behind the one that was asked before.
        version = by_id.pop(_VERSION, None)
        seen = None if version is None else version["_etag"]
        copy = _Copy(seen, after, list(by_id.values()))
        if seen != etag:  # somebody wrote meanwhile: pages may be of both versions, so nothing is kept
            self._copies.pop(scope, None)
            return copy
        if len(self._copies) >= MOST_COPIES:
            self._copies.clear()
        self._copies[scope] = copy
        return copy


def batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """Documents in runs that a batch takes, beside the version."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        length = len(msgspec.json.encode(document))
        if batch and (len(batch) >= BATCH_OPERATIONS - 1 or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield batch
