"""A container: its items by partition and id, in the order of their last writes."""

from __future__ import annotations

import base64
import itertools
import os
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from emulators.cosmos.errors import bad_request, too_large
from emulators.cosmos.indexing import DEFAULT_POLICY, IndexingPolicy, Terms
from emulators.cosmos.values import UNDEFINED, Document, SortKey, sort_key, value_at

MAX_ITEM_BYTES = 2 * 1024 * 1024
SYSTEM_PROPERTIES = frozenset(("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"))
NO_EXPIRY = -1
_COMPACT_ABOVE = 1000

# Of one process, so that a container made again after a reset is told from its namesake.
_container_numbers = itertools.count(1)
_etag_numbers = itertools.count(1)
_ETAG_TAIL = os.urandom(4).hex()


class Clock:
    """The server's time, which tests may shift."""

    shift_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.shift_s


class Item(NamedTuple):
    """One version of an item; `size` is that of its JSON without system properties, in bytes."""

    id: str
    partition: SortKey
    document: Document
    encoded: bytes
    etag: str
    lsn: int
    number: int
    size: int
    timestamp: int
    expires_at: float | None
    terms: Terms


class Container:
    """Items of one container; `lsn` numbers its writes. Raises Refused (400) for settings beyond what is covered."""

    def __init__(self, settings: dict[str, Any], link: str, clock: Clock) -> None:
        paths = settings.get("partitionKey", {}).get("paths", [])
        if len(paths) != 1:
            raise bad_request(
                f"The partition key {paths} of container {settings.get('id')!r} must be exactly one path."
            )
        rid = base64.b64encode(next(_container_numbers).to_bytes(8, "big")).decode()
        self.id = settings["id"]
        self.link = link
        self.rid = rid
        self.key_path = tuple(paths[0].strip("/").split("/"))
        self.partitions: dict[SortKey, dict[str, Item]] = {}
        self.lsn = 0
        self._clock = clock
        self._feed: list[Item] = []
        self._outdated = 0
        self._numbers = itertools.count(1)
        self._in_transaction = False
        self.configure(settings)

    def configure(self, settings: dict[str, Any]) -> None:
        """Take new settings; the partition key is what it was."""
        policy = settings.setdefault("indexingPolicy", DEFAULT_POLICY)
        self.indexing = IndexingPolicy(policy)
        self.properties = {
            **settings,
            "_rid": self.rid,
            "_self": f"{self.link}/",
            "_etag": _new_etag(),
            "_ts": int(self._clock.now()),
            "_docs": "docs/",
        }
        self._default_ttl = settings.get("defaultTtl")

    def partition_of(self, document: Document) -> SortKey:
        """The partition that a document belongs to."""
        return sort_key(value_at(document, self.key_path))

    def find(self, partition: SortKey, item_id: str) -> Item | None:
        """The item, unless it is not there or has expired."""
        item = self.partitions.get(partition, {}).get(item_id)
        if item is not None and item.expires_at is not None and item.expires_at <= self._clock.now():
            self.remove(item)
            return None
        return item

    def items(self, partition: SortKey | None = None) -> Iterator[Item]:
        """The items of one partition or of all."""
        chosen = list(self.partitions) if partition is None else [partition]
        for key in chosen:
            for item_id in list(self.partitions.get(key, ())):
                item = self.find(key, item_id)
                if item is not None:
                    yield item

    def put(self, document: Document, old: Item | None) -> Item:
        """Write a document in place of `old`; the document's system properties are the server's."""
        own = {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}
        encoded = msgspec.json.encode(own)
        if len(encoded) > MAX_ITEM_BYTES:
            raise too_large(f"Item {own['id']!r}", len(encoded), MAX_ITEM_BYTES)
        now = self._clock.now()
        number = next(self._numbers) if old is None else old.number
        system = self._system_properties(number, now)
        if not self._in_transaction:
            self.lsn += 1
        item = Item(
            id=own["id"],
            partition=self.partition_of(own),
            document={**own, **system},
            encoded=encoded[:-1] + b"," + msgspec.json.encode(system)[1:],
            etag=system["_etag"],
            lsn=self.lsn,
            number=number,
            size=len(encoded),
            timestamp=int(now),
            expires_at=self._expiry(own, int(now)),
            terms=self.indexing.terms(own),
        )
        self.partitions.setdefault(item.partition, {})[item.id] = item
        self._feed.append(item)
        self._outdated += old is not None
        self._compact()
        return item

    def remove(self, item: Item) -> None:
        """Delete an item; the change feed never shows it again."""
        del self.partitions[item.partition][item.id]
        if not self.partitions[item.partition]:
            del self.partitions[item.partition]
        self._outdated += 1

    def changes(self, after: int, limit: int) -> tuple[list[Item], int]:
        """A page of the change feed after an lsn, and the lsn to go on from; one batch's writes are never parted."""
        page: list[Item] = []
        for position in range(bisect_right(self._feed, after, key=lambda item: item.lsn), len(self._feed)):
            item = self._feed[position]
            if len(page) >= limit and item.lsn != page[-1].lsn:
                return page, page[-1].lsn
            if self.find(item.partition, item.id) is item:
                page.append(item)
        return page, self.lsn

    @contextmanager
    def transaction(self, partition: SortKey) -> Iterator[None]:
        """Everything put or removed in the partition has one lsn, and is undone by an exception."""
        before, written = dict(self.partitions.get(partition, {})), len(self._feed)
        self.lsn += 1
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self.partitions.pop(partition, None)
            if before:
                self.partitions[partition] = before
            self._outdated += len(self._feed) - written  # the feed passes over what is not the items' last version
            raise
        finally:
            self._in_transaction = False

    def _system_properties(self, number: int, now: float) -> Document:
        rid = base64.b64encode(base64.b64decode(self.rid) + number.to_bytes(8, "little")).decode()
        link = f"{self.link}/docs/{rid}/"
        return {"_rid": rid, "_self": link, "_etag": _new_etag(), "_attachments": "attachments/", "_ts": int(now)}

    def _expiry(self, document: Document, timestamp: int) -> float | None:
        if self._default_ttl is None:
            return None
        ttl = value_at(document, ("ttl",))
        seconds = self._default_ttl if ttl is UNDEFINED or ttl is None else ttl
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds == 0 or seconds < NO_EXPIRY:
            raise bad_request(f"The ttl {seconds!r} of item {document['id']!r} must be -1 or a positive whole number.")
        return None if seconds == NO_EXPIRY else timestamp + seconds

    def _compact(self) -> None:
        # Not amid a transaction: what it replaced may come back.
        if self._in_transaction or self._outdated < max(_COMPACT_ABOVE, len(self._feed) // 2):
            return
        self._feed = [item for item in self._feed if self.partitions.get(item.partition, {}).get(item.id) is item]
        self._outdated = 0


def _new_etag() -> str:
    return f'"{next(_etag_numbers):08x}-0000-{_ETAG_TAIL}"'
